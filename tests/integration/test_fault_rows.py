# SPDX-License-Identifier: MIT
"""The rows of the fault matrix that need more than one relay object: what a restart makes of an attempt that the
process did not survive, and where mail goes from a relay that fails. Real program, real sockets, two relays."""
import contextlib
import resource

import mailhatch
import pytest
from mailhatch import letter
from relay import CLOSE, STALL
from waiting import until

RCPTS = ["ann@example.org", "bob@example.org"]


def config(a, b, uncertain_delay="1h", **retry):
    return {"store": "sqlite", "retry": {"schedule": ["1h"], "jitter": 0, "uncertain_delay": uncertain_delay, **retry},
            "relays": {"a": {"url": f"smtp://127.0.0.1:{a.port}?tls=none", "one_flight": "off"},
                       "b": {"url": f"smtp://127.0.0.1:{b.port}?tls=none"}},
            "routes": [{"relays": [{"relay": "a", "priority": 10}, {"relay": "b", "priority": 20}]}]}


@pytest.fixture
def mortal(tmp_path):
    """A server that may be killed and started again on what it left; the last one ends properly."""
    servers = []

    def start(config, failpoints="", release=False):
        env = {"MAILHATCH_FAILPOINTS": failpoints} if failpoints else {}
        binary = mailhatch.release_program() if release else None
        servers.append(mailhatch.Server(tmp_path, env=env, config=config, binary=binary, arguments=["--no-supervisor"]))
        return servers[-1].start()

    try:
        yield start
    except BaseException:
        servers[-1].kill()
        raise
    if servers[-1].is_alive():
        servers[-1].stop()


def recipients(server, ident):
    return server.get(f"/v1/messages/{ident}").json()["recipients"]


def said(relay, text):
    return any(text in record for record in relay.received)


def shown(recipient):
    """Status, category, reason, relay, attempts, and whether it is uncertain."""
    return " ".join(str(recipient.get(key)) for key in ("status", "category", "reason", "relay", "attempts", "uncertain"))


# stage, what the client has said when it ends there
STAGES = [("greeting", b""), ("EHLO", b"EHLO"), ("MAIL", b"MAIL FROM"), ("RCPT", b"RCPT TO"), ("DATA", b"DATA"),
          ("dot", b"\r\n.\r\n")]
UNCERTAIN = "deferred other interrupted a 1 True"


def stalling(new_relay, stage):
    """A relay that says nothing at that stage the first time, all is well after that."""
    if stage == "RCPT":
        return new_relay(rcpt={RCPTS[0]: [STALL, "250 2.1.5 ok"]}, keywords=("SIZE 52428800",))
    good = {"greeting": "220 hi", "EHLO": "250 relay", "MAIL": "250 2.1.0 ok", "DATA": "354 go", "dot": "250 2.0.0 ok"}
    return new_relay(replies={stage: [STALL, good[stage]]}, keywords=("SIZE 52428800",))


def begin(server, a, heard):
    ident = server.post(letter(to=RCPTS)).json()["id"]
    until(f"the relay has heard {heard}", lambda: said(a, heard) and a.received)
    return ident


@pytest.mark.parametrize("stage, heard", STAGES, ids=[stage for stage, _ in STAGES])
def test_g22_killed_in_an_attempt(mortal, new_relay, stage, heard):
    a, b = stalling(new_relay, stage), new_relay()
    server = mortal(config(a, b))
    ident = begin(server, a, heard)
    server.kill()
    server = mortal(config(a, b))
    assert [shown(r) for r in recipients(server, ident)] == [UNCERTAIN] * 2
    assert not b.received, "an uncertain message went to another relay before its delay"


@pytest.mark.parametrize("stage, heard", [STAGES[2], STAGES[5]], ids=["MAIL", "dot"])
def test_g21_out_of_memory_in_an_attempt(mortal, new_relay, stage, heard):
    """The next message needs more than there is: that ends the process, and the attempt with it."""
    a, b = stalling(new_relay, stage), new_relay()
    server = mortal(config(a, b), release=True)
    ident = begin(server, a, heard)
    resource.prlimit(server.pid, resource.RLIMIT_DATA, (1 << 20, 1 << 20))
    with contextlib.suppress(ConnectionError):
        server.post(letter(text="x" * (4 << 20)))
    until("the process has ended", lambda: not server.is_alive())
    server = mortal(config(a, b), release=True)
    assert [shown(r) for r in recipients(server, ident)] == [UNCERTAIN] * 2
    assert not b.received


def test_g22_is_tried_again_at_the_same_relay_after_the_delay(mortal, new_relay):
    a, b = stalling(new_relay, "dot"), new_relay()
    server = mortal(config(a, b, uncertain_delay="200ms", schedule=["100ms"]))
    ident = begin(server, a, b"\r\n.\r\n")
    server.kill()
    server = mortal(config(a, b, uncertain_delay="200ms", schedule=["100ms"]))
    until("both are sent", lambda: {r["status"] for r in recipients(server, ident)} == {"sent"})
    assert [shown(r) for r in recipients(server, ident)] == ["sent None None a 2 True"] * 2
    first, again = [m.content for m in a.messages]
    assert first == again, "the second copy is another message"
    assert not b.received


def test_d16_crash_between_the_verdict_and_its_commit(mortal, new_relay):
    a, b = new_relay(), new_relay()
    server = mortal(config(a, b), failpoints="delivery.outcome:crash:1")
    ident = server.post(letter(to=RCPTS)).json()["id"]
    until("the process has ended", lambda: not server.is_alive())
    server = mortal(config(a, b))
    assert [shown(r) for r in recipients(server, ident)] == [UNCERTAIN] * 2
    assert len(a.messages) == 1 and not b.received


def test_d17_the_disk_refuses_the_verdict(mortal, new_relay):
    """A change is tried twice before it is refused; the second one of a message is its verdict. No more is sent
    than what the verdict is about."""
    a, b = new_relay(), new_relay()
    refusals = ",".join(f"store.record_fails:error:{n}" for n in range(2, 8))
    server = mortal(config(a, b), failpoints=refusals)
    ident = server.post(letter(to=RCPTS)).json()["id"]
    until("three refusals are logged", lambda: len(server.events("store_call_failed")) == 3)
    until("both are sent", lambda: {r["status"] for r in recipients(server, ident)} == {"sent"})
    assert [shown(r) for r in recipients(server, ident)] == ["sent None None a 1 None"] * 2
    assert len(a.messages) == 1 and not b.received


def test_f1_first_relay_down(mortal, new_relay):
    a, b = new_relay(), new_relay()
    a.close()
    answer = mortal(config(a, b)).send(letter(to=RCPTS))
    assert [shown(r) for r in answer["recipients"]] == ["sent None None b 1 None"] * 2


def test_f2_verdict_of_the_first_relay(mortal, new_relay):
    a, b = new_relay(rcpt={RCPTS[0]: "550 5.1.1 unknown"}), new_relay()
    server = mortal(config(a, b))
    ident = server.post(letter(to=RCPTS)).json()["id"]
    until("one is rejected", lambda: recipients(server, ident)[0]["status"] == "rejected")
    until("one is sent", lambda: recipients(server, ident)[1]["status"] == "sent")
    assert [shown(r) for r in recipients(server, ident)] == ["rejected recipient None a 1 None", "sent None None a 1 None"]
    assert not b.received


def test_f3_first_relay_uncertain(mortal, new_relay):
    a, b = new_relay(replies={"dot": CLOSE}), new_relay()
    server = mortal(config(a, b))
    ident = server.post(letter(to=RCPTS)).json()["id"]
    until("both are deferred", lambda: {r["status"] for r in recipients(server, ident)} == {"deferred"})
    assert [shown(r) for r in recipients(server, ident)] == ["deferred network conn_closed a 1 True"] * 2
    assert not b.received


def test_f4_both_down_until_the_message_is_too_old(mortal, new_relay):
    a, b = new_relay(), new_relay()
    a.close()
    b.close()
    server = mortal(config(a, b, schedule=["100ms"], max_age="3s"))
    ident = server.post(letter(to=RCPTS)).json()["id"]
    until("both are expired", lambda: {r["status"] for r in recipients(server, ident)} == {"expired"})
    events = [e["type"] for e in server.get(f"/v1/messages/{ident}/events").json()["events"]]
    assert events.count("recipient.expired") == 2, events


def test_f5_flapping_relay_gets_one_probe(mortal, new_relay):
    """Once its breaker is open, the mail of five seconds brings it a single connection."""
    a, b = new_relay(replies={"greeting": CLOSE}), new_relay()
    server = mortal(config(a, b))

    def state():
        assert server.send(letter())["recipients"][0]["relay"] == "b"
        return server.get("/v1/relays/a").json()["breaker"]["state"]

    until("a's breaker is open", lambda: state() == "open")
    before = len(a.received)
    until("a is probed", lambda: state() and len(a.received) > before)
    until("a's breaker is open again", lambda: state() == "open")
    assert len(a.received) == before + 1
    assert len(b.messages) >= 5  # what kept asking for a


def test_c16_recipient_named_twice(mortal, new_relay):
    a, b = new_relay(), new_relay()
    answer = mortal(config(a, b)).send(letter(to=[RCPTS[0], RCPTS[0]], cc=[RCPTS[0]]))
    assert a.messages[0].asked == [RCPTS[0]]
    assert {shown(r) for r in answer["recipients"]} == {"sent None None a 1 None"}
    assert len(answer["recipients"]) == 1
