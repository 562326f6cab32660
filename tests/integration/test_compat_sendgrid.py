# SPDX-License-Identifier: MIT
"""SendGrid's SDK, old and new, against /compat/sendgrid, and the mail that arrives."""
import base64
import json
import time

import mailhatch
import pytest
import sdk
from mail_reading import headers
from sdk import subject_of

SDKS = ["@sendgrid/mail", "sendgrid-mail-7"]
CURRENT = "@sendgrid/mail"
PATH = "/compat/sendgrid/v3/mail/send"
BEARER = {"Authorization": f"Bearer {sdk.KEY}"}
HOUR_S = 3600


@pytest.fixture(scope="module")
def server():
    with mailhatch.running(env={"MAILHATCH_API_KEY": sdk.KEY}, secrets=(sdk.KEY_SECRET,)) as one:
        yield one


def mail(**changes):
    """As users of the SDK write it."""
    made = {"from": "sender@example.com", "to": "ada@example.net", "subject": subject_of("plain"), "text": "Hello\n"}
    made.update(changes)
    return {name: value for name, value in made.items() if value is not None}


def body(**changes):
    """As it is on the wire."""
    made = {"from": {"email": "sender@example.com"}, "personalizations": [{"to": [{"email": "ada@example.net"}]}],
            "subject": subject_of("plain"), "content": [{"type": "text/plain", "value": "Hello\n"}]}
    made.update(changes)
    return {name: value for name, value in made.items() if value is not None}


def sent_id(result):
    response, _ = result["value"]
    assert response["statusCode"] == 202 and response["body"] == "", result
    return response["headers"]["x-message-id"]


def status_of(server, message_id):
    return sdk.asking(server, "GET", f"/v1/messages/{message_id}").json()["status"]


@pytest.mark.parametrize("package", SDKS)
def test_a_full_mail_arrives_as_it_was_given(server, package):
    subject = subject_of("full")
    content_id = "contentId" if package == CURRENT else "content_id"
    text, html = "Hello, wörld — plain.\nSecond line.\n", '<p>wörld <img src="cid:logo.png" alt="logo"></p>'
    result = sdk.call(server, "sendgrid", package, "send", {
        "from": {"email": "sender@example.com", "name": "Sender, Inc."}, "to": {"email": "ada@example.net", "name": "Ada Lovelace"},
        "cc": "Carol <carol@example.net>", "bcc": [{"email": "bob@example.org", "name": "Bob"}],
        "replyTo": {"email": "replies@example.com", "name": "Replies"}, "subject": f"{subject} ✓ résumé", "text": text, "html": html,
        "headers": {"X-Smoke-Test": "sdk-compat"}, "categories": ["smoke"], "customArgs": {"order": "42"},
        "attachments": [
            {"content": base64.b64encode(b"attachment body").decode(), "filename": "report.txt", "type": "text/plain", "disposition": "attachment"},
            {"content": base64.b64encode(sdk.PNG).decode(), "filename": "logo.png", "type": "image/png", "disposition": "inline",
             content_id: "logo.png"}]})
    message_id = sent_id(result)
    got, item, raw = sdk.caught(server, subject)
    assert got["from"] == [["Sender, Inc.", "sender@example.com"]] and got["to"] == [["Ada Lovelace", "ada@example.net"]]
    assert got["cc"] == [["Carol", "carol@example.net"]] and got["reply_to"] == [["Replies", "replies@example.com"]]
    assert item["rcpt_to"] == ["ada@example.net", "carol@example.net", "bob@example.org"]
    assert headers(raw, "Bcc") == [] and headers(raw, "X-Smoke-Test") == ["sdk-compat"]
    assert got["subject"] == f"{subject} ✓ résumé" and got["text"] == text and got["html"].strip() == html
    assert [(a["filename"], a["content_type"], a["content_id"], a["content"]) for a in got["attachments"]] == [
        ("logo.png", "image/png", "<logo.png>", sdk.PNG), ("report.txt", "text/plain", None, b"attachment body")]
    tagged = sdk.asking(server, "GET", "/v1/messages?tag=smoke").json()["messages"]
    assert message_id in [message["id"] for message in tagged]


@pytest.mark.parametrize("package", SDKS)
def test_errors_are_the_sdks_own(server, package):
    error = sdk.call(server, "sendgrid", package, "send", mail(to="not-an-address"))["error"]
    assert (error["class"], error["code"], error["message"]) == ("ResponseError", 400, "Bad Request")
    assert error["body"]["errors"] == [
        {"message": "Does not contain a valid address.", "field": "personalizations.0.to.0.email", "help": None}]
    error = sdk.call(server, "sendgrid", package, "send", mail(), key="app.wrong-wrong-wrong")["error"]
    assert (error["class"], error["code"], error["message"]) == ("ResponseError", 401, "Unauthorized")
    assert error["body"]["errors"] == [
        {"message": "The provided authorization grant is invalid, expired, or revoked", "field": None, "help": None}]


def test_each_personalization_is_one_message(server):
    """What it gives itself goes before what the request gives."""
    ours, theirs = subject_of("ours"), subject_of("theirs")
    sent_id(sdk.call(server, "sendgrid", CURRENT, "send", {
        "from": "sender@example.com", "subject": ours, "text": "Dear -name-, {{name}} of {{town}}\n", "html": "<p>{{name}}</p>",
        "headers": {"X-A": "1", "X-B": "2"}, "customArgs": {"a": "1"},
        "personalizations": [
            {"to": "ann@example.net", "cc": "c@example.net", "substitutions": {"name": "A & B", "town": "{{name}}"}},
            {"to": ["bob@example.net", "eve@example.net"], "subject": theirs, "from": {"email": "other@example.com"}, "headers": {"x-b": "3"},
             "customArgs": {"b": "2"}, "substitutions": {"name": "Bob"}}]}))
    one, item, raw = sdk.caught(server, ours)
    assert item["rcpt_to"] == ["ann@example.net", "c@example.net"] and one["from"] == [["", "sender@example.com"]]
    assert one["text"] == "Dear -name-, A & B of {{name}}\n" and one["html"].strip() == "<p>A & B</p>"
    assert (headers(raw, "X-A"), headers(raw, "X-B")) == (["1"], ["2"])
    two, item, raw = sdk.caught(server, theirs)
    assert item["rcpt_to"] == ["bob@example.net", "eve@example.net"] and two["from"] == [["", "other@example.com"]]
    assert two["text"] == "Dear -name-, Bob of {{town}}\n" and (headers(raw, "X-A"), headers(raw, "X-B")) == (["1"], ["3"])


def test_send_multiple_sends_one_mail_to_each(server):
    subject = subject_of("many")
    sent_id(sdk.call(server, "sendgrid", CURRENT, "sendMultiple", mail(to=["m1@example.net", "m2@example.net"], subject=subject)))
    sdk.caught(server, f"{subject}&to=m1@example.net")
    sdk.caught(server, f"{subject}&to=m2@example.net")


def test_one_bad_personalization_and_nothing_is_sent(serve):
    server = serve(env={"MAILHATCH_API_KEY": sdk.KEY})
    people = [{"to": [{"email": "a@example.net"}]}, {"to": [{"email": "nobody"}]}, {"to": []}]
    answer = server.post(body(personalizations=people), PATH, **BEARER)
    assert answer.status == 400 and [e["field"] for e in answer.json()["errors"]] == ["personalizations.1.to.0.email"]
    assert sdk.asking(server, "GET", "/v1/messages").json()["messages"] == []


def test_sandbox_mode_judges_and_sends_nothing(serve):
    server = serve(env={"MAILHATCH_API_KEY": sdk.KEY})
    sandbox = {"sandboxMode": {"enable": True}}
    good, bad = sdk.calls(server, "sendgrid", CURRENT, ("send", mail(mailSettings=sandbox)), ("send", mail(mailSettings=sandbox, to="nobody")))
    assert good["value"][0]["statusCode"] == 200 and bad["error"]["code"] == 400
    assert sdk.asking(server, "GET", "/v1/messages").json()["messages"] == []
    off = sdk.call(server, "sendgrid", CURRENT, "send", mail(mailSettings={"sandboxMode": {"enable": False}}))
    assert status_of(server, sent_id(off))


@pytest.mark.parametrize("package", SDKS)
def test_the_quotes_of_a_name_are_not_part_of_it(server, package):
    subject = subject_of("names")
    sent = sdk.call(server, "sendgrid", package, "send", mail(
        subject=subject, to=['"Lovelace, Ada" <ada@example.net>', {"email": "eve@example.net", "name": 'Eve "E" Example'}],
        **{"from": '"Sender \\"X\\", Inc." <sender@example.com>'}))
    assert sent_id(sent)
    got, _, _ = sdk.caught(server, subject)
    assert got["to"] == [["Lovelace, Ada", "ada@example.net"], ['Eve "E" Example', "eve@example.net"]]
    assert got["from"] == [['Sender "X", Inc.', "sender@example.com"]]


def test_a_scheduled_batch_is_taken_back(server):
    later = int(time.time()) + HOUR_S
    batch = sdk.call(server, "sendgrid", CURRENT, "request", {"method": "POST", "url": "/v3/mail/batch"})["value"]
    batch_id = batch[1]["batch_id"]
    assert batch[0]["statusCode"] == 201
    known = sdk.call(server, "sendgrid", CURRENT, "request", {"method": "GET", "url": f"/v3/mail/batch/{batch_id}"})["value"]
    assert (known[0]["statusCode"], known[1]) == (200, {"batch_id": batch_id})
    one, two, other = (sent_id(r) for r in sdk.calls(
        server, "sendgrid", CURRENT, ("send", mail(sendAt=later, batchId=batch_id)),
        ("send", mail(batchId=batch_id, personalizations=[{"to": "a@example.net", "sendAt": later + 60}], to=None)), ("send", mail(sendAt=later))))
    assert [status_of(server, m) for m in (one, two, other)] == 3 * ["scheduled"]
    shown = sdk.asking(server, "GET", f"/v1/messages/{two}").json()
    assert shown["scheduled_at"][:19] == time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(later + 60))
    order = {"method": "POST", "url": "/v3/user/scheduled_sends"}
    canceled, again, odd = sdk.calls(
        server, "sendgrid", CURRENT, *(("request", {**order, "body": {"batch_id": batch_id, "status": s}}) for s in ("cancel", "cancel", "x")))
    assert [(r["value"][0]["statusCode"], r["value"][1]) for r in (canceled, again)] == 2 * [(201, {"batch_id": batch_id, "status": "cancel"})]
    assert [status_of(server, m) for m in (one, two, other)] == ["canceled", "canceled", "scheduled"]
    assert odd["error"]["code"] == 400 and odd["error"]["body"]["errors"][0]["field"] == "status"


def test_a_batch_is_paused_and_goes_on(server):
    batch_id, later, path = subject_of("batch"), int(time.time()) + HOUR_S, "/v3/user/scheduled_sends"
    one, two = (sent_id(r) for r in sdk.calls(
        server, "sendgrid", CURRENT, ("send", mail(batchId=batch_id, sendAt=later)), ("send", mail(batchId=batch_id, sendAt=later + 60))))
    nothing, paused, state, again = sdk.calls(
        server, "sendgrid", CURRENT, ("request", {"method": "GET", "url": f"{path}/{batch_id}"}),
        ("request", {"method": "POST", "url": path, "body": {"batch_id": batch_id, "status": "pause"}}),
        ("request", {"method": "GET", "url": f"{path}/{batch_id}"}),
        ("request", {"method": "PATCH", "url": f"{path}/{batch_id}", "body": {"status": "pause"}}))
    assert nothing["value"][1] == [] and again["value"][0]["statusCode"] == 204
    assert (paused["value"][0]["statusCode"], paused["value"][1]) == (201, {"batch_id": batch_id, "status": "pause"})
    assert state["value"][1] == [{"batch_id": batch_id, "status": "pause"}]
    assert [status_of(server, m) for m in (one, two)] == 2 * ["scheduled"] and next_attempt(server, one) is None
    resumed, none = sdk.calls(server, "sendgrid", CURRENT, *2 * [("request", {"method": "DELETE", "url": f"{path}/{batch_id}"})])
    assert resumed["value"][0]["statusCode"] == 204 and none["error"]["code"] == 404
    assert [status_of(server, m) for m in (one, two)] == 2 * ["scheduled"] and next_attempt(server, one)[:19] == at(later)


def next_attempt(server, message_id):
    return sdk.asking(server, "GET", f"/v1/messages/{message_id}").json()["recipients"][0].get("next_attempt_at")


def at(seconds):
    return time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(seconds))


def test_what_is_paused_is_not_sent_when_its_time_comes(server):
    def order(method, path, body=None):
        answer = server.request(method, f"/compat/sendgrid/v3/user/scheduled_sends{path}", json.dumps(body) if body else None, {
            "Authorization": f"Bearer {sdk.KEY}", **({"Content-Type": "application/json"} if body else {})})
        assert answer.status in (201, 204), answer

    batch_id, soon = subject_of("batch"), time.time() + 2
    kept, left = (sdk.asking_json(server, "POST", "/v1/messages", mailhatch.letter(
        scheduled_at=at(soon) + "Z", tags=[tag]))["id"] for tag in (f"batch:{batch_id}", "other"))
    order("POST", "", {"batch_id": batch_id, "status": "pause"})
    assert sdk.settled(server, left)["status"] == "sent"  # its time has come
    assert status_of(server, kept) == "scheduled"
    order("DELETE", f"/{batch_id}")
    assert sdk.settled(server, kept)["status"] == "sent"


def test_scopes_are_those_of_the_key(serve):
    server = serve(config={"store": "memory", "listen": ["127.0.0.1:0"],
                           "api_keys": [{"name": "reader", "id": "r", "key": "r.0123456789abcdef0123456789abcdef", "scopes": ["read"]}]})
    shown = server.get("/compat/sendgrid/v3/scopes", Authorization="Bearer r.0123456789abcdef0123456789abcdef")
    assert shown.json() == {"scopes": ["suppression.read"]}
    refused = server.post(body(), PATH, Authorization="Bearer r.0123456789abcdef0123456789abcdef")
    assert refused.status == 403 and refused.json()["errors"] == [{"message": "access forbidden", "field": None, "help": None}]


@pytest.mark.parametrize("changes, field, words", [
    ({"personalizations": None}, "personalizations", "The personalizations field is required"),
    ({"personalizations": []}, "personalizations", "The personalizations field is required"),
    ({"personalizations": {}}, "personalizations", "Must be a list"),
    ({"personalizations": [{"to": []}]}, "personalizations.0.to", "recipient is required"),
    ({"personalizations": [{"to": [{"email": "a@example.net"}], "substitutions": {"": "x"}}]}, "personalizations.0.substitutions", "not be empty"),
    ({"from": {"email": "nobody"}}, "from.email", "Does not contain a valid address."),
    ({"reply_to_list": [{"email": "nobody"}]}, "reply_to_list.0.email", "Does not contain a valid address."),
    ({"content": [{"type": "text/calendar", "value": "x"}]}, "content.0.type", "attach what is of another type"),
    ({"content": [{"type": "text/plain"}]}, "content.0", "needs a type and a value"),
    ({"content": [{"type": "text/plain", "value": "x"}] * 2}, "content.1", "of this type already"),
    ({"asm": {"group_id": 1}}, "asm", "Mailhatch does not"),
    ({"subjct": "x"}, "subjct", "did you mean"),
    ({"send_at": "soon"}, "send_at", "whole number of seconds"),
    ({"batch_id": "x" * 101}, "batch_id", "At most 100"),
    ({"mail_settings": {"footer": {"enable": True}}}, "mail_settings.footer.enable", "Mailhatch does not"),
    ({"tracking_settings": {"click_tracking": {"enable": True}}}, "tracking_settings.click_tracking.enable", "Mailhatch does not"),
    ({"headers": {"X-A": "1\r\nX-B: 2"}}, "headers.X-A", "Line breaks"),
    ({"attachments": [{"filename": "x"}]}, "attachments.0.content", "needs content"),
])
def test_what_cannot_be_done_is_refused_with_its_field(server, changes, field, words):
    answer = server.post(body(**changes), PATH, **BEARER)
    error = answer.json()["errors"][0]
    assert answer.status == 400 and error["field"] == field and words in error["message"], answer.body


def test_settings_may_say_that_they_are_off(server):
    off = {"enable": False}
    answer = server.post(body(mail_settings={"footer": {**off, "text": "x"}, "spam_check": off}, tracking_settings={
        "click_tracking": {**off, "enable_text": False}, "open_tracking": {**off, "substitution_tag": None}}), PATH, **BEARER)
    assert answer.status == 202 and answer.headers["X-Message-Id"], answer.body


def test_substitutions_are_bounded(server):
    person = {"to": [{"email": "a@example.net"}], "substitutions": {"x": "y" * 100000}}
    answer = server.post(body(personalizations=[person], content=[{"type": "text/plain", "value": "x" * 1000}]), PATH, **BEARER)
    assert answer.status == 400 and "too large" in answer.json()["errors"][0]["message"]
    many = {"to": [{"email": "a@example.net"}], "substitutions": {f"-{i}-": "y" for i in range(1001)}}
    answer = server.post(body(personalizations=[many]), PATH, **BEARER)
    assert answer.status == 400 and "At most 1000 substitutions" in answer.json()["errors"][0]["message"]
