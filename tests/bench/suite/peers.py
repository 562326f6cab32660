# SPDX-License-Identifier: MIT
"""What a user would run instead, beside Mailhatch, against the same relay in the same run."""
import contextlib
import subprocess

from . import load, mail_servers, parts

ROUNDS = 5
WARM_UP = 300
MESSAGES = 600
MAILS = 200     # through a mail server, per round
CLIENTS = 64
POOL = 16
LONE = 150      # messages of the one client
FAR = 10        # messages with the relay RTT_MS away
RTT_MS = 10
WAIT = ["prefer: wait=30"]
FASTIFY = parts.ROOT / "tests/bench/peers/fastify_nodemailer.mjs"


class Fastify(parts.Process):
    """A Node service in front of nodemailer; pool 0 connects for every mail."""

    def __init__(self, sink, key=None, parsed=False, pool=POOL, relay_port=None):
        env = {"RELAY_PORT": str(relay_port or sink.port), "CA": str(sink.cert), "POOL": str(pool)}
        if key:
            env["DKIM_KEY"] = str(key)
        if parsed:
            env["DKIM_PARSED"] = "1"
        super().__init__(["node", FASTIFY], env=env, stdout=subprocess.PIPE)
        self.url = "http://127.0.0.1:" + self.child.stdout.readline().strip().split("=")[1]


def send(folder, server, n, clients):
    """HTTP/1.1 for all alike: it is what Node services speak."""
    return load.run(folder, server.url + "/v1/messages", load.message(), n, clients, headers=WAIT, http1=True)


def measure(folder, series, name, server):
    before = server.cpu_s()
    result = send(folder, server, MESSAGES, CLIENTS)
    series.add(name, (server.cpu_s() - before) / MESSAGES * 1e6)
    series.add(name + ", p99", result.percentile(99))


def cost(folder, series):
    """CPU per message, and the slowest answers to 64 clients."""
    key = parts.make_key(folder, "rsa", "rsa")
    with contextlib.ExitStack() as stack:
        sink = stack.enter_context(parts.Sink(folder))
        servers = {
            "ours, durable, RSA": parts.Mailhatch(folder, sink, "sqlite", [key], POOL),
            "ours, memory, no DKIM": parts.Mailhatch(folder, sink, "memory", [], POOL),
            "fastify + pool, RSA": Fastify(sink, key),
            "fastify + pool, RSA parsed": Fastify(sink, key, parsed=True),
            "fastify + pool, no DKIM": Fastify(sink),
            "fastify, connection per mail, RSA": Fastify(sink, key, pool=0),
        }
        for name, server in servers.items():
            stack.enter_context(server)
            send(folder, server, WARM_UP, CLIENTS)
        for _ in range(ROUNDS):
            for name, server in servers.items():
                measure(folder, series, name, server)
    durable, memory = "ours, durable, RSA", "ours, memory, no DKIM"
    for theirs, ours, bar in (("fastify + pool, RSA", durable, ">= 4"),
                              ("fastify + pool, RSA parsed", durable, ">= 2.2"),
                              ("fastify + pool, no DKIM", memory, ">= 4.5"),
                              ("fastify, connection per mail, RSA", durable, ">= 7.5")):
        series.row(f"CPU per message: {theirs} / {ours}", series.ratio(f"{theirs} / ours", theirs, ours), bar)
    series.row("64 clients, sync, RSA, p99: fastify + pool / ours, durable",
               series.ratio("p99 of 64", "fastify + pool, RSA, p99", durable + ", p99"), ">= 4")


def mail_server_cost(folder, series):
    """The same mail by SMTP to a mail server that signs it and submits it to the same relay."""
    key = parts.make_key(folder, "rsa", "rsa")
    mail = mail_servers.mail_file(folder)
    with parts.Sink(folder) as sink, parts.Mailhatch(folder, sink, "sqlite", [key], POOL) as ours, \
            mail_servers.Haraka(folder, sink, key) as haraka, mail_servers.PostfixOpendkim(sink, key) as postfix:
        send(folder, ours, WARM_UP, CLIENTS)
        theirs = {"Haraka": haraka, "Postfix + opendkim": postfix}
        for server in theirs.values():
            mail_servers.send(sink, server, mail, MAILS)
        for _ in range(ROUNDS):
            before = ours.cpu_s()
            send(folder, ours, MESSAGES, CLIENTS)
            series.add("beside mail servers", (ours.cpu_s() - before) / MESSAGES * 1e6)
            for name, server in theirs.items():
                before = server.cpu_s()
                mail_servers.send(sink, server, mail, MAILS)
                series.add(name, (server.cpu_s() - before) / MAILS * 1e6)
    for name, bar in (("Haraka", ">= 5"), ("Postfix + opendkim", ">= 13")):
        series.row(f"CPU per message: {name} / ours, durable, RSA",
                   series.ratio(f"{name} / ours", name, "beside mail servers"), bar)
        series.row("  the same", name, None, "us")


def lone(folder, series):
    """One client that waits for each answer."""
    key = parts.make_key(folder, "rsa", "rsa")
    with parts.Sink(folder) as sink, parts.Mailhatch(folder, sink, "memory", [key]) as ours, Fastify(sink, key) as theirs:
        send(folder, ours, LONE, 1)
        send(folder, theirs, LONE, 1)
        for _ in range(ROUNDS):
            for name, server in (("ours", ours), ("theirs", theirs)):
                result = send(folder, server, LONE, 1)
                series.add(f"lone, {name}, p50", result.median)
                series.add(f"lone, {name}, p99", result.percentile(99))
    for p, bar in (("p50", ">= 3.5"), ("p99", ">= 5")):
        series.row(f"one client, sync, RSA, {p}: fastify + pool / ours, memory",
                   series.ratio(f"lone {p}", f"lone, theirs, {p}", f"lone, ours, {p}"), bar)


def far(folder, series):
    """The relay RTT_MS away: nodemailer without its pool against a warm connection."""
    key = parts.make_key(folder, "rsa", "rsa")
    for name, chunking, bar in (("CHUNKING", True, ">= 6"), ("DATA", False, ">= 3.5")):
        with parts.Sink(folder, chunking=chunking) as sink, parts.DelayLine(sink.port, RTT_MS) as line, \
                parts.Mailhatch(folder, sink, "memory", [key], relay_port=line.port) as ours, \
                Fastify(sink, key, pool=0, relay_port=line.port) as theirs:
            send(folder, ours, 3, 1)
            send(folder, theirs, 3, 1)
            for _ in range(ROUNDS):
                series.add(f"far {name}, ours", send(folder, ours, FAR, 1).median)
                series.add(f"far {name}, theirs", send(folder, theirs, FAR, 1).median)
        series.row(f"relay {RTT_MS} ms away, {name}, p50: connection per mail / ours",
                   series.ratio(f"far {name}", f"far {name}, theirs", f"far {name}, ours"), bar)


def run(folder, series):
    cost(folder, series)
    mail_server_cost(folder, series)
    lone(folder, series)
    far(folder, series)
