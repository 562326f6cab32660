# SPDX-License-Identifier: MIT
"""Postmark's SDK, old and new, against /compat/postmark, and the mail that arrives."""
import base64
import uuid

import mailhatch
import pytest
import sdk
from mail_reading import headers
from sdk import subject_of

SDKS = ["postmark", "postmark-4", "postmark-3"]
CURRENT = "postmark"
TOKEN = {"X_Postmark_Server_Token": sdk.KEY}


@pytest.fixture(scope="module")
def server():
    with mailhatch.running(env={"MAILHATCH_API_KEY": sdk.KEY}, secrets=(sdk.KEY_SECRET,)) as one:
        yield one


def mail(**changes):
    made = {"From": "Sender <sender@example.com>", "To": "ada@example.net", "Subject": subject_of("plain"), "TextBody": "Hello\n"}
    made.update(changes)
    return {name: value for name, value in made.items() if value is not None}


def value(result):
    assert "value" in result, result
    return result["value"]


@pytest.mark.parametrize("package", SDKS)
def test_a_full_mail_arrives_as_it_was_given(server, package):
    subject = subject_of("full")
    text, html = "Hello, wörld — plain.\nSecond line.\n", '<p>wörld <img src="cid:logo.png" alt="logo"></p>'
    sent = value(sdk.call(server, "postmark", package, "sendEmail", {
        "From": '"Sender, Inc." <sender@example.com>', "To": 'Ada Lovelace <ada@example.net>, "Hopper, G." <grace@example.net>',
        "Cc": "Carol <carol@example.net>", "Bcc": "Bob <bob@example.org>", "ReplyTo": "Replies <replies@example.com>",
        "Subject": f"{subject} ✓ résumé", "TextBody": text, "HtmlBody": html, "Headers": [{"Name": "X-Smoke-Test", "Value": "sdk-compat"}],
        "Tag": "smoke", "Metadata": {"order": "42"}, "MessageStream": "outbound", "TrackOpens": False, "TrackLinks": "None",
        "Attachments": [
            {"Name": "report.txt", "Content": base64.b64encode(b"attachment body").decode(), "ContentType": "text/plain", "ContentID": None,
             "ContentLength": 15},
            {"Name": "logo.png", "Content": base64.b64encode(sdk.PNG).decode(), "ContentType": "image/png", "ContentID": "cid:logo.png"}]}))
    assert (sent["ErrorCode"], sent["Message"]) == (0, "OK")
    assert (sent["To"], sent["Cc"], sent["Bcc"]) == ("ada@example.net, grace@example.net", "carol@example.net", "bob@example.org")
    got, item, raw = sdk.caught(server, subject)
    assert got["from"] == [["Sender, Inc.", "sender@example.com"]] and got["cc"] == [["Carol", "carol@example.net"]]
    assert got["to"] == [["Ada Lovelace", "ada@example.net"], ["Hopper, G.", "grace@example.net"]]
    assert got["reply_to"] == [["Replies", "replies@example.com"]]
    assert item["rcpt_to"] == ["ada@example.net", "grace@example.net", "carol@example.net", "bob@example.org"]
    assert headers(raw, "Bcc") == [] and headers(raw, "X-Smoke-Test") == ["sdk-compat"]
    assert got["subject"] == f"{subject} ✓ résumé" and got["text"] == text and got["html"].strip() == html
    assert [(a["filename"], a["content_type"], a["content_id"], a["content"]) for a in got["attachments"]] == [
        ("logo.png", "image/png", "<logo.png>", sdk.PNG), ("report.txt", "text/plain", None, b"attachment body")]


@pytest.mark.parametrize("package", SDKS)
def test_errors_are_the_sdks_own_classes(server, package):
    address, missing, field = (r["error"] for r in sdk.calls(
        server, "postmark", package, ("sendEmail", mail(To="not-an-address")), ("sendEmail", mail(To=None)), ("sendEmail", mail(Frmo="x"))))
    assert (address["class"], address["code"], address["status"]) == ("InvalidEmailRequestError", 300, 422)
    assert address["message"].startswith("Invalid 'To' address: ")
    assert (missing["class"], missing["message"]) == ("InvalidEmailRequestError", "Zero recipients specified")
    assert (field["class"], field["code"]) == ("ApiInputError", 403) and 'Frmo: There is no such field; did you mean "From"?' in field["message"]
    key = sdk.call(server, "postmark", package, "sendEmail", mail(), key="app.wrong-wrong-wrong")["error"]
    assert (key["class"], key["code"], key["status"]) == ("InvalidAPIKeyError", 10, 401)


@pytest.mark.parametrize("changes, code, words", [
    ({"From": None}, 300, "From: "),
    ({"From": "nobody"}, 300, "Invalid 'From' address: "),
    ({"ReplyTo": "nobody"}, 300, "Invalid 'ReplyTo' address: "),
    ({"To": "ann@example.org\r\n"}, 300, "To.0: Line breaks"),
    ({"Cc": "ann@example.org,\r\n bob@example.org"}, 300, "Cc.1: Line breaks"),
    ({"TrackOpens": True}, 300, "TrackOpens: Mailhatch does not"),
    ({"TrackLinks": "HtmlOnly"}, 300, "TrackLinks: Mailhatch does not"),
    ({"Subject": 1}, 403, "Incompatible JSON: Subject: Must be a string"),
    ({"Headers": [{"Name": "X-A"}]}, 300, "Headers.0: A header needs"),
    ({"Headers": [{"Name": "X-A", "Value": "1\r\nX-B: 2"}]}, 300, "Headers.0.Value: Line breaks"),
    ({"Attachments": [{"Name": "x"}]}, 300, "Attachments.0.Content: An attachment needs content"),
    ({"Attachments": [{"Name": "x", "Content": "=!"}]}, 300, "Attachments.0.Content: This is not base64"),
])
def test_what_cannot_be_done_is_refused_in_postmarks_words(server, changes, code, words):
    answer = server.post(mail(**changes), "/compat/postmark/email", **TOKEN)
    assert answer.status == 422 and set(answer.json()) == {"ErrorCode", "Message"}
    assert answer.json()["ErrorCode"] == code and words in answer.json()["Message"], answer.body


def test_a_missing_token_is_said_to_be_missing(server):
    answer = server.post(mail(), "/compat/postmark/email")
    assert answer.status == 401 and answer.json()["ErrorCode"] == 10
    assert answer.json()["Message"].startswith("No Account or Server API tokens were supplied")


def test_records_are_found_and_shown(serve):
    server = serve(env={"MAILHATCH_API_KEY": sdk.KEY})
    letter = mail(To="Ann <ann@example.net>, b@example.net", HtmlBody="<p>hi</p>", Tag="welcome", Metadata={"a\"b": "c"},
                  MessageStream="broadcast", Attachments=[{"Name": "x.txt", "Content": "eA==", "ContentType": "text/plain"}])
    sent = [value(r)["MessageID"] for r in sdk.calls(server, "postmark", CURRENT, ("sendEmail", letter), ("sendEmail", mail()), ("sendEmail", mail()))]
    sdk.caught(server, letter["Subject"])
    assert sdk.asking(server, "GET", "/v1/messages?limit=1").status == 200
    found = {}
    queries = {"all": {}, "second": {"count": 1, "offset": 1}, "tag": {"tag": "welcome"}, "recipient": {"recipient": "b@example.net"},
               "stream": {"messageStream": "broadcast"}, "sender": {"fromEmail": "sender@example.com", "count": 2},
               "past": {"toDate": "2020-01-01"}, "now": {"fromDate": "2020-01-01", "toDate": "2100-01-01T00:00:00"}}
    for name, result in zip(queries, sdk.calls(server, "postmark", CURRENT, *(("getOutboundMessages", q) for q in queries.values()))):
        found[name] = value(result)
    ids = {name: [m["MessageID"] for m in one["Messages"]] for name, one in found.items()}
    assert ids["all"] == ids["now"] == sent[::-1] and ids["second"] == [sent[1]] and ids["sender"] == sent[:0:-1] and ids["past"] == []
    assert ids["tag"] == ids["recipient"] == ids["stream"] == [sent[0]]
    assert [found[name]["TotalCount"] for name in ("all", "second", "sender", "past")] == [3, 3, 3, 0]
    one = found["tag"]["Messages"][0]
    assert (one["Tag"], one["MessageStream"], one["Metadata"], one["Recipients"]) == (
        "welcome", "broadcast", {'a"b': "c"}, ["ann@example.net", "b@example.net"])
    details, dump, unknown = sdk.calls(server, "postmark", CURRENT, ("getOutboundMessageDetails", sent[0]), ("getOutboundMessageDump", sent[0]),
                                       ("getOutboundMessageDetails", str(uuid.uuid4())))
    assert value(details)["MessageID"] == sent[0] and value(details)["MessageEvents"] == []
    assert "Body" in value(dump)
    assert (unknown["error"]["class"], unknown["error"]["status"], unknown["error"]["code"]) == ("PostmarkError", 404, 701)


def test_what_a_scheduled_mails_record_holds_is_its_text(server):
    """A body is there while the mail is not sent."""
    sent = sdk.asking_json(server, "POST", "/v1/messages", {
        "from": "sender@example.com", "to": ["ann@example.net"], "subject": "later", "text": "Hello\n", "html": "<p>hi</p>",
        "attachments": [{"filename": "x.txt", "content": "eA=="}], "scheduled_at": "2027-01-01T00:00:00Z"})
    details, dump = (value(r) for r in sdk.calls(
        server, "postmark", CURRENT, ("getOutboundMessageDetails", sent["id"]), ("getOutboundMessageDump", sent["id"])))
    assert details["TextBody"] == "Hello\n" and details["HtmlBody"].strip() == "<p>hi</p>" and details["Attachments"] == ["x.txt"]
    assert details["Status"] == "Queued" and "Subject: later\r\n" in details["Body"] and dump["Body"] == details["Body"]


def test_bounces_are_told(serve):
    server = serve(env={"MAILHATCH_API_KEY": sdk.KEY})
    bad = "reject+550-5.7.1@example.net"
    letter = mail(To=bad)
    sent = value(sdk.call(server, "postmark", CURRENT, "sendEmail", letter))["MessageID"]
    sdk.settled(server, sent)
    details, stats = (value(r) for r in sdk.calls(
        server, "postmark", CURRENT, ("getOutboundMessageDetails", sent), ("getDeliveryStatistics",)))
    (event,) = details["MessageEvents"]
    assert (details["Status"], event["Type"], event["Recipient"]) == ("Processed", "Bounced", bad)
    assert event["Details"]["DeliveryMessage"]
    assert stats["Bounces"] == [{"Name": "All", "Count": 1}]


def test_the_server_is_described(server):
    described = value(sdk.call(server, "postmark", CURRENT, "getServer"))
    assert described["ID"] == 1 and described["Name"] and described["ApiTokens"] == []


@pytest.mark.parametrize("query", ["status=bounced", "count=0", "count=501", "fromDate=soon", "recipient=nobody", "subject=x",
                                   "tag=a&messageStream=b"])
def test_filters_that_do_not_exist_are_refused(server, query):
    answer = server.get(f"/compat/postmark/messages/outbound?{query}", **TOKEN)
    assert answer.status == 422 and answer.json()["ErrorCode"] == 300, answer.body


@pytest.mark.parametrize("package", SDKS)
def test_a_batch_has_a_result_for_each(server, package):
    letters = [mail(), mail(To="nobody"), mail(Tg="x"), mail(To="last@example.net")]
    results = value(sdk.call(server, "postmark", package, "sendEmailBatch", letters))
    assert [r["ErrorCode"] for r in results] == [0, 300, 403, 0]
    assert results[1]["Message"].startswith("Invalid 'To' address: ") and "MessageID" not in results[1]
    assert (results[3]["Message"], results[3]["To"]) == ("OK", "last@example.net")
    for letter, result in ((letters[0], results[0]), (letters[3], results[3])):
        sdk.caught(server, letter["Subject"])
        assert sdk.asking(server, "GET", f"/v1/messages/{result['MessageID']}").status == 200


def test_a_batch_has_one_to_five_hundred_emails(server):
    answers = [server.post(body, "/compat/postmark/email/batch", **TOKEN) for body in ([], [mail(To="nobody")] * 501, {}, b"[{]")]
    assert [(a.status, a.json()["ErrorCode"]) for a in answers] == [(422, 300), (422, 300), (422, 403), (422, 402)]
    assert len(server.post([mail(To="nobody")] * 500, "/compat/postmark/email/batch", **TOKEN).json()) == 500
