# SPDX-License-Identifier: MIT
"""Hostile addresses, in every field that takes one: refused with a pointer, or the envelope and the
header say the same harmless thing."""
import json

import mail_reading
import mailer as mailer_module
import pytest
from mailhatch import letter

SYNTAX, DOMAIN, INJECTION = "address_syntax", "domain_syntax", "header_injection"

REFUSED = {
    # two readings of one text
    '"evil@attacker.example more"@good.example': SYNTAX,
    '"user@attacker.example"@good.example': SYNTAX,
    '"a"@evil.example"@good.example': SYNTAX,
    "a@evil.example@good.example": SYNTAX,
    "a@good.example,victim@evil.example": SYNTAX,
    "a@good.example;b@evil.example": SYNTAX,
    "u@x.example,": SYNTAX,
    "u@x.example;": SYNTAX,
    ",u@x.example": SYNTAX,
    "<aaa@b.example>ccc@d.example": SYNTAX,
    "user@good.example(x)evil.example": SYNTAX,
    "user@(x)good.example": SYNTAX,
    "user@good.example (c": SYNTAX,
    "Name <<u@x.example>>": SYNTAX,
    "Name <u@x.example": SYNTAX,
    "Bcc: z@z.example <u@x.example>": SYNTAX,
    "Group:a@b.example,c@d.example;": SYNTAX,
    "a:" * 3000 + "a@b.example" + ";" * 3000: SYNTAX,
    "@a,@b:u@x.example": SYNTAX,
    "mailto:u@x.example": SYNTAX,
    "u@x.example?bcc=z@z.example": SYNTAX,
    "=?utf-8?q?=41=42?=@x.example": SYNTAX,
    "=?utf-8?q?x=40evil.example=3e=00?=foo@good.example": SYNTAX,
    "=?utf-8?q?=0d=0aBcc:z=40z?= <u@x.example>": SYNTAX,
    # old routing
    "u%evil@x.example": SYNTAX,
    "u!evil@x.example": SYNTAX,
    # commands and lines
    '"\r\n RCPT TO:<z@z.example>"@x.example': INJECTION,
    "u@x.example>\r\nRCPT TO:<z@z.example": INJECTION,
    "Name\r\nBcc: z@z.example <u@x.example>": INJECTION,
    '"Name\r\n" <u@x.example>': INJECTION,
    "u@x.example\n": INJECTION,
    "u@x.example\r\n": INJECTION,
    "\nu@x.example": INJECTION,
    "u@x.example> SIZE=1 ORCPT=rfc822;z": SYNTAX,
    "u\tv@x.example": SYNTAX,
    "u\x7f@x.example": SYNTAX,
    "u\x1b@x.example": SYNTAX,
    # no address at all
    "": SYNTAX,
    " ": SYNTAX,
    "<>": SYNTAX,
    "@": SYNTAX,
    "@x.example": SYNTAX,
    "postmaster": SYNTAX,
    '""@x.example': SYNTAX,
    ".u@x.example": SYNTAX,
    "u.@x.example": SYNTAX,
    "u..v@x.example": SYNTAX,
    "u v@x.example": SYNTAX,
    'u"@x.example': SYNTAX,
    "u\\@x.example": SYNTAX,
    "\\u@x.example": SYNTAX,
    # no domain that mail has
    "u@": DOMAIN,
    "u@[127.0.0.1]": DOMAIN,
    "u@[IPv6:::1]": DOMAIN,
    "u@[127.0.0.1]:25": DOMAIN,
    "u@1.2.3.4": DOMAIN,
    "u@x.example:25": SYNTAX,
    "u@x..example": DOMAIN,
    "u@-x.example": DOMAIN,
    "u@x-.example": DOMAIN,
    "u@.example": DOMAIN,
    "u@example.": DOMAIN,
    "u@example": DOMAIN,
    "u@x_y.example": DOMAIN,
    "u@x/../y.example": DOMAIN,
    "u@x#y.example": DOMAIN,
    # lengths
    "l" * 65 + "@x.example": SYNTAX,
    "u@" + "d" * 64 + ".example": DOMAIN,
    "u@" + ("d" * 63 + ".") * 3 + "d" * 57 + ".com": SYNTAX,
    # characters that look like others or like nothing
    "u@x\uff20y.example": DOMAIN,
    "u\uff20x.example": SYNTAX,
    "u@x\u2024example": DOMAIN,
    "u@x\u3002example": DOMAIN,
    "u@x\u00ad.example": DOMAIN,
    "u@\u202ex.example": DOMAIN,
    "u@x\u200d.example": DOMAIN,
    "u\u202ev@x.example": SYNTAX,
    "a\u2028b <u@x.example>": SYNTAX,
    "u@xn--a.example": DOMAIN,
    "u@xn--.example": DOMAIN,
    "u@xn--zzzzz99999.example": DOMAIN,
    "u@" + "ä" * 70 + ".example": DOMAIN,
}

# As a string → as it must go out.
HARMLESS = {
    "l" * 64 + "@x.example": "l" * 64 + "@x.example",
    "u@" + ("d" * 63 + ".") * 3 + "d" * 56 + ".com": "u@" + ("d" * 63 + ".") * 3 + "d" * 56 + ".com",
    '"a\\"b"@x.example': '"a\\"b"@x.example',
    '"a\\\\"@x.example': '"a\\\\"@x.example',
    '"u"@x.example': "u@x.example",
    '"a b"@x.example': '"a b"@x.example',
    "u'@x.example": "u'@x.example",
    " u@x.example ": "u@x.example",
    "<u@x.example>": "u@x.example",
    "u@X.EXAMPLE": "u@x.example",
    "u@exämple.com": "u@xn--exmple-cua.com",
    "u@straße.example": "u@xn--strae-oqa.example",
    "u@strasse.example": "u@strasse.example",
    "u@\u0430pple.example": "u@xn--pple-43d.example",
}

# A local part beyond ASCII needs SMTPUTF8; cut to bytes, these would hold CR, LF or @.
UTF8_LOCAL_PARTS = ["嘍嘊@x.example", "u\u560d\u560a@x.example", "u\u010d\u010a@x.example", "ü@x.example"]

FIELDS = {
    "from": ("/from", lambda a: {"from": a}),
    "to": ("/to/1", lambda a: {"to": ["ann@example.org", a]}),
    "cc": ("/cc", lambda a: {"cc": a}),
    "bcc": ("/bcc/0", lambda a: {"bcc": [a]}),
    "reply_to": ("/reply_to", lambda a: {"reply_to": a}),
    "email of an object": ("/to/0/email", lambda a: {"to": [{"email": a}]}),
}


@pytest.mark.parametrize("address", REFUSED, ids=lambda a: json.dumps(a)[:50])
def test_hostile_address_is_refused_in_every_field(mailer, address):
    n_before = len(mailer.peer.received)
    for pointer, change in FIELDS.values():
        answer = mailer.server.post(letter(**change(address)), Prefer="wait=10")
        assert answer.status == 422, (pointer, answer.body)
        assert answer.pointers() == {pointer: REFUSED[address]}
    answer = mailer.server.post(letter(envelope={"from": address}), Prefer="wait=10")
    if address != "":  # there it is the null sender
        assert (answer.status, answer.pointers()) == (422, {"/envelope/from": REFUSED[address]})
        assert len(mailer.peer.received) == n_before


@pytest.mark.parametrize("address", HARMLESS)
def test_odd_address_is_the_same_in_envelope_and_header(mailer, address):
    wanted = HARMLESS[address]
    answer, message = mailer.mail_of(letter(to=[address], **{"from": "billing@example.com"}))
    assert message.asked == [wanted] and f"\r\nTo: {wanted}\r\n".encode() in message.content
    assert answer["recipients"][0]["email"] == wanted
    _, message = mailer.mail_of(letter(**{"from": address}))
    assert message.mail_from.startswith(f"<{wanted}>") and message.content.startswith(f"From: {wanted}\r\n".encode())


def test_local_part_beyond_ascii_is_never_cut_to_bytes(mailer):
    with mailer_module.running(keywords=("PIPELINING", "8BITMIME", "SMTPUTF8")) as able:
        for address in UTF8_LOCAL_PARTS:
            _, message = able.mail_of(letter(to=[address]))
            assert message.asked == [address] and "SMTPUTF8" in message.mail_from
            assert f"\r\nTo: {address}\r\n".encode() in message.content
    for address in UTF8_LOCAL_PARTS:
        n_before = len(mailer.peer.messages)
        recipient = mailer.server.send_one(letter(to=[address]))
        assert (recipient["status"], recipient["reason"]) == ("rejected", "smtputf8_unsupported")
        assert len(mailer.peer.messages) == n_before


def test_null_sender_is_for_the_envelope_only(mailer):
    _, message = mailer.mail_of(letter(envelope={"from": ""}))
    assert message.mail_from.startswith("<>") and message.content.startswith(b"From: billing@example.com\r\n")


def test_recipients_are_counted(mailer):
    many = [f"u{i}@example.org" for i in range(1001)]
    answer = mailer.server.post(letter(to=many), Prefer="wait=10")
    assert answer.status == 422 and set(answer.pointers().values()) == {"too_many"}
    answer, message = mailer.mail_of(letter(to=many[:999], bcc=many[999:1000]))
    assert len(message.asked) == 1000


@pytest.mark.parametrize("name, code", [
    ("x\r\nBcc: z@z.example", INJECTION), ("x\n", INJECTION), ("x\0", None), ("x\u2028y", INJECTION), ("x\u0085y", INJECTION),
    ("x\x1b[31m", "value"), ("\u202eevil", "value"), ("\t", "value"),
])
def test_hostile_display_name_is_refused(mailer, name, code):
    answer = mailer.server.post(letter(to=[{"email": "ann@example.org", "name": name}]), Prefer="wait=10")
    if code is None:  # JSON with NUL is refused as a whole
        assert answer.status == 400
    else:
        assert (answer.status, answer.pointers()) == (422, {"/to/0/name": code})


@pytest.mark.parametrize("name", [
    "a, b@evil.example", "<evil@evil.example>", "a\" <evil@evil.example>", "a\\", "\"", "(c)", "a;b:c", "=?utf-8?q?=0d=0aBcc:z?=",
    "=?utf-8?q?evil?= =?utf-8?q?evil?=", "x" * 200, "🎉" * 50, " ", "a  b", "嘍嘊 x",
])
def test_odd_display_name_is_read_back_as_it_was(mailer, name):
    _, message = mailer.mail_of(letter(to=[{"email": "ann@example.org", "name": name}]))
    assert message.asked == ["ann@example.org"]
    ((shown, address),) = mail_reading.by_python(message.content)["to"]
    assert address == "ann@example.org" and shown.split() == name.split()
