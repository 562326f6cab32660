# SPDX-License-Identifier: MIT
"""Real HTTP clients over every door: HTTP/1.1, h2c with prior knowledge, HTTP/2 over TLS by ALPN, a Unix
socket; and bodies that are too large on both protocols."""
import json
import pathlib
import subprocess

import curl
import mailhatch
import pytest
from mailhatch import letter

LIMIT = 64 * 1024
JSON = ("-H", "Content-Type: application/json", "-H", "Prefer: wait=20")


@pytest.fixture(scope="module")
def server(authority):
    with mailhatch.running(config={
            "store": "memory", "limits": {"body": "64KB"},
            "listen": ["127.0.0.1:0", f"unix:{pathlib.Path('api.sock')}",
                       {"address": "127.0.0.1:0", "tls": {"cert_file": authority.good.cert_file,
                                                          "key_file": authority.good.key_file}}]}) as running:
        yield running


def door(server, authority, name):
    """(URL without path, curl options, HTTP version)"""
    plain, tls = f"http://127.0.0.1:{server.port}", f"https://localhost:{server.tls_ports[0]}"
    ca = ("--cacert", authority.ca_file)
    return {
        "HTTP/1.1": (plain, ("--http1.1",), "1.1"),
        "h2c": (plain, ("--http2-prior-knowledge",), "2"),
        "h2 over TLS": (tls, ("--http2", *ca), "2"),
        "HTTP/1.1 over TLS": (tls, ("--http1.1", *ca), "1.1"),
        "Unix socket": ("http://localhost", ("--unix-socket", str(server.directory / "api.sock")), "1.1"),
        "h2c over a Unix socket": (
            "http://localhost", ("--http2-prior-knowledge", "--unix-socket", str(server.directory / "api.sock")), "2"),
    }[name]


DOORS = ["HTTP/1.1", "h2c", "h2 over TLS", "HTTP/1.1 over TLS", "Unix socket", "h2c over a Unix socket"]


@pytest.mark.parametrize("name", DOORS)
def test_curl_sends_and_asks_back(server, authority, name):
    base, options, version = door(server, authority, name)
    reply = curl.request(f"{base}/v1/messages", *options, *JSON, body=json.dumps(letter()).encode())
    assert (reply.status, reply.version) == (200, version), reply.body
    assert reply.json()["status"] == "sent" and reply.headers["content-type"] == "application/json"
    again = curl.request(base + reply.headers["location"], *options)
    assert again.json()["id"] == reply.json()["id"]
    assert again.json()["recipients"] == reply.json()["recipients"]


@pytest.mark.parametrize("name", DOORS)
def test_curl_sends_a_large_body_in_pieces(server, authority, name):
    """Chunked where the protocol has it; nearly the limit."""
    base, options, _ = door(server, authority, name)
    body = json.dumps(letter(text="x" * (LIMIT - 600))).encode()
    assert LIMIT - 600 < len(body) <= LIMIT
    reply = curl.request(f"{base}/v1/messages", *options, *JSON, "-H", "Transfer-Encoding: chunked", body=body)
    assert reply.status == 200, reply.body


@pytest.mark.parametrize("size", [LIMIT + 1, 2 * LIMIT, 8 * LIMIT, 40 << 20])
@pytest.mark.parametrize("name", DOORS)
def test_a_body_over_the_limit_gets_413_with_the_limit(server, authority, name, size):
    base, options, version = door(server, authority, name)
    reply = curl.request(f"{base}/v1/messages", *options, *JSON, "-H", "Expect:", body=b" " * size)
    assert (reply.status, reply.version) == (413, version)
    problem = reply.json()
    assert problem["code"] == "body_too_large" and str(LIMIT) in problem["detail"].replace(",", ""), problem
    assert problem["request_id"] == reply.headers["x-request-id"]


@pytest.mark.parametrize("name", ["HTTP/1.1", "h2c", "h2 over TLS"])
def test_a_body_of_unknown_length_over_the_limit_gets_413(server, authority, name):
    base, options, _ = door(server, authority, name)
    reply = curl.request(f"{base}/v1/messages", *options, *JSON, "-H", "Expect:", "-H", "Transfer-Encoding: chunked",
                         "-H", "Content-Length:", body=b" " * (LIMIT + 1000))
    assert reply.status == 413 and reply.json()["code"] == "body_too_large"


def test_expect_continue_is_answered(server, authority):
    base, options, _ = door(server, authority, "HTTP/1.1")
    reply = curl.request(f"{base}/v1/messages", *options, *JSON, "-H", "Expect: 100-continue", "--expect100-timeout", "30",
                         body=json.dumps(letter(text="x" * 2000)).encode())
    assert reply.status == 200


@pytest.mark.parametrize("name", ["HTTP/1.1", "h2c"])
@pytest.mark.parametrize("options, status, code", [
    (("-X", "DELETE"), 405, "method_not_allowed"),
    (("-H", "Content-Type: text/plain", "-d", "{}"), 415, "unsupported_media_type"),
    (("-H", "Content-Type: application/json; charset=utf-16", "-d", "{}"), 415, "unsupported_media_type"),
    (("-H", "Content-Type:", "-d", "{}"), 415, "unsupported_media_type"),
    (("-H", "Content-Type: application/json", "-H", "Content-Encoding: gzip", "-d", "{}"), 415, "unsupported_media_type"),
    (("-H", "Content-Type: application/json", "-H", "Accept: text/html", "-d", "{}"), 406, "not_acceptable"),
])
def test_what_is_no_post_of_json_is_refused(server, authority, name, options, status, code):
    base, how, _ = door(server, authority, name)
    reply = curl.request(f"{base}/v1/messages", *how, *options)
    assert (reply.status, reply.json()["code"]) == (status, code)
    assert reply.headers["content-type"] == "application/problem+json"
    if status == 405:
        assert "POST" in reply.headers["allow"]


def test_an_unknown_expectation_is_refused(server):
    reply = curl.request(f"http://127.0.0.1:{server.port}/v1/messages", *JSON, "-H", "Expect: x", body=b"{}")
    assert (reply.status, reply.json()["code"]) == (417, "expectation_failed")


@pytest.mark.parametrize("path, status", [
    ("/v1/nothing", 404), ("/v1/messages/no-such-id", 404), ("/v1/messages/00000000-0000-7000-8000-000000000000", 404),
    ("//v1/messages", 404), ("/v1/messages%00", 404), ("/v1/messages/x?key=k.secret", 400), ("/v1/%2e%2e/v1/nothing", 404),
])
def test_odd_paths_are_answered_without_redirect(server, path, status):
    reply = curl.request(f"http://127.0.0.1:{server.port}{path}", "--path-as-is")
    assert reply.status == status and "location" not in reply.headers, reply


def test_nghttp_multiplexes_requests_on_one_connection(server, tmp_path):
    body = tmp_path / "letter.json"
    body.write_text(json.dumps(letter()))
    run = subprocess.run(
        ["nghttp", "-v", "-n", "-m", "20", "-d", str(body), "-H", "content-type: application/json", "-H", "prefer: wait=20",
         f"http://127.0.0.1:{server.port}/v1/messages"], capture_output=True, text=True, timeout=60, check=True)
    assert run.stdout.count(":status: 200") == 20, run.stdout[-3000:]


def test_many_clients_at_once_each_get_their_own_answer(server, tmp_path):
    body = tmp_path / "letter.json"
    body.write_text(json.dumps(letter()))
    run = subprocess.run(
        ["h2load", "-n", "500", "-c", "20", "-m", "10", "-d", str(body), "-H", "content-type: application/json",
         "-H", "prefer: wait=30", f"http://127.0.0.1:{server.port}/v1/messages"],
        capture_output=True, text=True, timeout=60, check=True)
    assert "status codes: 500 2xx" in run.stdout, run.stdout[-2000:]
