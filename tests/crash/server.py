# SPDX-License-Identifier: MIT
"""The program under test, on a Unix socket, to be killed."""
import http.client
import json
import os
import pathlib
import select
import signal
import socket
import subprocess

from waiting import until

START_DEADLINE_S = 30
END_DEADLINE_S = 60


def configuration(directory, sink_port, webhook_url):
    """Small delays. Mail with the tag `failover` meets a relay first that is not there."""
    return {
        "listen": [{"address": f"unix:{directory}/api.sock"}],
        "store": {"engine": "sqlite", "path": f"{directory}/data"},
        "relays": {"dead": {"url": "smtp://127.0.0.1:1?tls=none"},
                   "sink": {"url": f"smtp://127.0.0.1:{sink_port}?tls=none"}},
        "routes": [{"match": {"tag": "failover"}, "relays": [{"relay": "dead", "priority": 10},
                                                              {"relay": "sink", "priority": 20}]},
                   {"match": {}, "relays": [{"relay": "sink"}]}],
        "retry": {"schedule": ["50ms", "100ms"], "jitter": 0.2, "uncertain_delay": "100ms", "max_age": "1h"},
        "webhooks": [{"name": "crash", "url": webhook_url, "secret": "only-of-the-crash-harness", "allow_private": True}],
        "log": {"level": "warn", "format": "json"},
    }


class _Connection(http.client.HTTPConnection):
    def __init__(self, path):
        super().__init__("localhost", timeout=60)
        self._path = path

    def connect(self):
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(self.timeout)
        self.sock.connect(self._path)


class Server:
    def __init__(self, binary, directory, sink_port, webhook_url):
        self.directory = pathlib.Path(directory)
        self._binary = binary
        self._config = self.directory / "mailhatch.yaml"
        self._config.write_text(json.dumps(configuration(directory, sink_port, webhook_url)))
        self._log = open(self.directory / "stderr", "ab")
        self._process = None

    def close(self):
        self._log.close()

    def start(self, failpoints=""):
        """True when it answers; False when it died before (which a failpoint may want)."""
        env = {"PATH": os.environ["PATH"], "MAILHATCH_FAILPOINTS": failpoints,
               "ASAN_OPTIONS": "detect_leaks=0:exitcode=99"}
        self._process = subprocess.Popen([self._binary, "serve", "--no-supervisor", "--config", str(self._config)],
                                         stdin=subprocess.DEVNULL, stdout=self._log, stderr=self._log, env=env)
        until("the server answers or ends", lambda: not self.is_alive() or self._answers(), START_DEADLINE_S)
        return self.is_alive()

    def _answers(self):
        try:
            self.connection().connect()
            return True
        except OSError:
            return False

    def connection(self):
        return _Connection(f"{self.directory}/api.sock")

    def is_alive(self):
        return self._process.poll() is None

    def signal(self, number):
        self._process.send_signal(number)

    def kill(self):
        self._process.kill()
        self._process.wait()

    def wait(self, deadline_s=END_DEADLINE_S):
        """The exit code, negative for a signal."""
        return self._process.wait(deadline_s)

    def ends_within(self, seconds):
        """Does it end within that time?"""
        if not self.is_alive():
            return True
        ended = os.pidfd_open(self._process.pid)
        try:
            return bool(select.select([ended], [], [], seconds)[0])
        finally:
            os.close(ended)

    def terminate(self):
        """A clean end, which must be one."""
        self.signal(signal.SIGTERM)
        code = self.wait()
        assert code == 0, f"exit code {code} after SIGTERM:\n{self.log()[-2000:]}"

    def log(self):
        return (self.directory / "stderr").read_text(errors="replace")
