# SPDX-License-Identifier: MIT
"""What a request may ask for besides its message: Prefer, API keys, X-Request-Id, traceparent; and asking
for a message again."""
import contextlib
import hashlib
import json
import re
import time
import uuid

import mailhatch
import pytest
import relay
from mailhatch import letter
from waiting import free_port, until

UUID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}")


@pytest.fixture(scope="module")
def peer():
    one = relay.Relay(rcpt={"no@example.org": "550 5.1.1 no such user", "later@example.org": "451 4.7.1 greylisted",
                            "slow@example.org": relay.Slow("250 2.1.5 at last", 1.5)})
    yield one
    one.close()
    assert one.violations == []


def config(peer, **more):
    return {"store": "memory", "relays": {"main": f"smtp://127.0.0.1:{peer.port}?tls=none"}, **more}


@pytest.fixture(scope="module")
def server(peer):
    with mailhatch.running(config=config(peer)) as running:
        yield running


# Prefer: wait

def test_without_prefer_the_answer_is_202_and_the_state_is_asked_for(server):
    answer = server.post(letter())
    message = answer.json()
    assert answer.status == 202 and UUID.fullmatch(message["id"])
    assert answer.headers["Location"] == f"/v1/messages/{message['id']}" == message["links"]["self"]
    assert "Preference-Applied" not in answer.headers
    assert message["recipients"][0]["status"] in ("queued", "sending", "sent")
    again = until("it is sent", lambda: (m := server.get(answer.headers["Location"]).json())["status"] == "sent" and m)
    assert again["recipients"][0]["smtp"]["code"] == 250


def test_wait_holds_the_answer_until_all_is_final(server):
    answer = server.post(letter(to=["ann@example.org", "slow@example.org"]), Prefer="wait=20")
    assert answer.status == 200 and answer.headers["Preference-Applied"] == "wait=20"
    assert [r["status"] for r in answer.json()["recipients"]] == ["sent", "sent"]


def test_wait_that_is_over_first_answers_202_with_the_state_so_far(server):
    began = time.monotonic()
    answer = server.post(letter(to=["slow@example.org"]), Prefer="wait=1")
    assert answer.status == 202 and answer.json()["status"] in ("queued", "sending")
    assert 0.9 < time.monotonic() - began
    final = server.get(answer.headers["Location"], Prefer="wait=20")
    assert final.status == 200 and final.json()["status"] == "sent"


def test_get_waits_too(server):
    message = server.post(letter(to=["slow@example.org"])).json()
    answer = server.get(message["links"]["self"], Prefer="wait=20")
    assert answer.json()["status"] == "sent" and answer.headers["Preference-Applied"] == "wait=20"


@pytest.mark.parametrize("value", ["wait=x", "wait=-1", "wait=", "wait", "respond-async", "wait=1e3", "wait=99999999999999999999"])
def test_a_preference_that_is_none_is_ignored_or_capped(server, value):
    """RFC 7240: what is not understood is ignored."""
    answer = server.post(letter(), Prefer=value)
    assert answer.status in (200, 202)


@pytest.mark.parametrize("to, status, code, retry_after", [
    (["no@example.org"], 422, "recipients_rejected", False),
    (["later@example.org"], 503, "recipients_deferred", True),
])
def test_strict_handling_answers_an_error_when_nobody_got_it(server, to, status, code, retry_after):
    answer = server.post(letter(to=to), Prefer="wait=20, handling=strict")
    problem = answer.problem()
    assert (answer.status, problem["code"]) == (status, code)
    assert problem["message"]["recipients"][0]["email"] == to[0]
    assert ("Retry-After" in answer.headers) == retry_after
    assert "handling=strict" in answer.headers["Preference-Applied"]


def test_strict_handling_is_content_with_one_who_got_it(server):
    answer = server.post(letter(to=["ann@example.org", "no@example.org"]), Prefer="wait=20, handling=strict")
    assert (answer.status, answer.json()["status"]) == (200, "partial")


def test_without_strict_a_rejected_message_is_200(server):
    answer = server.post(letter(to=["no@example.org"]), Prefer="wait=20")
    assert (answer.status, answer.json()["status"]) == (200, "rejected")


def test_memory_store_mirrors_a_relay_that_fails(serve):
    down = serve(env={"MAILHATCH_RELAY": f"smtp://127.0.0.1:{free_port()}?tls=none", "MAILHATCH_STORE": "memory"})
    answer = down.post(letter(), Prefer="wait=20")
    problem = answer.problem()
    assert (answer.status, problem["code"]) == (502, "relay_failed") and "refused" in problem["detail"]
    assert problem["message"]["recipients"][0]["reason"] == "conn_refused"


# Request ids

@pytest.mark.parametrize("given", ["a", "A-b_c.9", "x" * 128])
def test_request_id_of_the_caller_is_kept(server, given):
    answer = server.post(letter(), X_Request_Id=given)
    assert answer.headers["X-Request-Id"] == given
    assert server.get("/livez", X_Request_Id=given).headers["X-Request-Id"] == given


@pytest.mark.parametrize("given", ["", "x" * 129, "a b", "a<script>", "a\tb", "ü"])
def test_a_request_id_that_could_harm_is_replaced(server, given):
    made = server.request("GET", "/livez", headers={"X-Request-Id": given.encode("utf-8")}).headers["X-Request-Id"]
    assert UUID.fullmatch(made)


def test_every_answer_has_an_own_request_id(server):
    ids = {server.get(path).headers["X-Request-Id"] for path in ("/livez", "/v1/nothing", "/openapi.json", "/")}
    assert len(ids) == 4 and None not in ids


def test_traceparent_is_echoed_only_when_well_formed(server):
    good = f"00-{uuid.uuid4().hex}-00f067aa0ba902b7-01"
    assert server.post(letter(), traceparent=good).headers["traceparent"] == good
    for bad in (good.upper(), good[:-1], "00-" + "0" * 32 + "-00f067aa0ba902b7-01", "ff" + good[2:], good + "x", "x"):
        assert server.post(letter(), traceparent=bad).headers["traceparent"] is None, bad


def new_trace():
    return f"00-{uuid.uuid4().hex}-00f067aa0ba902b7-01"


def test_a_message_carries_its_trace_to_every_attempt(serve, new_relay):
    relay = new_relay(replies={"DATA": ["451 later", "354 go on"]})
    server = serve(config={"relays": {"r": {"url": f"smtp://127.0.0.1:{relay.port}?tls=none"}}, "retry": {"schedule": ["1s"]}})
    trace = new_trace()
    identifier = server.post(letter(), traceparent=trace).json()["id"]

    def attempts():
        return [e for e in server.events("recipient") if e["message"] == identifier]

    until("both attempts are logged", lambda: len(attempts()) == 2)  # the second one is read back from the store
    assert [e["traceparent"] for e in attempts()] == [trace, trace]
    assert [e["traceparent"] for e in server.events("message_accepted")] == [trace]
    assert server.get(f"/v1/messages/{identifier}").json()["traceparent"] == trace


def test_all_messages_of_a_batch_carry_its_trace(serve):
    server = serve()
    trace = new_trace()
    results = server.post({"messages": [letter(), letter()]}, "/v1/messages/batch", traceparent=trace).json()["results"]
    assert [server.get(f"/v1/messages/{r['message']['id']}").json()["traceparent"] for r in results] == [trace, trace]


def test_a_message_without_a_trace_has_none(server):
    identifier = server.post(letter(), traceparent="x").json()["id"]
    assert "traceparent" not in server.get(f"/v1/messages/{identifier}").json()


# API keys

SECRET = "s3cret-s3cret-s3cret"


@pytest.fixture(scope="module")
def locked(peer):
    def key(name, **rest):
        return {"name": name, "id": f"k_{name}", "hash": "sha256:" + hashlib.sha256(SECRET.encode()).hexdigest(), **rest}

    keys = [key("billing", senders=["*@example.com", "one@example.net", "*@*.example.com"]), key("reader", scopes=["read"]),
            key("sender", scopes=["send"]), key("slow", rate="1/h"), key("admin", scopes=["send", "read", "admin"])]
    with mailhatch.running(config=config(peer, api_keys=keys), secrets=[SECRET]) as running:
        yield running


def bearer(name, secret=SECRET):
    return {"Authorization": f"Bearer k_{name}.{secret}"}


@pytest.mark.parametrize("header", [
    None, "", "Bearer", "Bearer ", f"Bearer k_none.{SECRET}", "Bearer k_billing.wrong", "Bearer k_billing.", "Bearer k_billing",
    f"Bearer k_billing.{SECRET[:-1]}", f"Bearer k_billing.{SECRET}x", f"Bearer k_billing.{SECRET} x", f"k_billing.{SECRET}",
    f"Basic k_billing.{SECRET}", "Bearer " + "x" * 100_000,
], ids=lambda h: str(h)[:40])
def test_every_wrong_key_gets_the_same_401(locked, header):
    headers = {"Content-Type": "application/json"}
    if header is not None:
        headers["Authorization"] = header
    answer = locked.request("POST", "/v1/messages", json.dumps(letter()).encode(), headers)
    if len(header or "") > 10_000:
        assert answer.status in (400, 401, 431)
        return
    problem = answer.problem()
    assert (answer.status, problem["code"]) == (401, "unauthorized")
    assert answer.headers["WWW-Authenticate"].startswith("Bearer")
    wanted = locked.request("POST", "/v1/messages", b"{}", {"Content-Type": "application/json"}).problem()
    assert {**problem, "request_id": None} == {**wanted, "request_id": None}


def test_the_scheme_may_be_in_any_case(locked):
    assert locked.post(letter(), Authorization=f"bearer k_billing.{SECRET}").status == 202


def test_scopes_are_kept_apart(locked):
    message = locked.post(letter(), **bearer("sender")).json()
    assert locked.get(message["links"]["self"], **bearer("sender")).problem()["code"] == "insufficient_scope"
    answer = locked.post(letter(), **bearer("reader"))
    assert (answer.status, answer.problem()["code"]) == (403, "insufficient_scope")


def test_a_key_sees_only_its_own_messages(locked):
    message = locked.post(letter(), **bearer("billing")).json()
    assert locked.get(message["links"]["self"], **bearer("billing")).status == 200
    assert locked.get(message["links"]["self"], **bearer("reader")).status == 404


@pytest.mark.parametrize("sender, allowed", [
    ("a@example.com", True), ("a@EXAMPLE.com", True), ("one@example.net", True), ("a@news.example.com", True),
    ("two@example.net", False), ("a@example.org", False), ("a@example.com.evil.example", False), ("a@evilexample.com", False),
])
def test_a_key_sends_only_as_whom_it_may(locked, sender, allowed):
    answer = locked.post(letter(**{"from": sender}), **bearer("billing"))
    if allowed:
        assert answer.status == 202, answer.body
    else:
        assert (answer.status, answer.problem()["code"]) == (403, "sender_not_allowed")
        assert answer.pointers() == {"/from": "sender_not_allowed"}


def test_the_envelope_sender_is_held_to_the_same_rule(locked):
    answer = locked.post(letter(envelope={"from": "bounce@example.org"}), **bearer("billing"))
    assert answer.status == 403 and answer.pointers() == {"/envelope/from": "sender_not_allowed"}
    assert locked.post(letter(envelope={"from": "bounce+1@example.com"}), **bearer("billing")).status == 202


def test_a_key_over_its_rate_gets_429_with_retry_after(locked):
    answers = [locked.post(letter(), **bearer("slow")) for _ in range(3)]
    assert answers[0].status == 202
    assert [a.status for a in answers[1:]] == [429, 429]
    assert answers[1].problem()["code"] == "rate_limited" and int(answers[1].headers["Retry-After"]) > 0


def test_open_paths_need_no_key(locked):
    for path in ("/livez", "/readyz", "/version"):
        assert locked.get(path).status == 200
        assert locked.get(f"{path}?t=1&t=2&x").status == 200  # what a probe adds against caches
    assert locked.get("/v1/messages/x").status == 401


def test_a_key_in_the_query_does_not_count(locked):
    answer = locked.request("POST", f"/v1/messages?key=k_billing.{SECRET}", b"{}", {"Content-Type": "application/json"})
    assert answer.status == 401


def test_two_authorization_headers_are_refused(locked):
    with contextlib.closing(locked.connection()) as connection:
        connection.putrequest("GET", "/v1/messages/x")
        for _ in range(2):
            connection.putheader("Authorization", f"Bearer k_billing.{SECRET}")
        connection.endheaders()
        assert connection.getresponse().status == 401


def test_a_listener_beyond_loopback_needs_a_key(tmp_path):
    run = mailhatch.cli("serve", env={"MAILHATCH_LISTEN": "0.0.0.0:0"}, cwd=tmp_path)
    assert run.returncode == 3 and b"no API key is configured" in run.stderr
