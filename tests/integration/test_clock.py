# SPDX-License-Identifier: MIT
"""Injected time (libfaketime, read from a file that the test changes): an outage of an hour, and a wall clock
that jumps. The shipped build, because the sanitizers and a preloaded library do not go together."""
import contextlib
import datetime
import glob
import os
import time

import mailhatch
import pytest
from mailhatch import letter
from relay import Relay
from waiting import free_port, until

HOUR, YEAR = 3600, 365 * 86400
MAILS = 120
RATE = 40  # a second
PROBE = 61  # seconds by which a relay that is down is tried again


class Clock:
    """Offsets are seconds from the real time; jump() moves all clocks, or the wall clock alone."""

    def __init__(self, directory, wall_only):
        self._file = directory / "faketime"
        self.offset = 0
        self.jump(0)
        (library,) = glob.glob("/usr/lib/*/faketime/libfaketimeMT.so.1")
        self.env = {"LD_PRELOAD": library, "FAKETIME_TIMESTAMP_FILE": str(self._file), "FAKETIME_NO_CACHE": "1",
                    # without the last, the library wakes every timed wait at once
                    **({"FAKETIME_DONT_FAKE_MONOTONIC": "1", "FAKETIME_FORCE_MONOTONIC_FIX": "0"} if wall_only else {})}

    def jump(self, seconds):
        self.offset += seconds
        new = self._file.with_suffix(".new")
        new.write_text(f"{self.offset:+d}\n")
        os.replace(new, self._file)


@contextlib.contextmanager
def server(tmp_path, config, wall_only):
    clock = Clock(tmp_path, wall_only)
    env = {**clock.env, "MAILHATCH_DATA_DIR": str(tmp_path / "data")}
    with mailhatch.running(config={"listen": ["127.0.0.1:0"], **config}, env=env,
                           binary=mailhatch.release_program()) as running:
        yield running, clock


def configuration(port, **retry):
    return {"relays": {"r": {"url": f"smtp://127.0.0.1:{port}?tls=none", "rate": f"{RATE}/s",
                             "pool": {"connections": 1}}},
            "retry": {"schedule": ["1m", "5m", "15m"], "jitter": 0.2, **retry}}


def states(running):
    """Every message, oldest first."""
    return running.get("/v1/messages?limit=200").json()["messages"][::-1]


def all_are(running, *statuses):
    return all(m["status"] in statuses for m in states(running))


def all_wait(running, clock):
    """Every message is deferred to a time that has not come."""
    now = datetime.datetime.now(datetime.timezone.utc) + datetime.timedelta(seconds=clock.offset)
    return all(m["status"] == "deferred" and m["recipients"][0].get("next_attempt_at", "") > now.isoformat()
               for m in states(running))


def cpu_seconds(pid):
    """Of the process and its child, which is the server under its supervisor."""
    total = 0
    for p in [pid, *map(int, open(f"/proc/{pid}/task/{pid}/children", encoding="ascii").read().split())]:
        fields = open(f"/proc/{p}/stat", encoding="ascii").read().rsplit(")", 1)[1].split()
        total += (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
    return total


def step(running, clock, seconds):
    """Time passes, and a request makes the server look at its clock."""
    clock.jump(seconds)
    assert running.get("/livez").status == 200


@pytest.mark.alone
def test_after_an_hour_without_relay_everything_arrives_in_order_and_without_a_burst(tmp_path):
    port = free_port()
    with server(tmp_path, configuration(port), False) as (running, clock):
        for n in range(MAILS):
            assert running.post(letter(subject=f"mail {n}")).status == 202
        for _ in range(12):
            step(running, clock, HOUR // 12)
            until("all wait for a time to come", lambda: all_wait(running, clock))
        planned = sorted((m["recipients"][0]["next_attempt_at"], m["id"]) for m in states(running))
        times = [at for at, _ in planned]
        assert len(set(times)) > MAILS // 2, "they all come back at once"
        soon = datetime.datetime.now(datetime.timezone.utc) + datetime.timedelta(seconds=clock.offset + PROBE)
        assert sum(at > soon.isoformat() for at in times) > MAILS // 2, "they are due anyway"
        subject = {m["id"]: m["subject"] for m in states(running)}
        relay = Relay(port=port)
        try:
            arrivals = []

            def one_more_than(n):
                running.get("/livez")
                arrivals.extend(time.monotonic() for _ in relay.messages[len(arrivals):])
                return len(arrivals) > n

            clock.jump(PROBE)  # the relay is tried, and what waits for it goes before its time
            while len(arrivals) < MAILS:
                until("the next one arrives", lambda n=len(arrivals): one_more_than(n))
            until("all are recorded", lambda: all_are(running, "sent"))
            order = [m.content.split(b"Subject: ")[1].split(b"\r\n")[0].decode() for m in relay.messages]
            assert order == [subject[ident] for _, ident in planned]
            busiest = max(sum(1 for t in arrivals if a <= t < a + 1) for a in arrivals)
            assert busiest <= RATE * 2, f"{busiest} mails in a second"
            assert all(m["recipients"][0].get("uncertain") is None for m in states(running))
        finally:
            relay.close()


@pytest.mark.parametrize("jump", [10 * YEAR, -HOUR, -56 * YEAR], ids=["10 years on", "an hour back", "to 1970"])
def test_a_wall_clock_that_jumps_loses_nothing(tmp_path, jump):
    port = free_port()
    config = configuration(port, schedule=["1s", "2s", "5s"], jitter=0, max_age="1d", uncertain_delay="5s")
    with server(tmp_path, config, True) as (running, clock):
        before = running.post(letter()).json()["id"]
        until("it was tried", lambda: running.get(f"/v1/messages/{before}").json()["status"] == "deferred")
        clock.jump(jump)
        after = running.post(letter()).json()["id"]
        until("the jump is noticed", lambda: running.events("clock_jumped"))
        spent = cpu_seconds(running.pid)
        began = time.monotonic()
        until("three seconds passed", lambda: time.monotonic() - began > 3)
        assert cpu_seconds(running.pid) - spent < 1.5, "it spins"
        assert all_are(running, "deferred", "sending"), states(running)
        relay = Relay(port=port)
        try:
            for ident in (before, after):
                until("it is sent", lambda i=ident: running.get(f"/v1/messages/{i}").json()["status"] == "sent", 60)
            assert len(relay.messages) == 2
        finally:
            relay.close()


def test_a_clock_set_back_while_nobody_looked_does_not_strand_a_retry(tmp_path):
    port = free_port()
    config = configuration(port, schedule=["1s"], jitter=0, uncertain_delay="1s")
    with server(tmp_path, config, True) as (running, clock):
        clock.jump(YEAR)
        ident = running.post(letter()).json()["id"]
        until("it was tried", lambda: running.get(f"/v1/messages/{ident}").json()["status"] == "deferred")
    relay = Relay(port=port)
    try:
        with server(tmp_path, config, True) as (running, clock):
            until("it is sent", lambda: running.get(f"/v1/messages/{ident}").json()["status"] == "sent", 60)
    finally:
        relay.close()
