# SPDX-License-Identifier: MIT
"""AWS's SDK for SES v1, whose requests are forms, against /compat/ses, and the mail that arrives."""
import urllib.parse
import uuid
import xml.etree.ElementTree

import mailhatch
import pytest
import sdk
import sigv4
from mail_reading import headers
from sdk import subject_of

CURRENT = "@aws-sdk/client-ses"
SDKS = [CURRENT, "client-ses-485"]
PATH = "/compat/ses"  # SDKs put a slash behind it
FORM = "application/x-www-form-urlencoded; charset=utf-8"
XML = "{http://ses.amazonaws.com/doc/2010-12-01/}"


@pytest.fixture(scope="module")
def server():
    config = {"listen": ["127.0.0.1:0"], "store": "memory", "api_keys": [
        {"name": "all", "key": sdk.KEY, "scopes": ["send", "read", "admin"]},
        {"name": "narrow", "key": f"narrow.{sdk.KEY_SECRET}", "senders": ["*@example.com"], "rate": "500/s"},
        {"name": "reader", "key": f"reader.{sdk.KEY_SECRET}", "scopes": ["read"]}]}
    with mailhatch.running(config=config, secrets=(sdk.KEY_SECRET,)) as one:
        yield one


def email(**changes):
    made = {"Source": "Sender <sender@example.com>", "Destination": {"ToAddresses": ["ada@example.net"]},
            "Message": {"Subject": {"Data": subject_of("plain")}, "Body": {"Text": {"Data": "Hello\n"}}}, **changes}
    return {name: value for name, value in made.items() if value is not None}


def parameters(**changes):
    made = {"Action": "SendEmail", "Version": "2010-12-01", "Source": "sender@example.com",
            "Destination.ToAddresses.member.1": "ada@example.net", "Message.Subject.Data": subject_of("form"), "Message.Body.Text.Data": "Hello"}
    made.update(changes)
    return {name: value for name, value in made.items() if value is not None}


def post(server, form, path=PATH, key=(sdk.KEY_ID, sdk.KEY_SECRET), content_type=FORM, **options):
    raw = form if isinstance(form, bytes) else urllib.parse.urlencode(form).encode()
    made = sigv4.headers("POST", path, f"127.0.0.1:{server.port}", raw, *key, extra={"content-type": content_type}, **options)
    return server.request("POST", path, raw, made)


def refusal(answer):
    """(status, Code) of a refusal in SES's XML."""
    assert answer.headers.get_content_type() == "text/xml" and answer.headers["x-amzn-requestid"]
    root = xml.etree.ElementTree.fromstring(answer.body)
    assert root.tag == f"{XML}ErrorResponse" and root.findtext(f"{XML}RequestId") == answer.headers["x-amzn-requestid"]
    error = root.find(f"{XML}Error")
    assert error.findtext(f"{XML}Type") == ("Receiver" if answer.status >= 500 else "Sender") and error.findtext(f"{XML}Message")
    return answer.status, error.findtext(f"{XML}Code"), error.findtext(f"{XML}Message")


@pytest.mark.parametrize("package", SDKS)
def test_a_full_mail_arrives_as_it_was_given(server, package):
    subject, tag = subject_of("full"), uuid.uuid4().hex
    text, html = "Hello, wörld — plain & <simple>.\nSecond + line.\n", "<p>wörld</p>"
    result = sdk.call(server, "ses", package, "SendEmailCommand", {
        "Source": '"Sender, Inc." <sender@example.com>', "ReturnPath": "bounces@example.com",
        "Destination": {"ToAddresses": ["Ada Lovelace <ada@example.net>", "eve@example.net"], "CcAddresses": ["Carol <carol@example.net>"],
                        "BccAddresses": ["Bob <bob@example.org>"]},
        "ReplyToAddresses": ["Replies <replies@example.com>"], "Tags": [{"Name": "category", "Value": tag}, {"Name": "b", "Value": "2"}],
        "ConfigurationSetName": tag,
        "Message": {"Subject": {"Data": f"{subject} ✓ résumé", "Charset": "UTF-8"},
                    "Body": {"Text": {"Data": text, "Charset": "UTF-8"}, "Html": {"Data": html, "Charset": "UTF-8"}}}})
    assert result["value"]["$metadata"]["attempts"] == 1, result
    got, item, raw = sdk.caught(server, subject)
    assert got["from"] == [["Sender, Inc.", "sender@example.com"]] and item["mail_from"] == "bounces@example.com"
    assert got["to"] == [["Ada Lovelace", "ada@example.net"], ["", "eve@example.net"]] and got["cc"] == [["Carol", "carol@example.net"]]
    assert got["reply_to"] == [["Replies", "replies@example.com"]] and headers(raw, "Bcc") == []
    assert item["rcpt_to"] == ["ada@example.net", "eve@example.net", "carol@example.net", "bob@example.org"]
    assert got["subject"] == f"{subject} ✓ résumé" and got["text"] == text and got["html"].strip() == html
    for wanted in (f"category:{tag}", f"ses:configuration-set:{tag}"):
        tagged = sdk.asking(server, "GET", f"/v1/messages?tag={wanted}").json()["messages"]
        assert [message["id"] for message in tagged] == [result["value"]["MessageId"]]


RAW = """From: "Sender, Inc." <sender@example.com>
To: Ada <ada@example.net>
Bcc: secret@example.org
Subject: {}

wörld
"""


@pytest.mark.parametrize("package", SDKS)
@pytest.mark.parametrize("envelope", [{"Source": "Bounces <bounces@example.com>", "Destinations": ["bob@example.org", "eve@example.net"]}, {}])
def test_a_raw_mail_keeps_its_header_and_goes_to_its_envelope(server, package, envelope):
    subject = subject_of("raw")
    result = sdk.call(server, "ses", package, "SendRawEmailCommand", {"RawMessage": {"Data": sdk.buffer(RAW.format(subject).encode())}, **envelope})
    assert result["value"]["MessageId"], result
    got, item, raw = sdk.caught(server, subject)
    assert item["mail_from"] == ("bounces@example.com" if envelope else "sender@example.com")
    assert item["rcpt_to"] == (envelope["Destinations"] if envelope else ["ada@example.net", "secret@example.org"])
    assert got["from"] == [["Sender, Inc.", "sender@example.com"]] and got["text"] == "wörld\n" and headers(raw, "Bcc") == []


def test_a_large_raw_mail_is_taken(server):
    subject = subject_of("large")
    raw = RAW.format(subject).encode() + b"x" * 70 + b"\n" + (b"y" * 75 + b"\n") * 50_000
    assert sdk.call(server, "ses", CURRENT, "SendRawEmailCommand", {"RawMessage": {"Data": sdk.buffer(raw)}})["value"]["MessageId"]
    assert sdk.caught(server, subject)[0]["text"].count("y" * 75) == 50_000


@pytest.mark.parametrize("package", SDKS)
def test_errors_are_the_sdks_own(server, package):
    bad, sender, key, scope = (sdk.call(server, "ses", package, "SendEmailCommand", message, key=f"{key}")["error"] for message, key in (
        (email(Destination={"ToAddresses": ["not-an-address"]}), sdk.KEY),
        (email(Source="a@example.org", Destination={"ToAddresses": ["not-an-address"]}), f"narrow.{sdk.KEY_SECRET}"),
        (email(), "app.wrong-wrong-wrong"), (email(), f"reader.{sdk.KEY_SECRET}")))
    assert (bad["class"], bad["name"], bad["status"], bad["attempts"]) == ("SESServiceException", "InvalidParameterValue", 400, 1)
    assert "Destination.ToAddresses.member.1" in bad["message"]
    assert (sender["class"], sender["status"]) == ("MessageRejected", 400) and sender["message"].startswith("Email address is not verified.")
    assert (key["name"], key["status"]) == ("InvalidClientTokenId", 403) and (scope["name"], scope["status"]) == ("AccessDenied", 403)


def test_the_quota_is_that_of_the_key(server):
    free, narrow = (sdk.call(server, "ses", CURRENT, "GetSendQuotaCommand", {}, key=f"{key}.{sdk.KEY_SECRET}")["value"] for key in (sdk.KEY_ID, "narrow"))
    assert (free["Max24HourSend"], free["MaxSendRate"], narrow["MaxSendRate"]) == (-1, -1, 500)
    assert sdk.call(server, "ses", CURRENT, "GetAccountSendingEnabledCommand", {})["value"]["Enabled"] is True


@pytest.mark.parametrize("command, given, name", [
    ("SendTemplatedEmailCommand", {"Source": "a@example.com", "Destination": {"ToAddresses": ["b@example.org"]}, "Template": "t", "TemplateData": "{}"}, "InvalidParameterValue"),
    ("ListIdentitiesCommand", {}, "InvalidAction"), ("VerifyEmailIdentityCommand", {"EmailAddress": "a@example.com"}, "InvalidAction"),
])
def test_other_actions_are_refused(server, command, given, name):
    error = sdk.call(server, "ses", CURRENT, command, given)["error"]
    assert (error["name"], error["status"]) == (name, 400)


def test_a_retry_is_the_same_message(server):
    form, extra = urllib.parse.urlencode(parameters()).encode(), str(uuid.uuid4())

    def send(form):
        made = sigv4.headers("POST", PATH, f"127.0.0.1:{server.port}", form, sdk.KEY_ID, sdk.KEY_SECRET,
                             extra={"content-type": FORM, "amz-sdk-invocation-id": extra})
        return server.request("POST", PATH, form, made)
    first, second = (xml.etree.ElementTree.fromstring(send(form).body).findtext(f".//{XML}MessageId") for _ in range(2))
    assert first and first == second
    assert refusal(send(urllib.parse.urlencode(parameters()).encode()))[:2] == (409, "InvalidParameterValue")


@pytest.mark.parametrize("changes, words", [
    ({"Source": None}, "Source: "),
    ({"Source": "nobody"}, "Source: "),
    ({"Destination.ToAddresses.member.1": None}, "Destination.ToAddresses: "),
    ({"Destination.ToAddresses.member.x": "a@example.org"}, "Destination.ToAddresses.member.x: There is no such"),
    ({"Destination.ToAddresses.member.12345": "a@example.org"}, "Destination.ToAddresses.member.12345: There is no such"),
    ({"Destination.ToAddresses": "a@example.org"}, "Destination.ToAddresses: There is no such"),
    ({"Message.Subject.Data": "a\r\nBcc: x@example.org"}, "Message.Subject.Data: "),
    ({"Message.Subject.Data": "a\0b"}, "Message.Subject.Data: "),
    ({"Tags.member.1.Name": "a"}, "Tags.member.1.Name: A tag has"),
    ({"Tags.member.1.Value": "a"}, "Tags.member.1.Value: A tag has"),
    ({"Tags.member.1.Other": "a"}, "Tags.member.1.Other: There is no such"),
    ({"Tags.member.1.Name": "a\0b", "Tags.member.1.Value": "c"}, "Tags.member.1.Name: "),
    ({"SourceArn": "arn:x"}, "SourceArn: Mailhatch does not"),
    ({"RawMessage.Data": "eA=="}, "RawMessage.Data: There is no such"),
    ({"Other": "<&>"}, "Other: There is no such"),
    ({"Action": "SendRawEmail", "Destination.ToAddresses.member.1": None, "Message.Subject.Data": None, "Message.Body.Text.Data": None}, "RawMessage.Data: The message"),
    ({"Action": "SendRawEmail", "Destination.ToAddresses.member.1": None, "Message.Subject.Data": None, "Message.Body.Text.Data": None, "RawMessage.Data": "=!"},
     "RawMessage.Data: This is not base64"),
])
def test_what_cannot_be_sent_is_an_invalid_parameter(server, changes, words):
    status, code, message = refusal(post(server, parameters(**changes)))
    assert (status, code) == (400, "InvalidParameterValue") and message.startswith(words), message


@pytest.mark.parametrize("form", [b"", b"Action=", b"Action=%53endEmail", b"Action=Nothing%26&Version=x", b"&&&", b"Source=a"])
def test_what_names_no_action_is_refused(server, form):
    assert refusal(post(server, form))[:2] == (400, "InvalidAction")


@pytest.mark.parametrize("form", [b"Action=SendEmail&Source=%zz", b"Action=SendEmail&=a", b"Action=SendEmail&Source=%ff"])
def test_a_form_that_is_none_is_refused(server, form):
    assert refusal(post(server, form))[:2] == (400, "InvalidParameterValue")


def test_a_list_may_be_empty(server):
    assert post(server, parameters(**{"Destination.CcAddresses": "", "Tags": ""})).status == 200


def test_the_signature_is_asked_for_in_its_own_words(server):
    raw = urllib.parse.urlencode(parameters()).encode()
    said = refusal(server.request("POST", PATH, raw, {"Content-Type": FORM}))
    assert said[:2] == (403, "MissingAuthenticationToken")
    assert refusal(post(server, parameters(), service="s3"))[:2] == (403, "IncompleteSignature")
    assert refusal(post(server, parameters(), at=sigv4.now(-400)))[:2] == (403, "RequestExpired")
    assert refusal(post(server, b"{}", content_type="application/json"))[:2] == (415, "InvalidParameterValue")


def test_a_used_up_rate_is_repeated_and_sent_once(serve):
    server = serve(config={"listen": ["127.0.0.1:0"], "store": "memory", "api_keys": [{"name": "slow", "key": sdk.KEY, "rate": "12/m"}]})
    results = sdk.calls(server, "ses", CURRENT, *(("SendEmailCommand", email()) for _ in range(2)))
    assert len({r["value"]["MessageId"] for r in results}) == 2 and results[1]["value"]["$metadata"]["attempts"] > 1
