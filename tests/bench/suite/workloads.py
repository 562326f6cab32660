# SPDX-License-Identifier: MIT
"""Other kinds of mail than the small one that the bars are about: a row of CPU, time and memory for each, no bars."""
import base64
import dataclasses
import os

from . import cpu, load, mail_servers, parts, probes

ROUNDS = 5
KB, MB = 1 << 10, 1 << 20
WAIT = ["prefer: wait=60"]


@dataclasses.dataclass(frozen=True)
class Workload:
    """What differs from a message of 2 KB to one recipient, durable, RSA, over warm STARTTLS connections, from one client
    that waits."""
    name: str
    n: int = 100            # messages per round
    attached: int = 0       # bytes
    recipients: int = 1
    keys: tuple = ("rsa",)
    tls: str = "starttls"
    store: str = "sqlite"
    cold: bool = False      # a new connection to the relay for every message
    waits: bool = True      # for the outcome; else for the 202
    connections: int = 1
    streams: int = 1        # on each


WORKLOADS = [
    Workload("2 KB"),
    Workload("2 KB, memory", store="memory"),
    Workload("2 KB, no DKIM", keys=()),
    Workload("2 KB, RSA + Ed25519", keys=("rsa", "ed25519")),
    Workload("2 KB, plain relay", tls="none"),
    Workload("2 KB, implicit TLS", tls="implicit"),
    Workload("2 KB, cold connections", cold=True),
    Workload("2 KB, cold, implicit TLS", tls="implicit", cold=True),
    Workload("2 KB, 202 at once", waits=False),
    Workload("2 KB, 100 recipients", n=30, recipients=100),
    Workload("2 KB, 64 clients", n=600, connections=4, streams=16),
    Workload("2 KB, 1,000 clients", n=1500, connections=10, streams=100),
    Workload("2 KB, 64 clients, 202 at once", n=600, connections=4, streams=16, waits=False),
    Workload("100 KB", n=50, attached=100 * KB),
    Workload("100 KB, 64 clients", n=200, attached=100 * KB, connections=4, streams=16),
    Workload("100 KB, 100 recipients", n=20, attached=100 * KB, recipients=100),
    Workload("10 MB", n=3, attached=10 * MB),
    Workload("10 MB, 4 clients", n=8, attached=10 * MB, connections=4),
]


def body_of(w):
    body = load.message(recipients=w.recipients)
    if w.attached:
        body["attachments"] = [{"filename": "data.bin", "content": base64.b64encode(os.urandom(w.attached)).decode()}]
    return body


def send(folder, w, server, sink, body, n):
    """The load's result, once the relay has everything."""
    before = sink.counters()["messages"]
    result = load.run(folder, server.url + "/v1/messages", body, n, w.connections, w.streams, WAIT if w.waits else ())
    if not w.waits:
        mail_servers.wait_for_all(sink, before, n)
    return result


def measure(folder, series, w):
    keys = [parts.make_key(folder, name, name) for name in w.keys]
    body = body_of(w)
    with parts.Sink(folder, tls=w.tls) as sink, \
            parts.Mailhatch(folder, sink, w.store, keys, **({"per_connection": 1} if w.cold else {})) as server:
        send(folder, w, server, sink, body, max(w.connections * w.streams, 3))
        for _ in range(ROUNDS):
            signature_us = probes.raw_signature_us(ms=50)
            before = server.cpu_s()
            result = send(folder, w, server, sink, body, w.n)
            cpu_us = (server.cpu_s() - before) / w.n * 1e6
            series.add(w.name + ", CPU", cpu_us)
            series.add(w.name + ", CPU in signatures", cpu_us / signature_us)
            series.add(w.name + ", p50", result.median)
            series.add(w.name + ", p99", result.percentile(99))
        series.add(w.name + ", memory", cpu.peak_mb(server.pid))
    series.row(f"{w.name}: CPU per message", w.name + ", CPU", None, "us")
    series.row("  the same", w.name + ", CPU in signatures", None, "sig")
    series.row("  p50 of the answer", w.name + ", p50", None, "ms")
    series.row("  p99 of the answer", w.name + ", p99", None, "ms")
    series.row("  peak memory", w.name + ", memory", None, "MB")


def run(folder, series):
    for w in WORKLOADS:
        measure(folder, series, w)
