# SPDX-License-Identifier: MIT
"""Tenant × field × endpoint: no key sends in another's name, sees another's messages, or learns that they
exist."""
import base64
import hashlib
import http.client
import json
import os
import statistics
import time
import uuid

import door as doors
import pytest

SECRETS = {"k_a": "alpha-secret-0123456789abcdef", "k_b": "bravo-secret-0123456789abcdef",
           "k_admin": "admin-secret-0123456789abcdef", "k_read": "readr-secret-0123456789abcdef"}
ROWS = {
    "k_a": 'senders: ["*@a.example", "one@shared.example", "*@*.sub.example", "*@xn--bcher-kva.example"], scopes: [send, read], relays: [sandbox]',
    "k_b": 'senders: ["*@b.example"], scopes: [send, read], relays: [sandbox]',
    "k_admin": "scopes: [admin]",
    "k_read": "scopes: [read]",
}


def api_keys():
    rows = [f'  - {{name: {i}, id: {i}, hash: "sha256:{hashlib.sha256(SECRETS[i].encode()).hexdigest()}", {row}}}'
            for i, row in ROWS.items()]
    return "api_keys:\n" + "\n".join(rows)


@pytest.fixture(scope="module", name="door")
def door_fixture(tmp_path_factory, authority):
    d = doors.Door(os.environ["MAILHATCH_BIN"], tmp_path_factory.mktemp("tenants"),
                   doors.config(authority.good, api_keys=api_keys()))
    yield d
    d.close()


def call(door, key, method, path, body=None, **headers):
    """(status, parsed or raw body, headers) of one request; @key None: without."""
    connection = http.client.HTTPConnection("127.0.0.1", door.ports["plain"], timeout=20)
    if key is not None:
        headers.setdefault("Authorization", f"Bearer {key}.{SECRETS[key]}")
    if body is not None:
        body = json.dumps(body)
        headers.setdefault("Content-Type", "application/json")
    connection.request(method, path, body, headers)
    answer = connection.getresponse()
    content = answer.read()
    connection.close()
    if "json" in answer.headers.get("content-type", ""):
        content = json.loads(content)
    return answer.status, content, answer.headers


def letter(**fields):
    return {"from": "x@a.example", "to": "y@elsewhere.example", "subject": "s", "text": "t"} | fields


def send(door, key, body, **headers):
    return call(door, key, "POST", "/v1/messages", body, Prefer="wait=10", **headers)


# what is sent as k_a, and the status it gets; 403 is always sender_not_allowed
SENDERS = {
    "own": ({"from": "x@a.example"}, 200),
    "own, other case": ({"from": "X@A.EXAMPLE"}, 200),
    "own, with a name": ({"from": "b@b.example <x@a.example>"}, 422),
    "own, with another's address as quoted name": ({"from": '"b@b.example" <x@a.example>'}, 200),
    "one address of a domain": ({"from": "one@shared.example"}, 200),
    "one address, other case": ({"from": "ONE@Shared.Example"}, 200),
    "another address of that domain": ({"from": "two@shared.example"}, 403),
    "subdomain of a wildcard": ({"from": "x@deep.down.sub.example"}, 200),
    "the wildcard's own domain": ({"from": "x@sub.example"}, 403),
    "a domain that ends alike": ({"from": "x@evilsub.example"}, 403),
    "another's": ({"from": "x@b.example"}, 403),
    "a subdomain of mine": ({"from": "x@mail.a.example"}, 403),
    "the parent of mine": ({"from": "x@example"}, 422),
    "mine as a subdomain of another's": ({"from": "x@a.example.b.example"}, 403),
    "another's in front of mine": ({"from": "x@b.example.a.example"}, 403),
    "with a final dot": ({"from": "x@a.example."}, 422),
    "another's with a final dot": ({"from": "x@b.example."}, 422),
    "two at signs": ({"from": "x@b.example@a.example"}, 422),
    "another's in quotes": ({"from": '"x@b.example"@a.example'}, 422),
    "percent hack": ({"from": "x%b.example@a.example"}, 422),
    "route": ({"from": "<@b.example:x@a.example>"}, 422),
    "two addresses": ({"from": ["x@a.example", "x@b.example"]}, 422),
    "international, as configured": ({"from": "x@b\u00fccher.example"}, 200),
    "international, as A-label": ({"from": "x@xn--bcher-kva.example"}, 200),
    "international, other case": ({"from": "x@B\u00dcCHER.example"}, 200),
    "international, looks alike": ({"from": "x@bu\u0308cher.example"}, 200),
    "plain without the dots": ({"from": "x@bucher.example"}, 403),
    "fullwidth at": ({"from": "x\uff20b.example@a.example"}, (200, 422)),
    "object": ({"from": {"email": "x@b.example", "name": "x@a.example"}}, 403),
    "envelope, own": ({"envelope": {"from": "bounce@a.example"}}, 200),
    "envelope, another's": ({"envelope": {"from": "bounce@b.example"}}, 403),
    "envelope, nobody": ({"envelope": {"from": ""}}, (200, 422)),
    "reply to another's": ({"reply_to": "help@b.example"}, 200),
    "header From": ({"headers": {"From": "x@b.example"}}, 422),
    "header from": ({"headers": {"from": "x@b.example"}}, 422),
    "header Sender": ({"headers": {"Sender": "x@b.example"}}, 422),
    "header Reply-To": ({"headers": {"Reply-To": "x@b.example"}}, 422),
    "header Return-Path": ({"headers": {"Return-Path": "<x@b.example>"}}, 422),
    "header DKIM-Signature": ({"headers": {"DKIM-Signature": "v=1; d=b.example"}}, 422),
    "header Resent-From": ({"headers": {"Resent-From": "x@b.example"}}, (200, 422)),
    "header with a line end": ({"headers": {"X-A": "1\r\nFrom: x@b.example"}}, 422),
    "header name with a line end": ({"headers": {"X-A\r\nFrom": "x@b.example"}}, 422),
    "header name with a colon": ({"headers": {"From:": "x@b.example"}}, 422),
    "header name with a space": ({"headers": {"From ": "x@b.example"}}, 422),
    "name with a line end": ({"from": {"email": "x@a.example", "name": "n\r\nFrom: x@b.example"}}, 422),
    "subject with a line end": ({"subject": "s\r\nFrom: x@b.example"}, 422),
    "message id with a line end": ({"message_id": "<a@b>\r\nFrom: x@b.example"}, 422),
    "relay that exists": ({"relay": "sandbox"}, 200),
    "relay that does not": ({"relay": "other"}, 422),
    "tenant as a field": ({"tenant": "k_b"}, 422),
    "api key as a field": ({"api_key": "k_b"}, 422),
}


@pytest.mark.parametrize("name", SENDERS)
def test_sender(door, name):
    fields, expected = SENDERS[name]
    status, body, _ = send(door, "k_a", letter(**fields))
    expected = expected if isinstance(expected, tuple) else (expected,)
    assert status in expected, body
    if status == 403:
        assert body["code"] == "sender_not_allowed"


def test_what_left_names_only_the_tenant(door):
    """Every message that was caught from k_a has one From, of its own domains, and an own envelope."""
    send(door, "k_a", letter(**{"from": '"b@b.example" <x@a.example>'}))
    _, listing, _ = call(door, "k_admin", "GET", "/v1/sandbox/messages?limit=100")
    assert listing["messages"]
    for message in listing["messages"]:
        assert not message["from"]["email"].endswith("@b.example")
        assert not message["mail_from"].endswith("@b.example")
    assert call(door, "k_a", "GET", "/v1/sandbox/messages")[0] == 403


OTHERS = [("GET", ""), ("GET", "/attempts"), ("GET", "/events"), ("GET", "/raw"), ("POST", "/cancel"), ("POST", "/retry"),
          ("PATCH", "")]


@pytest.mark.parametrize("method,tail", OTHERS)
def test_anothers_message_is_as_if_it_were_none(door, method, tail):
    """404 with the same words as for an id that nobody has."""
    status, sent, _ = send(door, "k_a", letter())
    assert status == 200
    body = {"scheduled_at": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(time.time() + 3600))} if method == "PATCH" else None
    key = "k_b"
    theirs = call(door, key, method, f"/v1/messages/{sent['id']}{tail}", body)
    nobodys = call(door, key, method, f"/v1/messages/{uuid.uuid4()}{tail}", body)
    assert theirs[0] == nobodys[0] == 404
    for answer in (theirs[1], nobodys[1]):
        for own in ("instance", "request_id"):
            del answer[own]
    assert theirs[1] == nobodys[1]
    assert call(door, "k_a", "GET", f"/v1/messages/{sent['id']}")[0] == 200


def test_lists_hold_only_ones_own(door):
    mine = send(door, "k_b", letter(**{"from": "x@b.example", "tags": ["common"]}))[1]["id"]
    send(door, "k_a", letter(tags=["common"]))
    for query in ("", "?tag=common", "?from=x@a.example", "?recipient=y@elsewhere.example"):
        status, listing, _ = call(door, "k_b", "GET", "/v1/messages" + query)
        assert status == 200
        assert {m["id"] for m in listing["messages"]} <= {mine}
    assert call(door, "k_read", "GET", "/v1/messages")[1]["messages"] == []


def test_idempotency_keys_do_not_meet(door):
    key = str(uuid.uuid4())
    a = send(door, "k_a", letter(), **{"Idempotency-Key": key})
    b = send(door, "k_b", letter(**{"from": "x@b.example"}), **{"Idempotency-Key": key})
    again = send(door, "k_a", letter(), **{"Idempotency-Key": key})
    assert a[0] == b[0] == again[0] == 200
    assert a[1]["id"] == again[1]["id"] != b[1]["id"]
    assert "Idempotency-Replayed" not in b[2]


SCOPED = [("POST", "/v1/messages", {"k_a", "k_b"}), ("GET", "/v1/messages", {"k_a", "k_b", "k_read"}),
          ("GET", "/v1/messages/0193a1b2-0000-7000-8000-000000000001", {"k_a", "k_b", "k_read"}),
          ("GET", "/v1/relays", {"k_a", "k_b", "k_read", "k_admin"}), ("POST", "/v1/relays/sandbox/pause", {"k_admin"}),
          ("POST", "/v1/relays/sandbox/resume", {"k_admin"}), ("GET", "/v1/sandbox/messages", {"k_admin"}),
          ("POST", "/v1/admin/reload", {"k_admin"})]


@pytest.mark.parametrize("method,path,allowed", SCOPED)
@pytest.mark.parametrize("key", SECRETS)
def test_scope(door, method, path, allowed, key):
    status, body, _ = call(door, key, method, path, {} if path == "/v1/messages" and method == "POST" else None)
    assert (status == 403) == (key not in allowed), body


A = f"k_a.{SECRETS['k_a']}"
WRONG = {
    "none": None,
    "empty": "",
    "no token": "Bearer ",
    "no dot": "Bearer k_a",
    "empty secret": "Bearer k_a.",
    "empty id": f"Bearer .{SECRETS['k_a']}",
    "unknown id": f"Bearer k_z.{SECRETS['k_a']}",
    "another's secret": f"Bearer k_b.{SECRETS['k_a']}",
    "all but the last character": f"Bearer {A[:-1]}",
    "one character more": f"Bearer {A}x",
    "trailing tab": f"Bearer {A}\tx",
    "two tokens": f"Bearer {A} {A}",
    "comma": f"Bearer {A},{A}",
    "the hash": "Bearer k_a." + hashlib.sha256(SECRETS["k_a"].encode()).hexdigest(),
    "basic": "Basic " + base64.b64encode(b"api:" + A.encode()).decode(),
    "another scheme": f"Token {A}",
    "without scheme": A,
    "500 characters": "Bearer k_a." + "x" * 500,
    "15 KB": "Bearer k_a." + "x" * 15000,
    "other case": f"Bearer {A.upper()}",
    "quoted": f'Bearer "{A}"',
}


@pytest.mark.parametrize("name", WRONG)
def test_wrong_key(door, name):
    headers = {} if WRONG[name] is None else {"Authorization": WRONG[name]}
    status, body, got = call(door, None, "GET", "/v1/messages", **headers)
    assert status == 401 and got["www-authenticate"] == "Bearer"
    assert (body["code"], body["detail"]) == (
        "unauthorized", "Send one header `Authorization: Bearer <id>.<secret>` with a valid API key.")


@pytest.mark.parametrize("scheme", ["Bearer", "bearer", "BEARER"])
def test_the_scheme_in_any_case(door, scheme):
    assert call(door, None, "GET", "/v1/messages", Authorization=f"{scheme} {A}")[0] == 200


@pytest.mark.parametrize("query", [f"?api_key={A}", f"?access_token={A}", f"?limit=1&key={A}"])
def test_a_key_in_the_query_is_refused(door, query):
    """Also beside a good one, and it is in no log."""
    assert call(door, None, "GET", "/v1/messages" + query)[0] == 401
    status, body, _ = call(door, "k_a", "GET", "/v1/messages" + query)
    assert status == 400
    assert SECRETS["k_a"] not in json.dumps(body)
    assert SECRETS["k_a"] not in door.log_file.read_text()


@pytest.mark.alone
def test_unknown_and_wrong_keys_take_the_same_time(door):
    """Medians of interleaved requests; a hash more or less would show as well as a comparison that stops."""
    kinds = {name: [] for name in ("unknown id", "another's secret", "all but the last character")}
    connection = http.client.HTTPConnection("127.0.0.1", door.ports["plain"], timeout=20)
    for _ in range(500):
        for name, times in kinds.items():
            start = time.perf_counter()
            connection.request("GET", "/v1/messages", headers={"Authorization": WRONG[name]})
            connection.getresponse().read()
            times.append(time.perf_counter() - start)
    connection.close()
    medians = [statistics.median(times) for times in kinds.values()]
    assert max(medians) < 1.25 * min(medians), medians
