# SPDX-License-Identifier: MIT
"""Every operation of the OpenAPI document, asked by the wrong one: nobody, and another tenant who knows the names of what there
is. And every way to send, in another's name."""
import base64
import hashlib
import http.client
import itertools
import json
import os
import pathlib
import re
import subprocess
import time
import urllib.parse
import uuid

import door as doors
import pytest
import sigv4
import waiting

MASTER = "master-key-master-key-master-key-1234"
SECRETS = {"k_a": "alpha-secret-0123456789abcdef", "k_b": "bravo-secret-0123456789abcdef",
           "k_admin": "admin-secret-0123456789abcdef"}
ROWS = {"k_a": 'senders: ["*@a.example"], scopes: [send, read]', "k_b": 'senders: ["*@b.example"], scopes: [send, read]',
        "k_admin": "scopes: [admin]"}
DOCUMENT = json.loads((pathlib.Path(__file__).parents[2] / "api/openapi.json").read_text())
METHODS = ("get", "post", "put", "patch", "delete")
OPERATIONS = [(method.upper(), path, operation) for path, item in DOCUMENT["paths"].items()
              for method, operation in item.items() if method in METHODS]
CLOSED = [(method, path) for method, path, operation in OPERATIONS if operation.get("security") != []]
STREAM = ("GET", "/v1/events")


def config(authority):
    rows = [f'  - {{name: {i}, id: {i}, hash: "sha256:{hashlib.sha256(SECRETS[i].encode()).hexdigest()}", {row}}}'
            for i, row in ROWS.items()]
    return doors.config(authority.good, api_keys=f'master_key: "{MASTER}"\napi_keys:\n' + "\n".join(rows))


@pytest.fixture(scope="module", name="door")
def door_fixture(tmp_path_factory, authority):
    directory = tmp_path_factory.mktemp("everywhere")
    d = doors.Door(os.environ["MAILHATCH_BIN"], directory, config(authority))
    command = [os.environ["MAILHATCH_BIN"], "key", "ses-secret", "--config", str(directory / "door.yaml")]
    d.ses_secrets = {key: subprocess.run([*command, key], capture_output=True, text=True, check=True).stdout.strip()
                     for key in SECRETS}
    yield d
    d.close()


def credentials(door, key, method, target, body):
    """Headers that say who asks, in the language of the path."""
    token = f"{key}.{SECRETS[key]}"
    if target.startswith("/compat/ses"):
        made = sigv4.headers(method, target, f"127.0.0.1:{door.ports['plain']}", body, key, door.ses_secrets[key])
        return {name: value for name, value in made.items() if name != "host"}
    if "/compat/postmark/" in target:
        return {"X-Postmark-Server-Token": token}
    if "/compat/mailgun/" in target:
        return {"Authorization": "Basic " + base64.b64encode(f"api:{token}".encode()).decode()}
    return {"Authorization": f"Bearer {token}"}


def ask(door, key, method, target, body=b"", content_type="application/json"):
    """(status, body) of one request; @key None: nobody's."""
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    headers = credentials(door, key, method, target, raw) if key is not None else {}
    if raw and "content-type" not in headers:
        headers["Content-Type"] = content_type
    connection = http.client.HTTPConnection("127.0.0.1", door.ports["plain"], timeout=20)
    connection.request(method, target, raw or None, headers)
    answer = connection.getresponse()
    content = answer.read()
    connection.close()
    return answer.status, content


class Things:
    """What a tenant has, by the names of the paths' parameters; `secret` is in all of it, and in no path."""

    def __init__(self):
        word = uuid.uuid4().hex
        self.secret = uuid.uuid4().hex
        self.names = {"id": str(uuid.uuid4()), "email": f"{word}@elsewhere.example", "name": f"t{word}", "domain": "a.example",
                      "stream": "outbound", "page": "x"}
        self.names["address"] = self.names["EmailAddress"] = self.names["email"]

    def path(self, template):
        for name, value in self.names.items():
            template = template.replace(f"{{{name}}}", urllib.parse.quote(value))
        return template.replace("{name}", self.names["name"])

    def blank(self, answer):
        """Without what was asked for."""
        status, content = answer
        text = content.decode(errors="replace")
        for value in self.names.values():
            if len(value) > 20:
                text = text.replace(urllib.parse.quote(value), "?").replace(value, "?")
        try:
            body = json.loads(text)
        except ValueError:
            return status, re.sub("<RequestId>[^<]*</RequestId>", "", text)  # SES v1 speaks XML
        return status, without(body, ("request_id", "requestId", "id", "batch_id", "created_at", "updated_at", "ErrorID"))


def without(body, names):
    if isinstance(body, dict):
        return {k: without(v, names) for k, v in body.items() if k not in names}
    return [without(v, names) for v in body] if isinstance(body, list) else body


def in_an_hour():
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(time.time() + 3600))


@pytest.fixture(scope="module", name="things")
def things_fixture(door):
    """Of k_a."""
    a = Things()
    status, body = ask(door, "k_a", "POST", "/v1/messages", letter("a.example", subject=a.secret, tags=[a.secret],
                                                                   scheduled_at=in_an_hour()))
    assert status == 202, body
    a.names["id"] = json.loads(body)["id"]
    assert ask(door, "k_a", "POST", "/v1/suppressions", {"email": a.names["email"], "detail": a.secret})[0] in (200, 201)
    assert ask(door, "k_a", "PUT", f"/v1/templates/{a.names['name']}", {"subject": a.secret, "text": "t"})[0] in (200, 201)
    return a


def letter(domain, **fields):
    return {"from": f"x@{domain}", "to": "y@elsewhere.example", "subject": "s", "text": "t"} | fields


@pytest.mark.parametrize("path", ["/v1/messages", "/compat/resend/emails", "/compat/postmark/messages/outbound",
                                  "/compat/sendgrid/v3/scopes", "/compat/ses/v2/email/account", "/compat/mailgun/v4/domains"])
def test_a_tenant_is_let_in_by_each_way(door, path):
    """Else what follows would show nothing."""
    for key in ("k_a", "k_b"):
        assert ask(door, key, "GET", path)[0] == 200


@pytest.mark.parametrize("method,path", CLOSED)
def test_nobody_is_let_in(door, things, method, path):
    status, body = ask(door, None, method, things.path(path), b"{}" if method != "GET" else b"")
    assert status in (401, 403), body
    assert things.secret.encode() not in body


@pytest.mark.parametrize("method,path", [o for o in CLOSED if o != STREAM])
def test_another_tenants_things_are_as_if_they_were_not(door, things, method, path):
    """Byte for byte but for what was asked: lists leave them out, names lead nowhere."""
    body = b"{}" if method in ("POST", "PUT", "PATCH") else b""
    others, nobodys = things, Things()
    theirs = ask(door, "k_b", method, others.path(path), body)
    none = ask(door, "k_b", method, nobodys.path(path), body)
    assert others.secret.encode() not in theirs[1]
    assert others.blank(theirs) == nobodys.blank(none)


def test_nothing_of_it_was_changed(door, things):
    """After all of the above."""
    status, body = ask(door, "k_a", "GET", things.path("/v1/messages/{id}"))
    assert status == 200 and json.loads(body)["status"] == "scheduled"
    for path in ("/v1/suppressions/{email}", "/v1/templates/{name}"):
        status, body = ask(door, "k_a", "GET", things.path(path))
        assert status == 200 and things.secret.encode() in body, path


def events(door, key):
    """The connection to the event stream from its begin, and the bytes so far."""
    connection = http.client.HTTPConnection("127.0.0.1", door.ports["plain"], timeout=20)
    headers = {**credentials(door, key, "GET", "/v1/events", b""), "Last-Event-ID": "0"}
    connection.request("GET", "/v1/events", headers=headers)
    answer = connection.getresponse()
    assert answer.status == 200
    return connection, answer


def test_the_event_stream_tells_of_ones_own_only(door, things):
    connection, answer = events(door, "k_b")
    mine = json.loads(ask(door, "k_b", "POST", "/v1/messages", letter("b.example"))[1])["id"].encode()
    seen = b""

    def more():
        nonlocal seen
        seen += answer.read1(65536)
        return b"message.completed" in seen and mine in seen

    waiting.until("my own events", more)
    connection.close()
    assert things.names["id"].encode() not in seen


def mailgun(sender):
    fields = {"from": sender, "to": "y@elsewhere.example", "subject": "s", "text": "t"}
    return urllib.parse.urlencode(fields).encode()


FORM = "application/x-www-form-urlencoded"
# path, content type, body of a sender's address
SENDING = {
    "one": ("/v1/messages", "application/json", lambda s: letter("", **{"from": s})),
    "batch": ("/v1/messages/batch", "application/json", lambda s: {"messages": [letter("", **{"from": s})]}),
    "batch, by its defaults": ("/v1/messages/batch", "application/json", lambda s: {
        "defaults": {"from": s}, "messages": [{"to": "y@elsewhere.example", "subject": "s", "text": "t"}]}),
    "validate": ("/v1/messages/validate", "application/json", lambda s: letter("", **{"from": s})),
    "MIME": ("/v1/messages", "message/rfc822", lambda s: f"From: {s}\r\nTo: y@elsewhere.example\r\nSubject: s\r\n\r\nt\r\n".encode()),
    "MIME, envelope": ("/v1/messages?from={sender}", "message/rfc822",
                       lambda s: b"From: x@a.example\r\nTo: y@elsewhere.example\r\nSubject: s\r\n\r\nt\r\n"),
    "Resend": ("/compat/resend/emails", "application/json", lambda s: letter("", **{"from": s})),
    "Resend, batch": ("/compat/resend/emails/batch", "application/json", lambda s: [letter("", **{"from": s})]),
    "Postmark": ("/compat/postmark/email", "application/json",
                 lambda s: {"From": s, "To": "y@elsewhere.example", "Subject": "s", "TextBody": "t"}),
    "Postmark, batch": ("/compat/postmark/email/batch", "application/json",
                        lambda s: [{"From": s, "To": "y@elsewhere.example", "Subject": "s", "TextBody": "t"}]),
    "SendGrid": ("/compat/sendgrid/v3/mail/send", "application/json", lambda s: {
        "personalizations": [{"to": [{"email": "y@elsewhere.example"}]}], "from": {"email": s}, "subject": "s",
        "content": [{"type": "text/plain", "value": "t"}]}),
    "SES": ("/compat/ses/v2/email/outbound-emails", "application/json", lambda s: {
        "FromEmailAddress": s, "Destination": {"ToAddresses": ["y@elsewhere.example"]},
        "Content": {"Simple": {"Subject": {"Data": "s"}, "Body": {"Text": {"Data": "t"}}}}}),
    "Mailgun": ("/compat/mailgun/v3/a.example/messages", FORM, mailgun),
    "Mailgun, by the path's domain": ("/compat/mailgun/v3/b.example/messages", FORM, mailgun),
}


def caught(door):
    status, body = ask(door, "k_admin", "GET", "/v1/sandbox/messages?limit=100")
    assert status == 200
    return json.loads(body)["messages"]


@pytest.mark.parametrize("name,domain", itertools.product(SENDING, ("a.example", "b.example")))
def test_in_whose_name(door, name, domain):
    path, content_type, body = SENDING[name]
    ask(door, "k_admin", "DELETE", "/v1/sandbox/messages")
    sender = f"x@{domain}"
    status, answer = ask(door, "k_a", "POST", path.replace("{sender}", urllib.parse.quote(sender)), body(sender), content_type)
    if domain == "a.example":
        assert 200 <= status < 300 and b'"failed":1' not in answer, answer
        if name != "validate":
            waiting.until("it is caught", lambda: caught(door))
    else:
        assert status == 403 or b"may not send as" in answer, (status, answer)
        assert not any("b.example" in json.dumps([m["from"], m["mail_from"]]) for m in caught(door))
