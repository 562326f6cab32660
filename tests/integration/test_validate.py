# SPDX-License-Identifier: MIT
"""POST /v1/messages/validate: everything but the sending."""
import dkim_checks
import mail_reading
import mailhatch
import pytest
import wire_oracle
from mailhatch import letter
from relay import Relay

PATH = "/v1/messages/validate"


@pytest.fixture(scope="module")
def relay():
    relay = Relay()
    yield relay
    relay.close()


@pytest.fixture(scope="module")
def records():
    return {}


@pytest.fixture(scope="module")
def server(relay, records, tmp_path_factory):
    keys = []
    for selector, kind in (("r1", "rsa"), ("e1", "ed25519")):
        file, record = dkim_checks.keygen(tmp_path_factory.mktemp("keys"), selector, kind)
        records.update(record)
        keys.append({"selector": selector, "key_file": file})
    url = f"smtp://127.0.0.1:{relay.port}?tls=none"
    config = {"relays": {"first": url, "second": url, "bulk": url}, "dkim": {"domains": [{"domain": "example.com", "keys": keys}]},
              "routes": [{"match": {"tag": "bulk"}, "relays": [{"relay": "bulk"}]},
                         {"match": {}, "relays": [{"relay": "first", "priority": 1}, {"relay": "second", "priority": 2}]}]}
    with mailhatch.running(config=config) as running:
        yield running


def validate(server, message, **headers):
    answer = server.post(message, PATH, **headers)
    assert answer.status == 200, answer.body
    return answer.json()


def test_the_mail_is_shown_as_it_would_leave(server, relay, records):
    shown = validate(server, letter(**{"to": ["Ann <ann@example.org>"], "bcc": ["bob@example.org"], "subject": "Grüße"}))
    mime = shown["mime"].encode()
    assert wire_oracle.check(mime, ["ann@example.org", "bob@example.org"]) == []
    assert sorted(dkim_checks.verified_by_python(mime, records)) == ["e1", "r1"]
    assert mail_reading.by_python(mime)["subject"] == shown["subject"] == "Grüße"
    assert (shown["from"], shown["mail_from"], shown["size"]) == ("billing@example.com", "billing@example.com", len(mime))
    assert shown["message_id"].encode() in mime
    assert shown["recipients"] == [{"email": "ann@example.org", "kind": "to", "relays": ["first", "second"]},
                                   {"email": "bob@example.org", "kind": "bcc", "relays": ["first", "second"]}]
    assert sorted((s["selector"], s["algorithm"], s["domain"], s["alignment"]) for s in shown["signatures"]) == [
        ("e1", "ed25519-sha256", "example.com", "strict"), ("r1", "rsa-sha256", "example.com", "strict")]
    assert server.get("/v1/messages").json()["messages"] == [] and relay.messages == [] and server.events("message_accepted") == []


def test_route_alignment_and_envelope_follow_the_message(server):
    shown = validate(server, letter(**{"from": "a@news.example.com", "tags": ["bulk"], "envelope": {"from": ""}}))
    assert [r["relays"] for r in shown["recipients"]] == [["bulk"]] and shown["mail_from"] == ""
    assert {s["alignment"] for s in shown["signatures"]} == {"relaxed"}
    assert [r["relays"] for r in validate(server, letter(relay="second"))["recipients"]] == [["second"]]
    assert validate(server, letter(**{"from": "a@other.example"}))["signatures"] == []


def test_every_type_of_body_is_taken(server):
    mime = b"From: a@example.com\nTo: ann@example.org\nSubject: x\n\nHello\n"
    shown = validate(server, mime, Content_Type="message/rfc822")
    assert shown["mime"].endswith("\r\n\r\nHello\r\n")
    form = b'--b\r\nContent-Disposition: form-data; name="message"\r\n\r\n{"from": "a@example.com", "to": "ann@example.org", "text": "x"}\r\n--b--\r\n'
    assert validate(server, form, Content_Type="multipart/form-data; boundary=b")["from"] == "a@example.com"
    shown = validate(server, letter(to=["ann@example.org", "bob@example.org"], text="Hi {{n}}", recipients={
        "ann@example.org": {"variables": {"n": "Ann"}}, "bob@example.org": {"variables": {"n": "Bob"}}}))
    assert "Hi Ann" in shown["mime"] and "Hi Bob" not in shown["mime"]


def test_what_is_wrong_is_answered_as_when_sending(server):
    for message in (letter(to=["nobody", "ann@example.org"], headers={"Bcc": "x@example.org"}), letter(text="{{x}}", variables={}), letter(relay="none")):
        sent, tried = server.post(message), server.post(message, PATH)
        assert sent.status == tried.status == 422 and sent.pointers() == tried.pointers()
    assert server.post(b"{", PATH).problem()["code"] == "malformed_json"


def test_a_mail_that_is_too_large_is_not_shown(server):
    for size, shown in ((700_000, True), (1_100_000, False)):
        answer = validate(server, letter(text="x" * 60 + "\n" * 1 + "y" * 70 + "\n", attachments=[{"filename": "a", "content": "A" * (size // 4 * 4)}]))
        assert (answer["mime"] is not None) == shown and answer["size"] > size
