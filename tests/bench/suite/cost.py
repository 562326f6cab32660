# SPDX-License-Identifier: MIT
"""CPU per message of the whole server, against one raw RSA-2048 signature on the same machine."""
import os
import re

from . import cpu, load, parts, probes

ROUNDS = 5
WARM_UP = 500
MESSAGES = 2000
CLIENTS, STREAMS = 4, 16  # 64 messages in hand
POOL = 16
WAIT = ["prefer: wait=30"]

# name, store, keys, bar in raw signatures
CANDIDATES = [
    ("memory, RSA-2048", "memory", ["rsa"], "<= 1.50"),
    ("durable, RSA-2048", "sqlite", ["rsa"], "<= 1.65"),
    ("durable, RSA-2048 + Ed25519", "sqlite", ["rsa", "ed25519"], None),
    ("durable, Ed25519", "sqlite", ["ed25519"], "<= 0.65"),
    ("durable, no DKIM", "sqlite", [], "<= 0.48"),
    ("memory, no DKIM", "memory", [], None),
]


def quantile(metrics, name, q):
    """An upper bound for quantile q of a Prometheus histogram."""
    buckets = [(float(le), float(n)) for le, n in
               re.findall(name + r'_bucket\{le="([0-9.e+-]+)"\} ([0-9.]+)', metrics)]
    total = float(re.search(name + r"_count (\S+)", metrics)[1])
    return next((le for le, n in buckets if n >= q * total), float("inf"))


def send(folder, server, n):
    return load.run(folder, server.url + "/v1/messages", load.message(), n, CLIENTS, STREAMS, WAIT)


def measure(folder, series, name, server, sink):
    """CPU of server, sink and wall time for MESSAGES messages."""
    before, sink_before = server.cpu_s(), sink.cpu_s()
    result = send(folder, server, MESSAGES)
    series.add(name, (server.cpu_s() - before) / MESSAGES * 1e6)
    sink_s = sink.cpu_s() - sink_before
    series.add(name + ", sink", sink_s / MESSAGES * 1e6)
    series.add(name + ", load", result.cpu_s / MESSAGES * 1e6)
    series.add(name + ", left", os.cpu_count() * result.wall_s - sink_s - result.cpu_s)
    series.add(name + ", rate", MESSAGES / result.wall_s)
    series.add(name + ", p99", result.percentile(99))


def run(folder, series):
    keys = {name: parts.make_key(folder, name, name) for name in ("rsa", "ed25519")}
    with parts.Sink(folder) as sink:
        servers = [(name, parts.Mailhatch(folder, sink, store, [keys[k] for k in with_keys], POOL), bar)
                   for name, store, with_keys, bar in CANDIDATES]
        try:
            for _, server, _ in servers:
                send(folder, server, WARM_UP)
            handshakes = sink.counters()["handshakes"]
            for _ in range(ROUNDS):
                series.add("raw signature", probes.raw_signature_us())
                for name, server, _ in servers:
                    measure(folder, series, name, server, sink)
            series.add("handshakes after warm-up", sink.counters()["handshakes"] - handshakes)
            report(series, servers)
        finally:
            for _, server, _ in servers:
                server.stop()


def report(series, servers):
    series.row("one raw RSA-2048 signature", "raw signature", None, "us")
    for name, server, bar in servers:
        ratio = series.ratio(name + " / signature", name, "raw signature")
        series.row(f"CPU per message, 2 KB, TLS relay: {name}", ratio, bar, "sig")
        series.row("  the same", name, None, "us")
        series.add(name + ", peak memory", cpu.peak_mb(server.pid))
    for left_s, sig_us in zip(series.of("durable, RSA-2048, left"), series.of("raw signature"), strict=True):
        series.add("share of signatures", MESSAGES * sig_us / 1e6 / left_s)
    series.row("throughput, durable, RSA / what the processors left by load and sink could sign", "share of signatures",
               ">= 0.58")
    series.row("  CPU of the sink per message", "durable, RSA-2048, sink", None, "us")
    series.row("  CPU of the load generator per message", "durable, RSA-2048, load", None, "us")
    series.row("new TLS handshakes after warm-up", "handshakes after warm-up", "<= 0", "")
    series.row("peak memory at 64 clients, durable, RSA-2048", "durable, RSA-2048, peak memory", "<= 24", "MB")
    lag = quantile(dict((n, s) for n, s, _ in servers)["durable, RSA-2048"].get("/metrics"),
                   "mailhatch_loop_lag_seconds", 0.99)
    series.add("loop lag", lag * 1000)
    series.row("loop lag p99 at full load (bucket)", "loop lag", "<= 5", "ms")
