# SPDX-License-Identifier: MIT
"""Variables in subject, text and html: for all, or for each recipient, which then gets a mail of its own."""
import datetime
import email
import email.policy

import mailhatch
import pytest
from mailhatch import letter
from relay import Relay

TOMORROW = (datetime.datetime.now(datetime.timezone.utc) + datetime.timedelta(days=1)).isoformat()


@pytest.fixture(scope="module")
def relay():
    relay = Relay()
    yield relay
    relay.close()
    assert relay.violations == []


@pytest.fixture(scope="module")
def server(relay):
    with mailhatch.running(env={"MAILHATCH_RELAY": f"smtp://127.0.0.1:{relay.port}?tls=none"}) as running:
        yield running


@pytest.fixture
def sent(server, relay):
    def send(**fields):
        mark = len(relay.messages)
        message = server.send(letter(**fields))
        assert message["status"] == "sent", message
        return {m.rcpts[0]: (m, email.message_from_bytes(m.content, policy=email.policy.default)) for m in relay.messages[mark:]}, message

    return send


def part(mail, kind):
    return mail.get_body((kind,)).get_content()


def refused(server, **fields):
    answer = server.post(letter(**fields))
    assert answer.status == 422, (answer.status, answer.body)
    return answer.pointers()


def test_values_for_all_are_put_in_and_escaped_in_html(sent):
    mails, _ = sent(to=["ann@example.org", "bob@example.org"], subject="Order {{no}}", text="Hi {{name}}", html="<p>{{name}} {{{name}}}</p>",
                    variables={"no": 17, "name": "<A & B>"})
    (mail, read), = mails.values()
    assert mail.rcpts == ["ann@example.org", "bob@example.org"]
    assert str(read["Subject"]) == "Order 17" and part(read, "plain").strip() == "Hi <A & B>"
    assert part(read, "html").strip() == "<p>&lt;A &amp; B&gt; <A & B></p>"


def test_each_recipient_gets_its_own_mail_alone(sent, server):
    mails, message = sent(to=["Ann <ann@example.org>", "bob@example.org"], cc=["carol@example.org"], bcc=["Dave@Example.ORG"], subject="Hi {{name}}",
                          text="{{greeting}} {{name}}{{#items}}\n* {{n}}{{/items}}", variables={"greeting": "Dear", "name": "all", "items": []},
                          recipients={"ann@example.org": {"variables": {"name": "Ann", "items": [{"n": 1}, {"n": 2}]}},
                                      "bob@example.org": {"variables": {"name": "Bob Ü"}}, "carol@example.org": None})
    assert {to: (str(m["Subject"]), part(m, "plain").strip().replace("\r", "")) for to, (_, m) in mails.items()} == {
        "ann@example.org": ("Hi Ann", "Dear Ann\n* 1\n* 2"), "bob@example.org": ("Hi Bob Ü", "Dear Bob Ü"),
        "carol@example.org": ("Hi all", "Dear all"), "Dave@example.org": ("Hi all", "Dear all")}
    assert [m.rcpts for m, _ in mails.values()] == [[to] for to in mails]
    assert {to: str(m["To"]) for to, (_, m) in mails.items()} == {to: "Ann <ann@example.org>" if "ann" in to else to for to in mails}
    assert all(m["Cc"] is None for _, m in mails.values()) and len({str(m["Message-ID"]) for _, m in mails.values()}) == 1
    shown = server.get(message["links"]["self"]).json()
    assert [r["status"] for r in shown["recipients"]] == ["sent"] * 4


def test_copies_wait_on_the_disk_and_can_be_looked_at(relay, tmp_path):
    env = {"MAILHATCH_RELAY": f"smtp://127.0.0.1:{relay.port}?tls=none"}
    server = mailhatch.Server(tmp_path, env=env).start()
    ident = server.post(letter(to=["ann@example.org", "bob@example.org"], text="Hi {{name}}", scheduled_at=TOMORROW,
                               recipients={a: {"variables": {"name": a[:3].upper()}} for a in ("ann@example.org", "bob@example.org")})).json()["id"]
    assert b"Hi ANN" in server.get(f"/v1/messages/{ident}/raw").body and b"Hi BOB" not in server.get(f"/v1/messages/{ident}/raw").body
    assert b"Hi BOB" in server.get(f"/v1/messages/{ident}/raw?recipient=bob@example.org").body
    assert server.get(f"/v1/messages/{ident}/raw?recipient=x@example.org").status == 404
    server.kill()
    server = mailhatch.Server(tmp_path, env=env).start()
    mark = len(relay.messages)
    assert server.request("PATCH", f"/v1/messages/{ident}", b'{"scheduled_at": null}', {"Content-Type": "application/json"}).status == 200
    relay.wait_for(mark + 2)
    assert {m.rcpts[0]: f"Hi {m.rcpts[0][:3].upper()}".encode() in m.content for m in relay.messages[mark:]} == {"ann@example.org": True, "bob@example.org": True}
    server.stop()


def test_without_values_braces_are_text(sent):
    mails, _ = sent(subject="{{7*7}}", text="{{name}} {{#x}}", html=None)
    (_, read), = mails.values()
    assert str(read["Subject"]) == "{{7*7}}" and part(read, "plain").strip() == "{{name}} {{#x}}"


@pytest.mark.parametrize("fields,pointers", [
    ({"text": "{{a}} {{b}}", "variables": {"a": 1}}, {"/variables/b": "variable"}),
    ({"text": "{{a.b/c~}}", "variables": {"a": {}}}, {"/variables/a.b~1c~0": "variable"}),
    ({"text": "x", "subject": "{{s}}", "html": "{{h}}", "variables": {}}, {"/variables/s": "variable", "/variables/h": "variable"}),
    ({"text": "{{a}}", "recipients": {"ann@example.org": {"variables": {}}}}, {"/recipients/ann@example.org/variables/a": "variable"}),
    ({"text": "{{a}}", "recipients": {}}, {"/recipients/ann@example.org/variables/a": "variable"}),
    ({"text": "{{a}}", "variables": {"a": [1]}}, {"/variables/a": "variable"}),
    ({"text": "{{#a}}", "variables": {}}, {"/text": "template"}),
    ({"html": "{{> p}}", "variables": {}}, {"/html": "template"}),
    ({"subject": "{{a}}", "variables": {"a": "x\r\nBcc: z@z.example"}}, {"/subject": "header_injection"}),
    ({"subject": "{{a}}", "variables": {"a": "x" * 2001}}, {"/subject": "too_long"}),
    ({"variables": []}, {"/variables": "type"}),
    ({"recipients": ["ann@example.org"]}, {"/recipients": "type"}),
    ({"recipients": {"ann@example.org": {"variable": {}}}}, {"/recipients/ann@example.org/variable": "unknown_field"}),
    ({"recipients": {"bob@example.org": {}}}, {"/recipients/bob@example.org": "value"}),
    ({"recipients": {"nobody": {}}}, {"/recipients/nobody": "value"}),
    ({"text": "{{#l}}" * 8 + "{{/l}}" * 8, "variables": {"l": list("0123456789")}}, {"/text": "too_large"}),
])
def test_what_cannot_be_filled_in_is_refused(server, fields, pointers):
    assert refused(server, **fields) == pointers


def test_all_copies_together_are_limited(server):
    to = [f"u{i}@example.org" for i in range(17)]
    files = [{"filename": "x", "content": "AAAA" * (1 << 20)}]  # 4.1 MiB in base64, with line ends
    assert refused(server, to=to, attachments=files, recipients={}) == {"/recipients": "too_large"}
    assert server.post(letter(to=to[:15], attachments=files, recipients={}, scheduled_at=TOMORROW)).status == 202


def test_a_batch_has_variables_too(server, relay):
    mark = len(relay.messages)
    answer = server.post({"defaults": {"from": "a@example.com", "text": "Hi {{name}}", "variables": {"name": "you"}},
                          "messages": [{"to": "a@example.org"}, {"to": "b@example.org", "variables": {"name": "B"}}, {"to": "c@example.org", "variables": {}}]},
                         "/v1/messages/batch", Prefer="wait=20").json()
    assert [r["status"] for r in answer["results"]] == [200, 200, 422]
    assert [e["pointer"] for e in answer["results"][2]["problem"]["errors"]] == ["/messages/2/variables/name"]
    assert {m.rcpts[0]: m.content.split(b"\r\n\r\n")[1] for m in relay.messages[mark:]} == {"a@example.org": b"Hi you\r\n", "b@example.org": b"Hi B\r\n"}
