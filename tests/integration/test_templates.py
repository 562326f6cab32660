# SPDX-License-Identifier: MIT
"""Stored templates: kept under a name for a key, filled in when a message names them."""
import email
import email.policy
import hashlib
import json
import os
import signal

import mailhatch
import pytest
from mailhatch import letter
from waiting import until

SECRETS = {"k_a": "alpha-secret-0123456789abcdef", "k_b": "bravo-secret-0123456789abcdef"}
WELCOME = {"subject": "Hi {{name}}", "text": "Dear {{name}}", "html": "<p>Dear {{name}}</p>"}
LARGEST = 256 * 1024


@pytest.fixture(scope="module", params=["sqlite", "memory"])
def server(request):
    with mailhatch.running(env={"MAILHATCH_STORE": request.param}) as running:
        yield running


def path_of(name):
    return f"/v1/templates/{name}"


def put(server, name, template, **headers):
    body = template if isinstance(template, bytes) else json.dumps(template).encode()
    return server.request("PUT", path_of(name), body, {"Content-Type": "application/json", **{k.replace("_", "-"): v for k, v in headers.items()}})


def keep(server, name, **template):
    answer = put(server, name, template)
    assert answer.status in (200, 201), answer.body
    return answer.json()


def delete(server, name, **headers):
    return server.request("DELETE", path_of(name), headers=headers).status


def message(**fields):
    return letter(**{"subject": None, "text": None, **fields})


def caught(server, ident):
    """The mails of a message, by recipient."""
    found = server.get("/v1/sandbox/messages").json()["messages"]
    (mid,) = {server.get(f"/v1/messages/{ident}").json()["message_id"]}
    full = [server.get(f"/v1/sandbox/messages/{m['id']}").json() for m in found if m["message_id"] == mid]
    return {m["rcpt_to"][0]: m for m in full}


def names(server, query=""):
    return [t["name"] for t in server.get("/v1/templates" + query).json()["templates"]]


def test_one_comes_is_changed_and_goes(server):
    answer = put(server, "life", WELCOME)
    assert answer.status == 201
    kept = answer.json()
    assert kept["name"] == "life" and kept["size"] == sum(map(len, WELCOME.values())) and kept["created_at"] == kept["updated_at"]
    assert server.get(path_of("life")).json() == {**kept, **WELCOME}
    answer = put(server, "life", {"text": "ä {{x}}", "subject": None})
    assert answer.status == 200
    assert answer.json() == {**kept, "size": 8, "updated_at": answer.json()["updated_at"]}
    assert server.get(path_of("life")).json() == {**answer.json(), "text": "ä {{x}}"}
    assert delete(server, "life") == 204 and delete(server, "life") == 404
    assert server.get(path_of("life")).problem()["code"] == "not_found"
    assert server.get(path_of("no%20name")).status == 404 and delete(server, "n" * 129) == 404


def test_the_list_has_pages(server):
    before = names(server, "?limit=200")
    for n in range(5):
        keep(server, f"list.{n}", text="x")
    page = server.get("/v1/templates?limit=2").json()
    assert [t["name"] for t in page["templates"]] == ["list.4", "list.3"] and "text" not in page["templates"][0]
    assert names(server, f"?limit=200&cursor={page['next_cursor']}") == ["list.2", "list.1", "list.0", *before]
    for query in ("?limit=201", "?limit=0", "?cursor=x", "?name=a"):
        assert server.get("/v1/templates" + query).problem()["code"] == "unknown_parameter", query


def test_a_message_is_made_of_it(server):
    keep(server, "welcome", **WELCOME)
    sent = server.send(message(template={"name": "welcome", "variables": {"name": "<Ann>"}}))
    (mail,) = caught(server, sent["id"]).values()
    assert (mail["subject"], mail["text"].strip(), mail["html"].strip()) == ("Hi <Ann>", "Dear <Ann>", "<p>Dear &lt;Ann&gt;</p>")
    # its own subject comes first, and is filled in likewise; variables may stand beside the template
    sent = server.send(message(template={"name": "welcome"}, subject="No. {{no}}", variables={"name": "Ann", "no": 7}))
    (mail,) = caught(server, sent["id"]).values()
    assert (mail["subject"], mail["text"].strip()) == ("No. 7", "Dear Ann")


def test_each_recipient_gets_its_own(server):
    keep(server, "personal", subject="{{greeting}} {{name}}", text="{{#items}}* {{.}}\n{{/items}}")
    sent = server.send(message(to=["ann@example.org", "bob@example.org"], template={"name": "personal", "variables": {"greeting": "Dear"}},
                               recipients={"ann@example.org": {"variables": {"name": "Ann", "items": ["tea", "cups"]}},
                                           "bob@example.org": {"variables": {"name": "Bob"}}}))
    mails = caught(server, sent["id"])
    assert {to: (m["subject"], m["text"].strip().split()) for to, m in mails.items()} == {
        "ann@example.org": ("Dear Ann", ["*", "tea", "*", "cups"]), "bob@example.org": ("Dear Bob", [])}


def test_a_change_counts_from_the_next_message_on(server):
    for text in ("one", "two", "three"):
        keep(server, "changing", text=text + " {{n}}", subject="s")
        for n in range(3):  # read from the store, and from memory
            sent = server.send(message(template={"name": "changing", "variables": {"n": n}}))
            (mail,) = caught(server, sent["id"]).values()
            assert mail["text"].strip() == f"{text} {n}"
    assert delete(server, "changing") == 204
    assert server.post(message(template={"name": "changing"})).pointers() == {"/template/name": "template_not_found"}


def test_validate_shows_it(server):
    keep(server, "shown", **WELCOME)
    shown = server.post(message(template={"name": "shown", "variables": {"name": "Ann"}}), "/v1/messages/validate").json()
    mail = email.message_from_string(shown["mime"], policy=email.policy.default)
    assert shown["subject"] == "Hi Ann" and mail.get_body(("plain",)).get_content().strip() == "Dear Ann"
    answer = server.post(message(template={"name": "shown"}), "/v1/messages/validate")
    assert answer.status == 422 and answer.pointers() == {"/template/variables/name": "variable"}


def test_a_batch_has_one_for_all(server):
    keep(server, "bulk", **WELCOME)
    items = [{"to": f"u{i}@example.org", "variables": {"name": f"U{i}"}} for i in range(40)]
    items[7]["variables"] = {}
    items[9] = {"to": "x@example.org", "template": {"name": "nowhere"}, "subject": "s"}
    items[11] = {"to": "x@example.org", "template": {"name": "bulk", "variables": {"name": "own"}}}
    answer = server.post({"defaults": {"from": "a@example.com", "template": {"name": "bulk"}}, "messages": items},
                         "/v1/messages/batch", Prefer="wait=30").json()
    failed = {r["index"]: {e["pointer"]: e["code"] for e in r["problem"]["errors"]} for r in answer["results"] if r["status"] != 200}
    assert failed == {7: {"/messages/7/variables/name": "variable"}, 9: {"/messages/9/template/name": "template_not_found"}}
    (mail,) = caught(server, answer["results"][39]["message"]["id"]).values()
    assert (mail["subject"], mail["text"].strip()) == ("Hi U39", "Dear U39")
    answer = server.post({"defaults": {"from": "a@example.com", "template": {"name": "bulk", "variables": {"name": "all"}}},
                          "messages": [{"to": "a@example.org"}, {"to": "b@example.org", "variables": {}}]}, "/v1/messages/batch").json()
    assert answer["results"][0]["status"] == 202
    assert [e["pointer"] for e in answer["results"][1]["problem"]["errors"]] == ["/defaults/template/variables"]


@pytest.mark.parametrize("fields,pointers", [
    ({"template": {"name": "full"}}, {"/template/variables/a": "variable", "/template/variables/b": "variable"}),
    ({"template": {"name": "full", "variables": {"a": 1}}}, {"/template/variables/b": "variable"}),
    ({"template": {"name": "full"}, "variables": {"b": [1]}}, {"/variables/a": "variable", "/variables/b": "variable"}),
    ({"template": {"name": "full", "variables": {}}, "recipients": {"ann@example.org": {"variables": {"a": 1}}}},
     {"/recipients/ann@example.org/variables/b": "variable"}),
    ({"template": {"name": "full", "variables": {}}, "variables": {"a": 1, "b": 2}}, {"/variables": "duplicate_field"}),
    ({"template": {"name": "full", "variables": {"a": 1, "b": 2}}, "text": "x", "html": "y"}, {"/text": "value", "/html": "value"}),
    ({"template": {"name": "full", "variables": {"a": "x\r\nBcc: z@z.example", "b": 2}}}, {"/template/name": "header_injection"}),
    ({"template": {"name": "missing"}, "to": "x"}, {"/template/name": "template_not_found", "/to": "address_syntax"}),
    ({"template": {"name": "no name"}}, {"/template/name": "template_not_found"}),
    ({"template": {"name": "n" * 129}}, {"/template/name": "template_not_found"}),
    ({"template": {}}, {"/template/name": "required"}),
    ({"template": {"name": 7}}, {"/template/name": "type"}),
    ({"template": "full"}, {"/template": "type"}),
    ({"template": {"name": "full", "version": 2}}, {"/template/version": "unknown_field"}),
])
def test_what_cannot_be_filled_in_is_refused(server, fields, pointers):
    keep(server, "full", subject="{{a}}", text="{{b}}")
    answer = server.post(message(**fields))
    assert answer.status == 422
    found = answer.pointers()
    assert {p: found.get(p) for p in pointers} == pointers and set(found) - set(pointers) <= {""}, found


def test_the_detail_names_the_template(server):
    keep(server, "named", subject="s", html="{{b}}")
    answer = server.post(message(template={"name": "named"}))
    assert answer.problem()["errors"][0]["detail"] == "The html of the template named needs this variable."


@pytest.mark.parametrize("template,pointers", [
    ({}, {"": "required"}),
    ({"subject": "only"}, {"": "required"}),
    ({"text": "{{#a}}", "html": "\n{{"}, {"/text": "template", "/html": "template"}),
    ({"subject": "{{> a}}", "text": "x"}, {"/subject": "template"}),
    ({"subject": "a\r\nb", "text": "x"}, {"/subject": "header_injection"}),
    ({"subject": "x" * 2001, "text": "x"}, {"/subject": "too_long"}),
    ({"text": 7, "html": "{{"}, {"/text": "type", "/html": "template"}),
    ({"text": "x", "name": "a"}, {"/name": "unknown_field"}),
    ({"text": "{{a}}" * 10001}, {"/text": "template"}),
    (b'{"text": "a", "text": "b"}', {"/text": "duplicate_field"}),
])
def test_what_is_no_template_is_not_kept(server, template, pointers):
    answer = put(server, "bad", template)
    assert answer.status == 422 and answer.pointers() == pointers, answer.body
    assert server.get(path_of("bad")).status == 404


def test_an_error_says_where_it_is(server):
    answer = put(server, "bad", {"text": "Dear {{name}},\nyou have {{#items}}\n* {{.}}\n"})
    assert answer.problem()["errors"] == [{"pointer": "/text", "code": "template",
                                           "detail": 'This is no template: a section does not end: "items" (line 2, column 13).'}]


def test_names_and_bodies_are_limited(server):
    assert put(server, "n" * 128, {"text": "x"}).status == 201 and delete(server, "n" * 128) == 204
    for name in ("n" * 129, "a%20b", "%C3%A4"):
        answer = put(server, name, {"text": "x"})
        assert (answer.status, answer.pointers()) == (422, {"/path/name": "value"}), name
    assert put(server, "large", {"text": "x" * (LARGEST - 1), "html": "y"}).status == 201
    assert len(server.get(path_of("large")).json()["text"]) == LARGEST - 1
    answer = put(server, "large", {"text": "x" * (LARGEST - 1), "html": "yy"})
    assert (answer.status, answer.pointers()) == (422, {"": "too_large"})
    body = json.dumps({"text": "x"}).encode()
    assert put(server, "large", body + b" " * ((1 << 20) - len(body))).status == 200
    assert put(server, "large", body + b" " * ((1 << 20) - len(body) + 1)).problem()["code"] == "body_too_large"
    assert put(server, "large", b"{").problem()["code"] == "malformed_json"
    assert delete(server, "large") == 204


def test_a_key_has_so_many_octets():
    with mailhatch.running(env={"MAILHATCH_STORE": "memory"}) as server:
        for n in range(64):
            assert put(server, f"t{n}", {"text": "x" * LARGEST}).status == 201
        answer = put(server, "more", {"text": "x"})
        assert (answer.status, answer.pointers()) == (422, {"": "too_many"})
        assert delete(server, "t0") == 204 and put(server, "more", {"text": "x"}).status == 201


def test_each_key_has_its_own():
    keys = [{"name": i, "id": i, "hash": "sha256:" + hashlib.sha256(secret.encode()).hexdigest(), "scopes": ["send", "read"]}
            for i, secret in SECRETS.items()]
    reader = {"name": "r", "id": "k_r", "hash": "sha256:" + hashlib.sha256(b"reader-secret-0123456789abcdef").hexdigest(), "scopes": ["read"]}
    a, b = ({"Authorization": f"Bearer {i}.{secret}"} for i, secret in SECRETS.items())
    r = {"Authorization": "Bearer k_r.reader-secret-0123456789abcdef"}
    with mailhatch.running(config={"relays": {"main": {"url": "sandbox:"}}, "api_keys": [*keys, reader]}) as server:
        assert put(server, "mine", {"text": "of a", "subject": "s"}, **a).status == 201
        assert server.get(path_of("mine"), **b).status == 404 and delete(server, "mine", **b) == 404
        assert server.get("/v1/templates", **b).json()["templates"] == []
        assert server.post(message(template={"name": "mine"}), **b).pointers() == {"/template/name": "template_not_found"}
        assert put(server, "mine", {"text": "of b", "subject": "s"}, **b).status == 201
        for headers, text in ((a, "of a"), (b, "of b"), (a, "of a")):
            shown = server.post(message(template={"name": "mine"}), "/v1/messages/validate", **headers).json()
            assert shown["mime"].strip().endswith(text)
        assert put(server, "mine", {"text": "x"}, **r).status == 403 and delete(server, "mine", **r) == 403
        assert server.get("/v1/templates", **r).json()["templates"] == []


def test_they_survive_kill_9():
    with mailhatch.running() as server:
        keep(server, "lasting", **WELCOME)
        pid, server.port = server.pid, None  # the Unix socket stays where it is
        os.kill(pid, signal.SIGKILL)
        until("another process serves", lambda: server.pid not in (pid, server.supervisor_pid))
        until("it is ready", lambda: ready(server))
        sent = server.send(message(template={"name": "lasting", "variables": {"name": "Ann"}}))
        (mail,) = caught(server, sent["id"]).values()
        assert mail["subject"] == "Hi Ann"


def ready(server):
    try:
        return server.get("/readyz").status == 200
    except OSError:
        return False


def test_a_repeated_request_is_its_message_though_the_template_changed(server):
    keep(server, "keyed", **WELCOME)
    body = message(template={"name": "keyed", "variables": {"name": "Ann"}})
    first = server.post(body, Idempotency_Key="keyed-1", Prefer="wait=20").json()
    assert delete(server, "keyed") == 204
    again = server.post(body, Idempotency_Key="keyed-1", Prefer="wait=20")
    assert again.headers["Idempotency-Replayed"] == "true" and again.json()["id"] == first["id"]
