# SPDX-License-Identifier: MIT
"""Hostile header fields, contents and attachments: refused with a pointer, or encoded so that both the
wire oracle and a parser find nothing but the text that was given."""
import base64
import email.header

import mail_reading
import pytest
import wire_oracle
from mailhatch import letter

MIB = 1 << 20
INJECTION, VALUE, LONG, MANY = "header_injection", "value", "too_long", "too_many"
NAME, MANAGED, TYPE, B64 = "header_name", "header_managed", "content_type", "base64"


def attachment(**fields):
    return {"attachments": [{"content": "eA==", **fields}]}


def refused(mailer, change, pointers):
    n_before = len(mailer.peer.messages)
    answer = mailer.server.post({**letter(), **change}, Prefer="wait=10")
    assert (answer.status, answer.pointers()) == (422, pointers), answer.body[:500]
    assert len(mailer.peer.messages) == n_before


def sent(mailer, change):
    return mailer.mail_of({**letter(), **change})[1].content


# Subject

@pytest.mark.parametrize("subject, code", [
    ("x\r\nBcc: z@z.example", INJECTION), ("x\nBcc: z", INJECTION), ("x\rBcc: z", INJECTION), ("x\n", INJECTION),
    ("x\r\n", INJECTION), ("x\u0085y", INJECTION), ("x\u2028y", INJECTION), ("x\u2029y", INJECTION), ("x\x0by", INJECTION),
    ("a\x7fb", VALUE), ("a\x1b[31mb", VALUE), ("y" * 2001, LONG), ("y" * 100_000, LONG),
])
def test_hostile_subject_is_refused(mailer, subject, code):
    refused(mailer, {"subject": subject}, {"/subject": code})


@pytest.mark.parametrize("subject", [
    "=?UTF-8?Q?=0A?=Bcc: z", "=?UTF-8?Q?=0D=0ABcc:_z?=", "y" * 999, "y" * 2000, "y " * 499 + "y", "z" * 74 + "🎉" * 10,
    *("z" * n + "🎉" for n in range(30, 60)), "\u200b", "\t\t", "", "   ", "a\tb", "\u202ex", "\ufeffx", "\U000e0001", "Bcc: z",
    "a  b", " lead", "trail ", "?=", "=?", "=?utf-8?b?", "_a_", "=41", "嘍嘊", "\u010d\u010a",
], ids=lambda s: ascii(s)[:30])
def test_odd_subject_is_read_back_as_it_was(mailer, subject):
    content = sent(mailer, {"subject": subject})
    ((_, raw),) = [f for f in wire_oracle.header_fields(content) if f[0] == "Subject"]
    assert _decoded(raw) == subject


def _decoded(raw):
    """RFC 2047 by Python's older module, which keeps white space as it is."""
    unfolded = raw.decode("ascii").replace("\r\n", "")
    return str(email.header.make_header(email.header.decode_header(unfolded)))


# Custom headers

@pytest.mark.parametrize("name, code", [
    *((n, MANAGED) for n in (
        "Bcc", "bcc", "From", "Sender", "To", "Cc", "Reply-To", "Subject", "Date", "Message-ID", "DKIM-Signature",
        "DKIM-signature", "Received", "Content-Type", "content-transfer-encoding", "Content-Disposition", "MIME-Version",
        "Return-Path", "Resent-Bcc", "Resent-From", "Authentication-Results", "ARC-Seal", "Delivered-To",
        "Apparently-To", "Domainkey-Signature")),
    ("X A", NAME), ("X:Y", NAME), ("X-A:", NAME), ("", NAME), ("Message-Id ", NAME), ("\tX", NAME), ("n" * 77, NAME),
    ("\u017fubject", NAME), ("X-\u00e4", NAME), ("X\r\n", INJECTION), ("X\r\nBcc", INJECTION),
], ids=lambda v: ascii(v)[:30])
def test_hostile_header_name_is_refused(mailer, name, code):
    pointer = "/headers/" + name.replace("~", "~0").replace("/", "~1")
    refused(mailer, {"headers": {name: "v"}}, {pointer: code})
    refused(mailer, {"headers": [{"name": name, "value": "v"}]}, {"/headers/0/name": code})


@pytest.mark.parametrize("value, code", [
    ("a\r\nBcc: z@z.example", INJECTION), ("a\n", INJECTION), ("a\r", INJECTION), ("a\u2028b", INJECTION), ("a\x1b", VALUE),
    ("v" * 8193, LONG),
])
def test_hostile_header_value_is_refused(mailer, value, code):
    refused(mailer, {"headers": {"X-A": value}}, {"/headers/X-A": code})
    refused(mailer, {"headers": {"X-B": ["good", value]}}, {"/headers/X-B/1": code})


@pytest.mark.parametrize("value", [
    "", " ", "\t", "   x   ", "(comment)", "w" * 2000, "é" * 2000, "\u202ea", "=?utf-8?q?=0d=0aBcc:z?=", "a, b; c=\"d\"", "w " * 4000 + "w",
], ids=lambda v: ascii(v)[:30])
def test_odd_header_value_is_read_back_as_it_was(mailer, value):
    ((_, raw),) = [f for f in wire_oracle.header_fields(sent(mailer, {"headers": {"X-A": value}})) if f[0] == "X-A"]
    assert _decoded(raw) == value


@pytest.mark.parametrize("change, pointers", [
    ({"headers": {f"X-{i}": "v" for i in range(101)}}, {"/headers": MANY}),
    ({"headers": {"X-A": ["v"] * 101}}, {"/headers": MANY}),
    ({"headers": {f"X-{i}": "v" * 8000 for i in range(5)}}, {"/headers": "too_large"}),
    ({"headers": {"List-Unsubscribe": "<https://y.example>"}, "list_unsubscribe": {"url": "https://x.example"}},
     {"/headers/List-Unsubscribe": "duplicate_field"}),
    ({"headers": {"References": ["<a@b.example>", "<c@d.example>"]}}, {"/headers/References": "duplicate_field"}),
    ({"headers": {"In-Reply-To": "<a@b.example>"}, "in_reply_to": "<c@d.example>"}, {"/headers/In-Reply-To": "duplicate_field"}),
    ({"headers": {"In-Reply-To": "<a@b.example>", "in-reply-to": "<c@d.example>"}}, {"/headers/in-reply-to": "duplicate_field"}),
    ({"headers": {"List-ID": ["<a>", "<b>"]}}, {"/headers/List-ID": "duplicate_field"}),
    ({"headers": {"List-Help": "(x)\r\n"}}, {"/headers/List-Help": INJECTION}),
    ({"headers": {"List-Help": "é"}}, {"/headers/List-Help": VALUE}),
    ({"headers": {"List-Help": "=?utf-8?q?x?="}}, {"/headers/List-Help": VALUE}),
])
def test_headers_that_cannot_stand_together_are_refused(mailer, change, pointers):
    refused(mailer, change, pointers)


# Message ids

@pytest.mark.parametrize("field", ["message_id", "in_reply_to", "references"])
@pytest.mark.parametrize("value, code", [
    ("<a\r\n>", INJECTION), ("a@b.example", VALUE), ("<a b@c.example>", VALUE), ("<>", VALUE), ("<a@b.example><c@d.example>", VALUE),
    ("<a@b.example> x", VALUE), ("<é@b.example>", VALUE), ("<\"a b\"@c.example>", VALUE), ("<" + "a" * 1000 + "@b.example>", LONG),
    ("<=?utf-8?q?x?=@b.example>", VALUE),
], ids=lambda v: ascii(v)[:30])
def test_hostile_message_id_is_refused(mailer, field, value, code):
    refused(mailer, {field: value}, {f"/{field}": code})


def test_references_are_counted(mailer):
    refused(mailer, {"references": [f"<{i}@b.example>" for i in range(10_000)]}, {"/references": MANY})


# List-Unsubscribe

@pytest.mark.parametrize("url, code", [
    ("https://x.example\r\nX: y", INJECTION), ("https://x.example>", "url"), ("http://x.example", "url"), ("https://", "url"),
    ("https://u:p@x.example", "url"), ("https://x.example/ü", "url"), ("javascript:x", "url"), ("https://x.example/ y", "url"),
    ("https://x.example/=?utf-8?q?x?=", "url"), ("https://x.example/" + "a" * 3000, LONG),
], ids=lambda v: ascii(v)[:40])
def test_hostile_unsubscribe_url_is_refused(mailer, url, code):
    refused(mailer, {"list_unsubscribe": {"url": url}}, {"/list_unsubscribe/url": code})


@pytest.mark.parametrize("mailto, code", [
    ("u@x.example\r\nX: y", INJECTION), ("u@x.example>, <https://e.example", "address_syntax"), ("x", "address_syntax"),
    ("u@x.example?subject=a b", "url"), ("ü@x.example", "address_syntax"),
])
def test_hostile_unsubscribe_address_is_refused(mailer, mailto, code):
    refused(mailer, {"list_unsubscribe": {"mailto": mailto}}, {"/list_unsubscribe/mailto": code})


def test_one_click_needs_a_url(mailer):
    refused(mailer, {"list_unsubscribe": {"mailto": "u@x.example", "one_click": True}}, {"/list_unsubscribe": "required"})


# Attachments

@pytest.mark.parametrize("name, code", [
    ("a\r\nContent-Type: text/html", INJECTION), ("a\u2028b", INJECTION), ("../../x", VALUE), ("C:\\x", VALUE), ("a\tb", VALUE),
    ("a\x1bb", VALUE), (".", VALUE), ("..", VALUE), ("exe.\u202egpj", VALUE), ("x" * 256, LONG), ("ü" * 300, LONG),
], ids=lambda v: ascii(v)[:30])
def test_hostile_file_name_is_refused(mailer, name, code):
    refused(mailer, attachment(filename=name), {"/attachments/0/filename": code})


@pytest.mark.parametrize("name", [
    'a"; filename="b.exe', "=?utf-8?b?eC5leGU=?=", "%0d%0a", "%22; x=y", "a;b", "a'b", "a*0=b", "UTF-8''x", "x" * 255, "ü" * 127, "con",
], ids=lambda v: ascii(v)[:30])
def test_odd_file_name_is_read_back_as_it_was(mailer, name):
    (part,) = mail_reading.by_python(sent(mailer, attachment(filename=name)))["attachments"]
    assert part["filename"] == name


@pytest.mark.parametrize("kind, code", [
    ("text/html\r\nX: y", INJECTION), ("x" * 300 + "/y", LONG),
    *((t, TYPE) for t in ("text/html; boundary=x", "multipart/mixed", "message/rfc822", "message/partial", "text", 'a/b; charset="',
                          "a/b;", "a/b/c", "a /b", "a/b; x=é", "a/b; x=1; x=2", "a/b; x*=utf-8''y")),
], ids=lambda v: ascii(v)[:30])
def test_hostile_content_type_is_refused(mailer, kind, code):
    refused(mailer, attachment(content_type=kind), {"/attachments/0/content_type": code})


def test_file_name_in_the_content_type_does_not_count(mailer):
    for kind in ("text/plain; name=evil.exe", "text/plain; name*=utf-8''evil.exe", "text/plain; NAME*0=evil.exe"):
        content = sent(mailer, attachment(content_type=kind, filename="a.txt"))
        assert b"evil" not in content
        assert mail_reading.by_python(content)["attachments"][0]["filename"] == "a.txt"


@pytest.mark.parametrize("content_id, code", [
    ("x>\r\n", INJECTION), ("x y", VALUE), ("é", VALUE), ('x"', VALUE), ("x,y", VALUE), ("<>", VALUE), ("x>y", VALUE), ("a" * 1000, LONG),
], ids=lambda v: ascii(v)[:30])
def test_hostile_content_id_is_refused(mailer, content_id, code):
    refused(mailer, attachment(content_id=content_id), {"/attachments/0/content_id": code})


def test_content_id_stands_once(mailer):
    refused(mailer, {"attachments": [{"content": "eA==", "content_id": "x"}, {"content": "eA==", "content_id": "<x>"}]},
            {"/attachments/1/content_id": "duplicate_field"})


@pytest.mark.parametrize("content", [
    "eA=", "====", "=", "eB==", "é", "e", "{}", " " * 1000 + "eA==", "eA==" + " " * 100_000, "eA==eA==", "eA==!", "e\r\nA\r\n=\r\n=",
], ids=lambda v: ascii(v)[:20])
def test_what_is_no_base64_is_refused(mailer, content):
    refused(mailer, attachment(content=content), {"/attachments/0/content": B64})


@pytest.mark.parametrize("content, data", [
    ("", b""), ("eA==\n", b"x"), ("e\r\nA==", b"x"), ("eA", b"x"), ("_-8=", b"\xff\xef"), ("_-8", b"\xff\xef"), ("e A = =", b"x"),
    ("A" * (4 * MIB), b"\0" * (3 * MIB)),
], ids=lambda v: ascii(v)[:20])
def test_odd_base64_is_decoded(mailer, content, data):
    (part,) = mail_reading.by_python(sent(mailer, attachment(content=content, filename="x.bin")))["attachments"]
    assert part["content"] == data


def test_buffer_objects_are_bytes(mailer):
    (part,) = mail_reading.by_python(sent(mailer, attachment(content={"type": "Buffer", "data": [0, 255, 13, 10]})))["attachments"]
    assert part["content"] == b"\0\xff\r\n"
    refused(mailer, attachment(content={"type": "Buffer", "data": [256]}), {"/attachments/0/content/data/0": VALUE})


def test_attachments_are_counted(mailer):
    assert len(mail_reading.by_python(sent(mailer, {"attachments": [{"content": "eA=="}] * 1000}))["attachments"]) == 1000
    refused(mailer, {"attachments": [{"content": "eA=="}] * 1001}, {"/attachments": MANY})


# Bodies

@pytest.mark.parametrize("text", [
    "a\x01\x1b\x7f\x0c\x0b\x08b", "\r", "\r\r\n", ".", "..", ".\r\n", "\n.\n", "\r.\r", "\n.\r\n", "\r\n.\n", "\r\n.\r", "\r\n.\r\n",
    "a\r\n.\r\nRSET\r\n", "=2E\n", "--=_", "From x", "\u2028.\u2028", "x" * 10_000,
], ids=lambda v: ascii(v)[:30])
def test_odd_body_arrives_with_its_lines(mailer, text):
    content = sent(mailer, {"text": text, "html": f"<pre>{text}</pre>"})
    wanted = text.replace("\r\r\n", "\n").replace("\r\n", "\n").replace("\r", "\n")
    mail = mail_reading.by_python(content)
    assert mail["text"].rstrip("\n") == wanted.rstrip("\n")
    assert mail["html"].rstrip("\n") == f"<pre>{wanted}</pre>"


def test_ten_megabytes_of_html_in_one_line_arrive(mailer):
    html = "<p>" + "x" * (10 * MIB) + "</p>"
    assert mail_reading.by_python(sent(mailer, {"html": html}))["html"].rstrip("\n") == html


def test_our_boundary_in_a_body_does_not_end_the_part(mailer):
    """The boundary of the last mail, sent back to us."""
    for _ in range(3):
        content = sent(mailer, {"html": "<p>x</p>"})
        boundary = content.split(b'boundary="')[1].split(b'"')[0].decode()
        text = f"--{boundary}\n\nfake\n--{boundary}--\n"
        content = sent(mailer, {"text": text, "html": "<p>x</p>", **attachment(
            content=base64.b64encode(text.encode()).decode(), content_type="text/plain", filename="x.txt")})
        mail = mail_reading.by_python(content)
        assert mail["text"].rstrip() == text.rstrip() and mail["attachments"][0]["content"] == text.encode()


# Tags and metadata are not mail, but go into logs and answers.

@pytest.mark.parametrize("change, pointers", [
    ({"tags": ["x\ny"]}, {"/tags/0": INJECTION}),
    ({"tags": ["x"] * 11}, {"/tags": MANY}),
    ({"metadata": {"a\n": "v"}}, {"/metadata/a\n": INJECTION}),
    ({"metadata": {str(i): "v" for i in range(21)}}, {"/metadata": MANY}),
])
def test_hostile_tags_and_metadata_are_refused(mailer, change, pointers):
    refused(mailer, change, pointers)
