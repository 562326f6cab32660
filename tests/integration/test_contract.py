# SPDX-License-Identifier: MIT
"""Requests generated from api/openapi.json, such that it allows and such that it does not, to every operation: never a
5xx, every refusal a problem that points at what is wrong, every answer as it is described (mailhatch.py compares each)."""
import concurrent.futures
import json
import random
import re

import contract
import mailhatch
import pytest
import sigv4

PER_OPERATION = 10
AT_ONCE = 4
SEEDS = ("one", "two")
SECRET = "s3cret-s3cret-s3cret"
LEFT_OUT = {("get", "/v1/events"),  # a stream
            ("post", "/v1/admin/reload")}  # one at a time, others are told so with 503
POINTER = re.compile(r"(/([^~/]|~0|~1)*)*")  # RFC 6901
FACADE_KEYS = {"postmark": {"X-Postmark-Server-Token": f"app.{SECRET}"},
               "mailgun": {"Authorization": "Basic " + contract.base64.b64encode(f"api:app.{SECRET}".encode()).decode()}}


@pytest.fixture(scope="module")
def server():
    key = {"name": "app", "key": f"app.{SECRET}", "scopes": ["send", "read", "admin"]}
    config = {"store": "memory", "relays": {"main": "sandbox:"}, "api_keys": [key], "dns": {"servers": ["127.0.0.1:1"]},
              "webhooks": [{"name": "hook", "url": "http://127.0.0.1:1/", "secret": "x" * 32, "allow_private": True}]}
    with mailhatch.running(config=config, secrets=[SECRET]) as running:
        yield running


def headers_of(server, request):
    facade = request.template.split("/")[2] if request.template.startswith("/compat/") else ""
    if facade == "ses":
        extra = {name.lower(): value.strip() for name, value in request.headers.items()}
        return sigv4.headers(request.method, request.path, f"127.0.0.1:{server.port}", request.body or b"", "app", SECRET, extra=extra)
    return {**FACADE_KEYS.get(facade, {"Authorization": f"Bearer app.{SECRET}"}), **request.headers}


def ask(server, request):
    """The status; everything that must hold of any answer is checked."""
    try:
        answer = server.request(request.method, request.path, request.body, headers_of(server, request))
    except AssertionError as wrong:
        raise AssertionError(f"{request}\n{wrong}") from None
    said = f"{answer.status} {answer.body[:1500]!r} to {request}"
    assert answer.status < 500, said
    if answer.status >= 400 and not request.template.startswith("/compat/"):
        problem = answer.problem()
        if problem["code"] == "validation_failed":
            assert problem["errors"], said
        for error in problem.get("errors", ()):
            assert POINTER.fullmatch(error["pointer"]) and error["code"] and error["detail"], said
    return answer.status


def generated(seed):
    return [contract.request(f"{seed}/{i}", *operation) for operation in contract.operations() if operation[:2] not in LEFT_OUT
            for i in range(PER_OPERATION)]


@pytest.mark.parametrize("seed", SEEDS)
def test_generated_requests_are_answered_as_described(server, seed):
    requests = generated(seed)
    with concurrent.futures.ThreadPoolExecutor(AT_ONCE) as pool:
        statuses = list(pool.map(lambda request: ask(server, request), requests))
    for valid in (True, False):  # the mixture must not try one side only
        took = [status < 400 for request, status in zip(requests, statuses) if request.valid is valid]
        assert len(took) / 10 < sum(took) < len(took) * 9 / 10, f"{sum(took)} of {len(took)}, {valid}"


def test_a_request_can_be_made_again():
    operation = next(o for o in contract.operations() if o[1] == "/v1/messages")
    assert str(contract.request("x", *operation)) == str(contract.request("x", *operation))
    assert str(contract.request("x", *operation)) != str(contract.request("y", *operation))


def test_every_example_is_taken(server):
    templates = next(o for o in contract.operations() if o[:2] == ("put", "/v1/templates/{name}"))
    stored = templates[2]["requestBody"]["content"][contract.JSON]["example"]
    for name in ("invoice", "order"):  # those that other examples name
        body = json.dumps({**stored, "html": None, "text": "{{no}}"}).encode()
        request = contract.Request("PUT", templates[1], f"/v1/templates/{name}", body, {"Content-Type": contract.JSON}, True)
        assert ask(server, request) in (200, 201), str(request)
    for method, template, operation in contract.operations():
        contents = operation.get("requestBody", {}).get("content", {})
        if "{" in template or operation["operationId"] == "sesSendBulkEmail":  # which is always refused
            continue
        for kind, content in contents.items():
            assert "example" in content or kind == contract.FORM, (method, template)
            example = content.get("example", {"message": contents.get(contract.JSON, {}).get("example")})
            body, content_type = (example.encode(), kind) if kind == contract.MIME else contract.encoded(random.Random(0), kind, example)
            request = contract.Request(method.upper(), template, template, body, {"Content-Type": content_type}, True)
            assert ask(server, request) in (200, 201, 202, 204), str(request)
