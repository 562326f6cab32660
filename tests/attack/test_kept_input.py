# SPDX-License-Identifier: MIT
"""Input that nothing is done with: the server keeps no more of it than it has to, however much is sent."""
import contextlib

import door as doors
import frames
import pytest
import waiting

BODY = b" " * (20 * doors.MB)
HEAD = b"POST /v1/messages HTTP/1.1\r\nHost: x\r\nContent-Type: text/plain\r\nContent-Length: %d\r\n\r\n" % len(BODY)
GET = b"GET /livez HTTP/1.1\r\nHost: x\r\n\r\n"


@pytest.mark.parametrize("kind", ["plain", "tls"])
def test_what_follows_a_wrong_frame(open_door, attack_on, kind):
    """The connection waits for its last write, as its peer reads nothing, but sends."""
    door = open_door("release")
    with frames.Peer(door.ports[kind], kind, receive_buffer=4096, timeout=30) as peer:
        peer.send(frames.PREFACE + frames.settings((4, 1 << 30)) + frames.window_update(0, (1 << 31) - 1 - 65535))
        peer.send(b"".join(frames.headers(1 + 2 * i, b"/openapi.json") for i in range(90)))
        door.idle_within(10)
        peer.send(frames.frame(frames.PING, 0, 0, b"short"))
        with attack_on(door), contextlib.suppress(OSError):
            for _ in range(200):
                peer.sock.sendall(peer.wire(bytes(doors.MB)))
    assert sum(door.stopped().values()) == 1


@pytest.mark.parametrize("kind", ["plain", "tls"])
def test_an_octet_behind_a_large_body(open_door, attack_on, kind):
    """The next request has begun, so the connection's buffer is in use: no reason to keep one that held 20 MB."""
    door = open_door("release")
    with contextlib.ExitStack() as stack, attack_on(door):
        for _ in range(12):
            peer = stack.enter_context(frames.Peer(door.ports[kind], kind, protocols=("http/1.1",)))
            peer.send(HEAD + BODY + GET[:1])
            peer.receive_until(b"HTTP/1.1 415 ")
            peer.send(GET[1:] + GET[:1])
            peer.receive_until(b"HTTP/1.1 200 ")


# As many as one address may have; one connection is the bystander's.
CONNECTIONS, STREAMS = 98, 100
NOT_READ = frames.settings((4, 0)) + b"".join(frames.headers(1 + 2 * i) for i in range(STREAMS))
AN_OCTET_EACH = frames.settings() + b"".join(
    frames.post(1 + 2 * i) + frames.frame(frames.DATA, 0, 1 + 2 * i, b"{") for i in range(STREAMS))


@pytest.mark.parametrize("requests", [NOT_READ, AN_OCTET_EACH], ids=["answers not read", "an octet of each body"])
def test_requests_that_go_no_further(open_door, attack_on, requests):
    door = open_door("release")
    with contextlib.ExitStack() as stack, attack_on(door):
        for _ in range(CONNECTIONS):
            stack.enter_context(frames.Peer(door.ports["plain"])).send(frames.PREFACE + requests)
        door.idle_within(10)


def test_streams_whose_answers_are_not_read(open_door):
    """A hundred on each connection: 18,000."""
    door = open_door("release", limits="connections_per_peer: 200")
    with contextlib.ExitStack() as stack:
        for _ in range(180):
            peer = stack.enter_context(frames.Peer(door.ports["plain"]))
            peer.send(frames.PREFACE + frames.settings((4, 0)) + b"".join(frames.headers(1 + 2 * i) for i in range(100)))
        waiting.until("some are ended for it", lambda: door.stopped().get("streams"))
    assert door.get()[0] == 200
