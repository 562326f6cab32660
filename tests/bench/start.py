# SPDX-License-Identifier: MIT
"""Time from exec to the first 200 of /readyz, and the memory of the idle server, over several runs. Exit status 1 when even
the fastest start, or the median memory, is over its limit.

    start.py PROGRAM [RUNS]
"""
import os
import socket
import statistics
import subprocess
import sys
import tempfile
import time

START_LIMIT_MS = 100
RSS_LIMIT_MB = 12
DEADLINE_S = 10


def is_ready(path):
    """One GET /readyz over the Unix socket; no library, so that nothing of ours is in the time."""
    try:
        with socket.socket(socket.AF_UNIX) as s:
            s.settimeout(DEADLINE_S)
            s.connect(path)
            s.sendall(b"GET /readyz HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
            return s.recv(64).startswith(b"HTTP/1.1 200")
    except (FileNotFoundError, ConnectionRefusedError):
        return False


def rss_kb(pid):
    """Resident memory of a process and its children (a supervisor may be in front)."""
    total = 0
    for entry in os.listdir("/proc"):
        if not entry.isdigit():
            continue
        try:
            with open(f"/proc/{entry}/status", encoding="ascii") as f:
                status = dict(line.split(":", 1) for line in f)
        except (FileNotFoundError, ProcessLookupError):
            continue
        if int(entry) == pid or int(status["PPid"]) == pid:
            total += int(status.get("VmRSS", "0 kB").split()[0])
    return total


def one_run(program):
    """(milliseconds to ready, resident MB when idle)"""
    with tempfile.TemporaryDirectory() as directory:
        path = os.path.join(directory, "api.sock")
        env = {"PATH": os.environ["PATH"], "MAILHATCH_LISTEN": f"unix:{path}", "MAILHATCH_DATA_DIR": directory}
        began = time.monotonic()
        server = subprocess.Popen([program, "serve"], env=env, cwd=directory, stderr=subprocess.DEVNULL)
        try:
            while not is_ready(path):
                if server.poll() is not None or time.monotonic() - began > DEADLINE_S:
                    sys.exit(f"{program} serve is not ready after {DEADLINE_S} s (exit status {server.poll()})")
                time.sleep(0.0005)
            ready_ms = (time.monotonic() - began) * 1000
            return ready_ms, rss_kb(server.pid) / 1024
        finally:
            server.terminate()
            server.wait(DEADLINE_S)


def line(name, values, unit, limit):
    print(f"{name}: median {statistics.median(values):.1f} {unit}, {min(values):.1f} to {max(values):.1f}, "
          f"{len(values)} runs, limit {limit} {unit}")


def main():
    runs = int(sys.argv[2]) if len(sys.argv) > 2 else 9
    program = os.path.abspath(sys.argv[1])
    one_run(program)  # the first one fills the page cache
    ready, rss = zip(*(one_run(program) for _ in range(runs)))
    line("start to ready", ready, "ms", START_LIMIT_MS)
    line("idle memory", rss, "MB", RSS_LIMIT_MB)
    if min(ready) > START_LIMIT_MS or statistics.median(rss) > RSS_LIMIT_MB:  # other work may slow a start, never hasten it
        sys.exit("over the limit")


if __name__ == "__main__":
    main()
