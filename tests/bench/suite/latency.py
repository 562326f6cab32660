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
            in_memory = one_client(folder, memory, NEAR).median
            on_disk = one_client(folder, durable, NEAR).median
            series.add("bare transaction", bare)
            series.add("fdatasync", sync)
            series.add("added, memory", in_memory - bare)
            series.add("added, durable", on_disk - bare - sync)
    series.row("one warm SMTP transaction, bare client, p50", "bare transaction", None, "ms")
    series.row("one fdatasync, p50", "fdatasync", None, "ms")
    series.row("added by Mailhatch, sync, RSA, memory, p50", "added, memory", "<= 0.5", "ms")
    series.row("added beyond one fdatasync, sync, RSA, durable, p50", "added, durable", "<= 1.0", "ms")


def far(folder, series):
    key = parts.make_key(folder, "rsa", "rsa")
    with contextlib.ExitStack() as stack:
        servers = []
        for name, chunking, bar in (("CHUNKING", True, "<= 1.25"), ("DATA", False, "<= 2.25")):
            sink = stack.enter_context(parts.Sink(folder, chunking=chunking))
            line = stack.enter_context(parts.DelayLine(sink.port, RTT_MS))
            server = stack.enter_context(parts.Mailhatch(folder, sink, "memory", [key], relay_port=line.port))
            one_client(folder, server, 3)
            servers.append((f"far, {name}", server, bar))
        for _ in range(ROUNDS):
            for name, server, _ in servers:
                series.add(name, one_client(folder, server, FAR).median / RTT_MS)
        for name, _, bar in servers:
            series.row(f"sync send, relay {RTT_MS} ms away, {name[5:]}, p50", name, bar, "RTT")


def run(folder, series):
    near(folder, series)
    far(folder, series)
