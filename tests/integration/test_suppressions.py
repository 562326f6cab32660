# SPDX-License-Identifier: MIT
"""Suppression lists: whoever is on one is not sent to, the others are."""
import hashlib
import os
import signal
import urllib.parse

import mailhatch
import pytest
from waiting import until

SECRETS = {"k_a": "alpha-secret-0123456789abcdef", "k_b": "bravo-secret-0123456789abcdef"}


def path_of(email):
    return "/v1/suppressions/" + urllib.parse.quote(email, safe="")


def add(server, email, **fields):
    headers = fields.pop("headers", {})
    answer = server.post({"email": email, **fields}, "/v1/suppressions", **headers)
    assert answer.status in (200, 201), answer.body
    return answer.json()


def listed(server, query="", **headers):
    return [entry["email"] for entry in server.get("/v1/suppressions" + query, **headers).json()["suppressions"]]


@pytest.fixture(params=["sqlite", "memory"])
def server(request):
    with mailhatch.running(env={"MAILHATCH_STORE": request.param}) as running:
        yield running


def events(server, message):
    return [event["type"] for event in server.get(f"/v1/messages/{message['id']}/events").json()["events"]][::-1]


def test_a_suppressed_recipient_is_left_out_and_the_others_are_sent(server):
    add(server, "Bob@Example.ORG", reason="unsubscribe", detail="clicked the link")
    message = server.send(mailhatch.letter(to=["ann@example.org", "BOB@example.org"], cc=["carol@example.net"]))
    assert {r["email"]: r["status"] for r in message["recipients"]} == {
        "ann@example.org": "sent", "BOB@example.org": "suppressed", "carol@example.net": "sent"}
    assert message["status"] == "partial"
    (bob,) = [r for r in message["recipients"] if r["status"] == "suppressed"]
    assert bob["category"] == "recipient" and bob["reason"] == "suppressed" and not bob["retryable"] and "smtp" not in bob
    found = server.get("/v1/sandbox/messages").json()["messages"]
    assert [sorted(mail["rcpt_to"]) for mail in found] == [["ann@example.org", "carol@example.net"]]
    assert events(server, message)[:2] == ["message.queued", "recipient.suppressed"]
    assert 'mailhatch_recipients_total{status="suppressed",relay="",category="recipient"} 1' in server.get("/metrics").body.decode()


def test_a_message_to_nobody_else_is_final_at_once(server):
    add(server, "ann@example.org")
    answer = server.post(mailhatch.letter(), Prefer="wait=20")
    assert answer.status == 200 and answer.json()["status"] == "suppressed"
    assert events(server, answer.json()) == ["message.queued", "recipient.suppressed", "message.completed"]
    answer = server.post(mailhatch.letter(), Prefer="wait=20, handling=strict")
    assert answer.status == 422 and answer.problem()["code"] == "recipients_rejected"
    answer = server.post(mailhatch.letter(scheduled_at="2026-12-24T09:00:00Z"))
    assert answer.json()["status"] == "suppressed"
    assert server.get("/v1/sandbox/messages").json()["messages"] == []


def test_an_entry_comes_is_changed_and_goes(server):
    answer = server.post({"email": "Jürgen@Bücher.example".replace("ü", "u", 1)}, "/v1/suppressions")
    assert answer.status == 201
    entry = answer.json()
    assert entry["email"] == "jurgen@xn--bcher-kva.example" and entry["reason"] == "manual" and "detail" not in entry
    again = server.post({"email": "JURGEN@xn--bcher-kva.example", "reason": "complaint", "detail": "x" * 500}, "/v1/suppressions")
    assert again.status == 200 and again.json() == {**entry, "reason": "complaint", "detail": "x" * 500}
    assert server.get(path_of("jurgen@BÜCHER.example")).json() == again.json()
    assert server.request("DELETE", path_of("jurgen@bücher.example")).status == 204
    assert server.request("DELETE", path_of("jurgen@bücher.example")).problem()["code"] == "not_found"
    assert server.get(path_of("jurgen@bücher.example")).status == 404
    assert server.get(path_of("no address")).status == 404
    message = server.send(mailhatch.letter(to="jurgen@bücher.example"))
    assert message["status"] == "sent"


def test_the_list_has_pages_and_a_filter(server):
    for n in range(5):
        add(server, f"u{n}@example.org", reason=("manual", "bounce")[n % 2])
    page = server.get("/v1/suppressions?limit=2").json()
    assert [e["email"] for e in page["suppressions"]] == ["u4@example.org", "u3@example.org"]
    rest = listed(server, f"?limit=1000&cursor={page['next_cursor']}")
    assert rest == ["u2@example.org", "u1@example.org", "u0@example.org"]
    assert listed(server, "?reason=bounce") == ["u3@example.org", "u1@example.org"]
    for query in ("?reason=spam", "?limit=1001", "?limit=0", "?cursor=x", "?tenant=k"):
        assert server.get("/v1/suppressions" + query).problem()["code"] == "unknown_parameter", query


@pytest.mark.parametrize("body,pointers", [
    ({}, {"/email": "required"}),
    ({"email": "Ann <ann@example.org>"}, {"/email": "address_syntax"}),
    ({"email": "ann@example.org\r\nX: 1"}, {"/email": "address_syntax"}),
    ({"email": "ann@example.org", "reason": "spam", "detail": "x" * 501}, {"/reason": "value", "/detail": "too_long"}),
    ({"email": ["ann@example.org"]}, {"/email": "type"}),
    ({"email": "ann@example.org", "tenant": "k_a"}, {"/tenant": "unknown_field"}),
    (b'{"email": "ann@example.org", "email": "bob@example.org"}', {"/email": "duplicate_field"}),
])
def test_what_is_wrong_is_said(body, pointers):
    with mailhatch.running(env={"MAILHATCH_STORE": "memory"}) as server:
        answer = server.post(body, "/v1/suppressions")
        assert answer.status == 422 and answer.pointers() == pointers, answer.body
        assert server.post(b"{", "/v1/suppressions").problem()["code"] == "malformed_json"
        assert server.post({"email": "x" * 5000}, "/v1/suppressions").problem()["code"] == "body_too_large"
        assert listed(server) == []


def test_each_key_has_its_own_list():
    keys = [{"name": i, "id": i, "hash": "sha256:" + hashlib.sha256(secret.encode()).hexdigest(), "scopes": ["send", "read"]}
            for i, secret in SECRETS.items()]
    a, b = ({"Authorization": f"Bearer {i}.{secret}"} for i, secret in SECRETS.items())
    with mailhatch.running(config={"relays": {"main": {"url": "sandbox:"}}, "api_keys": keys}) as server:
        add(server, "ann@example.org", headers=a)
        assert listed(server, **a) == ["ann@example.org"] and listed(server, **b) == []
        assert server.request("GET", path_of("ann@example.org"), headers=b).status == 404
        assert server.request("DELETE", path_of("ann@example.org"), headers=b).status == 404
        assert server.send(mailhatch.letter(), **a)["status"] == "suppressed"
        assert server.send(mailhatch.letter(), **b)["status"] == "sent"


@pytest.mark.parametrize("automatic,after", [("unknown-mailbox", "suppressed"), ("none", "rejected")])
def test_an_unknown_mailbox_is_suppressed_when_configured(automatic, after):
    config = {"relays": {"main": {"url": "sandbox:"}}, "suppressions": {"automatic": automatic}}
    to = ["reject+550-5.1.1@example.org", "reject+550-5.7.1@example.org", "ann@example.org"]
    with mailhatch.running(config=config) as server:
        first = server.send(mailhatch.letter(to=to))
        assert [r["status"] for r in first["recipients"]] == ["rejected", "rejected", "sent"]
        second = server.send(mailhatch.letter(to=to))
        assert [r["status"] for r in second["recipients"]] == [after, "rejected", "sent"]
        if automatic == "none":
            assert listed(server) == []
            return
        (entry,) = server.get("/v1/suppressions").json()["suppressions"]
        assert entry["email"] == to[0] and entry["reason"] == "bounce" and entry["message_id"] == first["id"]
        assert entry["detail"].startswith("550 5.1.1 ")
        assert server.request("DELETE", path_of(to[0])).status == 204
        assert server.send(mailhatch.letter(to=to))["recipients"][0]["status"] == "rejected"


def test_the_list_survives_kill_9():
    with mailhatch.running() as server:
        add(server, "ann@example.org")
        pid, server.port = server.pid, None  # the Unix socket stays where it is
        os.kill(pid, signal.SIGKILL)
        until("another process serves", lambda: server.pid not in (pid, server.supervisor_pid))
        until("it is ready", lambda: ready(server))
        assert server.send(mailhatch.letter())["status"] == "suppressed"


def ready(server):
    try:
        return server.get("/readyz").status == 200
    except OSError:
        return False


def test_an_address_with_a_slash_is_one_segment(sandbox_server):
    sandbox_server.post({"email": "a/b@example.org"}, "/v1/suppressions")
    assert sandbox_server.get("/v1/suppressions/a%2fb%40example.org").json()["email"] == "a/b@example.org"
    for path in ("/v1/messages/..%2F..%2Fmetrics", "/v1/messages/%2e%2e/%2e%2e/metrics", "/v1/messages/../../metrics"):
        assert sandbox_server.get(path).status == 404, path
