# SPDX-License-Identifier: MIT
"""The processes of a benchmark: the sink, a line with delay, and what is measured."""
import json
import os
import pathlib
import re
import signal
import subprocess
import sys
import tempfile
import urllib.request

from ready import Ready
from waiting import free_port

from . import cpu

DEADLINE_S = 20
ROOT = pathlib.Path(__file__).resolve().parents[3]
RELEASE = ROOT / "build" / "release"


class Process:
    """A child that is stopped with the block; its CPU can be asked for meanwhile."""

    def __init__(self, command, env=None, cwd=None, stdout=subprocess.DEVNULL, stderr=None):
        self.child = subprocess.Popen([str(c) for c in command], cwd=cwd, stdout=stdout, stderr=stderr,
                                      env={"PATH": os.environ["PATH"], **(env or {})}, text=True)
        self.pid = self.child.pid

    def cpu_s(self):
        return cpu.cpu_seconds(self.pid)

    def stop(self):
        if self.child.poll() is None:
            self.child.terminate()
        try:
            self.child.communicate(timeout=DEADLINE_S)
        except subprocess.TimeoutExpired:
            self.child.kill()
            self.child.communicate()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.stop()


def make_certificate(folder):
    """A throw-away ECDSA P-256 certificate for localhost: (certificate, key) files."""
    cert, key = folder / "cert.pem", folder / "key.pem"
    subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes",
                    "-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1", "-days", "30",
                    "-keyout", str(key), "-out", str(cert)], check=True, capture_output=True)
    return cert, key


class Sink(Process):
    """Our C relay that takes everything. tls: none, starttls or implicit."""

    def __init__(self, folder, tls="starttls", chunking=True, auth=True):
        command = [RELEASE / "tests/bench/bench_smtp_sink", "--tls", tls]
        self.tls, self.cert = tls, None
        if tls != "none":
            self.cert, key = make_certificate(pathlib.Path(tempfile.mkdtemp(dir=folder)))
            command += ["--cert", self.cert, "--key", key]
        command += ["--chunking"] * chunking + ["--auth"] * auth
        super().__init__(command, stdout=subprocess.PIPE)
        self.port = int(self.child.stdout.readline().split("=")[1])

    def counters(self):
        self.child.send_signal(signal.SIGUSR1)
        return {k: int(v) for k, v in re.findall(r"(\w+)=(\d+)", self.child.stdout.readline())}


class DelayLine(Process):
    """Forwards a port of its own to another one, each direction late by half the round trip."""

    def __init__(self, port, rtt_ms):
        super().__init__([sys.executable, ROOT / "tests/lib/delay_line.py", port, rtt_ms], stdout=subprocess.PIPE)
        self.port = int(self.child.stdout.readline().split("=")[1])


def relay_url(sink, port=None):
    scheme = "smtps" if sink.tls == "implicit" else "smtp"
    user = "user:secret@" if sink.tls != "none" else ""
    return f"{scheme}://{user}localhost:{port or sink.port}" + ("?tls=none" if sink.tls == "none" else "")


class Mailhatch(Process):
    """The release binary with one relay.

    keys: files of DKIM keys for example.com; pool: connections to the relay, for per_connection messages each
    """

    def __init__(self, folder, sink, store="memory", keys=(), pool=16, relay_port=None, extra=None, data=None,
                 per_connection=1000000):
        self.port = free_port()
        relay = {"url": relay_url(sink, relay_port), "pool": {"connections": pool, "messages_per_connection": per_connection}}
        if sink.cert:
            relay["tls"] = {"ca_file": str(sink.cert)}
        self.data = data or folder / f"data-{self.port}"
        config = {"listen": [{"address": f"127.0.0.1:{self.port}"}],
                  "store": {"engine": store, **({"path": str(self.data)} if store == "sqlite" else {})},
                  "relays": {"sink": relay}, "log": {"level": "error"}, **(extra or {})}
        if keys:
            config["dkim"] = {"sign": "required", "domains": [
                {"domain": "example.com",
                 "keys": [{"selector": f"s{i}", "key_file": str(k)} for i, k in enumerate(keys)]}]}
        path = folder / f"config-{self.port}.yaml"
        path.write_text(json.dumps(config), encoding="utf-8")
        self.log = open(folder / f"log-{self.port}", "w", encoding="utf-8")
        self.url = f"http://127.0.0.1:{self.port}"
        with Ready() as ready:
            super().__init__([RELEASE / "mailhatch", "serve", "--config", path], env=ready.env, cwd=folder, stderr=self.log)
            if not ready.wait(self.child, DEADLINE_S):
                sys.exit(f"mailhatch does not start; see {self.log.name}")

    def get(self, path):
        with urllib.request.urlopen(self.url + path, timeout=DEADLINE_S) as answer:
            return answer.read().decode()

    def post(self, path):
        request = urllib.request.Request(self.url + path, data=b"", method="POST")
        with urllib.request.urlopen(request, timeout=DEADLINE_S) as answer:
            return answer.read().decode()


def make_key(folder, name, algorithm):
    """A DKIM key file that only we can read."""
    path = folder / f"{name}.pem"
    if not path.exists():
        command = {"rsa": ["openssl", "genrsa", "-out", str(path), "2048"],
                   "ed25519": ["openssl", "genpkey", "-algorithm", "ed25519", "-out", str(path)]}[algorithm]
        subprocess.run(command, check=True, capture_output=True)
        path.chmod(0o600)
    return path
