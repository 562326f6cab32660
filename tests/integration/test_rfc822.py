# SPDX-License-Identifier: MIT
"""POST /v1/messages with message/rfc822: the message as it was meant, to whom it names, fit for any relay."""
import email
import email.message
import email.policy
import email.utils
import re
import uuid

import dkim_checks
import mail_reading
import mailhatch
import pytest
from relay import Relay

TYPE = {"Content_Type": "message/rfc822"}
HEAD = b"From: Billing <billing@example.com>\r\nTo: ann@example.org\r\nSubject: x\r\n"


@pytest.fixture(scope="module")
def relay():
    relay = Relay(keywords=("PIPELINING", "8BITMIME", "SMTPUTF8", "ENHANCEDSTATUSCODES", "SIZE 52428800"))
    yield relay
    relay.close()
    # one test sends to another envelope than the header shows
    assert [v for v in relay.violations if "not in the envelope ['u@example.net'" not in v] == []


@pytest.fixture(scope="module")
def server(relay):
    with mailhatch.running(env={"MAILHATCH_RELAY": f"smtp://127.0.0.1:{relay.port}?tls=none"}) as running:
        yield running


@pytest.fixture
def sent(server, relay):
    """The mail that the relay got of a body."""

    def send(body, query="", **headers):
        mark = len(relay.messages)
        answer = server.post(body, f"/v1/messages{query}", **TYPE, Prefer="wait=20", **headers)
        assert answer.status == 200, answer.body
        assert answer.json()["status"] == "sent", answer.body
        (mail,) = relay.messages[mark:]
        return mail

    return send


def refused(server, body, query=""):
    answer = server.post(body, f"/v1/messages{query}", **TYPE)
    assert answer.status == 422, (answer.status, answer.body)
    return answer.pointers()


def one(content, name):
    values = mail_reading.headers(content, name)
    assert len(values) == 1, (name, values)
    return values[0]


def test_the_envelope_is_that_of_the_header_and_bcc_does_not_show(sent):
    mail = sent(b"From: Billing <billing@example.com>\r\nTo: Ann <ann@example.org>, \"O, Bob\" <bob@example.org>\r\nCc: carol@example.org\r\n"
                b"Bcc: dave@example.org,\r\n eve@example.org\r\nresent-bcc: x@example.org\r\nReturn-Path: <old@example.com>\r\nSubject: hi\r\n\r\nbody\r\n")
    assert mail.rcpts == [f"{who}@example.org" for who in ("ann", "bob", "carol", "dave", "eve")]
    assert mail.mail_from.startswith("<billing@example.com>")
    assert b"dave" not in mail.content and b"cc: x@" not in mail.content.lower() and b"Return-Path" not in mail.content
    assert one(mail.content, "To") == 'Ann <ann@example.org>, "O, Bob" <bob@example.org>'
    assert mail.content.endswith(b"\r\n\r\nbody\r\n")


def test_the_envelope_may_be_given_beside(sent):
    mail = sent(HEAD + b"Bcc: dave@example.org\r\n\r\nx", "?to=u@example.net&to=v%40example.net&from=bounce%2B17@example.com&tag=a&tag=b")
    assert mail.rcpts == ["u@example.net", "v@example.net"] and mail.mail_from.startswith("<bounce+17@example.com>")
    assert one(mail.content, "To") == "ann@example.org" and b"dave" not in mail.content


def test_what_is_missing_is_added(sent):
    mail = sent(b"From: billing@example.com\nBcc: ann@example.org\n\nx\ny")
    assert re.fullmatch(r"<[0-9a-f-]{36}@example\.com>", one(mail.content, "Message-ID"))
    assert email.utils.parsedate_to_datetime(one(mail.content, "Date")).tzinfo is not None
    assert one(mail.content, "To") == "undisclosed-recipients:;" and one(mail.content, "MIME-Version") == "1.0"
    assert mail.content.endswith(b"\r\n\r\nx\r\ny\r\n")


def test_what_is_there_stays(sent, server):
    ident = f"<{uuid.uuid4().hex}@example.com>"
    head = (HEAD + b"Date: Mon, 23 Nov 2026 12:00:00 +0100\r\nMessage-ID: " + ident.encode() + b"\r\nIn-Reply-To: <a@b>\r\nReferences: <a@b>\r\n <c@d>\r\n"
            b"X-Odd:   spaced  out\r\n\tfolded\r\nList-Unsubscribe: <https://example.com/u>\r\nReply-To: help@example.com\r\nSender: robot@example.com\r\n"
            b"MIME-Version: 1.0 (made by hand)\r\nContent-Type: text/plain; charset=us-ascii\r\n\r\nHello\r\n")
    mail = sent(head)
    assert one(mail.content, "Message-ID") == ident and one(mail.content, "Date") == "Mon, 23 Nov 2026 12:00:00 +0100"
    for kept in (b"References: <a@b>\r\n <c@d>\r\n", b"X-Odd:   spaced  out\r\n\tfolded\r\n", b"List-Unsubscribe: <https://example.com/u>\r\n",
                 b"Reply-To: help@example.com\r\n", b"Sender: robot@example.com\r\n", b"Subject: x\r\n"):
        assert kept in mail.content
    listed = server.get("/v1/messages?limit=1").json()["messages"][0]
    assert (listed["subject"], listed["message_id"]) == ("x", ident)


def test_names_and_subject_are_decoded_and_encoded_anew(sent, server):
    mail = sent("From: =?utf-8?q?Gr=C3=BCn?= <billing@example.com>\r\nTo: Zoë (a comment, with <x@y>) <ann@example.org>\r\nCc: team: bob@example.org, \"C\\\"D\" <c@example.org>;, x: ;\r\n"
                "Subject: Grüße 🎉\r\nX-Note: naïve\r\n\r\nx".encode())
    read = email.message_from_bytes(mail.content, policy=email.policy.default)
    assert str(read["From"]) == "Grün <billing@example.com>" and str(read["To"]) == "Zoë <ann@example.org>"
    assert [a.addr_spec for a in read["Cc"].addresses] == ["bob@example.org", "c@example.org"] and read["Cc"].addresses[1].display_name == 'C"D'
    assert str(read["Subject"]) == "Grüße 🎉" and str(read["X-Note"]) == "naïve"
    assert server.get("/v1/messages?limit=1").json()["messages"][0]["subject"] == "Grüße 🎉"


def test_eight_bit_parts_are_encoded_and_others_stay_as_they_are(sent):
    long, html = "w" * 1500, "<p>é</p>\n" * 3
    inner = "From: a@example.net\r\nSubject: Früher\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: 8bit\r\n\r\nfrüher\r\n"
    body = ("preamble é\r\n--b\r\nContent-Type: multipart/alternative; boundary=\"c d\"\r\nContent-Transfer-Encoding: 8bit\r\n\r\n--c d\r\n\r\nasis =\r\n.\r\n"
            f"\r\n--c d  \r\nContent-Type: text/html; charset=utf-8\r\nContent-Transfer-Encoding: 8bit\r\n\r\n{html}\r\n--c d--\r\nepilogue\r\n"
            f"--b\r\nContent-Type: text/plain\r\n\r\n{long}\r\n"
            "--b\r\nContent-Type: application/octet-stream; name=\"né.bin\"\r\nContent-Disposition: attachment; filename=\"né.bin\"\r\nContent-Transfer-Encoding: binary\r\n\r\n").encode() \
        + b"\x00\xff\r\n\n\r\x80" + f"\r\n--b\r\nContent-Type: message/rfc822\r\n\r\n{inner}\r\n--b\r\nContent-Transfer-Encoding: base64\r\nContent-Type: image/png\r\n\r\neA==\r\n--b--\r\n".encode()
    mail = sent(HEAD + b"Content-Type: multipart/mixed;\r\n boundary=b\r\nContent-Transfer-Encoding: 8bit\r\n\r\n" + body)
    read = email.message_from_bytes(mail.content, policy=email.policy.default)
    assert [p.get_content_type() for p in read.walk()] == ["multipart/mixed", "multipart/alternative", "text/plain", "text/html", "text/plain",
                                                           "application/octet-stream", "message/rfc822", "text/plain", "image/png"]
    parts = list(read.walk())
    assert parts[2].get_payload() == "asis =\r\n.\r\n" and b"\r\nasis =\r\n.\r\n\r\n--c d\r\n" in mail.content
    assert parts[3].get_content().replace("\r", "") == html and parts[4].get_content().rstrip("\n") == long
    assert parts[5].get_content() == b"\x00\xff\r\n\n\r\x80" and parts[5].get_filename() == "né.bin"
    assert str(parts[7]["Subject"]) == "Früher" and parts[7].get_content().rstrip() == "früher"
    assert parts[8].get_content() == b"x"


def test_a_message_of_pythons_own_making_arrives_as_it_was(sent):
    made = email.message.EmailMessage()
    made["From"], made["To"], made["Subject"] = "billing@example.com", "Ann Ä <ann@example.org>", "Ä" * 60
    made["Date"], made["Message-ID"] = email.utils.localtime(), f"<{uuid.uuid4().hex}@example.com>"
    made.set_content("Grüße\n" * 50)
    made.add_alternative("<p>Grüße <img src='cid:x'></p>", subtype="html")
    made.get_payload()[1].add_related(b"\x89PNG" * 99, "image", "png", cid="<x>")
    made.add_attachment(bytes(range(256)) * 9, maintype="application", subtype="pdf", filename="é.pdf")
    want = mail_reading.by_python(made.as_bytes(policy=email.policy.SMTP))
    for raw in (made.as_bytes(policy=email.policy.SMTP), made.as_bytes(policy=email.policy.default), made.as_bytes(policy=email.policy.SMTPUTF8.clone(cte_type="8bit"))):
        assert mail_reading.by_python(sent(raw).content) == want


def test_a_clean_body_keeps_its_octets(sent):
    signed = b'--s\r\nContent-Type: text/plain\r\n\r\ntrailing  \r\nFrom me\r\n.dot\r\n\r\n--s\r\nContent-Type: application/pgp-signature\r\n\r\nxxxx\r\n--s--\r\n'
    mail = sent(HEAD + b"Content-Type: multipart/signed; boundary=s;\r\n protocol=\"application/pgp-signature\"\r\n\r\n" + signed)
    assert mail.content.endswith(b"\r\n\r\n" + signed)


@pytest.mark.parametrize("head,pointers", [
    (b"", {"": "value", "/headers/From": "required", "/headers/To": "required"}),
    (b"\r\n", {"": "value", "/headers/From": "required", "/headers/To": "required"}),
    (b"From: a@example.com\r\n", {"/headers/To": "required"}),
    (b"To: ann@example.org\r\n", {"/headers/From": "required"}),
    (HEAD + b"From: b@example.com\r\n", {"/headers/From": "duplicate_field"}),
    (HEAD + b"fRoM: b@example.com\r\n", {"/headers/fRoM": "duplicate_field"}),
    (HEAD + b"TO: b@example.com\r\n", {"/headers/TO": "duplicate_field"}),
    (HEAD + b"SUBJECT: y\r\n", {"/headers/SUBJECT": "duplicate_field"}),
    (HEAD + b"Date: Mon, 23 Nov 2026 12:00:00 +0100\r\nDate: x\r\n", {"/headers/Date": "duplicate_field"}),
    (HEAD + b"Content-Type: text/plain\r\nContent-type: text/html\r\n", {"/headers/Content-type": "duplicate_field"}),
    (HEAD + b"X-A: a\rBcc: z@z.example\r\n", {"/headers/X-A": "header_injection"}),
    (HEAD + b"X-A: a\0\r\n", {"/headers/X-A": "header_injection"}),
    (HEAD + b"X-A: a\x1b[1m\r\n", {"/headers/X-A": "value"}),
    (HEAD + b"X-A: \xff\r\n", {"/headers/X-A": "encoding"}),
    (HEAD + b"no field here\r\n", {"": "value"}),
    (HEAD + b"X A: x\r\n", {"": "value"}),
    (HEAD + b"X/A~: x\0\r\n", {"/headers/X~1A~0": "header_injection"}),
    (b" folded first\r\n" + HEAD, {"": "value", "/headers/From": "required", "/headers/To": "required"}),
    (HEAD + b"Message-ID: <a b@c>\r\n", {"/headers/Message-ID": "value"}),
    (HEAD + b"Message-ID: <a@c>,<d@e>\r\n", {"/headers/Message-ID": "value"}),
    (HEAD + b"Sender: a@example.com, b@example.com\r\n", {"/headers/Sender": "address_syntax"}),
    (HEAD + b"".join(b"X-%d: x\r\n" % i for i in range(500)), {"": "too_large"}),
    (HEAD + b"X-A: " + b"x" * (513 << 10) + b"\r\nX-B: y\r\n", {"": "too_large"}),
    (HEAD + b"Content-Type: multipart/mixed\r\n\r\n\xe9", {"": "value"}),
    (HEAD + b"Content-Type: multipart/mixed; boundary=\"" + b"b" * 71 + b"\"\r\n\r\n\xe9", {"": "value"}),
    (HEAD + b"Content-Type: message/rfc822\r\n\r\n" * 1 + b"Content-Type: message/rfc822\r\n\r\n" * 20 + b"\xe9", {"": "value"}),
    (HEAD + b"Content-Type: multipart/mixed; boundary=b\r\n\r\n" + b"--b\r\n\r\n\r\n" * 2001 + b"--b\r\n\r\n\xe9\r\n--b--", {"": "value"}),
])
def test_what_cannot_be_sent_is_refused(server, head, pointers):
    assert refused(server, head + b"\r\nx\r\n") == pointers


@pytest.mark.parametrize("value", [
    '"evil@attacker.com more"@legit.com', '"user@attacker.com"@legit.com', '"a"@evil.com"@good.com', "a@evil.com@good.com", "a@good.com;b@evil.com",
    "<aaa@bbb.com>ccc@ddd.com", "user@good.com(x)evil.com", "user@(x)good.com", "user@good.com (c", "Name <<u@x.example>>", "Name <u@x.example",
    "@a,@b:u@x.example", "<@a,@b:u@x.example>", "u@[127.0.0.1]", "u@x.com:25", "u@x..com", "u@.com", "=?utf-8?q?=41=42?=@x.com", "=?utf-8?q?x=40evil.com=3e=00?=foo@good.com",
    "u%evil@x.com", "u!evil@x.com", "a@b.com <c@d.com>, x", "(" * 3000 + ")" * 3000 + "a@b.com", "g:" * 3000 + ";" * 3000, "a: b@c.com; : d@e.com", "a:b@c.com", "u@x.com>", "<>",
    "=?utf-8?q?a=0d=0aBcc=3a_z=40z?= <u@x.com>", "=?utf-8?b?4oCuZXhl?= <u@x.com>", '"a" "b" u@x.com', "u @x.com",
])
@pytest.mark.parametrize("name", ["From", "To", "Cc", "Bcc", "Reply-To", "Sender"])
def test_addresses_that_two_readers_may_read_differently_are_refused(server, name, value):
    head = {"From": "billing@example.com", "To": "ann@example.org", name: value}
    body = "".join(f"{n}: {v}\r\n" for n, v in head.items()).encode() + b"\r\nx"
    found = refused(server, body)
    assert set(found) == {f"/headers/{name}"}, found


def test_queries_are_judged_too(server):
    assert refused(server, HEAD + b"\r\nx", "?to=a&to=b@example.org&from=c") == {"/query/to/0": "address_syntax", "/query/from": "address_syntax"}
    assert refused(server, HEAD + b"\r\nx", "?scheduled_at=soon&tag=" + "x" * 200) == {"/query/scheduled_at": "date", "/query/tag/0": "too_long"}
    for query in ("?bcc=a@example.org", "?from=a@example.com&from=b@example.com", "?to=%zz"):
        assert server.post(HEAD + b"\r\nx", f"/v1/messages{query}", **TYPE).problem()["code"] == "unknown_parameter"
    assert server.post(mailhatch.letter(), "/v1/messages?to=a@example.org").problem()["code"] == "unknown_parameter"


def test_too_many_recipients_are_refused(server):
    many = ", ".join(f"u{i}@example.org" for i in range(1001))
    assert refused(server, f"From: billing@example.com\r\nTo: {many}\r\n\r\nx".encode()) == {"/headers/To": "address_syntax"}
    half = ", ".join(f"u{i}@example.org" for i in range(501))
    assert refused(server, f"From: billing@example.com\r\nTo: {half}\r\nCc: {half}\r\n\r\nx".encode()) == {"/headers/Cc": "too_many"}


def test_a_key_goes_with_body_and_query(server, sent, relay):
    body = HEAD + uuid.uuid4().bytes.hex().encode() + b": x\r\n\r\nx"
    key = uuid.uuid4().hex
    sent(body, "?to=ann@example.org", Idempotency_Key=key)
    assert server.post(body, "/v1/messages?to=ann@example.org", **TYPE, Idempotency_Key=key).headers["Idempotency-Replayed"] == "true"
    assert server.post(body, "/v1/messages?to=b@example.org", **TYPE, Idempotency_Key=key).problem()["code"] == "idempotency_key_reused"
    assert server.post(body, **TYPE, Idempotency_Key=key).problem()["code"] == "idempotency_key_reused"


def test_only_allowed_senders_and_a_signature(tmp_path, relay):
    file, records = dkim_checks.keygen(tmp_path, "s1", "rsa")
    secret = "s" * 43
    hashed = mailhatch.cli("key", "hash", stdin=f"k1.{secret}\n".encode()).stdout.decode()
    entry = {"name": "a", "id": "k1", "hash": re.search(r"sha256:[0-9a-f]+", hashed)[0], "senders": ["*@example.com"], "scopes": ["send"]}
    config = {"store": "memory", "api_keys": [entry], "relays": {"main": f"smtp://127.0.0.1:{relay.port}?tls=none"}, 
              "dkim": {"domains": [{"domain": "example.com", "keys": [{"selector": "s1", "key_file": file}]}]}}
    with mailhatch.running(config=config) as server:
        def post(body, query=""):
            return server.post(body, f"/v1/messages{query}", **TYPE, Prefer="wait=20", Authorization=f"Bearer k1.{secret}")
        for body, query, pointer in [(HEAD.replace(b"@example.com", b"@b.example"), "", "/headers/From"), (HEAD + b"Sender: a@b.example\r\n", "", "/headers/Sender"),
                                     (HEAD, "?from=a@b.example", "/query/from")]:
            answer = post(body + b"\r\nx", query)
            assert (answer.status, answer.pointers()) == (403, {pointer: "sender_not_allowed"}), answer.body
        mark = len(relay.messages)
        assert post(HEAD + b"Content-Type: text/plain; charset=utf-8\n\nGr\xc3\xbc\xc3\x9fe\n").status == 200
        content = relay.messages[mark].content
        assert dkim_checks.verified_by_python(content, records) == ["s1"]
        assert dkim_checks.verified_by_opendkim([content], records) == [["s1"]]


def test_a_large_message_is_taken(sent):
    line = b"0123456789abcdef" * 4 + b"\n"
    mail = sent(HEAD + b"\n" + line * 100_000)
    assert mail.content.endswith(line.replace(b"\n", b"\r\n") * 100_000)
