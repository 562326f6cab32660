# SPDX-License-Identifier: MIT
"""Resend's SDK, old and new, against /compat/resend, and the mail that arrives."""
import base64
import uuid

import mailhatch
import pytest
import sdk
from mail_reading import headers

SDKS = ["resend", "resend-6-34", "resend-4", "resend-2"]
CURRENT = "resend"
INVALID_TO = ("Invalid `to` field. The email address needs to follow the `email@example.com` or "
              "`Name <email@example.com>` format.")


@pytest.fixture(scope="module")
def server():
    with mailhatch.running(env={"MAILHATCH_API_KEY": sdk.KEY}, secrets=(sdk.KEY_SECRET,)) as one:
        yield one


def subject_of(what):
    return f"{what}-{uuid.uuid4().hex[:12]}"


def mail(**changes):
    made = {"from": "Sender <sender@example.com>", "to": ["ada@example.net"], "subject": subject_of("plain"), "text": "Hello\n"}
    made.update(changes)
    return {name: value for name, value in made.items() if value is not None}


@pytest.mark.parametrize("package", SDKS)
def test_a_full_mail_arrives_as_it_was_given(server, package):
    subject = subject_of("full")
    content_id = {"resend": "contentId", "resend-6-34": "contentId", "resend-4": "inlineContentId", "resend-2": "contentId"}[package]
    reply_to = "reply_to" if package == "resend-2" else "replyTo"
    text, html = "Hello, wörld — plain.\nSecond line.\n", '<p>wörld <img src="cid:logo.png" alt="logo"></p>'
    result = sdk.call(server, "resend", package, "emails.send", {
        "from": '"Sender, Inc." <sender@example.com>', "to": ["Ada Lovelace <ada@example.net>"],
        "cc": ["Carol <carol@example.net>"], "bcc": "Bob <bob@example.org>", reply_to: "Replies <replies@example.com>",
        "subject": f"{subject} ✓ résumé", "text": text, "html": html, "headers": {"X-Smoke-Test": "sdk-compat"},
        "tags": [{"name": "category", "value": "smoke"}],
        "attachments": [{"filename": "report.txt", "content": sdk.buffer(b"attachment body"), "contentType": "text/plain"},
                        {"filename": "logo.png", "content": base64.b64encode(sdk.PNG).decode(), "contentType": "image/png",
                         content_id: "logo.png"}]})
    assert result["value"]["error"] is None, result
    got, item, raw = sdk.caught(server, subject)
    assert got["from"] == [["Sender, Inc.", "sender@example.com"]]
    assert got["to"] == [["Ada Lovelace", "ada@example.net"]] and got["cc"] == [["Carol", "carol@example.net"]]
    assert got["reply_to"] == [["Replies", "replies@example.com"]]
    assert item["rcpt_to"] == ["ada@example.net", "carol@example.net", "bob@example.org"]
    assert headers(raw, "Bcc") == [] and headers(raw, "X-Smoke-Test") == ["sdk-compat"]
    assert got["subject"] == f"{subject} ✓ résumé" and got["text"] == text and got["html"].strip() == html
    assert [(a["filename"], a["content_type"], a["content_id"], a["content"]) for a in got["attachments"]] == [
        ("logo.png", "image/png", "<logo.png>", sdk.PNG), ("report.txt", "text/plain", None, b"attachment body")]
    tagged = sdk.asking(server, "GET", "/v1/messages?tag=category:smoke").json()["messages"]
    assert result["value"]["data"]["id"] in [message["id"] for message in tagged]


@pytest.mark.parametrize("package", SDKS)
def test_a_bad_recipient_is_the_sdks_own_error(server, package):
    result = sdk.call(server, "resend", package, "emails.send", mail(to=["not-an-address"]))["value"]
    assert result["data"] is None
    assert {k: result["error"][k] for k in ("name", "message")} == {"name": "validation_error", "message": INVALID_TO}


@pytest.mark.parametrize("changes, status, name, words", [
    ({"to": None}, 422, "missing_required_field", "Missing `to` field."),
    ({"from": None}, 422, "missing_required_field", "Missing `from` field."),
    ({"from": "nobody"}, 422, "validation_error", "Invalid `from` field."),
    ({"reply_to": "nobody"}, 422, "validation_error", "Invalid `reply_to` field."),
    ({"subjct": "x"}, 422, "validation_error", 'subjct: There is no such field; did you mean "subject"?'),
    ({"topic_id": "x"}, 422, "validation_error", "topic_id: Mailhatch does not"),
    ({"template": {"id": "x"}}, 422, "validation_error", "template: Mailhatch does not"),
    ({"tags": [{"name": "a b", "value": "c"}]}, 422, "validation_error", "Tags should only contain"),
    ({"tags": [{"name": "a:b", "value": "c"}]}, 422, "validation_error", "Tags should only contain"),
    ({"attachments": [{"filename": "x", "path": "https://example.com/x"}]}, 422, "invalid_attachment", "fetches no files"),
    ({"attachments": [{"filename": "x", "content": "=!"}]}, 422, "invalid_attachment", "not base64"),
    ({"headers": {"X-A": "1\r\nX-B: 2"}}, 422, "validation_error", "headers.X-A: Line breaks"),
    ({"scheduled_at": "next tuesday"}, 422, "validation_error", "scheduled_at: "),
])
def test_what_cannot_be_done_is_refused_in_resends_words(server, changes, status, name, words):
    answer = server.post(mail(**changes), "/compat/resend/emails", Authorization=f"Bearer {sdk.KEY}")
    assert answer.status == status and answer.headers.get_content_type() == "application/json"
    error = answer.json()
    assert set(error) == {"statusCode", "name", "message"} and error["statusCode"] == status
    assert error["name"] == name and words in error["message"], error


def test_keys_are_asked_for_in_resends_words(server):
    wrong = sdk.call(server, "resend", CURRENT, "emails.send", mail(), key="app.wrong-wrong-wrong")["value"]["error"]
    assert (wrong["statusCode"], wrong["name"], wrong["message"]) == (403, "invalid_api_key", "API key is invalid")
    missing = server.post(mail(), "/compat/resend/emails")
    assert (missing.status, missing.json()["name"]) == (401, "missing_api_key")


def test_idempotency_answers_as_resend_does(server):
    key, one = uuid.uuid4().hex, mail()
    first, again, other = (r["value"] for r in sdk.calls(
        server, "resend", CURRENT, *(("emails.send", m, {"idempotencyKey": key}) for m in (one, one, mail()))))
    assert first["data"]["id"] == again["data"]["id"]
    assert (other["error"]["statusCode"], other["error"]["name"]) == (409, "invalid_idempotent_request")
    bad = server.post(mail(), "/compat/resend/emails", Authorization=f"Bearer {sdk.KEY}", Idempotency_Key="x" * 257)
    assert (bad.status, bad.json()["name"]) == (400, "invalid_idempotency_key")


def test_a_relative_time_schedules(server):
    first, iso = (r["value"] for r in sdk.calls(
        server, "resend", CURRENT, ("emails.send", mail(scheduledAt="in 2 hours")),
        ("emails.send", mail(scheduledAt="2027-01-01T00:00:00.000Z"))))
    for one in (first, iso):
        message = sdk.asking(server, "GET", f"/v1/messages/{one['data']['id']}").json()
        assert message["status"] == "scheduled", message
