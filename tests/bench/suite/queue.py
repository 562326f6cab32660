# SPDX-License-Identifier: MIT
"""The durable store under the gateway: accepting, and working beside a long queue."""
import subprocess

from . import cost, cpu, load, parts, probes

ROUNDS = 5
ACCEPTS = 4000
IN_FLIGHT = 10000
WAITING = 1000000
MESSAGES = 1500
BENCH_STORE = probes.BENCH / "bench_store"


def accept(folder, server, n):
    return load.run(folder, server.url + "/v1/messages", load.message(), n, cost.CLIENTS, cost.STREAMS)


def accepts(folder, series):
    """202 after the fsync, the relay paused: per second of our CPU, against SQLite alone."""
    with parts.Sink(folder) as sink, parts.Mailhatch(folder, sink, "sqlite",
                                                           extra={"limits": {"inflight": "1GB"}}) as server:
        server.post("/v1/relays/sink/pause")
        accept(folder, server, 500)
        for _ in range(ROUNDS):
            series.add("raw rows", probes.sqlite_rows_per_s(folder))
            before = server.cpu_s()
            accept(folder, server, ACCEPTS)
            series.add("accepts per core", ACCEPTS / (server.cpu_s() - before))
    series.row("durable accepts per second of CPU, no DKIM, relay paused", "accepts per core", None, "/s")
    series.row("the same / rows per second of SQLite alone, 64 to a commit",
               series.ratio("accept ratio", "accepts per core", "raw rows"), ">= 0.18")


def memory(folder, series):
    with parts.Sink(folder) as sink, parts.Mailhatch(folder, sink, "sqlite") as server:
        server.post("/v1/relays/sink/pause")
        accept(folder, server, IN_FLIGHT)
        series.add("in flight", cpu.memory_mb(server.pid))
    series.row(f"resident, {IN_FLIGHT:,} messages in hand", "in flight", "<= 120", "MB")


def long_queue(folder, series):
    """The same work beside a queue that waits for its time, and beside none."""
    waiting = folder / "waiting"
    waiting.mkdir()
    subprocess.run([str(BENCH_STORE), "scale", str(waiting), "--messages", str(WAITING)], stdout=subprocess.DEVNULL,
                   check=True)
    with parts.Sink(folder) as sink, parts.Mailhatch(folder, sink, "sqlite") as empty, \
            parts.Mailhatch(folder, sink, "sqlite", data=waiting) as full:
        for server in (empty, full):
            cost.send(folder, server, cost.WARM_UP)
        series.add("resident, long queue", cpu.memory_mb(full.pid))
        for _ in range(ROUNDS):
            for name, server in (("empty queue", empty), ("long queue", full)):
                before = server.cpu_s()
                cost.send(folder, server, MESSAGES)
                series.add(name, (server.cpu_s() - before) / MESSAGES * 1e6)
    series.row(f"resident, {WAITING:,} messages queued", "resident, long queue", "<= 100", "MB")
    series.row(f"CPU per message with {WAITING:,} waiting / with none",
               series.ratio("queue ratio", "long queue", "empty queue"), "<= 1.2")


def run(folder, series):
    accepts(folder, series)
    memory(folder, series)
    long_queue(folder, series)
