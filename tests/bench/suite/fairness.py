# SPDX-License-Identifier: MIT
"""What one tenant's flood does to the mail of another, who sends one at a time and waits."""
import threading

from . import load, parts

ROUNDS = 5
LONE = 150             # messages per round
FLOOD = 1000           # per run of the load generator
CONNECTIONS, STREAMS = 4, 16
WAIT = ["prefer: wait=30"]
KEYS = {name: f"{name}.{name}-secret-0123456789abcdef" for name in ("flooder", "other")}


def headers(name):
    return WAIT + [f"authorization: Bearer {KEYS[name]}"]


def send(folder, server, name, n, connections=1, streams=1):
    own = folder / name
    own.mkdir(exist_ok=True)
    return load.run(own, server.url + "/v1/messages", load.message(), n, connections, streams, headers(name))


class Flood:
    """As much mail as the server takes, for as long as the block."""

    def __init__(self, folder, server):
        self._ends, self._runs, self.failure = threading.Event(), threading.Event(), None
        self._thread = threading.Thread(target=self._run, args=(folder, server))

    def _run(self, folder, server):
        try:
            while not self._ends.is_set():
                send(folder, server, "flooder", STREAMS * CONNECTIONS, CONNECTIONS, STREAMS)
                self._runs.set()
                send(folder, server, "flooder", FLOOD, CONNECTIONS, STREAMS)
        except Exception as e:  # pylint: disable=broad-exception-caught
            self.failure = e
            self._runs.set()

    def __enter__(self):
        self._thread.start()
        self._runs.wait()
        return self

    def __exit__(self, *_):
        self._ends.set()
        self._thread.join()
        if self.failure:
            raise self.failure


def run(folder, series):
    key = parts.make_key(folder, "rsa", "rsa")
    keys = {"api_keys": [{"name": name, "key": secret} for name, secret in KEYS.items()]}
    with parts.Sink(folder) as sink, parts.Mailhatch(folder, sink, "sqlite", [key], extra=keys) as server:
        send(folder, server, "other", LONE)
        for _ in range(ROUNDS):
            series.add("alone, p99", send(folder, server, "other", LONE).percentile(99))
            with Flood(folder, server):
                series.add("amid a flood, p99", send(folder, server, "other", LONE).percentile(99))
    series.row("one tenant alone, p99", "alone, p99", None, "ms")
    series.row("the same amid the flood of another / alone, p99",
               series.ratio("fairness", "amid a flood, p99", "alone, p99"), "<= 2")
