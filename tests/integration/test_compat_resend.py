# SPDX-License-Identifier: MIT
"""Resend's SDK, old and new, against /compat/resend, and the mail that arrives."""
import base64
import uuid

import mailhatch
import pytest
import sdk
from mail_reading import headers
from sdk import subject_of

SDKS = ["resend", "resend-6-34", "resend-4", "resend-2"]
CURRENT = "resend"
INVALID_TO = ("Invalid `to` field. The email address needs to follow the `email@example.com` or "
              "`Name <email@example.com>` format.")


@pytest.fixture(scope="module")
def server():
    with mailhatch.running(env={"MAILHATCH_API_KEY": sdk.KEY}, secrets=(sdk.KEY_SECRET,)) as one:
        yield one


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


def test_a_mail_is_shown_moved_and_taken_back(server):
    letter = mail(to=["Ann <ann@example.net>"], cc="c@example.net", bcc="b@example.net", html="<p>hi</p>", replyTo="r@example.com",
                  tags=[{"name": "a", "value": "b"}], scheduledAt="in 1 hour")
    sent = sdk.call(server, "resend", CURRENT, "emails.send", letter)["value"]["data"]["id"]
    moved, shown, canceled, again, shown_again = (r["value"] for r in sdk.calls(
        server, "resend", CURRENT, ("emails.update", {"id": sent, "scheduledAt": "2027-02-03T04:05:06.000Z"}), ("emails.get", sent),
        ("emails.cancel", sent), ("emails.cancel", sent), ("emails.get", sent)))
    assert moved["data"] == {"object": "email", "id": sent} == canceled["data"] == again["data"]
    data = shown["data"]
    assert data["object"] == "email" and data["id"] == sent and data["last_event"] == "scheduled"
    assert (data["from"], data["to"], data["cc"], data["bcc"], data["reply_to"]) == (
        "sender@example.com", ["ann@example.net"], ["c@example.net"], ["b@example.net"], ["r@example.com"])
    assert data["scheduled_at"] == "2027-02-03T04:05:06.000Z" and data["subject"] == letter["subject"]
    assert data["text"] == "Hello\n" and data["html"].strip() == "<p>hi</p>" and data["tags"] == [{"name": "a", "value": "b"}]
    assert shown_again["data"]["last_event"] == "canceled"


def test_what_was_sent_can_not_be_steered_any_more(server):
    letter = mail()
    sent = sdk.call(server, "resend", CURRENT, "emails.send", letter)["value"]["data"]["id"]
    sdk.caught(server, letter["subject"])
    sdk.asking(server, "GET", f"/v1/messages/{sent}")
    cancel, move, nothing, odd, phrase = (r["value"]["error"] for r in sdk.calls(
        server, "resend", CURRENT, ("emails.cancel", sent), ("emails.update", {"id": sent, "scheduledAt": "in 1 min"}),
        ("emails.get", str(uuid.uuid4())), ("emails.get", "nonsense"), ("emails.update", {"id": sent, "scheduledAt": "tomorrow at noon"})))
    assert [(e["statusCode"], e["name"]) for e in (cancel, move, phrase)] == 3 * [(422, "validation_error")]
    assert "scheduled_at: Must be a time" in phrase["message"]
    assert [(e["statusCode"], e["name"]) for e in (nothing, odd)] == 2 * [(404, "not_found")]


def test_lists_go_back_in_time(serve):
    server = serve(env={"MAILHATCH_API_KEY": sdk.KEY})
    sent = [r["value"]["data"]["id"] for r in sdk.calls(
        server, "resend", CURRENT, *(("emails.send", mail(scheduledAt="in 1 day")) for _ in range(5)))]
    first, = (r["value"]["data"] for r in sdk.calls(server, "resend", CURRENT, ("emails.list", {"limit": 2})))
    assert [m["id"] for m in first["data"]] == sent[4:2:-1] and first["has_more"] is True and first["object"] == "list"
    second, rest, unknown, before = (r["value"] for r in sdk.calls(
        server, "resend", CURRENT, ("emails.list", {"limit": 2, "after": sent[3]}), ("emails.list", {"after": sent[3]}),
        ("emails.list", {"after": str(uuid.uuid4())}), ("emails.list", {"before": sent[3]})))
    assert [m["id"] for m in second["data"]["data"]] == sent[2:0:-1] and second["data"]["has_more"] is True
    assert [m["id"] for m in rest["data"]["data"]] == sent[2::-1] and rest["data"]["has_more"] is False
    assert unknown["error"]["statusCode"] == 404 and before["error"]["statusCode"] == 422
    assert "page with `after`" in before["error"]["message"]


@pytest.mark.parametrize("package", ["resend", "resend-4"])
def test_a_batch_is_sent(server, package):
    letters = [mail(to=f"batch{i}@example.net") for i in range(3)]
    sent = sdk.call(server, "resend", package, "batch.send", letters)["value"]
    ids = [one["id"] for one in sent["data"]["data"]]
    assert len(set(ids)) == 3 and "errors" not in sent["data"]
    for letter, message_id in zip(letters, ids):
        _, item, _ = sdk.caught(server, letter["subject"])
        assert item["rcpt_to"] == [letter["to"]]
        assert sdk.asking(server, "GET", f"/v1/messages/{message_id}").status == 200


def test_a_strict_batch_is_sent_whole_or_not_at_all(serve):
    server = serve(env={"MAILHATCH_API_KEY": sdk.KEY})
    letters = [mail(), mail(to="nobody"), mail(subject=None, frm="x"), mail()]
    error = sdk.call(server, "resend", CURRENT, "batch.send", letters)["value"]["error"]
    assert (error["statusCode"], error["name"], error["message"]) == (422, "validation_error", f"Email 1: {INVALID_TO}")
    assert sdk.asking(server, "GET", "/v1/messages").json()["messages"] == []


def test_a_permissive_batch_sends_what_is_valid(server):
    letters = [mail(), mail(to="nobody"), mail(headers={"X-A": "1\r\nX-B: 2"}), mail()]
    sent = sdk.call(server, "resend", CURRENT, "batch.send", letters, {"batchValidation": "permissive"})["value"]["data"]
    assert len(sent["data"]) == 2 and [e["index"] for e in sent["errors"]] == [1, 2]
    assert sent["errors"][0]["message"] == INVALID_TO and "headers.X-A: Line breaks" in sent["errors"][1]["message"]
    for letter in (letters[0], letters[3]):
        sdk.caught(server, letter["subject"])


def test_a_batch_has_one_to_a_hundred_emails(server):
    answers = [server.post(body, "/compat/resend/emails/batch", Authorization=f"Bearer {sdk.KEY}")
               for body in ([], [mail(scheduled_at="in 1 day")] * 101, {}, b"[{]", [mail(scheduled_at="in 1 day")] * 100)]
    assert [a.status for a in answers] == [422, 422, 422, 400, 200], [a.body[:200] for a in answers]
    assert "At most 100" in answers[1].json()["message"]
    odd = server.post([mail()], "/compat/resend/emails/batch", Authorization=f"Bearer {sdk.KEY}", X_Batch_Validation="lax")
    assert odd.status == 400 and odd.json()["name"] == "validation_error"


def test_a_batch_that_is_sent_again_is_not_sent_twice(server):
    key, letters = uuid.uuid4().hex, [mail(), mail()]
    first, again, other = (r["value"] for r in sdk.calls(
        server, "resend", CURRENT, *(("batch.send", m, {"idempotencyKey": key}) for m in (letters, letters, [mail(), letters[1]]))))
    assert first["data"]["data"] == again["data"]["data"]
    assert other["error"]["name"] == "invalid_idempotent_request"
