# SPDX-License-Identifier: MIT
"""What two independent parsers find in the mail is what the request asked for, field by field."""
import mail_reading
import pytest
import shapes

GENERATED = shapes.generated(120, "mime")
ALL = {**shapes.SHAPES, **GENERATED}


@pytest.fixture(scope="module")
def mails(mailer):
    """{name: (answer, message at the relay, read by Python, read by mailparser)}"""
    sent = mailer.mails_of(ALL)
    contents = [message.content for _, message in sent.values()]
    return {name: (answer, message, mail_reading.by_python(message.content), by_mailparser)
            for (name, (answer, message)), by_mailparser in zip(sent.items(), mail_reading.all_by_mailparser(contents))}


@pytest.mark.parametrize("name", ALL)
def test_parsers_find_what_was_asked_for(mails, name):
    answer, message, by_python, by_mailparser = mails[name]
    wanted = shapes.expected(ALL[name])
    readings = {"python": by_python, "mailparser": by_mailparser}
    if name in shapes.PYTHON_ONLY:
        del readings["mailparser"]
    for parser, mail in readings.items():
        got = shapes.found(mail)
        for field, value in wanted.items():
            assert got[field] == value, f"{field} by {parser}:\n{message.content[:3000].decode('latin-1')}"
        assert mail["message_id"] == answer["message_id"]
        assert mail["date"] == answer["created_at"][:19]


MIXED, RELATED, ALTERNATIVE = "multipart/mixed", "multipart/related", "multipart/alternative"
TEXT, HTML, PDF, PNG = "text/plain", "text/html", "application/pdf", "image/png"


@pytest.mark.parametrize("name, structure", [
    ("text", TEXT),
    ("html", (ALTERNATIVE, TEXT, HTML)),
    ("text and html", (ALTERNATIVE, TEXT, HTML)),
    ("text and attachment", (MIXED, TEXT, PDF)),
    ("html and attachment", (MIXED, (ALTERNATIVE, TEXT, HTML), PDF)),
    ("html and inline", (RELATED, (ALTERNATIVE, TEXT, HTML), PNG)),
    ("everything", (MIXED, (RELATED, (ALTERNATIVE, TEXT, HTML), PNG), PDF, "application/octet-stream")),
    ("text and inline", (MIXED, TEXT, PNG)),
])
def test_parts_are_nested_as_readers_expect(mails, name, structure):
    assert mail_reading.structure(mails[name][1].content) == structure


def test_text_is_derived_from_html(mails):
    assert mails["html"][2]["text"] == "Hello Ann,\n"


def test_bcc_is_in_the_envelope_only(mails):
    _, message, by_python, _ = mails["to, cc and bcc"]
    assert message.rcpts == ["ann@example.org", "carol@example.org", "hidden@example.org", "dave@example.org"]
    assert b"hidden" not in message.content and b"dave" not in message.content


def test_without_visible_recipients_the_mail_is_addressed_to_a_group(mails):
    assert mail_reading.headers(mails["bcc only"][1].content, "To") == ["undisclosed-recipients:;"]


def test_custom_headers_arrive_decoded_and_in_order(mails):
    content = mails["custom headers"][1].content
    assert mail_reading.headers(content, "X-Order") == ["17"]
    assert mail_reading.headers(content, "X-Multi") == ["a", "b"]
    assert mail_reading.headers(content, "X-Long") == ["word " * 60 + "end"]
    assert mail_reading.headers(content, "X-Umlaut") == ["Grüße 🎉"]
    assert mail_reading.headers(content, "X-Word") == ["w" * 500]
    assert mail_reading.headers(content, "X-Encoded") == ["=?utf-8?q?no?="]
    assert mail_reading.headers(mails["header list"][1].content, "X-A") == ["1", "2"]


def test_thread_headers_arrive(mails):
    answer, message, _, _ = mails["threading"]
    assert answer["message_id"] == "<own-1@example.com>"
    assert mail_reading.headers(message.content, "In-Reply-To") == ["<a@example.com>"]
    wanted = " ".join(shapes.SHAPES["threading"]["references"])
    assert mail_reading.headers(message.content, "References") == [wanted]


def test_one_click_unsubscribe_headers_are_those_of_rfc_8058(mails):
    content = mails["list-unsubscribe"][1].content
    assert mail_reading.headers(content, "List-Unsubscribe") == [
        f"<https://example.com/u?{'t' * 200}>, <mailto:u@example.com>"]
    assert mail_reading.headers(content, "List-Unsubscribe-Post") == ["List-Unsubscribe=One-Click"]


def test_domains_in_unicode_go_out_as_a_labels(mails):
    _, message, _, _ = mails["idn"]
    assert message.mail_from.startswith("<billing@xn--mller-kva.example>")
    assert message.rcpts == ["ann@xn--bcher-kva.example"]
    assert b"From: billing@xn--mller-kva.example\r\n" in message.content


def test_content_types_are_as_given_or_from_the_name(mails):
    given = [p["content_type"] for p in mails["content types"][2]["attachments"]]
    assert given == [a["content_type"].split(";")[0] for a in shapes.SHAPES["content types"]["attachments"]]
    by_name = [p["content_type"] for p in mails["types from names"][2]["attachments"]]
    assert by_name == ["application/pdf", "image/png", "image/jpeg", "application/zip",
                       "application/octet-stream", "application/octet-stream"]


def test_inline_parts_have_content_id_and_disposition(mails):
    (part,) = mails["html and inline"][2]["attachments"]
    assert (part["content_id"], part["disposition"], part["filename"]) == ("<logo>", "inline", "logo.png")


def test_same_recipient_twice_is_one_rcpt_and_one_status(mailer):
    request = dict(shapes.SHAPES["text"], to=["ann@example.org", "Ann <ann@EXAMPLE.ORG>"], cc=["ann@Example.org"])
    answer, message = mailer.mail_of(request)
    assert message.asked == ["ann@example.org"]
    assert [r["email"] for r in answer["recipients"]] == ["ann@example.org"]
