# SPDX-License-Identifier: MIT
"""Reading messages and steering them on their way: search, attempts, events, raw, long-poll, cancel, retry,
and moving a scheduled time."""
import concurrent.futures
import datetime
import time

import mailhatch
import pytest
from mailhatch import letter
from relay import CLOSE, Relay, Slow
from waiting import until

NOBODY = "01a214d8-8f56-71c5-80ea-699e6a995d69"


def configuration(*relays, **retry):
    """Relays "r0", "r1", … in the order of failover, quick retries."""
    return {"relays": {f"r{i}": {"url": f"smtp://127.0.0.1:{relay.port}?tls=none"} for i, relay in enumerate(relays)},
            "store": {"retention": {"bodies": "1h"}},
            "retry": {"schedule": ["200ms"], "jitter": 0, "uncertain_delay": "300ms", **retry}}


@pytest.fixture
def relays():
    """relays(**options) makes one more; all end with the test."""
    made = []

    def make(**options):
        made.append(Relay(**options))
        return made[-1]

    yield make
    for relay in made:
        relay.close()


@pytest.fixture
def start():
    """start(config) starts a server; all stop with the test."""
    stack = []

    def begin(config):
        context = mailhatch.running(config=config)
        stack.append(context)
        return context.__enter__()

    yield begin
    for context in reversed(stack):
        context.__exit__(None, None, None)


def accept(server, message, **headers):
    answer = server.post(message, **headers)
    assert answer.status == 202, answer.body
    return answer.json()["id"]


def status(server, ident):
    return server.get(f"/v1/messages/{ident}").json()["status"]


def wait_for(server, ident, wanted):
    """The message once it has that status, by long-poll."""
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline:
        message = server.get(f"/v1/messages/{ident}", Prefer="wait=30").json()
        if message["status"] == wanted:
            return message
    raise AssertionError(message)


def in_seconds(seconds):
    return (datetime.datetime.now(datetime.timezone.utc) + datetime.timedelta(seconds=seconds)).isoformat()


# Reading

def test_attempts_and_events_tell_the_whole_story(relays, start):
    relay = relays(rcpt={"grey@example.org": ["451 4.7.1 later", "250 ok"], "no@example.org": "550 5.1.1 unknown"})
    server = start(configuration(relay))
    ident = accept(server, letter(to=["grey@example.org", "no@example.org"]))
    message = wait_for(server, ident, "partial")
    answer = server.get(message["links"]["attempts"]).json()
    second, first = answer["attempts"]
    assert answer["next_cursor"] is None
    assert first["recipients"] == ["grey@example.org", "no@example.org"] and first["relay"] == "r0"
    assert second["recipients"] == ["grey@example.org"] and second["smtp"]["code"] == 250
    assert second["started_at"] > first["started_at"] and second["stage"] == "dot" and not second["uncertain"]
    steps = [step["step"] for step in first["steps"]]
    assert steps[:4] == ["resolve", "connect", "greeting", "ehlo"] and "rcpt" in steps
    assert all(step["ms"] >= 0 for step in first["steps"])
    assert second["reused_connection"] and [step["step"] for step in second["steps"]][0] == "mail"
    events = server.get(message["links"]["events"]).json()["events"]
    told = [(e["type"], e.get("recipient", {}).get("email")) for e in reversed(events)]
    assert told == [("message.queued", None), ("recipient.deferred", "grey@example.org"),
                    ("recipient.rejected", "no@example.org"), ("recipient.sent", "grey@example.org"),
                    ("message.completed", None)]
    assert events[-2]["recipient"]["smtp"]["code"] == 451 and events[-2]["recipient"]["next_attempt_at"]
    assert events[0]["message_status"] == "partial" and all(e["message_id"] == ident for e in events)
    page = server.get(message["links"]["events"] + "?limit=3").json()
    rest = server.get(f"{message['links']['events']}?limit=3&cursor={page['next_cursor']}").json()
    assert page["events"] + rest["events"] == events and rest["next_cursor"] is None


def test_raw_is_what_the_relay_got(relays, start):
    relay = relays()
    server = start(configuration(relay))
    message = server.send(letter(html="<p>Hello</p>"))
    answer = server.get(message["links"]["raw"])
    assert answer.headers["Content-Type"] == "message/rfc822"
    assert answer.body == relay.messages[0].content


def test_raw_of_a_body_that_is_not_kept(relays, start):
    server = start({**configuration(relays()), "store": "sqlite"})
    message = server.send(letter())
    assert server.get(message["links"]["raw"]).problem()["code"] == "body_gone"
    assert server.request("POST", message["links"]["self"] + "/retry").problem()["code"] in ("message_state",)


@pytest.mark.parametrize("path", ["", "/attempts", "/events", "/raw"])
@pytest.mark.parametrize("ident", [NOBODY, "nonsense"])
def test_what_is_not_there_is_not_found(relays, start, path, ident):
    server = start(configuration(relays()))
    assert server.get(f"/v1/messages/{ident}{path}").problem()["code"] == "not_found"
    for method, control in (("POST", "/cancel"), ("POST", "/retry")):
        assert server.request(method, f"/v1/messages/{ident}{control}").problem()["code"] == "not_found"


def test_search_by_every_filter(relays, start):
    server = start(configuration(relays(rcpt={"no@example.org": "550 5.1.1 unknown"})))
    begin = in_seconds(0)
    ids = [server.send(letter(to=["Ann@Example.ORG"], tags=["invoice"]))["id"],
           server.send(letter(**{"from": "other@example.com"}))["id"],
           server.send(letter(to=["no@example.org"]))["id"]]
    middle = server.get(f"/v1/messages/{ids[1]}").json()["created_at"]

    def found(**query):
        answer = server.get("/v1/messages?" + "&".join(f"{k}={v}" for k, v in query.items()).replace("+", "%2B"))
        assert answer.status == 200, answer.body
        return [ids.index(m["id"]) for m in answer.json()["messages"]]

    assert found() == [2, 1, 0]
    assert found(recipient="Ann@EXAMPLE.org") == [0] and found(recipient="no@example.org") == [2]
    assert found(**{"from": "other@example.com"}) == [1]
    assert found(tag="invoice") == [0] and found(tag="nothing") == []
    assert found(status="sent") == [1, 0] and found(status="rejected") == [2]
    assert found(relay="r0") == [2, 1, 0] and found(relay="r9") == []
    assert found(since=middle) == [2, 1] and found(until=middle) == [0] and found(since=begin, until=middle) == [0]
    assert found(status="sent", tag="invoice", limit=1) == [0]
    item = server.get("/v1/messages?tag=invoice").json()["messages"][0]
    assert (item["from"], item["subject"], item["tags"], item["recipient_count"]) == (
        "billing@example.com", "Your invoice", ["invoice"], 1)


def test_pages_show_every_message_once(relays, start):
    server = start(configuration(relays()))
    ids = [server.send(letter())["id"] for _ in range(7)]
    seen, cursor = [], ""
    while cursor is not None:
        page = server.get(f"/v1/messages?limit=3{cursor and '&cursor=' + cursor}").json()
        assert len(page["messages"]) <= 3
        seen += [m["id"] for m in page["messages"]]
        cursor = page["next_cursor"]
    assert seen == ids[::-1]


def test_a_long_poll_ends_with_the_next_change(relays, start):
    relay = relays(replies={"DATA": ["451 4.3.0 not now", "354 go"]})
    server = start(configuration(relay, schedule=["2s"]))
    ident = accept(server, letter(scheduled_at=in_seconds(1)))
    first = server.get(f"/v1/messages/{ident}", Prefer="wait=30")
    assert first.json()["status"] == "deferred" and first.headers["Preference-Applied"] == "wait=30"
    assert server.get(f"/v1/messages/{ident}", Prefer="wait=30").json()["status"] == "sent"
    assert server.get(f"/v1/messages/{ident}", Prefer="wait=30").json()["status"] == "sent"


@pytest.mark.parametrize("strict, status", [(False, 202), (True, 503)])
def test_nobody_is_held_for_what_comes_later(relays, start, strict, status):
    server = start(configuration(relays(replies={"DATA": ["451 4.3.0 not now"]}), schedule=["1h"]))
    began = time.monotonic()
    answer = server.post(letter(), Prefer="wait=60" + ", handling=strict" * strict)
    assert answer.status == status, answer.body
    message = answer.problem()["message"] if strict else answer.json()
    (recipient,) = message["recipients"]
    assert (recipient["status"], recipient["smtp"]["code"]) == ("deferred", 451)
    scheduled = server.post(letter(scheduled_at=in_seconds(3600)), Prefer="wait=60")
    assert (scheduled.status, scheduled.json()["status"]) == (202, "scheduled")
    assert time.monotonic() - began < 30


def test_what_is_due_within_the_wait_is_waited_for(relays, start):
    server = start(configuration(relays(replies={"DATA": ["451 4.3.0 not now", "354 go"]}), schedule=["1s"]))
    answer = server.post(letter(), Prefer="wait=30")
    assert (answer.status, answer.json()["status"], answer.json()["recipients"][0]["attempts"]) == (200, "sent", 2)
    scheduled = server.post(letter(scheduled_at=in_seconds(1)), Prefer="wait=30")
    assert (scheduled.status, scheduled.json()["status"]) == (200, "sent")


def test_a_long_poll_without_change_ends_in_time(relays, start):
    server = start(configuration(relays()))
    ident = accept(server, letter(scheduled_at=in_seconds(3600)))
    began = time.monotonic()
    assert server.get(f"/v1/messages/{ident}", Prefer="wait=1").json()["status"] == "scheduled"
    assert 0.9 < time.monotonic() - began < 10


# Scheduling

def test_a_scheduled_message_goes_when_its_time_comes(relays, start):
    relay = relays()
    server = start(configuration(relay))
    at = datetime.datetime.now(datetime.timezone.utc) + datetime.timedelta(seconds=1.5)
    ident = accept(server, letter(scheduled_at=at.isoformat()))
    message = wait_for(server, ident, "sent")
    assert datetime.datetime.fromisoformat(message["recipients"][0]["updated_at"].replace("Z", "+00:00")) >= at
    assert len(relay.messages) == 1


@pytest.mark.parametrize("days,code", [(366, 202), (367.01, 422)])
def test_a_time_is_at_most_a_year_away(relays, start, days, code):
    server = start(configuration(relays()))
    assert server.post(letter(scheduled_at=in_seconds(days * 86400 - 60))).status == code


def patch(server, ident, at):
    return server.request("PATCH", f"/v1/messages/{ident}", '{"scheduled_at": %s}' % at,
                          {"Content-Type": "application/json"})


def test_a_time_can_be_moved_both_ways(relays, start):
    relay = relays()
    server = start(configuration(relay))
    ident = accept(server, letter(scheduled_at=in_seconds(3600)))
    later = patch(server, ident, f'"{in_seconds(86400 * 300)}"')
    assert later.status == 200 and later.json()["status"] == "scheduled", later.body
    assert patch(server, ident, f'"{in_seconds(86400 * 400)}"').pointers() == {"/scheduled_at": "date"}
    assert patch(server, ident, f'"{in_seconds(0.5)}"').status == 200
    wait_for(server, ident, "sent")
    assert patch(server, ident, "null").problem()["code"] == "message_state"
    now = accept(server, letter(scheduled_at=in_seconds(3600)))
    assert patch(server, now, "null").json()["status"] == "queued"
    wait_for(server, now, "sent")
    assert len(relay.messages) == 2


# Cancel

def cancel(server, ident):
    return server.request("POST", f"/v1/messages/{ident}/cancel")


def test_a_scheduled_message_is_taken_back(relays, start):
    relay = relays()
    server = start(configuration(relay))
    ident = accept(server, letter(scheduled_at=in_seconds(3600)))
    for _ in range(2):
        answer = cancel(server, ident)
        assert answer.status == 200 and answer.json()["status"] == "canceled"
    assert not relay.received


@pytest.mark.parametrize("stage", ["MAIL", "RCPT", "DATA"])
def test_a_transaction_is_broken_off_before_its_dot(relays, start, stage):
    slow = Slow("354 go" if stage == "DATA" else "250 ok", 2)
    relay = relays(replies={stage: slow}, rcpt={"ann@example.org": slow} if stage == "RCPT" else {}, keywords=())
    server = start(configuration(relay))
    ident = accept(server, letter())
    until(f"{stage} is sent", lambda: any(stage.encode() in received for received in relay.received))
    answer = cancel(server, ident)
    assert answer.status == 200 and answer.json()["status"] == "canceled", answer.body
    assert not relay.messages
    assert status(server, ident) == "canceled"


def test_behind_the_dot_the_truth_stays(relays, start):
    relay = relays(replies={"dot": Slow("250 2.0.0 taken", 1.5)})
    server = start(configuration(relay))
    ident = accept(server, letter())
    until("the dot is sent", lambda: any(b"\r\n.\r\n" in received for received in relay.received))
    problem = cancel(server, ident).problem()
    assert problem["code"] == "message_state" and problem["message"]["status"] == "sent"
    assert status(server, ident) == "sent"


def test_a_deferred_message_is_taken_back(relays, start):
    server = start(configuration(relays(replies={"MAIL": "451 4.3.0 later"}), schedule=["1h"]))
    ident = accept(server, letter())
    wait_for(server, ident, "deferred")
    answer = cancel(server, ident).json()
    assert answer["status"] == "canceled" and "next_attempt_at" not in answer["recipients"][0]


# Retry

def retry(server, ident):
    return server.request("POST", f"/v1/messages/{ident}/retry")


def test_a_deferred_message_is_tried_now(relays, start):
    relay = relays(replies={"MAIL": ["451 4.3.0 later", "250 ok"]})
    server = start(configuration(relay, schedule=["1h"]))
    ident = accept(server, letter())
    wait_for(server, ident, "deferred")
    assert retry(server, ident).status == 200
    wait_for(server, ident, "sent")
    assert retry(server, ident).problem()["code"] == "message_state"


def test_what_is_held_waits_for_a_person_and_goes_to_its_own_relay(relays, start):
    first, second = relays(replies={"dot": [CLOSE, "250 taken"]}), relays()
    server = start(configuration(first, second, on_uncertain="hold", uncertain_delay="1h"))
    ident = accept(server, letter())
    message = wait_for(server, ident, "uncertain")
    assert message["recipients"][0]["uncertain"] and "next_attempt_at" not in message["recipients"][0]
    assert retry(server, ident).status == 200
    sent = wait_for(server, ident, "sent")["recipients"][0]
    assert sent["relay"] == "r0" and sent["uncertain"] and not second.received


def test_what_is_held_can_be_canceled(relays, start):
    server = start(configuration(relays(replies={"dot": CLOSE}), on_uncertain="hold"))
    ident = accept(server, letter())
    wait_for(server, ident, "uncertain")
    answer = cancel(server, ident).json()
    assert answer["status"] == "canceled" and answer["recipients"][0]["uncertain"]


def test_a_rejected_message_is_tried_again_while_its_body_is_kept(relays, start):
    relay = relays(rcpt={"ann@example.org": ["550 5.1.1 not yet", "250 ok"]})
    server = start(configuration(relay))
    ident = accept(server, letter())
    wait_for(server, ident, "rejected")
    assert retry(server, ident).status == 200
    wait_for(server, ident, "sent")


# Priorities

def test_no_priority_starves_another(relays, start):
    """One connection, mail of all classes due at once: the first third of what arrives holds some of each."""
    relay = relays()
    config = configuration(relay)
    config["relays"]["r0"]["pool"] = {"connections": 1}
    server = start(config)
    at = in_seconds(3)
    with concurrent.futures.ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda n: accept(server, letter(priority=("low", "normal", "high")[n // 50], scheduled_at=at,
                                                      subject=("low", "normal", "high")[n // 50])), range(150)))
    arrived = [m.content.split(b"Subject: ")[1].split(b"\r\n")[0] for m in relay.wait_for(150)]
    share = {name: arrived[:50].count(name) for name in (b"high", b"normal", b"low")}
    assert share[b"high"] > share[b"normal"] > share[b"low"] > 0, share
