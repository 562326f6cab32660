# SPDX-License-Identifier: MIT
"""The server under attack, and a client that behaves meanwhile."""
import http.client
import json
import os
import pathlib
import re
import signal
import socket
import subprocess
import sys
import threading
import time

import waiting

PAGE = os.sysconf("SC_PAGE_SIZE")
TICKS_PER_S = os.sysconf("SC_CLK_TCK")
MB = 1 << 20
AFTERWARDS = 10
IDLE_WITHIN_S = 2.0
SOL_TCP, TCP_INFO = socket.SOL_TCP, socket.TCP_INFO


def config(pair, limits="", client_ca=None, api_keys="", more_listeners=""):
    tls = f"cert_file: {pair.cert_file}, key_file: {pair.key_file}"
    if client_ca is not None:
        tls += f", client_ca_file: {client_ca}"
    return f"""
listen:
  - address: 127.0.0.1:0
  - address: 127.0.0.1:0
    tls: {{{tls}}}
{more_listeners}
relays: {{sandbox: {{url: "sandbox:"}}}}
store: {{engine: memory}}
limits: {{{limits}}}
{api_keys}
"""


class Door:
    """A running server; ends at close(), which fails when it did not end by itself and cleanly."""

    def __init__(self, binary, directory, text, preexec=None):
        directory = pathlib.Path(directory)
        self.log_file = directory / "door.log"
        (directory / "door.yaml").write_text(text)
        with open(self.log_file, "wb") as log:
            self._process = subprocess.Popen(
                [binary, "serve", "--config", str(directory / "door.yaml")], stdin=subprocess.DEVNULL,
                stdout=log, stderr=log, cwd=directory, preexec_fn=preexec)
        waiting.until("the server is ready", lambda: not self.alive() or self.events("ready"))
        assert self.alive(), self.log_file.read_text()
        ports = {line["tls"]: line["port"] for line in reversed(self.events("listening"))}
        self.ports = {"plain": ports["no"], "tls": ports.get("yes")}
        self.pid = self._find_server()

    def _find_server(self):
        """The process that serves: a child when there is a supervisor."""
        children = pathlib.Path(f"/proc/{self._process.pid}/task/{self._process.pid}/children")
        found = children.read_text().split()
        return int(found[0]) if found else self._process.pid

    def alive(self):
        return self._process.poll() is None

    def unharmed(self):
        """Is it still the process that started, and not one that took its place?"""
        return self.alive() and self._find_server() == self.pid

    def events(self, name=None):
        out = []
        for line in self.log_file.read_text(errors="replace").splitlines():
            try:
                event = json.loads(line)
            except ValueError:
                continue
            if name is None or event.get("event") == name:
                out.append(event)
        return out

    def stopped(self):
        """{reason: how often} of what the front door stopped."""
        found = re.findall(r'^mailhatch_h2_guard_total\{reason="(\w+)"\} (\d+)$', self.get("/metrics")[1].decode(), re.M)
        return {reason: int(count) for reason, count in found}

    def rss(self):
        with open(f"/proc/{self.pid}/statm", encoding="ascii") as f:
            return int(f.read().split()[1]) * PAGE

    def cpu_s(self):
        with open(f"/proc/{self.pid}/stat", encoding="ascii") as f:
            times = f.read().rsplit(")", 1)[1].split()
        return (int(times[11]) + int(times[12])) / TICKS_PER_S

    def precise_cpu_s(self):
        """Of the threads that live; unlike cpu_s() not in steps of a hundredth."""
        files = pathlib.Path(f"/proc/{self.pid}/task").glob("*/schedstat")
        return sum(int(file.read_text().split()[0]) for file in files) / 1e9

    def fds(self):
        return len(os.listdir(f"/proc/{self.pid}/fd"))

    def idle_within(self, seconds):
        """Waits until the process uses less than a fifth of a core over 0.2 s."""
        seen = [(time.monotonic(), self.cpu_s())]

        def idle():
            now, cpu = time.monotonic(), self.cpu_s()
            if now - seen[0][0] < 0.2:
                return False
            busy = (cpu - seen[0][1]) / (now - seen[0][0])
            seen[0] = (now, cpu)
            return busy < 0.2

        waiting.until("the server is idle again", idle, seconds)

    def get(self, path="/livez", timeout=10):
        connection = http.client.HTTPConnection("127.0.0.1", self.ports["plain"], timeout=timeout)
        try:
            connection.request("GET", path)
            answer = connection.getresponse()
            return answer.status, answer.read()
        finally:
            connection.close()

    def reload(self):
        before = len(self.events("reloaded"))
        self._process.send_signal(signal.SIGHUP)
        waiting.until("it has reloaded", lambda: len(self.events("reloaded")) > before)

    def kill(self):
        self._process.kill()
        self._process.wait()

    def close(self):
        """Ends the server as an operator does."""
        assert self.unharmed(), self.log_file.read_text(errors="replace")[-4000:]
        if self.alive():
            self._process.send_signal(signal.SIGTERM)
        try:
            code = self._process.wait(40)
        except subprocess.TimeoutExpired:
            self.kill()
            raise AssertionError("the server did not end within 40 s of SIGTERM") from None
        text = self.log_file.read_text(errors="replace")
        assert code == 0, f"exit {code}\n{text[-4000:]}"
        assert "Assertion" not in text, text[-4000:]
        assert "Sanitizer" not in text and "runtime error" not in text, text[-8000:]


class Bystander:
    """Runs bystander.py and notes how long each of its requests took. A context manager."""

    def __init__(self, port, pause_s=0.01):
        self._command = [sys.executable, str(pathlib.Path(__file__).parent / "bystander.py"), str(port), str(pause_s)]
        self.seconds, self.failures = [], []

    def _read(self):
        for line in self._process.stdout:
            _, took, status = line.split(None, 2)
            self.seconds.append(float(took))
            if status.strip() != "200":
                self.failures.append(status.strip())

    def p99(self):
        ordered = sorted(self.seconds)
        return ordered[min(len(ordered) - 1, len(ordered) * 99 // 100)]

    def more(self, count):
        """Waits for @count more answers."""
        enough = len(self.seconds) + count
        waiting.until("answers for the bystander", lambda: len(self.seconds) >= enough)

    def __enter__(self):
        self._process = subprocess.Popen(self._command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()
        self.more(1)
        return self

    def __exit__(self, *_):
        """Not before it has asked a few more times: an attack may be over in a moment."""
        try:
            self.more(AFTERWARDS)
        finally:
            self._process.stdin.close()
            self._process.wait()
            self._reader.join()
