# SPDX-License-Identifier: MIT
"""POST /v1/messages/batch: a result per message, and nothing that one of them does reaches another."""
import json
import re
import statistics
import time
import uuid

import mailhatch
import pytest
from mailhatch import letter
from relay import Relay

PATH = "/v1/messages/batch"


@pytest.fixture
def relay():
    relay = Relay(rcpt={"no@example.org": "550 5.1.1 nobody here"})
    yield relay
    relay.close()


@pytest.fixture
def server(relay):
    with mailhatch.running(env={"MAILHATCH_RELAY": f"smtp://127.0.0.1:{relay.port}?tls=none"}) as running:
        yield running


def batch(messages, **defaults):
    return {"defaults": {"from": "billing@example.com", "subject": "Your invoice", "text": uuid.uuid4().hex, **defaults}, "messages": messages}


def post(server, body, **headers):
    answer = server.post(body, PATH, **headers)
    assert answer.status == 200, (answer.status, answer.body)
    answer = answer.json()
    assert [r["index"] for r in answer["results"]] == list(range(len(answer["results"])))
    assert answer["accepted"] + answer["failed"] == len(answer["results"])
    return answer


def problems(result):
    return {e["pointer"]: e["code"] for e in result["problem"]["errors"]}


def test_each_message_is_sent_with_the_defaults_that_it_does_not_give_itself(server, relay):
    answer = post(server, batch([{"to": "ann@example.org"}, {"to": "bob@example.org", "subject": "Other", "text": None, "html": "<p>x</p>"},
                                 {"to": "carol@example.org", "replyTo": "me@example.com"}], reply_to="help@example.com"), Prefer="wait=20")
    assert (answer["accepted"], answer["failed"]) == (3, 0)
    assert [r["status"] for r in answer["results"]] == [200] * 3
    assert [r["message"]["recipients"][0]["status"] for r in answer["results"]] == ["sent"] * 3
    mails = {m.rcpts[0]: m.content.decode() for m in relay.messages}
    assert "Subject: Your invoice\r\n" in mails["ann@example.org"] and "Reply-To: help@example.com\r\n" in mails["ann@example.org"]
    assert "Subject: Other\r\n" in mails["bob@example.org"] and "<p>x</p>" in mails["bob@example.org"]
    assert "Reply-To: me@example.com\r\n" in mails["carol@example.org"]
    for result in answer["results"]:
        assert server.get(result["message"]["links"]["self"]).json()["status"] == "sent"


def test_a_bad_message_keeps_none_back_and_is_pointed_at(server, relay):
    bad = [{"to": "nobody"}, {"to": [{"email": "a@b@c"}]}, {}, {"to": "x@example.org", "txet": "x"}, {"to": "x@example.org", "headers": {"Bcc": "y@example.org"}}, 7,
           {"to": "x@example.org", "attachments": [{"filename": "x", "part": "p"}]}]
    messages = [{"to": "ann@example.org"}, *bad, {"to": "bob@example.org"}]
    answer = post(server, batch(messages), Prefer="wait=20")
    assert (answer["accepted"], answer["failed"]) == (2, 7)
    results = answer["results"]
    assert [r["status"] for r in results] == [200, 422, 422, 422, 422, 422, 422, 422, 200]
    assert [problems(r) for r in results[1:8]] == [
        {"/messages/1/to": "address_syntax"}, {"/messages/2/to/0/email": "address_syntax"}, {"/messages/3/to": "required"},
        {"/messages/4/txet": "unknown_field"}, {"/messages/5/headers/Bcc": "header_managed"}, {"/messages/6": "type"},
        {"/messages/7/attachments/0/part": "unsupported"}]
    assert {r["problem"]["code"] for r in results[1:8]} == {"validation_failed"}
    assert sorted(m.rcpts[0] for m in relay.messages) == ["ann@example.org", "bob@example.org"]


def test_what_is_wrong_with_a_default_is_pointed_at_there(server):
    answer = post(server, batch([{"to": "ann@example.org"}, {"to": "bob@example.org", "headers": {"X-A": "1"}}], headers={"X-A": "a\r\nBcc: z@z.example"}))
    assert problems(answer["results"][0]) == {"/defaults/headers/X-A": "header_injection"}
    assert answer["results"][1]["status"] == 202


@pytest.mark.parametrize("body,pointers", [
    ({}, {"/messages": "required"}),
    ({"messages": []}, {"/messages": "required"}),
    ({"messages": None}, {"/messages": "required"}),
    ({"messages": {}}, {"/messages": "type"}),
    ({"messages": [letter()], "default": {}}, {"/default": "unknown_field"}),
    ({"messages": [letter()] * 1001}, {"/messages": "too_many"}),
    ({"messages": [letter()], "defaults": []}, {"/defaults": "type"}),
    ({"messages": [letter()], "defaults": {"form": "x"}}, {"/defaults/form": "unknown_field"}),
    ({"messages": [letter()] * 2, "defaults": {"text": "x" * (32 << 20)}}, {"/defaults": "too_large"}),
    ([letter()], {"": "type"}),
])
def test_another_shape_is_refused_as_a_whole(server, relay, body, pointers):
    answer = server.post(body, PATH)
    assert (answer.status, answer.pointers()) == (422, pointers)
    assert relay.messages == []


@pytest.mark.parametrize("body,place", [
    (b'{"messages": [{"to": nobody}]}', "line 1, column 27"),
    (b'{"messages": [{"to": "a@b.example"]}', "line 1, column 35"),
    (b'{"messages": [{}, {}', "line 1, column 21"),
    (b'{"messages":\n[{},\n{"a":1 "b":2}]}', "line 3, column 10"),
    (b'{"messages": [{}]} x', "line 1, column 20"),
    (b'{messages: [{}]}', "line 1, column 2"),
    (b'{"messages" [{}]}', "line 1, column 13"),
    (b'{"messages": [{}],}', "line 1, column 19"),
    (b'{"defaults": {"a": 01}, "messages": [{}]}', "line 1, column 20"),
    (b'{"messages": [' + b"[" * 17 + b"]" * 17 + b"]}", "line 1, column 30"),
    (b'"x', "line 1, column 2"), (b"", "line 1, column 1"), (b"nope", "line 1, column 4"), (b'{"messages": [{"a": "b\\"}]}', "line 1, column 21"),
])
def test_what_is_not_json_is_refused_as_a_whole(server, body, place):
    answer = server.post(body, PATH)
    assert (answer.status, answer.problem()["code"]) == (400, "malformed_json"), answer.body
    assert answer.problem()["detail"].startswith(place), answer.problem()["detail"]


def test_a_repeated_key_is_a_problem_of_its_message(server):
    answer = server.post(b'{"messages": [{"to": "a@b.example", "to": "c@d.example"}], "defaults": {"from": "x@example.com", "text": "x"}}', PATH).json()
    assert problems(answer["results"][0]) == {"/messages/0/to": "duplicate_field"}
    answer = server.post(b'{"messages": [{}], "defaults": {"a": {"b": 1, "b": 2}}}', PATH)
    assert answer.pointers() == {"/defaults/a/b": "duplicate_field"}
    answer = server.post(b'{"messages": [{}], "\\u006dessages": [{}]}', PATH)
    assert answer.pointers()["/messages"] == "duplicate_field"


def test_a_batch_that_is_sent_again_sends_only_what_was_mended(server, relay):
    body = batch([{"to": "ann@example.org"}, {"to": "nobody"}, {"to": "bob@example.org"}])
    first = post(server, body, Idempotency_Key="k", Prefer="wait=20")
    assert [r["status"] for r in first["results"]] == [200, 422, 200]
    body["messages"][1]["to"] = "carol@example.org"
    again = post(server, body, Idempotency_Key="k", Prefer="wait=20")
    assert [r.get("replayed", False) for r in again["results"]] == [True, False, True]
    assert again["results"][0]["message"] == first["results"][0]["message"]
    assert sorted(m.rcpts[0] for m in relay.messages) == ["ann@example.org", "bob@example.org", "carol@example.org"]
    body["messages"][0]["text"] = "changed"
    third = post(server, body, Idempotency_Key="k")
    assert third["results"][0]["problem"]["code"] == "idempotency_key_reused"
    assert [r.get("replayed", False) for r in third["results"]] == [False, True, True]
    body["defaults"]["subject"] = "changed"
    assert post(server, body, Idempotency_Key="k")["failed"] == 3
    assert len(relay.messages) == 3


def test_strict_answers_each_as_on_its_own(server):
    answer = post(server, batch([{"to": "no@example.org"}, {"to": "ann@example.org"}]), Prefer="wait=20, handling=strict")
    assert [r["status"] for r in answer["results"]] == [422, 200]
    assert answer["results"][0]["problem"]["code"] == "recipients_rejected"
    assert answer["results"][0]["problem"]["message"]["recipients"][0]["smtp"]["code"] == 550
    assert answer["accepted"] == 2


def test_a_sender_that_is_not_allowed_is_refused_alone(relay):
    secret = "s" * 43
    hashed = mailhatch.cli("key", "hash", stdin=f"k1.{secret}\n".encode()).stdout.decode()
    entry = {"name": "a", "id": "k1", "hash": re.search(r"sha256:[0-9a-f]+", hashed)[0], "senders": ["*@example.com"], "scopes": ["send"]}
    config = {"store": "memory", "api_keys": [entry], "relays": {"main": f"smtp://127.0.0.1:{relay.port}?tls=none"}}
    with mailhatch.running(config=config) as server:
        answer = post(server, batch([{"to": "a@example.org"}, {"to": "b@example.org", "from": "x@other.example"}]), Authorization=f"Bearer k1.{secret}")
    assert [r["status"] for r in answer["results"]] == [202, 403]
    assert answer["results"][1]["problem"]["code"] == "sender_not_allowed"
    assert problems(answer["results"][1]) == {"/messages/1/from": "sender_not_allowed"}


def test_recipients_are_left_out_of_a_very_long_answer(server):
    many = [f"u{i}@example.org" for i in range(1000)]
    answer = post(server, batch([{} for _ in range(11)], bcc=many))
    assert [len(r["message"]["recipients"]) for r in answer["results"]].count(1000) == 10
    assert [r["message"]["recipient_count"] for r in answer["results"]] == [1000] * 11


def test_a_client_that_leaves_cancels_nothing(server, relay):
    body = json.dumps(batch([{"to": f"u{i}@example.org"} for i in range(200)])).encode()
    connection = server.connection()
    connection.request("POST", PATH, body, {"Content-Type": "application/json", "Prefer": "wait=60"})
    connection.close()
    relay.wait_for(200)


@pytest.mark.alone
def test_a_thousand_messages_take_a_second(relay):
    """The answer comes after the commit of each."""
    with mailhatch.running(binary=mailhatch.release_program(), env={"MAILHATCH_RELAY": f"smtp://127.0.0.1:{relay.port}?tls=none"}) as server:
        taken = []
        for _ in range(3):
            messages = [{"to": f"u{i}@example.org" if i % 100 != 17 else [{"email": "nobody"}]} for i in range(1000)]
            start = time.monotonic()
            answer = post(server, batch(messages))
            taken.append(time.monotonic() - start)
            assert (answer["accepted"], answer["failed"]) == (990, 10)
            failed = [r for r in answer["results"] if r["status"] != 202]
            assert [problems(r) for r in failed] == [{f"/messages/{i}/to/0/email": "address_syntax"} for i in range(17, 1000, 100)]
        assert statistics.median(taken) <= 1.0, taken
        print("batch of 1,000:", taken)
        relay.wait_for(3 * 990)
