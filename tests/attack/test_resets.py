# SPDX-License-Identifier: MIT
"""Clients that reset their connection, in whatever state: nothing of it is left."""
import re
import socket
import struct

import frames
import pytest
import waiting

TIMES = 20
H1 = b"GET /openapi.json HTTP/1.1\r\nHost: x\r\n\r\n"
H2 = frames.PREFACE + frames.settings()
# name: (protocol, what is sent, whether its answer has begun when the reset comes)
STATES = {
    "nothing sent": ("h2", b"", False),
    "HTTP/1, half a head": ("http/1.1", H1[:20], False),
    "HTTP/1, kept alive": ("http/1.1", H1, True),
    "HTTP/1, answers not read": ("http/1.1", H1 * 50, True),
    "HTTP/1, a body in between": ("http/1.1", b"POST /v1/messages HTTP/1.1\r\nHost: x\r\nContent-Length: 1000\r\n\r\n{", False),
    "HTTP/2, idle": ("h2", H2, True),
    "HTTP/2, a request": ("h2", H2 + frames.headers(1, b"/openapi.json"), True),
    "HTTP/2, a body in between": ("h2", H2 + frames.post(1) + frames.frame(frames.DATA, 0, 1, b"{"), True),
    "HTTP/2, answers not read": (
        "h2", frames.PREFACE + frames.settings((4, 1 << 30)) + frames.window_update(0, 1 << 30) +
        b"".join(frames.headers(1 + 2 * i, b"/openapi.json") for i in range(50)), True),
}


def reset(peer):
    peer.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    peer.sock.close()


def connections(door):
    return int(re.search(rb"^mailhatch_http_connections (\d+)$", door.get("/metrics")[1], re.M)[1])


def nothing_is_left(door, fds):
    waiting.until("no connection is counted but ours", lambda: connections(door) == 1)
    waiting.until("no descriptor is left", lambda: door.fds() <= fds)


@pytest.mark.parametrize("kind", ["plain", "tls"])
@pytest.mark.parametrize("state", STATES)
def test_a_reset_leaves_nothing(open_door, state, kind):
    door = open_door()
    protocol, sent, answered = STATES[state]
    door.get()
    fds = door.fds()
    for _ in range(TIMES):
        peer = frames.Peer(door.ports[kind], kind, receive_buffer=4096 if "not read" in state else None, protocols=(protocol,))
        peer.send(sent)
        if answered:
            peer.sock.recv(1)
        reset(peer)
    nothing_is_left(door, fds)


@pytest.mark.parametrize("state", STATES)
def test_a_corrupt_record_leaves_nothing(open_door, state):
    door = open_door()
    protocol, sent, answered = STATES[state]
    door.get()
    fds = door.fds()
    for _ in range(TIMES):
        peer = frames.Peer(door.ports["tls"], "tls", receive_buffer=4096 if "not read" in state else None, protocols=(protocol,))
        peer.send(sent)
        if answered:
            peer.sock.recv(1)
        peer.sock.sendall(b"\x17\x03\x03\x00\x20" + bytes(32))
        reset(peer)
    nothing_is_left(door, fds)
