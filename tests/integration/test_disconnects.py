# SPDX-License-Identifier: MIT
"""A client may go away at any instant, over HTTP/1.1 and HTTP/2: the server lives on, leaks nothing
(its sanitizers tell when it ends), closes every connection, and an accepted message is still sent."""
import contextlib
import json
import os
import socket
import struct
import uuid

import h2.config
import h2.connection
import h2.events
import mailhatch
import pytest
import relay
from mailhatch import letter
from waiting import until

HEADERS = {"content-type": "application/json", "prefer": "wait=30"}


def http1(body):
    head = "".join(f"{name}: {value}\r\n" for name, value in {**HEADERS, "content-length": len(body)}.items())
    return f"POST /v1/messages HTTP/1.1\r\nHost: localhost\r\n{head}\r\n".encode() + body


def http2(body, streams=1):
    """The client's bytes of so many requests on one connection; small enough for the first window."""
    client = h2.connection.H2Connection(h2.config.H2Configuration(client_side=True, header_encoding="utf-8"))
    client.initiate_connection()
    for stream in range(1, 2 * streams, 2):
        client.send_headers(stream, [(":method", "POST"), (":path", "/v1/messages"), (":scheme", "http"),
                                     (":authority", "localhost"), *HEADERS.items()])
        for at in range(0, len(body), 16_000):
            client.send_data(stream, body[at:at + 16_000])
        client.end_stream(stream)
    return client.data_to_send()


_SMALL = json.dumps(letter()).encode()
PROTOCOLS = {"HTTP/1.1": http1, "HTTP/2": http2, "HTTP/2 three streams": lambda body: http2(body, streams=3)}


@pytest.fixture(scope="module")
def peer():
    """A relay that answers late, so that requests wait."""
    with contextlib.closing(relay.Relay(replies={"dot": relay.Slow("250 2.0.0 queued", 0.3)})) as running:
        yield running
        assert running.violations == []


@pytest.fixture(scope="module")
def slow(peer):
    url = f"smtp://127.0.0.1:{peer.port}?tls=none"
    with mailhatch.running(env={"MAILHATCH_RELAY": url, "MAILHATCH_STORE": "memory"}) as server:
        yield server


def connect(server):
    return socket.create_connection(("127.0.0.1", server.port), 30)


def reset(sock):
    """Close with RST instead of FIN."""
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    sock.close()


def open_sockets(server):
    """Accepted connections of the server's port, as the kernel knows them."""
    port = f"{server.port:04X}"
    with open("/proc/net/tcp", encoding="ascii") as table:
        rows = [line.split() for line in table][1:]
    return [row for row in rows if row[1].endswith(f":{port}") and row[3] in ("01", "08")]  # ESTABLISHED, CLOSE_WAIT


def is_well(server):
    assert server.is_alive()
    until("all connections are closed", lambda: not open_sockets(server))  # this peer's have a limit
    assert server.get("/livez").status == 200


@pytest.mark.parametrize("leave", [socket.socket.close, reset], ids=["FIN", "RST"])
@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_client_leaves_at_any_byte(slow, protocol, leave):
    data = PROTOCOLS[protocol](json.dumps(letter(text="x" * 20_000)).encode())
    cuts = sorted({*range(0, 400, 7), *range(400, len(data), 977), len(data) - 1, len(data)})
    for cut in cuts:
        sock = connect(slow)
        sock.sendall(data[:cut])
        leave(sock)
    is_well(slow)


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_client_leaves_while_it_waits_and_the_mail_is_sent(slow, peer, protocol):
    token = uuid.uuid4().hex
    sock = connect(slow)
    sock.sendall(PROTOCOLS[protocol](json.dumps(letter(text=token)).encode()))
    sock.close()
    wanted = 3 if "three" in protocol else 1
    until("the mail is sent", lambda: sum(token.encode() in m.content for m in peer.messages) == wanted)
    is_well(slow)


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_connection_is_reset_while_the_relay_has_the_mail(slow, peer, protocol):
    token = uuid.uuid4().hex
    sock = connect(slow)
    sock.sendall(PROTOCOLS[protocol](json.dumps(letter(text=token)).encode()))
    until("the relay has the mail", lambda: any(token.encode() in m.content for m in peer.messages))
    reset(sock)
    is_well(slow)


def test_stream_is_reset_while_it_waits(slow):
    """RST_STREAM at every stage; the connection goes on to serve another request."""
    for n_parts in range(4):
        client = h2.connection.H2Connection(h2.config.H2Configuration(client_side=True, header_encoding="utf-8"))
        client.initiate_connection()
        sock = connect(slow)
        client.send_headers(1, [(":method", "POST"), (":path", "/v1/messages"), (":scheme", "http"),
                                (":authority", "localhost"), *HEADERS.items()])
        if n_parts >= 1:
            client.send_data(1, _SMALL[:50])
        if n_parts >= 2:
            client.send_data(1, _SMALL[50:])
        if n_parts >= 3:
            client.end_stream(1)
        sock.sendall(client.data_to_send())
        client.reset_stream(1)
        client.send_headers(3, [(":method", "GET"), (":path", "/livez"), (":scheme", "http"), (":authority", "localhost")],
                            end_stream=True)
        sock.sendall(client.data_to_send())
        status = None
        while status is None:
            for event in client.receive_data(sock.recv(65536)):
                if isinstance(event, h2.events.ResponseReceived) and event.stream_id == 3:
                    status = dict(event.headers)[":status"]
        assert status == "200"
        sock.close()
    is_well(slow)


def test_half_closed_client_gets_a_whole_answer_or_none(slow):
    sock = connect(slow)
    sock.sendall(http1(_SMALL))
    sock.shutdown(socket.SHUT_WR)
    answer = b""
    while chunk := sock.recv(65536):
        answer += chunk
        if b'"sent"' in answer:
            break
    assert answer == b"" or answer.startswith(b"HTTP/1.1 200 ")  # RFC 9112 leaves both to the server
    sock.close()
    is_well(slow)


def test_client_that_never_reads_does_not_hold_the_server(slow):
    """200 pipelined requests whose answers nobody takes."""
    sock = connect(slow)
    request = b"GET /openapi.json HTTP/1.1\r\nHost: localhost\r\n\r\n"
    sock.setblocking(False)
    try:
        for _ in range(200):
            sock.send(request)
    except BlockingIOError:
        pass
    assert slow.get("/livez").status == 200
    reset(sock)
    is_well(slow)


def test_no_descriptor_is_left_behind(slow):
    slow.get("/livez")
    n_before = len(os.listdir(f"/proc/{slow.pid}/fd"))
    for build in PROTOCOLS.values():
        data = build(_SMALL)
        for cut in range(0, len(data), 31):
            sock = connect(slow)
            sock.sendall(data[:cut])
            sock.close()
    is_well(slow)
    until("descriptors are as before", lambda: len(os.listdir(f"/proc/{slow.pid}/fd")) <= n_before + 2)
