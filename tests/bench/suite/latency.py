# SPDX-License-Identifier: MIT
"""How long one caller waits for the relay's word."""
import contextlib

from . import load, parts, probes

ROUNDS = 5
NEAR = 300  # messages per round, relay on this machine
FAR = 30    # messages per round, relay RTT_MS away
RTT_MS = 10
WAIT = ["prefer: wait=30"]


def one_client(folder, server, n):
    return load.run(folder, server.url + "/v1/messages", load.message(), n, headers=WAIT)


def near(folder, series):
    key = parts.make_key(folder, "rsa", "rsa")
    with parts.Sink(folder) as sink, parts.Mailhatch(folder, sink, "memory", [key]) as memory, \
            parts.Mailhatch(folder, sink, "sqlite", [key]) as durable:
        for server in (memory, durable):
            one_client(folder, server, NEAR)
        for _ in range(ROUNDS):
            bare = probes.bare_transaction_ms(sink.port)
            sync = probes.fdatasync_ms(folder)
            signature = probes.raw_signature_us() / 1000
            in_memory = one_client(folder, memory, NEAR).median - bare
            on_disk = one_client(folder, durable, NEAR).median - bare - sync
            series.add("bare transaction", bare)
            series.add("fdatasync", sync)
            series.add("signature", signature)
            series.add("added, memory", in_memory)
            series.add("added, durable", on_disk)
            series.add("added, memory, in signatures", in_memory / signature)
            series.add("added, durable, in signatures", on_disk / signature)
    series.row("one RSA-2048 signature, bare", "signature", None, "ms")
    series.row("one warm SMTP transaction, bare client, p50", "bare transaction", None, "ms")
    series.row("one fdatasync, p50", "fdatasync", None, "ms")
    series.row("added by Mailhatch, sync, RSA, memory, p50", "added, memory", "<= 0.5", "ms")
    series.row("added beyond one fdatasync, sync, RSA, durable, p50", "added, durable", "<= 1.0", "ms")
    # the bars in milliseconds are for a machine that signs in 0.222 ms: the same work on any other
    series.row("  the same, memory, in signatures", "added, memory, in signatures", "<= 2.25", "sig")
    series.row("  the same, durable, in signatures", "added, durable, in signatures", "<= 4.5", "sig")


def far(folder, series):
    key = parts.make_key(folder, "rsa", "rsa")
    with contextlib.ExitStack() as stack:
        servers = []
        plain = stack.enter_context(parts.Sink(folder, chunking=False))
        bare = stack.enter_context(parts.DelayLine(plain.port, RTT_MS))
        for name, chunking, bar in (("CHUNKING", True, "<= 1.25"), ("DATA", False, "<= 2.25")):
            sink = stack.enter_context(parts.Sink(folder, chunking=chunking))
            line = stack.enter_context(parts.DelayLine(sink.port, RTT_MS))
            server = stack.enter_context(parts.Mailhatch(folder, sink, "memory", [key], relay_port=line.port))
            one_client(folder, server, 3)
            servers.append((f"far, {name}", server, bar))
        for _ in range(ROUNDS):
            # the line as it is: the bare client's DATA takes two round trips
            rtt_ms = probes.bare_transaction_ms(bare.port, FAR) / 2
            series.add("round trip", rtt_ms)
            for name, server, _ in servers:
                series.add(name, one_client(folder, server, FAR).median / rtt_ms)
        series.row("round trip of the line with delay, bare client", "round trip", None, "ms")
        for name, _, bar in servers:
            series.row(f"sync send, relay {RTT_MS} ms away, {name[5:]}, p50", name, bar, "RTT")


def run(folder, series):
    near(folder, series)
    far(folder, series)
