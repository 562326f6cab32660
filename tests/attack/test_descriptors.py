# SPDX-License-Identifier: MIT
"""File descriptors run out: accepting pauses, delivery goes on, and all is well again after."""
import contextlib
import json
import resource
import socket

import waiting

BODY = json.dumps({"from": "a@example.com", "to": "b@example.com", "subject": "s", "text": "t"}).encode()
POST = (b"POST /v1/messages HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nPrefer: wait=20\r\n"
        b"Content-Length: %d\r\n\r\n" % len(BODY)) + BODY


def few_descriptors():
    resource.setrlimit(resource.RLIMIT_NOFILE, (64, 64))


def test_accepting_pauses_and_delivery_goes_on(open_door):
    door = open_door(preexec=few_descriptors)
    first = socket.create_connection(("127.0.0.1", door.ports["plain"]), 20)
    others = [socket.create_connection(("127.0.0.1", door.ports["plain"]), 20) for _ in range(80)]
    waiting.until("accepting pauses", lambda: door.events("accept_paused"))
    first.sendall(b"GET /readyz HTTP/1.1\r\nHost: x\r\n\r\n")
    answer = first.recv(65536)
    assert answer.startswith(b"HTTP/1.1 503 ") and b"file descriptors" in answer
    for _ in range(3):
        first.sendall(POST)
        answer = first.recv(65536)
        assert answer.startswith(b"HTTP/1.1 200 ") and b'"status":"sent"' in answer
    for s in others:
        s.close()
    waiting.until("others are served again", lambda: door.get("/readyz")[0] == 200)
    first.close()
    assert door.unharmed()


def test_a_full_house_is_not_ready(open_door):
    """Who would be refused is told apart from who is not; it passes."""
    door = open_door(limits="connections: 3, connections_per_peer: 3")
    with contextlib.ExitStack() as stack:
        first, *_ = [stack.enter_context(socket.create_connection(("127.0.0.1", door.ports["plain"]), 20))
                     for _ in range(3)]

        def ready():
            first.sendall(b"GET /readyz HTTP/1.1\r\nHost: x\r\n\r\n")
            return first.recv(65536)

        assert ready().startswith(b"HTTP/1.1 200 "), "three are as many as there may be"
        with socket.create_connection(("127.0.0.1", door.ports["plain"]), 20) as fourth:
            assert fourth.recv(1) == b""
        answer = ready()
        assert answer.startswith(b"HTTP/1.1 503 ") and b"limits.connections is 3" in answer
        waiting.until("it is forgotten", lambda: ready().startswith(b"HTTP/1.1 200 "))


def test_no_connection_is_lost_while_accepting_pauses(open_door):
    """Those that wait in the kernel's queue are served when it is their turn."""
    door = open_door(preexec=few_descriptors)
    waiting_ones = [socket.create_connection(("127.0.0.1", door.ports["plain"]), 30) for _ in range(60)]
    for s in waiting_ones:
        s.sendall(b"GET /livez HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
    for s in waiting_ones:
        assert s.recv(1000).startswith(b"HTTP/1.1 200 ")
        s.close()
