# SPDX-License-Identifier: MIT
"""The real program: a server of one's own on free ports, HTTP to it, and how it must end.

A server is started with an environment and perhaps a configuration (any JSON is YAML), asked for
/readyz until it answers, and ended by SIGTERM; whatever the test was about, the exit code must then
be 0, the sanitizers silent and none of the test's secrets in the log. Every answer is compared with
api/openapi.json.
"""
import contextlib
import dataclasses
import http.client
import json
import os
import pathlib
import signal
import socket
import subprocess
import tempfile
import uuid

import openapi_check
from waiting import until

_BUILD = pathlib.Path(__file__).parents[2] / "build"
STOP_DEADLINE_S = 60
REQUEST_TIMEOUT_S = 60  # of a hang
SANITIZER_OPTIONS = {"ASAN_OPTIONS": "detect_leaks=1:exitcode=99", "UBSAN_OPTIONS": "print_stacktrace=1"}
# What a sanitizer or a failed CHECK() writes.
COMPLAINTS = ("ERROR: AddressSanitizer", "ERROR: LeakSanitizer", "runtime error:", "check_failed", "CHECK failed")


def program():
    """The program under test, built with sanitizers."""
    return os.environ.get("MAILHATCH_BIN", str(_BUILD / "asan/mailhatch"))


def release_program():
    """The program as it is shipped, for what is measured."""
    return os.environ.get("MAILHATCH_RELEASE_BIN", str(_BUILD / "release/mailhatch"))


def environment(env=None):
    return {"PATH": os.environ["PATH"], "HOME": os.environ.get("HOME", "/"), **SANITIZER_OPTIONS, **(env or {})}


def cli(*args, env=None, stdin=b"", cwd=None, timeout=60):
    """One command of the program, run to its end."""
    return subprocess.run([program(), *args], input=stdin, capture_output=True, env=environment(env), cwd=cwd,
                          timeout=timeout, check=False)


def letter(**changes):
    """A valid message; a change to None takes the field out."""
    message = {"from": "billing@example.com", "to": ["ann@example.org"], "subject": "Your invoice",
               "text": f"Hello\n{uuid.uuid4().hex}\n"}
    message.update(changes)
    return {name: value for name, value in message.items() if value is not None}


@dataclasses.dataclass(frozen=True)
class Answer:
    status: int
    headers: http.client.HTTPMessage
    body: bytes

    def json(self):
        return json.loads(self.body)

    def problem(self):
        """The body of an error, whose form must be right (RFC 9457)."""
        assert self.headers.get_content_type() == "application/problem+json", (self.status, self.body)
        problem = self.json()
        assert problem["status"] == self.status and problem["code"] and problem["title"], problem
        assert problem["request_id"] == self.headers["X-Request-Id"], problem
        return problem

    def pointers(self):
        """{pointer: code} of a refused request's fields."""
        return {e["pointer"]: e["code"] for e in self.problem().get("errors", ())}


class _UnixConnection(http.client.HTTPConnection):
    def __init__(self, path, timeout):
        super().__init__("localhost", timeout=timeout)
        self._path = path

    def connect(self):
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(self.timeout)
        self.sock.connect(self._path)


class Server:
    """`ports` has one port per TCP listener, in the order of the configuration; `port` is the first."""

    def __init__(self, directory, env=None, config=None, binary=None, secrets=(), arguments=(), exit_code=0):
        self.directory = pathlib.Path(directory)
        self.socket_path = self.directory / "api.sock"
        self._env = dict(env or {})
        self._config, self._binary, self._secrets = config, binary or program(), secrets
        self._extra, self._exit_code = list(arguments), exit_code
        self._process = None
        self.log_file = self.directory / "stderr"

    def _arguments(self):
        if self._config is None:
            return ["serve", *self._extra]
        file = self.directory / "mailhatch.yaml"
        file.write_text(json.dumps(self._config, indent=1))
        return ["serve", "--config", str(file), *self._extra]

    def start(self):
        if "listen" not in (self._config or {}):
            self._env.setdefault("MAILHATCH_LISTEN", f"127.0.0.1:0 unix:{self.socket_path}")
        self._env.setdefault("MAILHATCH_DATA_DIR", str(self.directory / "data"))
        with open(self.log_file, "wb") as log:
            self._process = subprocess.Popen([self._binary, *self._arguments()], stdin=subprocess.DEVNULL, stdout=log,
                                             stderr=log, env=environment(self._env), cwd=self.directory)
        until("the server is ready or has ended", lambda: self._process.poll() is not None or self.events("ready"))
        assert self._process.poll() is None, f"serve ended with {self._process.returncode}:\n{self.log()}"
        listening = self.events("listening")
        self.ports = [event["port"] for event in listening if event["port"]]
        self.port = self.ports[0] if self.ports else None
        self.tls_ports = [event["port"] for event in listening if event["tls"] == "yes"]
        until("/readyz says 200", lambda: self.request("GET", "/readyz").status == 200)
        return self

    @property
    def supervisor_pid(self):
        """Of the process that was started."""
        return self._process.pid

    @property
    def pid(self):
        """Of the process that serves: the supervisor's child."""
        supervisor = self.supervisor_pid
        children = pathlib.Path(f"/proc/{supervisor}/task/{supervisor}/children").read_text().split()
        return int(children[0]) if children else supervisor

    def is_alive(self):
        return self._process.poll() is None

    def stop(self):
        """SIGTERM; then everything that must hold of every run."""
        if self.is_alive():
            self._process.send_signal(signal.SIGTERM)
        try:
            code = self._process.wait(STOP_DEADLINE_S)
        except subprocess.TimeoutExpired:
            self.kill()
            raise AssertionError(f"no end {STOP_DEADLINE_S} s after SIGTERM:\n{self.log()[-4000:]}") from None
        log = self.log()
        assert not any(complaint in log for complaint in COMPLAINTS), log[-8000:]
        assert code == self._exit_code, f"exit code {code}:\n{log[-4000:]}"
        for secret in self._secrets:
            assert secret not in log, "a secret is in the log"

    def kill(self):
        self._process.kill()
        self._process.wait()

    # Log

    def log(self):
        return self.log_file.read_text(errors="replace") if self.log_file.exists() else ""

    def events(self, name):
        """The log's events of that name, each a dict; a line still being written is left out."""
        lines = self.log().split("\n")[:-1]
        found = [json.loads(line) for line in lines if line.startswith("{") and f'"event":"{name}"' in line]
        return [event for event in found if event["event"] == name]

    # HTTP

    def connection(self, timeout=REQUEST_TIMEOUT_S):
        if self.port is None:
            return _UnixConnection(str(self.socket_path), timeout)
        return http.client.HTTPConnection("127.0.0.1", self.port, timeout=timeout)

    def request(self, method, path, body=None, headers=None):
        with contextlib.closing(self.connection()) as connection:
            connection.request(method, path, body, headers or {})
            response = connection.getresponse()
            answer = Answer(response.status, response.headers, response.read())
        assert openapi_check.violations(method, path, answer) == [], (method, path, answer.status, answer.body[:1000])
        return answer

    def get(self, path, **headers):
        return self.request("GET", path, headers={k.replace("_", "-"): v for k, v in headers.items()})

    def post(self, message, path="/v1/messages", **headers):
        """@message  a message, or the bytes of a body; `Idempotency_Key="x"` gives a header."""
        body = message if isinstance(message, bytes) else json.dumps(message).encode()
        headers = {"Content-Type": "application/json", **{k.replace("_", "-"): v for k, v in headers.items()}}
        return self.request("POST", path, body, headers)

    def send(self, message, wait=30, **headers):
        """The message object once nothing more will be tried."""
        answer = self.post(message, Prefer=f"wait={wait}", **headers)
        assert answer.status == 200, (answer.status, answer.body)
        return answer.json()

    def send_one(self, message, **headers):
        """The one recipient of send(), whatever became of it; also from a problem that mirrors the relay."""
        answer = self.post(message, Prefer="wait=30", **headers)
        body = answer.json()
        (recipient,) = body.get("message", body)["recipients"]
        return recipient


@contextlib.contextmanager
def running(**options):
    with tempfile.TemporaryDirectory(prefix="mailhatch-test-") as directory:
        server = Server(directory, **options)
        try:
            server.start()
            yield server
        except BaseException:
            if server._process is not None and server.is_alive():
                server.kill()
            raise
        server.stop()


def restarting(relays, failpoints="", directory=None, listen="unix:api.sock"):
    """A server that failpoints end and its supervisor restarts: a Unix socket stays where it is then. @relays: {name: port},
    the best first. What was interrupted is tried again after 200 ms."""
    env = {"MAILHATCH_LISTEN": listen, "MAILHATCH_FAILPOINTS": failpoints}
    if directory is not None:
        env["MAILHATCH_DATA_DIR"] = str(directory)
    config = {"relays": {name: {"url": f"smtp://127.0.0.1:{port}?tls=none"} for name, port in relays.items()},
              "routes": [{"relays": [{"relay": name, "priority": n} for n, name in enumerate(relays, 1)]}],
              "retry": {"schedule": ["50ms"], "jitter": 0, "uncertain_delay": "200ms"}}
    return running(config=config, env=env)
