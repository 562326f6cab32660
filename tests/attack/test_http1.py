# SPDX-License-Identifier: MIT
"""HTTP/1 requests that two parsers may read in two ways, that are too large, or that are nonsense, each
with its exact answer. What is refused ends its connection."""
import json
import socket

import pytest

POST = b"POST /v1/messages HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
GET = b"GET /livez HTTP/1.1\r\nHost: x\r\n"
SENDGRID = (b'{"personalizations":[{"to":[{"email":"b@example.com"}]}],"from":{"email":"a@example.com"},'
            b'"subject":"s","content":[{"type":"text/plain","value":"t"}]}')
BODY = b"{ }"  # three octets: parsed, and then refused for what it lacks: 422


@pytest.fixture(scope="module", name="door")
def door_fixture(tmp_path_factory, authority):
    import door as door_module  # noqa: PLC0415
    import os
    d = door_module.Door(os.environ["MAILHATCH_BIN"], tmp_path_factory.mktemp("http1"),
                         door_module.config(authority.good, limits="body: 1MB, inflight: 8MB"))
    yield d
    d.close()


def ask(door, *parts):
    """All that the server says to @parts, one TCP segment each, until it closes; and whether it was the
    server that closed."""
    with socket.create_connection(("127.0.0.1", door.ports["plain"]), 20) as s:
        s.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        try:
            for part in parts:
                s.sendall(part)
        except OSError:
            pass
        s.shutdown(socket.SHUT_WR)
        answer = b""
        while data := s.recv(65536):
            answer += data
    return answer


def statuses(answer):
    """Status codes of all the answers in a row."""
    out = []
    while answer:
        head, _, rest = answer.partition(b"\r\n\r\n")
        lines = head.split(b"\r\n")
        out.append(int(lines[0].split()[1]))
        length = [int(line.split(b":")[1]) for line in lines if line.lower().startswith(b"content-length")]
        answer = rest[length[0]:] if length else rest
    return out


# name: request, statuses in order. What follows a refused request on the connection is never answered.
TABLE = {
    "sound, with length": (POST + b"Content-Length: 3\r\n\r\n" + BODY, [422]),
    "sound, chunked": (POST + b"Transfer-Encoding: chunked\r\n\r\n3\r\n" + BODY + b"\r\n0\r\n\r\n", [422]),
    "sound, two in a row": (GET + b"\r\n" + GET + b"\r\n", [200, 200]),
    "sound, behind an answer without a body": (b"POST /compat/sendgrid/v3/mail/send HTTP/1.1\r\nHost: x\r\n"
                                               b"Content-Type: application/json\r\nContent-Length: %d\r\n\r\n" % len(SENDGRID) +
                                               SENDGRID + GET + b"\r\n", [202, 200]),
    "sound, chunk extension and trailer": (
        POST + b"Transfer-Encoding: chunked\r\n\r\n3;a=b\r\n" + BODY + b"\r\n0\r\nX: y\r\n\r\n" + GET + b"\r\n", [422, 200]),
    "lengths 3 and 5": (POST + b"Content-Length: 3\r\nContent-Length: 5\r\n\r\n{  } " + GET + b"\r\n", [400]),
    "length 3 twice": (POST + b"Content-Length: 3\r\nContent-Length: 3\r\n\r\n" + BODY, [400]),
    "length list": (POST + b"Content-Length: 3, 3\r\n\r\n" + BODY, [400]),
    "length and chunked": (
        POST + b"Content-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n3\r\n" + BODY + b"\r\n0\r\n\r\n", [400]),
    "chunked and length": (
        POST + b"Transfer-Encoding: chunked\r\nContent-Length: 3\r\n\r\n3\r\n" + BODY + b"\r\n0\r\n\r\n", [400]),
    "chunked, identity": (POST + b"Transfer-Encoding: chunked, identity\r\n\r\n0\r\n\r\n", [400]),
    "chunked twice": (
        POST + b"Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", [400]),
    "gzip, chunked": (POST + b"Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n", [400]),
    "xchunked": (POST + b"Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n", [400]),
    "chunked in HTTP/1.0": (
        b"POST /v1/messages HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", [400]),
    "length +3": (POST + b"Content-Length: +3\r\n\r\n" + BODY, [400]),
    "length -3": (POST + b"Content-Length: -3\r\n\r\n" + BODY, [400]),
    "length 0x3": (POST + b"Content-Length: 0x3\r\n\r\n" + BODY, [400]),
    "length 3 with space before": (POST + b"Content-Length:   3\r\n\r\n" + BODY, [422]),
    "length 3 with space behind": (POST + b"Content-Length: 3 \t\r\n\r\n" + BODY, [422]),
    "length 2^64": (POST + b"Content-Length: 18446744073709551616\r\n\r\n" + BODY, [400]),
    "length 2^64-1": (POST + b"Content-Length: 18446744073709551615\r\n\r\n" + BODY, [400]),
    "length over the limit": (POST + b"Content-Length: 1048577\r\n\r\n" + BODY, [413]),
    "length far over the limit": (POST + b"Content-Length: 999999999999\r\n\r\n" + BODY, [413]),
    "space before the colon": (POST + b"Content-Length : 3\r\n\r\n" + BODY, [400]),
    "chunk size 16 f": (POST + b"Transfer-Encoding: chunked\r\n\r\nffffffffffffffff\r\n" + bytes(2 << 20), [413]),
    "chunk size 17 f": (POST + b"Transfer-Encoding: chunked\r\n\r\nfffffffffffffffff\r\n", [400]),
    "chunk size -1": (POST + b"Transfer-Encoding: chunked\r\n\r\n-1\r\n", [400]),
    "chunk size 0x3": (POST + b"Transfer-Encoding: chunked\r\n\r\n0x3\r\n" + BODY + b"\r\n0\r\n\r\n", [400]),
    "chunk without its CRLF": (POST + b"Transfer-Encoding: chunked\r\n\r\n3\r\n" + BODY + b"X\r\n0\r\n\r\n", [400]),
    "chunk extension of 1 MB": (
        POST + b"Transfer-Encoding: chunked\r\n\r\n3;" + b"x" * (1 << 20) + b"\r\n" + BODY, [400]),
    "trailer of 1 MB": (
        POST + b"Transfer-Encoding: chunked\r\n\r\n0\r\n" + b"x: y\r\n" * (1 << 18) + b"\r\n", [400]),
    "chunked over the limit": (
        POST + b"Transfer-Encoding: chunked\r\n\r\n" + (b"10000\r\n" + bytes(65536) + b"\r\n") * 17, [413]),
    "bare LF": (GET.replace(b"\r\n", b"\n") + b"\n", [400]),
    "one bare LF": (b"GET /livez HTTP/1.1\r\nHost: x\nX: y\r\n\r\n", [400]),
    "folded line": (GET + b"X-Fold: a\r\n b\r\n\r\n", [400]),
    "NUL in a header": (GET + b"X: a\0b\r\n\r\n", [400]),
    "CR in a header": (GET + b"X: a\rb\r\n\r\n", [400]),
    "header without name": (GET + b": a\r\n\r\n", [400]),
    "header without colon": (GET + b"abc\r\n\r\n", [400]),
    "64 headers": (GET + b"X: y\r\n" * 63 + b"\r\n", [200]),
    "65 headers": (GET + b"X: y\r\n" * 64 + b"\r\n", [431]),
    "101 headers": (GET + b"X: y\r\n" * 100 + b"\r\n", [431]),
    "head of 16 KB": (GET + b"X: " + b"y" * (16384 - len(GET) - 7) + b"\r\n\r\n", [200]),
    "head of 16 KB and an octet": (GET + b"X: " + b"y" * (16384 - len(GET) - 6) + b"\r\n\r\n", [431]),
    "request line of 500 KB": (b"GET /" + b"a" * 500000 + b" HTTP/1.1\r\nHost: x\r\n\r\n", [431]),
    "500 KB of nonsense": (b"A" * 500000, [431]),
    "1 MB header": (GET + b"Authorization: Bearer " + b"a" * (1 << 20) + b"\r\n\r\n", [431]),
    "no Host": (b"GET /livez HTTP/1.1\r\n\r\n", [400]),
    "two Hosts": (GET + b"Host: y\r\n\r\n", [400]),
    "HTTP/1.0 without Host": (b"GET /livez HTTP/1.0\r\n\r\n", [200]),
    "absolute form": (b"GET http://evil/livez HTTP/1.1\r\nHost: x\r\n\r\n", [404]),
    "two slashes": (b"GET //livez HTTP/1.1\r\nHost: x\r\n\r\n", [404]),
    "encoded dots": (b"GET /v1/%2e%2e/livez HTTP/1.1\r\nHost: x\r\n\r\n", [404]),
    "encoded NUL": (b"GET /livez%00 HTTP/1.1\r\nHost: x\r\n\r\n", [404]),
    "encoded slash": (b"GET /v1%2fmessages HTTP/1.1\r\nHost: x\r\n\r\n", [404]),
    "options": (b"OPTIONS * HTTP/1.1\r\nHost: x\r\n\r\n", [404]),
    "connect": (b"CONNECT evil:25 HTTP/1.1\r\nHost: x\r\n\r\n", [404]),
    "trace": (b"TRACE /livez HTTP/1.1\r\nHost: x\r\n\r\n", [405]),
    "upgrade to h2c": (
        GET + b"Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABkAAQAAP__\r\n\r\n", [200]),
    "upgrade to websocket": (GET + b"Connection: Upgrade\r\nUpgrade: websocket\r\n\r\n", [200]),
    "unknown expectation": (POST + b"Expect: 200-ok\r\nContent-Length: 3\r\n\r\n" + BODY, [417]),
    "gzip body": (POST + b"Content-Encoding: gzip\r\nContent-Length: 3\r\n\r\n" + BODY, [415]),
    "charset": (POST.replace(b"json", b"json; charset=utf-16") + b"Content-Length: 3\r\n\r\n" + BODY, [415]),
    "NUL in the content type": (POST.replace(b"json", b"json\0") + b"Content-Length: 3\r\n\r\n" + BODY, [400]),
    "two content types": (POST + b"Content-Type: text/plain\r\nContent-Length: 3\r\n\r\n" + BODY, [415]),
    "plain text": (POST.replace(b"application/json", b"text/plain") + b"Content-Length: 3\r\n\r\n" + BODY, [415]),
    "multipart without boundary": (
        POST.replace(b"application/json", b"multipart/form-data") + b"Content-Length: 3\r\n\r\n" + BODY, [415]),
    "TLS hello on a plain port": (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + bytes(100) + b"\r\n\r\n", [400]),
    "SMTP": (b"EHLO x\r\n\r\n", [400]),
    "HTTP/2.0": (b"GET /livez HTTP/2.0\r\nHost: x\r\n\r\n", [400]),
    "HTTP/1.2": (b"GET /livez HTTP/1.2\r\nHost: x\r\n\r\n", [200]),
    "empty line first": (b"\r\n" + GET + b"\r\n", [200]),
    "key in the query": (
        b"POST /v1/messages?api_key=k.s HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 3\r\n\r\n"
        + BODY, [400]),
}


@pytest.mark.parametrize("name", TABLE)
def test_request(door, name):
    request, expected = TABLE[name]
    answer = ask(door, request)
    assert statuses(answer) == expected, answer[:600]
    if expected[-1] >= 400:
        head, _, body = answer[answer.rindex(b"HTTP/1.1 "):].partition(b"\r\n\r\n")
        lower = head.lower()
        assert b"\r\nx-request-id: " in lower, head
        assert b"\r\ncontent-type: application/problem+json" in lower, head
        assert json.loads(body)["status"] == expected[-1]


@pytest.mark.parametrize("name", ["sound, with length", "sound, chunked", "lengths 3 and 5", "bare LF", "65 headers",
                                  "chunk size -1"])
def test_request_cut_anywhere_is_answered_alike(door, name):
    request, expected = TABLE[name]
    for cut in range(1, min(len(request), 400), 3):
        assert statuses(ask(door, request[:cut], request[cut:])) == expected, cut


def test_expect_100_is_answered_before_the_body(door):
    with socket.create_connection(("127.0.0.1", door.ports["plain"]), 20) as s:
        s.sendall(POST + b"Expect: 100-continue\r\nContent-Length: 3\r\n\r\n")
        assert s.recv(1000) == b"HTTP/1.1 100 Continue\r\n\r\n"
        s.sendall(BODY)
        assert s.recv(1000).startswith(b"HTTP/1.1 422 ")


def test_a_stream_over_http_1_0_ends_with_its_connection(door):
    """Nothing else would tell where it ends, whatever the client asks for."""
    with socket.create_connection(("127.0.0.1", door.ports["plain"]), 20) as s:
        s.sendall(b"GET /v1/events HTTP/1.0\r\nConnection: keep-alive\r\n\r\n")
        answer = b""
        while b"\r\n\r\n" not in answer:
            answer += s.recv(1000)
    assert answer.startswith(b"HTTP/1.1 200 ") and b"\r\nConnection: close\r\n" in answer


def test_refusals_leave_nothing_behind(door):
    before = door.fds()
    for _ in range(50):
        ask(door, TABLE["bare LF"][0])
    assert door.get()[0] == 200
    import waiting  # noqa: PLC0415
    waiting.until("descriptors are closed", lambda: door.fds() <= before + 1, 15)
