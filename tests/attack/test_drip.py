# SPDX-License-Identifier: MIT
"""Many that are slow on purpose, on either side, and good traffic beside them, which keeps its rate while they drip; when their
deadlines are over nothing of them is left. MAILHATCH_SLOW_CLIENTS and MAILHATCH_SLOW_RELAYS are how many (default 100):

    MAILHATCH_SLOW_CLIENTS=500 MAILHATCH_SLOW_RELAYS=500 pytest -s tests/attack/test_drip.py
"""
import http.client
import json
import os
import re
import time

import door as doors
import pytest
import test_slow
import waiting
from slow_relays import SlowRelays
from traffic import Traffic

N_CLIENTS = int(os.environ.get("MAILHATCH_SLOW_CLIENTS", "100"))
N_RELAYS = int(os.environ.get("MAILHATCH_SLOW_RELAYS", "100"))
MESSAGES_PER_RELAY = 24  # more in all than the server keeps in memory
BATCH = 1000
SHARE = 0.9
BUSY_SHARE = 0.4  # by time alone, on a machine that does other things: not starved
WINDOW_S, WINDOWS = 1.0, 3
ROUNDS = 3
# Long enough that all drip while the rate is measured; see test_slow.LIMITS.
LIMITS = ("header_timeout: 12s, idle_timeout: 12s, body_timeout: 12s, stall_window: 10s, min_rate: 1KB, "
          "connections: 2000, connections_per_peer: 2000")
TIMEOUTS = {step: "12s" for step in ("connect", "greeting", "ehlo", "mail", "rcpt", "data", "body", "dot", "rset")}
ENDED_LIMIT_S = 90
OF_ONE_ADDRESS = 50  # below its TLS handshakes in a second
POOL = 16  # descriptors of the good relay's pool, which comes and goes: 8 connections with two ends here

pytestmark = pytest.mark.alone


class Rates:
    """Good mail over some seconds: how many in a second, the best of WINDOWS; and in a second of the server's processor, which
    other programs on this machine cannot take away."""

    def __init__(self, door, traffic):
        cpu = door.precise_cpu_s()
        rates = [traffic.rate(WINDOW_S) for _ in range(WINDOWS)]
        self.best = max(rates)
        self.per_cpu = sum(rates) * WINDOW_S / (door.precise_cpu_s() - cpu)


class Rounds:
    """A busy machine gives less to everybody for a while, so one good round is enough, by either measure."""

    def __init__(self, what):
        self._what, self.shares = what, []

    def add(self, before, during, after):
        by_time = during.best / ((before.best + after.best) / 2)
        by_cpu = during.per_cpu / ((before.per_cpu + after.per_cpu) / 2)
        self.shares.append((by_time, by_cpu))
        print(f"{self._what}: {before.best:.0f} mails/s before, {during.best:.0f} during, {after.best:.0f} after: {by_time:.0%}; "
              f"per second of processor {by_cpu:.0%}")

    def good(self):
        return any(by_time >= SHARE or (by_cpu >= SHARE and by_time >= BUSY_SHARE) for by_time, by_cpu in self.shares)


def connections(door):
    return int(re.search(rb"^mailhatch_http_connections (\d+)$", door.get("/metrics")[1], re.M)[1])


@pytest.mark.parametrize("kind", ["plain", "tls"])
def test_slow_clients_take_nothing_from_others(open_door, kind):
    door = open_door("release", limits=LIMITS)
    names = [name for name in test_slow.SLOW
             if kind == "plain" or not test_slow.SLOW[name][0].startswith((b"GET", b"POST"))]
    rounds = Rounds(f"{N_CLIENTS} slow clients, {kind}")
    with Traffic(door.ports["plain"], "sandbox") as traffic:
        for _ in range(ROUNDS):
            before, fds = Rates(door, traffic), door.fds()
            clients = [test_slow.Slow(door, names[i % len(names)], kind, f"127.0.0.{2 + i // OF_ONE_ADDRESS}") for i in range(N_CLIENTS)]
            with test_slow.Herd(clients) as herd:
                # what they asked for when they came is dealt with
                waiting.until("all are taken in", lambda: connections(door) >= N_CLIENTS)
                waiting.until("mails go on", lambda: traffic.rate(0.5))
                during = Rates(door, traffic)
                assert herd.alive() > 0.9 * N_CLIENTS, "they dripped all the while"
                herd.ends_in(ENDED_LIMIT_S)
            waiting.until("no descriptor is left", lambda: door.fds() <= fds + POOL, ENDED_LIMIT_S)
            rounds.add(before, during, Rates(door, traffic))
            if rounds.good():
                break
        assert rounds.good() and traffic.failed == 0, (rounds.shares, traffic.failed)
    waiting.until("no connection is counted but ours", lambda: connections(door) == 1, ENDED_LIMIT_S)


def load(door, relays):
    """Sends each of @relays its messages, without waiting for what becomes of them."""
    messages = [{"from": "a@example.com", "to": "b@example.org", "subject": "s", "text": "t", "relay": relay}
                for relay in relays * MESSAGES_PER_RELAY]
    connection = http.client.HTTPConnection("127.0.0.1", door.ports["plain"], timeout=60)
    for i in range(0, len(messages), BATCH):
        connection.request("POST", "/v1/messages/batch", json.dumps({"messages": messages[i:i + BATCH]}),
                           {"Content-Type": "application/json"})
        answer = connection.getresponse()
        body = answer.read()
        assert answer.status == 200 and b'"failed":0,' in body, (answer.status, body[:1000])
    connection.close()


def pause(door, relays):
    """They get no more than they have."""
    connection = http.client.HTTPConnection("127.0.0.1", door.ports["plain"], timeout=60)
    for relay in relays:
        connection.request("POST", f"/v1/relays/{relay}/pause")
        answer = connection.getresponse()
        assert answer.status == 200, answer.read()
        answer.read()
    connection.close()


def slots(door):
    """Connections to slow relays, in whatever state."""
    found = re.findall(r'^mailhatch_smtp_connections\{relay="slow\d+",state="\w+"\} (\d+)$',
                       door.get("/metrics")[1].decode(), re.M)
    assert len(found) == 3 * N_RELAYS
    return sum(map(int, found))


def config(directory, port, relays):
    """One good relay, the sandbox, and @relays that are all at @port."""
    slow = {"url": f"smtp://127.0.0.1:{port}?tls=none", "timeouts": TIMEOUTS, "pool": {"connections": 1}}
    return json.dumps({"listen": [{"address": "127.0.0.1:0"}], "store": {"engine": "sqlite", "path": str(directory)},
                       "relays": {"good": {"url": "sandbox:"}, **{relay: slow for relay in relays}},
                       "retry": {"schedule": ["1h"]}})


def drip(directory, slow, relays, rounds):
    """One round with a server of its own."""
    door = doors.Door(os.environ["MAILHATCH_RELEASE_BIN"], directory, config(directory / "data", slow.port, relays))
    try:
        with Traffic(door.ports["plain"], "good") as traffic:
            before, fds = Rates(door, traffic), door.fds()
            load(door, relays)
            waiting.until("most of them have a connection", lambda: slots(door) >= N_RELAYS / 2)
            during = Rates(door, traffic)
            began = time.monotonic()
            pause(door, relays)
            waiting.until("their deadlines are over", lambda: slots(door) == 0, ENDED_LIMIT_S)
            print(f"all slots are free after {time.monotonic() - began:.1f} s")
            waiting.until("no descriptor is left", lambda: door.fds() <= fds + POOL, ENDED_LIMIT_S)
            rounds.add(before, during, Rates(door, traffic))
            assert traffic.failed == 0
    finally:
        door.close()


def test_slow_relays_take_nothing_from_others(tmp_path):
    relays = [f"slow{i}" for i in range(N_RELAYS)]
    rounds = Rounds(f"{N_RELAYS} slow relays with {MESSAGES_PER_RELAY} messages each")
    with SlowRelays() as slow:
        for number in range(ROUNDS):
            directory = tmp_path / str(number)
            directory.mkdir()
            drip(directory, slow, relays, rounds)
            if rounds.good():
                return
    raise AssertionError(rounds.shares)
