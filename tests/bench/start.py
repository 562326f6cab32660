# SPDX-License-Identifier: MIT
"""Time from exec to the first 200 of /readyz, the memory of the idle server, over several runs; its memory with 1,000 idle
connections; the size of the container image, once script/image has built it. Exit status 1 when even the fastest start, the
median memory or anything else is over its limit.

    start.py PROGRAM [RUNS]
"""
import contextlib
import json
import os
import pathlib
import resource
import socket
import statistics
import subprocess
import sys
import tempfile
import time

from ready import Ready

START_LIMIT_MS = 100
RSS_LIMIT_MB = 12
CONNECTIONS = 1000
CONNECTIONS_RSS_LIMIT_MB = 25
IMAGE_LIMIT_MB = 40
DEADLINE_S = 10


def is_ready(path):
    """One GET /readyz over the Unix socket; no library, so that nothing of ours is in the time."""
    with socket.socket(socket.AF_UNIX) as s:
        s.settimeout(DEADLINE_S)
        s.connect(path)
        s.sendall(b"GET /readyz HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
        return s.recv(64).startswith(b"HTTP/1.1 200")


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


@contextlib.contextmanager
def running(program):
    """(milliseconds to ready, process, socket's path)"""
    with tempfile.TemporaryDirectory() as directory, Ready() as ready:
        path = os.path.join(directory, "api.sock")
        config = os.path.join(directory, "mailhatch.yaml")
        with open(config, "w", encoding="ascii") as f:
            json.dump({"listen": [{"address": f"unix:{path}"}], "store": {"engine": "sqlite", "path": directory},
                       "limits": {"connections": CONNECTIONS + 10}}, f)
        began = time.monotonic()
        server = subprocess.Popen([program, "serve", "--config", config], cwd=directory,
                                  env={"PATH": os.environ["PATH"], **ready.env}, stderr=subprocess.DEVNULL)
        try:
            if not ready.wait(server, DEADLINE_S) or not is_ready(path):
                sys.exit(f"{program} serve is not ready after {DEADLINE_S} s (exit status {server.poll()})")
            yield (time.monotonic() - began) * 1000, server, path
        finally:
            server.terminate()
            server.wait(DEADLINE_S)


def one_run(program):
    """(milliseconds to ready, resident MB when idle)"""
    with running(program) as (ready_ms, server, _):
        return ready_ms, rss_kb(server.pid) / 1024


def rss_with_connections(program):
    """Resident MB with CONNECTIONS clients that each had one answer and keep their connection."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, min(hard, 2 * CONNECTIONS)), hard))
    with running(program) as (_, server, path), contextlib.ExitStack() as stack:
        for _ in range(CONNECTIONS):
            s = stack.enter_context(socket.socket(socket.AF_UNIX))
            s.settimeout(DEADLINE_S)
            s.connect(path)
            s.sendall(b"GET /livez HTTP/1.1\r\nHost: localhost\r\n\r\n")
            assert s.recv(4096).startswith(b"HTTP/1.1 200")
        return rss_kb(server.pid) / 1024


def image_mb():
    """Of the file system in the image that script/image built last, None: none yet."""
    file = pathlib.Path(__file__).parents[2] / "build/image/size"
    return int(file.read_text()) / 1e6 if file.exists() else None


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
    connections = rss_with_connections(program)
    print(f"memory with {CONNECTIONS} idle connections: {connections:.1f} MB, limit {CONNECTIONS_RSS_LIMIT_MB} MB")
    image = image_mb()
    print("container image: " + ("not built, see script/image" if image is None else f"{image:.1f} MB, limit {IMAGE_LIMIT_MB} MB"))
    # Other work may slow a start, never hasten it.
    if (min(ready) > START_LIMIT_MS or statistics.median(rss) > RSS_LIMIT_MB or connections > CONNECTIONS_RSS_LIMIT_MB
            or (image or 0) > IMAGE_LIMIT_MB):
        sys.exit("over the limit")


if __name__ == "__main__":
    main()
