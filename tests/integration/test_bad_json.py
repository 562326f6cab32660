# SPDX-License-Identifier: MIT
"""Bodies that are not the JSON we ask for: refused whole, with the place, and nothing is sent."""
import json

import pytest
from mailhatch import letter

MIB = 1 << 20


def field(value):
    return b'{"subject":"' + value + b'"}'


# What is no JSON, or over a limit of shape: name → (body, column of the fault, part of the detail).
MALFORMED = {
    "empty": (b"", 1, "empty"),
    "only white space": (b" \n\t", 1, "empty"),
    "ends in an object": (b"{", 1, "end of file"),
    "ends in a key": (b'{"a"', 4, "':' expected"),
    "ends in a string": (b'{"a":"', 6, "premature end"),
    "depth 17": (b"[" * 17 + b"]" * 17, 17, "deeper than 16"),
    "2,048 opening brackets": (b"[" * 2048, 17, "deeper than 16"),
    "2,049 opening brackets": (b"[" * 2049, 17, "deeper than 16"),
    "objects in objects": (b'{"a":' * 2048, 81, "deeper than 16"),
    "1 MB of objects": (b"{}," * 350_000, 60_001, "20000 keys and values"),
    "150,000 keys": (b"{" + b",".join(b'"%d":0' % i for i in range(150_000)) + b"}", None, "20000 keys and values"),
    "number too large": (b'{"a":1e400}', 10, "overflow"),
    "integer too large": (b'{"a":99999999999999999999}', 25, "too big integer"),
    "leading zero": (b'{"a":01}', 6, "invalid token"),
    "NaN": (b'{"a":NaN}', 8, "invalid token"),
    "Infinity": (b'{"a":Infinity}', 13, "invalid token"),
    "escaped NUL": (field(rb"\u0000"), 19, "NUL"),
    "raw NUL": (field(b"\0"), 12, "control character"),
    "raw line end": (field(b"a\nb"), None, "newline"),
    "lone high surrogate": (field(rb"\ud800"), 19, "invalid Unicode"),
    "surrogates in the wrong order": (field(rb"\udc00\ud800"), 25, "invalid Unicode"),
    "overlong UTF-8": (field(b"\xc0\xaf"), 12, "0xc0"),
    "surrogate in UTF-8": (field(b"\xed\xa0\x80"), 12, "0xed"),
    "beyond Unicode": (field(b"\xf4\x90\x80\x80"), 12, "0xf4"),
    "byte order mark": (b"\xef\xbb\xbf{}", 1, "byte order mark"),
    "UTF-16": ("{}".encode("utf-16"), 1, "0xff"),
    "something behind": (b"{}x", 3, "end of file expected"),
    "two documents": (b"{}{}", 3, "end of file expected"),
    "NUL behind": (b"{}\0", 3, "end of file expected"),
    "NUL before": (b"\0{}", 1, "invalid token"),
    "line comment": (b"// x\n{}", 1, "invalid token"),
    "comment": (b"/* */{}", 1, "invalid token"),
    "single quotes": (b"{'a':1}", 2, "expected"),
    "comma before the brace": (b'{"a":1,}', 8, "expected"),
    "comma before the bracket": (b"[1,]", 4, "unexpected"),
}

# JSON, but not a message: name → (body, {pointer: code}).
WRONG = {
    "key twice": (b'{"from":"a@example.com","to":"a@x.example","to":"b@x.example","text":""}', {"/to": "duplicate_field"}),
    "key twice, once escaped": (b'{"from":"a@example.com","to":"a@x.example","\\u0074o":"b@x.example","text":""}',
                                {"/to": "duplicate_field"}),
    "key in other case": (b'{"from":"a@example.com","To":"a@x.example","to":"b@x.example","text":""}',
                          {"/To": "unknown_field"}),
    "empty object": (b"{}\n", {"/from": "required", "/to": "required", "": "required"}),
    "minus zero": (b'{"a":-0}', {"/a": "unknown_field", "/from": "required", "/to": "required", "": "required"}),
    "string": (b'"x"', {"": "type"}),
    "list": (b"[]", {"": "type"}),
    "null": (b"null", {"": "type"}),
    "true": (b"true", {"": "type"}),
}

# One field of a valid message is wrong: name → (change, {pointer: code}).
WRONG_FIELDS = {
    "prototype": ({"__proto__": {}}, {"/__proto__": "unknown_field"}),
    "unknown": ({"port": "25"}, {"/port": "unknown_field"}),
    "pointer is escaped": ({"a/b~c": 1}, {"/a~1b~0c": "unknown_field"}),
    "two names of one field": ({"reply_to": "a@example.com", "replyTo": "b@example.com"}, {"/replyTo": "duplicate_field"}),
    "boolean address": ({"to": True}, {"/to": "type"}),
    "number address": ({"to": 1}, {"/to": "type"}),
    "object for an email": ({"to": {"email": {"a": 1}}}, {"/to/email": "type"}),
    "address with an unknown field": ({"to": {"email": "a@example.org", "x": 1}}, {"/to/x": "unknown_field"}),
    "address without email": ({"to": {"name": "x"}}, {"/to/email": "required"}),
    "list in a list": ({"to": [["ann@example.org"]]}, {"/to/0": "type"}),
    "null in a list": ({"to": [None]}, {"/to/0": "type"}),
    "no recipient": ({"to": []}, {"/to": "required"}),
    "object subject": ({"subject": {"a": 1}}, {"/subject": "type"}),
    "list subject": ({"subject": ["x"]}, {"/subject": "type"}),
    "number text": ({"text": 1}, {"/text": "type"}),
    "attachments no list": ({"attachments": {"content": "eA=="}}, {"/attachments": "type"}),
    "attachment without content": ({"attachments": [{}]}, {"/attachments/0/content": "required"}),
    "attachment by file part": ({"attachments": [{"part": "a"}]}, {"/attachments/0/part": "unsupported"}),
    "number header": ({"headers": {"X-A": 1}}, {"/headers/X-A": "type"}),
    "null header": ({"headers": {"X-A": None}}, {"/headers/X-A": "type"}),
    "tags no list": ({"tags": "x"}, {"/tags": "type"}),
    "metadata no string": ({"metadata": {"a": 1}}, {"/metadata/a": "type"}),
    "string for a boolean": ({"require_tls": "true"}, {"/require_tls": "type"}),
    "unknown priority": ({"priority": "urgent"}, {"/priority": "value"}),
    "unknown mode": ({"delivery": {"mode": "x"}}, {"/delivery/mode": "value"}),
    "string envelope": ({"envelope": "x"}, {"/envelope": "type"}),
    "unknown relay": ({"relay": "nope"}, {"/relay": "relay"}),
    "no date": ({"scheduled_at": "tomorrow"}, {"/scheduled_at": "date"}),
    "number duration": ({"expires_in": 5}, {"/expires_in": "type"}),
    "25 MB subject": ({"subject": "x" * (25 * MIB)}, {"/subject": "too_long"}),
    "a million line ends in the subject": ({"subject": "\n" * 10**6}, {"/subject": "too_long"}),
    "several at once": ({"to": ["a@b@c.example", "ann@example.org", "x"], "headers": {"X A": "1", "From": "x"}, "no": 1},
                        {"/to/0": "address_syntax", "/to/2": "address_syntax", "/headers/X A": "header_name",
                         "/headers/From": "header_managed", "/no": "unknown_field"}),
}


@pytest.fixture(autouse=True, scope="module")
def nothing_is_sent(mailer):
    n_before = len(mailer.peer.received)
    yield
    assert len(mailer.peer.received) == n_before


@pytest.mark.parametrize("name", MALFORMED)
def test_what_is_no_json_is_refused_with_its_place(mailer, name):
    body, column, detail = MALFORMED[name]
    answer = mailer.server.post(body, Prefer="wait=10")
    problem = answer.problem()
    assert (answer.status, problem["code"]) == (400, "malformed_json")
    assert detail in problem["detail"], problem
    if column is not None:
        assert problem["detail"].startswith(f"line 1, column {column}:"), problem


@pytest.mark.parametrize("name", WRONG)
def test_json_that_is_no_message_is_refused(mailer, name):
    body, pointers = WRONG[name]
    answer = mailer.server.post(body, Prefer="wait=10")
    assert (answer.status, answer.pointers()) == (422, pointers)


@pytest.mark.parametrize("name", WRONG_FIELDS)
def test_a_field_that_is_wrong_is_refused_with_its_pointer(mailer, name):
    change, pointers = WRONG_FIELDS[name]
    answer = mailer.server.post({**letter(), **change}, Prefer="wait=10")
    assert (answer.status, answer.pointers()) == (422, pointers)
    assert answer.problem()["code"] == "validation_failed"


def test_line_is_counted(mailer):
    answer = mailer.server.post(b'{\n  "from": "a@example.com",\n  "to" "b@example.org"\n}')
    assert answer.problem()["detail"].startswith("line 3, column ")


def test_at_most_a_hundred_problems_are_listed(mailer):
    answer = mailer.server.post(letter(to=["x"] * 500))
    assert answer.status == 422 and len(answer.pointers()) == 100
    assert "500" in answer.problem()["detail"], answer.problem()["detail"]
