# SPDX-License-Identifier: MIT
"""One of two relays is killed under load: no message is lost, none is sent twice, and the other relay has them all
within the connect timeout. The breaker is seen to open, and to close when the relay is back."""
import concurrent.futures
import contextlib
import datetime
import socket
import time

import killable_relay
import pytest
from mailhatch import letter
from waiting import until

N, CLIENTS, CONNECT_S = 400, 16, 5


@pytest.fixture
def two_relays():
    with contextlib.ExitStack() as stack:
        yield [stack.enter_context(killable_relay.running()) for _ in range(2)]


def config(a, b):
    timeouts = {"connect": f"{CONNECT_S}s"}
    return {"store": "memory", "retry": {"schedule": ["200ms"], "jitter": 0},
            "relays": {"a": {"url": f"smtp://127.0.0.1:{a.port}?tls=none", "timeouts": timeouts},
                       "b": {"url": f"smtp://127.0.0.1:{b.port}?tls=none", "timeouts": timeouts}},
            "routes": [{"relays": [{"relay": "a", "priority": 1}, {"relay": "b", "priority": 1}]}]}


def breakers(gateway):
    return {relay["name"]: relay["breaker"]["state"] for relay in gateway.get("/v1/relays").json()["relays"]}


def instant(text):
    return datetime.datetime.fromisoformat(text)


def test_killed_relay_loses_nothing_and_doubles_nothing(serve, two_relays):
    a, b = two_relays
    gateway = serve(config=config(a, b))
    with concurrent.futures.ThreadPoolExecutor(CLIENTS) as pool:
        posts = [pool.submit(lambda: gateway.post(letter()).json()) for _ in range(N)]
        a.wait_for(40)
        assert breakers(gateway) == {"a": "closed", "b": "closed"}
        a.kill()
        killed = datetime.datetime.now(datetime.timezone.utc)
        messages = [post.result() for post in posts]

        def settled(message):
            (recipient,) = gateway.get("/v1/messages/" + message["id"]).json()["recipients"]
            return recipient if recipient["status"] == "sent" or recipient.get("uncertain") else None

        recipients = list(pool.map(lambda m: until(m["id"], lambda: settled(m)), messages))
    # By the gateway's own clock: from when it had the message and a was gone, to the verdict of b.
    for message, recipient in zip(messages, recipients):
        if recipient["status"] == "sent":
            since = max(killed, instant(message["created_at"]))
            assert instant(recipient["updated_at"]) - since < datetime.timedelta(seconds=CONNECT_S), recipient
    taken = a.taken() + b.taken()
    assert len(taken) == len(set(taken)), "a message was sent twice"
    for message, recipient in zip(messages, recipients):
        count = taken.count(message["message_id"])
        # What was lost between dot and reply may be at a; it waits, and goes nowhere else.
        assert count == 1 or (count == 0 and recipient.get("uncertain")), (message, recipient)
    uncertain = [r for r in recipients if r["status"] != "sent"]
    assert len(uncertain) <= 8, "more than a's connections"
    assert 0 < len(b.taken()) and len(a.taken()) >= 40

    until("a's breaker is open", lambda: breakers(gateway)["a"] == "open")  # between two probes
    view = gateway.get("/v1/relays/a").json()
    assert view["state"] == "down"
    assert breakers(gateway)["b"] == "closed"
    assert view["last_error"]["reason"] == "conn_refused"
    assert gateway.get("/v1/relays/b").json()["state"] == "up"


def test_breaker_closes_when_the_relay_is_back(serve, two_relays):
    a, b = two_relays
    gateway = serve(config=config(a, b))
    a.kill()
    until("a's breaker is open", lambda: gateway.send(letter()) and breakers(gateway)["a"] == "open")
    with socket.create_server(("127.0.0.1", a.port)):  # takes the probe's connection and says nothing
        until("a is probed", lambda: gateway.send(letter()) and breakers(gateway)["a"] == "half_open")
    until("the probe has failed", lambda: gateway.send(letter()) and breakers(gateway)["a"] == "open")
    a.start()
    until("a is up", lambda: gateway.send(letter()) and gateway.get("/v1/relays/a").json()["state"] == "up")
    assert breakers(gateway)["a"] == "closed"
    until("a takes mail again", lambda: gateway.send(letter()) and a.taken())


def test_paused_relay_gets_nothing_and_its_mail_goes_to_the_other(serve, two_relays):
    a, b = two_relays
    settings = config(a, b)
    settings["routes"][0]["relays"][1]["priority"] = 2
    gateway = serve(config=settings)
    assert gateway.post(b"", "/v1/relays/a/pause").json()["state"] == "paused"
    assert gateway.send(letter())["recipients"][0]["relay"] == "b"
    assert gateway.post(b"", "/v1/relays/b/pause").json()["state"] == "paused"
    waiting = gateway.post(letter()).json()
    recipient = until("the message waits", lambda: [
        r for r in gateway.get("/v1/messages/" + waiting["id"]).json()["recipients"] if r["status"] == "deferred"])[0]
    assert recipient["attempts"] == 0 and recipient["retryable"], recipient
    assert gateway.post(b"", "/v1/relays/a/resume").json()["state"] == "up"
    until("the message is sent", lambda: gateway.get("/v1/messages/" + waiting["id"]).json()["status"] == "sent")
    assert len(a.taken()) == 1 and len(b.taken()) == 1


def test_rates_of_a_relay_and_of_a_domain_hold(serve, two_relays):
    a, b = two_relays
    settings = config(a, b)
    settings["relays"]["a"].update(rate="10/s", burst=2)
    settings["relays"]["b"].update(per_domain={"rate": "2/s", "connections": 1})
    gateway = serve(config=settings)
    with concurrent.futures.ThreadPoolExecutor(CLIENTS) as pool:
        start = time.monotonic()
        assert all(m["status"] == "sent" for m in pool.map(lambda _: gateway.send(letter(relay="a")), range(12)))
        assert time.monotonic() - start >= 0.95  # 2 at once, then 10 a tenth of a second apart

        start = time.monotonic()
        slow = [pool.submit(gateway.send, letter(relay="b", to=["ann@slow.example"])) for _ in range(6)]
        quick = pool.submit(gateway.send, letter(relay="b", to=["ann@quick.example"]))
        assert quick.result()["status"] == "sent"
        assert sum(future.done() for future in slow) < 6, "the other domain waited for the slow one"
        assert all(future.result()["status"] == "sent" for future in slow)
        assert time.monotonic() - start >= 1.95  # 2 at once, then 4 half a second apart
