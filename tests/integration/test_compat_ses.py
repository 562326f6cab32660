# SPDX-License-Identifier: MIT
"""AWS's SDK for SES v2, old and new, against /compat/ses, and the mail that arrives."""
import base64
import json
import uuid

import mailhatch
import pytest
import sdk
import sigv4
from mail_reading import headers
from sdk import subject_of

CURRENT = "@aws-sdk/client-sesv2"
SDKS = [CURRENT, "client-sesv2-750", "client-sesv2-485"]
SEND = "/compat/ses/v2/email/outbound-emails"
MASTER = "a master key of some length, at least"
HASHED_ID, HASHED_SHA256 = "hashed", "7a2b1f9f0c7a5e0d3f1e6c5b4a39281706f5e4d3c2b1a0998877665544332211"


@pytest.fixture(scope="module")
def server():
    config = {"listen": ["127.0.0.1:0"], "store": "memory", "master_key": MASTER, "api_keys": [
        {"name": "clear", "key": sdk.KEY, "scopes": ["send", "read", "admin"]},
        {"name": "hashed", "id": HASHED_ID, "hash": f"sha256:{HASHED_SHA256}"},
        {"name": "narrow", "key": f"narrow.{sdk.KEY_SECRET}", "senders": ["*@example.com"], "rate": "500/s"},
        {"name": "suppress", "key": f"suppress.{sdk.KEY_SECRET}"},
        {"name": "reader", "key": f"reader.{sdk.KEY_SECRET}", "scopes": ["read"]}]}
    with mailhatch.running(config=config, secrets=(sdk.KEY_SECRET, MASTER)) as one:
        yield one


def mail(simple=None, **changes):
    made = {"FromEmailAddress": "Sender <sender@example.com>", "Destination": {"ToAddresses": ["ada@example.net"]},
            "Content": {"Simple": {"Subject": {"Data": subject_of("plain")}, "Body": {"Text": {"Data": "Hello\n"}}, **(simple or {})}}}
    made.update(changes)
    return {name: value for name, value in made.items() if value is not None}


def signed(server, body, target=SEND, method="POST", sent=None, sent_target=None, key=(sdk.KEY_ID, sdk.KEY_SECRET), **options):
    """The answer to a request that is signed as it should be, except for what is sent in place of it."""
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    made = sigv4.headers(method, target, f"127.0.0.1:{server.port}", raw, *key, **options)
    return server.request(method, sent_target or target, raw if sent is None else sent, made)


def refusal(answer):
    assert answer.headers.get_content_type() == "application/json" and answer.headers["x-amzn-requestid"]
    assert list(answer.json()) == ["message"] and answer.json()["message"]
    return answer.status, answer.headers["x-amzn-errortype"]


@pytest.mark.parametrize("package", SDKS)
def test_a_full_mail_arrives_as_it_was_given(server, package):
    subject, tag = subject_of("full"), uuid.uuid4().hex
    text, html = "Hello, wörld — plain.\nSecond line.\n", '<p>wörld <img src="cid:logo.png" alt="logo"></p>'
    has_headers, has_files = package != "client-sesv2-485", package == CURRENT
    simple = {"Subject": {"Data": f"{subject} ✓ résumé", "Charset": "UTF-8"},
              "Body": {"Text": {"Data": text, "Charset": "UTF-8"}, "Html": {"Data": html, "Charset": "UTF-8"}}}
    if has_headers:
        simple["Headers"] = [{"Name": "X-Smoke-Test", "Value": "sdk-compat"}]
    if has_files:
        simple["Attachments"] = [
            {"RawContent": sdk.buffer(b"attachment body"), "FileName": "report.txt", "ContentType": "text/plain",
             "ContentDisposition": "ATTACHMENT", "ContentTransferEncoding": "BASE64"},
            {"RawContent": sdk.buffer(sdk.PNG), "FileName": "logo.png", "ContentType": "image/png",
             "ContentDisposition": "INLINE", "ContentId": "logo.png", "ContentTransferEncoding": "BASE64"}]
    result = sdk.call(server, "ses", package, "SendEmailCommand", {
        "FromEmailAddress": '"Sender, Inc." <sender@example.com>',
        "Destination": {"ToAddresses": ["Ada Lovelace <ada@example.net>"], "CcAddresses": ["Carol <carol@example.net>"],
                        "BccAddresses": ["Bob <bob@example.org>"]},
        "ReplyToAddresses": ["Replies <replies@example.com>"], "FeedbackForwardingEmailAddress": "bounces@example.com",
        "EmailTags": [{"Name": "category", "Value": tag}], "ConfigurationSetName": tag, "Content": {"Simple": simple}})
    assert result["value"]["$metadata"]["attempts"] == 1, result
    got, item, raw = sdk.caught(server, subject)
    assert got["from"] == [["Sender, Inc.", "sender@example.com"]] and item["mail_from"] == "bounces@example.com"
    assert got["to"] == [["Ada Lovelace", "ada@example.net"]] and got["cc"] == [["Carol", "carol@example.net"]]
    assert got["reply_to"] == [["Replies", "replies@example.com"]]
    assert item["rcpt_to"] == ["ada@example.net", "carol@example.net", "bob@example.org"]
    assert headers(raw, "Bcc") == [] and headers(raw, "X-Smoke-Test") == ["sdk-compat"] * has_headers
    assert got["subject"] == f"{subject} ✓ résumé" and got["text"] == text and got["html"].strip() == html
    assert [(a["filename"], a["content_type"], a["content_id"], a["content"]) for a in got["attachments"]] == [
        ("logo.png", "image/png", "<logo.png>", sdk.PNG), ("report.txt", "text/plain", None, b"attachment body")] * has_files
    for wanted in (f"category:{tag}", f"ses:configuration-set:{tag}"):
        tagged = sdk.asking(server, "GET", f"/v1/messages?tag={wanted}").json()["messages"]
        assert [message["id"] for message in tagged] == [result["value"]["MessageId"]]


@pytest.mark.parametrize("package", SDKS)
def test_a_bad_recipient_is_the_sdks_own_error(server, package):
    error = sdk.call(server, "ses", package, "SendEmailCommand", mail(Destination={"ToAddresses": ["not-an-address"]}))["error"]
    assert (error["class"], error["name"], error["status"], error["attempts"]) == ("BadRequestException", "BadRequestException", 400, 1)
    assert "Destination.ToAddresses.0" in error["message"]


@pytest.mark.parametrize("package", SDKS)
def test_a_sender_that_is_not_allowed_is_message_rejected(server, package):
    error = sdk.call(server, "ses", package, "SendEmailCommand",
                     mail(FromEmailAddress="a@example.org", Destination={"ToAddresses": ["not-an-address"]}),
                     key=f"narrow.{sdk.KEY_SECRET}")["error"]
    assert (error["class"], error["status"], error["attempts"]) == ("MessageRejected", 400, 1)
    assert error["message"].startswith("Email address is not verified")


@pytest.mark.parametrize("key", ["app.wrong-wrong-wrong", f"nobody.{sdk.KEY_SECRET}"])
def test_an_unknown_key_and_a_wrong_secret_look_alike(server, key):
    error = sdk.call(server, "ses", CURRENT, "SendEmailCommand", mail(), key=key)["error"]
    assert (error["name"], error["status"], error["attempts"]) == ("UnrecognizedClientException", 403, 1)
    assert "no key has this access key id, or the signature is not that of its secret" in error["message"]


def test_a_hashed_key_signs_with_the_secret_that_the_command_prints(server, tmp_path):
    (tmp_path / "c.yaml").write_text(f"master_key: {MASTER}\napi_keys: [{{name: h, id: {HASHED_ID}, hash: 'sha256:{HASHED_SHA256}'}}]\n")
    secret = mailhatch.cli("key", "ses-secret", HASHED_ID, "--config", str(tmp_path / "c.yaml")).stdout.decode().strip()
    result = sdk.call(server, "ses", CURRENT, "SendEmailCommand", mail(), key=f"{HASHED_ID}.{secret}")
    assert result["value"]["MessageId"], result


def test_a_prefix_with_a_slash_behind_is_the_same(server):
    result = sdk.call(server, "ses", CURRENT, "SendEmailCommand", mail(), base=f"http://127.0.0.1:{server.port}/compat/ses/")
    assert result["value"]["MessageId"], result


# Raw

RAW = """From: "Sender, Inc." <sender@example.com>
To: Ada <ada@example.net>
Bcc: secret@example.org
Subject: {}
MIME-Version: 1.0
Content-Type: text/plain; charset=utf-8
Content-Transfer-Encoding: 8bit

wörld
"""


def raw_mail(subject, **changes):
    made = {"FromEmailAddress": "Bounces <bounces@example.com>", "Destination": {"ToAddresses": ["ada@example.net", "bob@example.org"]},
            "Content": {"Raw": {"Data": sdk.buffer(RAW.format(subject).encode())}}, **changes}
    return {name: value for name, value in made.items() if value is not None}


@pytest.mark.parametrize("package", SDKS)
def test_a_raw_mail_keeps_its_header_and_goes_to_the_destination(server, package):
    subject = subject_of("raw")
    assert sdk.call(server, "ses", package, "SendEmailCommand", raw_mail(subject))["value"]["MessageId"]
    got, item, raw = sdk.caught(server, subject)
    assert item["mail_from"] == "bounces@example.com" and item["rcpt_to"] == ["ada@example.net", "bob@example.org"]
    assert got["from"] == [["Sender, Inc.", "sender@example.com"]] and got["to"] == [["Ada", "ada@example.net"]]
    assert headers(raw, "Bcc") == [] and b"secret@" not in raw and got["text"] == "wörld\n"
    assert raw.isascii() and headers(raw, "Message-ID") and headers(raw, "Date")


def test_a_raw_mail_without_a_destination_goes_to_its_header(server):
    subject = subject_of("raw")
    result = sdk.call(server, "ses", CURRENT, "SendEmailCommand", raw_mail(subject, Destination=None, FromEmailAddress=None))
    assert result["value"]["MessageId"], result
    _, item, _ = sdk.caught(server, subject)
    assert item["rcpt_to"] == ["ada@example.net", "secret@example.org"] and item["mail_from"] == "sender@example.com"


def test_a_raw_mail_may_not_come_from_somebody_else(server):
    for changes in ({"FromEmailAddress": "bounces@example.org"},
                    {"Content": {"Raw": {"Data": sdk.buffer(RAW.replace("sender@example.com", "a@example.org").encode())}}}):
        error = sdk.call(server, "ses", CURRENT, "SendEmailCommand", raw_mail("x", **changes), key=f"narrow.{sdk.KEY_SECRET}")["error"]
        assert (error["class"], error["status"]) == ("MessageRejected", 400)


@pytest.mark.parametrize("changes, words", [
    ({"Content": {"Raw": {}}}, "Content.Raw.Data: The message is missing"),
    ({"Content": {"Raw": {"Data": "=!"}}}, "Content.Raw.Data: This is not base64"),
    ({"Content": {"Raw": {"Data": "eA=="}}}, "Content.Raw.Data"),
    ({"Content": {"Raw": {"Data": base64.b64encode(RAW.format("x").encode()).decode()}}, "ReplyToAddresses": ["a@example.org"]}, "ReplyToAddresses"),
    ({"Content": {"Raw": {"Data": "eA=="}, "Simple": {"Subject": {"Data": "x"}}}}, "Content: Content has one of"),
])
def test_what_cannot_be_sent_raw_is_a_bad_request(server, changes, words):
    answer = signed(server, mail(**changes))
    assert refusal(answer) == (400, "BadRequestException") and answer.json()["message"].startswith(words), answer.body


def test_nodemailers_ses_transport_sends_and_verifies(server):
    subject = subject_of("nodemailer")
    html = '<p>wörld <img src="cid:logo.png"></p>'
    verified, sent, bad = sdk.calls(
        server, "ses", "nodemailer", ("verify",),
        ("sendMail", {"from": '"Sender, Inc." <sender@example.com>', "to": "Ada <ada@example.net>", "cc": "carol@example.net",
                      "bcc": "bob@example.org", "replyTo": "replies@example.com", "subject": f"{subject} ✓", "text": "Hello, wörld\n",
                      "html": html, "headers": {"X-Smoke-Test": "sdk-compat"}, "ses": {"EmailTags": [{"Name": "category", "Value": "nm"}]},
                      "attachments": [{"filename": "report.txt", "content": "attachment body"},
                                      {"filename": "logo.png", "content": sdk.buffer(sdk.PNG), "cid": "logo.png"}]}),
        ("sendMail", {"from": "sender@example.com", "to": "not-an-address@x", "subject": "x", "text": "x"}), client="nodemailer")
    assert verified["value"] is True, verified
    assert sent["value"]["response"], sent
    assert bad["error"]["name"] == "BadRequestException" and bad["error"]["status"] == 400
    got, item, raw = sdk.caught(server, subject)
    assert got["from"] == [["Sender, Inc.", "sender@example.com"]] and item["mail_from"] == "sender@example.com"
    assert item["rcpt_to"] == ["ada@example.net", "carol@example.net", "bob@example.org"]
    assert got["to"] == [["Ada", "ada@example.net"]] and headers(raw, "Bcc") == []
    assert got["text"] == "Hello, wörld\n" and got["html"].strip() == html and headers(raw, "X-Smoke-Test") == ["sdk-compat"]
    assert {(a["filename"], a["content"]) for a in got["attachments"]} == {("logo.png", sdk.PNG), ("report.txt", b"attachment body")}


# Signatures

def test_any_signer_and_any_region_will_do(server):
    assert signed(server, mail(), region="mars-north-1").status == 200
    assert signed(server, mail(), extra={"x-amz-security-token": "a token", "amz-sdk-request": "attempt=1; max=3"}).status == 200


@pytest.mark.parametrize("offset_s, status", [(-290, 200), (290, 200), (-310, 403), (310, 403), (-86400, 403)])
def test_a_signature_lasts_for_five_minutes(server, offset_s, status):
    answer = signed(server, mail(), at=sigv4.now(offset_s))
    assert answer.status == status
    if status != 200:
        assert refusal(answer) == (403, "RequestExpired")


@pytest.mark.parametrize("options, wanted", [
    ({"sent": b"{}"}, "UnrecognizedClientException"),
    ({"sent_target": f"{SEND}?a=b"}, "UnrecognizedClientException"),
    ({"sent_target": "/compat/ses/v2/email/outbound-bulk-emails"}, "UnrecognizedClientException"),
    ({"key": (sdk.KEY_ID, "wrong-wrong-wrong")}, "UnrecognizedClientException"),
    ({"service": "s3"}, "IncompleteSignatureException"),
    ({"unsigned": ("host",)}, "IncompleteSignatureException"),
    ({"unsigned": ("x-amz-date",)}, "IncompleteSignatureException"),
    ({"extra": {"x-amz-content-sha256": "UNSIGNED-PAYLOAD"}}, "UnrecognizedClientException"),
    ({"extra": {"x-amz-content-sha256": "0" * 64}}, "UnrecognizedClientException"),
])
def test_what_was_not_signed_so_is_refused(server, options, wanted):
    assert refusal(signed(server, mail(), **options)) == (403, wanted)


def test_without_a_signature_there_is_no_key(server):
    for given, wanted in (({}, "MissingAuthenticationTokenException"),
                          ({"Authorization": f"Bearer {sdk.KEY}"}, "IncompleteSignatureException")):
        assert refusal(server.post(mail(), SEND, **given)) == (403, wanted)


def test_a_key_without_the_scope_is_refused(server):
    assert refusal(signed(server, mail(), key=("reader", sdk.KEY_SECRET))) == (403, "AccessDeniedException")


def test_a_large_signed_body_is_taken_and_a_changed_one_is_not(server):
    content = mail({"Attachments": [{"FileName": "x.bin", "RawContent": base64.b64encode(bytes(4 << 20)).decode()}]})
    raw = json.dumps(content).encode()
    assert signed(server, raw).status == 200
    assert refusal(signed(server, raw, sent=raw[:-3] + b" " + raw[-3:-1] + b"}")) == (403, "UnrecognizedClientException")


# Once and only once

def test_a_verbatim_replay_is_the_same_message(server):
    raw = json.dumps(mail()).encode()
    for extra in ({}, {"amz-sdk-invocation-id": str(uuid.uuid4())}):
        made = sigv4.headers("POST", SEND, f"127.0.0.1:{server.port}", raw, sdk.KEY_ID, sdk.KEY_SECRET, extra=extra)
        first, second = (server.request("POST", SEND, raw, made).json()["MessageId"] for _ in range(2))
        assert first == second


def test_a_retry_is_the_same_message_and_another_key_has_its_own(server):
    raw, extra = json.dumps(mail()).encode(), {"amz-sdk-invocation-id": str(uuid.uuid4())}

    def send(key_id, offset_s):
        return signed(server, raw, key=(key_id, sdk.KEY_SECRET), at=sigv4.now(offset_s), extra=extra).json()["MessageId"]
    assert send(sdk.KEY_ID, 0) == send(sdk.KEY_ID, 5) != send("narrow", 0)
    other = signed(server, mail(), extra=extra)
    assert refusal(other) == (409, "ConflictException")


def test_an_invocation_id_that_was_not_signed_does_not_count(server):
    raw, at = json.dumps(mail()).encode(), sigv4.now()
    ids = set()
    for _ in range(2):
        extra = {"amz-sdk-invocation-id": str(uuid.uuid4())}
        ids.add(signed(server, raw, at=at, extra=extra, unsigned=tuple(extra)).json()["MessageId"])
    assert len(ids) == 1  # both are the one signature


# What the SDK repeats

def simple_mail(subject):
    return {"FromEmailAddress": "sender@example.com", "Destination": {"ToAddresses": ["ada@example.net"]},
            "Content": {"Simple": {"Subject": {"Data": subject}, "Body": {"Text": {"Data": "x"}}}}}


def test_a_used_up_rate_is_repeated_and_sent_once(serve):
    server = serve(config={"listen": ["127.0.0.1:0"], "store": "memory", "api_keys": [{"name": "slow", "key": sdk.KEY, "rate": "12/m"}]})
    subjects = [subject_of("rate") for _ in range(2)]
    results = sdk.calls(server, "ses", CURRENT, *(("SendEmailCommand", simple_mail(subject)) for subject in subjects))
    ids = [r["value"]["MessageId"] for r in results]
    assert len(set(ids)) == 2 and results[1]["value"]["$metadata"]["attempts"] > 1


@pytest.mark.parametrize("n_failures, attempts", [(1, 2), (2, 3)])
def test_a_store_that_fails_for_a_moment_is_asked_again_and_has_the_mail_once(serve, n_failures, attempts):
    fails = ",".join(f"store.insert_fails:error:{n + 1}" for n in range(2 * n_failures))  # with its batch, then alone
    server = serve(env={"MAILHATCH_API_KEY": sdk.KEY, "MAILHATCH_FAILPOINTS": fails})
    subject = subject_of("503")
    value = sdk.call(server, "ses", CURRENT, "SendEmailCommand", simple_mail(subject))["value"]
    assert value["$metadata"]["attempts"] == attempts
    assert sdk.settled(server, value["MessageId"])["status"] == "sent"
    assert len(sdk.asking(server, "GET", "/v1/messages").json()["messages"]) == 1


def test_overload_that_lasts_is_the_sdks_own_error_after_three_attempts(serve):
    fails = ",".join(f"store.insert_fails:error:{n + 1}" for n in range(6))
    server = serve(env={"MAILHATCH_API_KEY": sdk.KEY, "MAILHATCH_FAILPOINTS": fails})
    error = sdk.call(server, "ses", CURRENT, "SendEmailCommand", simple_mail(subject_of("503")))["error"]
    assert (error["status"], error["attempts"]) == (503, 3) and error["name"] == "ServiceUnavailableException"
    assert sdk.asking(server, "GET", "/v1/messages").json()["messages"] == []


# Refusals

@pytest.mark.parametrize("changes, words", [
    ({"FromEmailAddress": None}, "FromEmailAddress: "),
    ({"FromEmailAddress": "nobody"}, "FromEmailAddress: "),
    ({"Destination": None}, "Destination.ToAddresses: "),
    ({"Destination": {"ToAddresses": []}}, "Destination.ToAddresses: "),
    ({"Content": None}, "Content: "),
    ({"Content": {}}, "Content: "),
    ({"Content": {"Template": {"TemplateName": "x", "TemplateData": "{}"}}}, "Content.Template: Mailhatch does not"),
    ({"ListManagementOptions": {"ContactListName": "x"}}, "ListManagementOptions: Mailhatch does not"),
    ({"FromEmailAddressIdentityArn": "x"}, "FromEmailAddressIdentityArn: Mailhatch does not"),
    ({"Subject": "x"}, "Subject: There is no such field"),
    ({"EmailTags": [{"Name": "x"}]}, "EmailTags.0: "),
    ({"EmailTags": {}}, "EmailTags: "),
])
def test_what_cannot_be_done_is_a_bad_request(server, changes, words):
    answer = signed(server, mail(**changes))
    assert refusal(answer) == (400, "BadRequestException") and answer.json()["message"].startswith(words), answer.body


@pytest.mark.parametrize("simple, words", [
    ({"Headers": [{"Name": "X-A", "Value": "1\r\nX-B: 2"}]}, "Content.Simple.Headers.0.Value: Line breaks"),
    ({"Headers": [{"Name": "Subject", "Value": "x"}]}, "Content.Simple.Headers.0.Name: "),
    ({"Attachments": [{"FileName": "x", "RawContent": {"0": 97}}]}, "Content.Simple.Attachments.0.RawContent: "),
    ({"Attachments": [{"FileName": "x"}]}, "Content.Simple.Attachments.0.RawContent: "),
    ({"Attachments": [{"FileName": "x", "RawContent": "=!"}]}, "Content.Simple.Attachments.0.RawContent: "),
    ({"Subject": "x"}, "Content.Simple.Subject: "),
    ({"Body": {"Text": {"Data": "x", "Language": "en"}}}, "Content.Simple.Body.Text.Language: There is no such field"),
])
def test_what_a_message_may_not_hold_is_a_bad_request(server, simple, words):
    answer = signed(server, mail(simple))
    assert refusal(answer) == (400, "BadRequestException") and answer.json()["message"].startswith(words), answer.body


def test_bulk_and_template_mail_is_refused_in_the_sdks_class(server):
    bulk = sdk.call(server, "ses", CURRENT, "SendBulkEmailCommand", {
        "DefaultContent": {"Template": {"TemplateName": "x"}}, "BulkEmailEntries": [{"Destination": {"ToAddresses": ["a@example.org"]}}]})
    assert bulk["error"]["class"] == "BadRequestException" and "template" in bulk["error"]["message"]


# Reads

@pytest.mark.parametrize("package", SDKS)
def test_the_account_says_what_the_key_may_do(server, package):
    free, reader, narrow = (sdk.call(server, "ses", package, "GetAccountCommand", {}, key=f"{key}.{sdk.KEY_SECRET}")["value"]
                            for key in (sdk.KEY_ID, "reader", "narrow"))
    assert free["SendingEnabled"] and free["ProductionAccessEnabled"] and free["EnforcementStatus"] == "HEALTHY"
    assert free["SendQuota"] == {"Max24HourSend": -1, "MaxSendRate": -1} and not reader["SendingEnabled"]
    assert narrow["SendQuota"]["MaxSendRate"] == 500


def suppress(server, **entry):
    made = server.request("POST", "/v1/suppressions", json.dumps(entry).encode(), {
        "Authorization": f"Bearer suppress.{sdk.KEY_SECRET}", "Content-Type": "application/json"})
    assert made.status == 201, made.body


def test_suppressions_are_listed_in_pages_and_by_reason(server):
    for email, reason in (("a@example.org", "bounce"), ("b@example.org", "complaint"), ("c+d@example.org", "manual")):
        suppress(server, email=email, reason=reason)
    key = f"suppress.{sdk.KEY_SECRET}"

    def listed(**query):
        return sdk.call(server, "ses", CURRENT, "ListSuppressedDestinationsCommand", query, key=key)["value"]
    everything = listed()
    assert [(e["EmailAddress"], e["Reason"]) for e in everything["SuppressedDestinationSummaries"]] == [
        ("c+d@example.org", "BOUNCE"), ("b@example.org", "COMPLAINT"), ("a@example.org", "BOUNCE")]
    assert everything["SuppressedDestinationSummaries"][0]["LastUpdateTime"].startswith("20") and "NextToken" not in everything
    first = listed(PageSize=2)
    rest = listed(PageSize=2, NextToken=first["NextToken"])
    assert [e["EmailAddress"] for page in (first, rest) for e in page["SuppressedDestinationSummaries"]] == [
        "c+d@example.org", "b@example.org", "a@example.org"] and "NextToken" not in rest
    assert [e["EmailAddress"] for e in listed(Reasons=["COMPLAINT"])["SuppressedDestinationSummaries"]] == ["b@example.org"]
    assert len(listed(Reasons=["COMPLAINT", "BOUNCE"])["SuppressedDestinationSummaries"]) == 3
    one, other = sdk.calls(server, "ses", CURRENT, ("GetSuppressedDestinationCommand", {"EmailAddress": "c+d@example.org"}),
                           ("GetSuppressedDestinationCommand", {"EmailAddress": "nobody@example.org"}), key=key)
    assert one["value"]["SuppressedDestination"]["EmailAddress"] == "c+d@example.org"
    assert (other["error"]["class"], other["error"]["status"]) == ("NotFoundException", 404)


@pytest.mark.parametrize("query", ["Reason=MANUAL", "PageSize=0", "PageSize=1001", "StartDate=yesterday", "NextToken=nobody", "Other=1"])
def test_a_query_that_is_none_is_a_bad_request(server, query):
    answer = signed(server, b"", f"/compat/ses/v2/email/suppression/addresses?{query}", "GET")
    assert refusal(answer) == (400, "BadRequestException")
