# SPDX-License-Identifier: MIT
"""Each known way to abort, spin, fill or starve an HTTP/2 server, against the shipped binary, plain and
inside TLS: the process lives, stays small and quick for others, and is idle again at once."""
import contextlib
import os
import socket
import struct

import frames
import pytest
from waiting import until

STATUS_400 = 0x8c  # RFC 7541, appendix A: index 12

pytestmark = pytest.mark.parametrize("kind", ["plain", "tls"])

CALM = frames.ENHANCE_YOUR_CALM
ZERO_WINDOW = (4, 0)


def start(*pairs):
    return frames.PREFACE + frames.settings(*pairs)


@pytest.fixture(name="door")
def door_fixture(open_door):
    return open_door("release")


def ends_calmly(peer, reason):
    """The server ended the connection for @reason."""
    assert peer.goaway() == (CALM, reason)


def read_to_the_end(peer):
    """Whatever comes; we say that we are done, so that the server may be too."""
    with contextlib.suppress(OSError):
        peer.sock.shutdown(socket.SHUT_WR)
        while peer.sock.recv(1 << 20):
            pass


# --- aborts of the library as shipped ---

@pytest.mark.parametrize("cap", [8168, 8192, 16384])
def test_window_update_on_a_stream_that_waits_for_its_last_write(door, attack_on, kind, cap):
    """One read holds the request, its answer's whole window, and the update after the answer."""
    _, body = door.get()
    with attack_on(door), frames.Peer(door.ports[kind], kind) as peer:
        flood = peer.wire(start((4, len(body))) + frames.headers(1))
        while len(flood) < cap + 200:
            flood += peer.wire(frames.ping() * 20)
        peer.sock.sendall(flood + peer.wire(frames.window_update(1, 1)))
        read_to_the_end(peer)


def test_settings_that_open_the_window_of_a_closing_stream(door, attack_on, kind):
    _, body = door.get()
    with attack_on(door):
        for cap in (8168, 8192, 16384):
            with frames.Peer(door.ports[kind], kind) as peer:
                flood = peer.wire(start((4, len(body))) + frames.headers(1))
                while len(flood) < cap + 200:
                    flood += peer.wire(frames.ping() * 20)
                peer.sock.sendall(flood + peer.wire(frames.settings((4, 1 << 20))))
                read_to_the_end(peer)


def test_corrupt_record_behind_a_blocked_write(door, attack_on, kind):
    """The library writes nothing at all then, which libuv asserts against."""
    with attack_on(door), frames.Peer(door.ports[kind], kind, receive_buffer=4096) as peer:
        peer.send(start((4, 1 << 30)) + frames.window_update(0, (1 << 31) - 1 - 65535))
        peer.send(b"".join(frames.headers(1 + 2 * i, b"/openapi.json") for i in range(90)))
        door.idle_within(10)
        peer.send(frames.ping() * 20)
        door.idle_within(10)
        peer.sock.sendall(b"\x17\x03\x03\x00\x30" + os.urandom(48))
        door.idle_within(10)
        read_to_the_end(peer)


def test_continuation_is_refused(door, attack_on, kind):
    """Its flood, and the endless loop after GOAWAY."""
    with attack_on(door):
        with frames.Peer(door.ports[kind], kind) as peer:
            peer.send(start() + frames.frame(frames.HEADERS, frames.END_STREAM, 1, frames.fields()[:5]))
            ends_calmly(peer, "continuation")
        with frames.Peer(door.ports[kind], kind) as peer:
            peer.send(start() + frames.frame(frames.CONTINUATION, 4, 1, frames.fields()))
            ends_calmly(peer, "continuation")


# --- memory ---

def test_header_bomb(door, attack_on, kind):
    """One table entry, referenced 16,000 times a request."""
    with attack_on(door), frames.Peer(door.ports[kind], kind) as peer:
        peer.send(start(ZERO_WINDOW))
        for i in range(100):
            more = (frames.indexed_field(b"a", b"b") if i == 0 else b"") + b"\xbe" * 16200
            if not peer.send(frames.headers(1 + 2 * i, more=more)):
                break
        ends_calmly(peer, "header_fields")


def test_sixty_four_fields_pass_and_sixty_five_do_not(door, kind):
    with frames.Peer(door.ports[kind], kind) as peer:
        peer.send(start() + frames.headers(1, more=frames.field(b"x", b"y") * 60))
        assert any(k == frames.HEADERS and s == 1 for k, _, s, _ in first_frames(peer, 4))
        peer.send(frames.headers(3, more=frames.field(b"x", b"y") * 61))
        ends_calmly(peer, "header_fields")


def first_frames(peer, n):
    out = []
    for f in peer.frames():
        out.append(f)
        if len(out) == n or f[0] == frames.HEADERS:
            return out
    return out


def test_bodies_that_never_end(door, attack_on, kind):
    """40 streams of 2 MB."""
    with attack_on(door), frames.Peer(door.ports[kind], kind) as peer:
        peer.send(start())
        for i in range(40):
            if not peer.send(frames.post(1 + 2 * i) + frames.frame(frames.DATA, 0, 1 + 2 * i, bytes(16384)) * 120):
                break
        statuses = set()
        peer.send(frames.frame(frames.GOAWAY, 0, 0, bytes(8)))
        peer.sock.shutdown(1)
        for k, _, _, payload in peer.frames():
            if k == frames.DATA:
                statuses.add(b"overloaded" in payload)
        assert True in statuses


# --- floods: frames, how often, and how the connection ends ---

def resets(i):
    return frames.headers(1 + 2 * i) + frames.rst(1 + 2 * i)


FLOODS = {
    "rapid reset": (resets, 2000, "resets"),
    "made you reset, no increment": (
        lambda i: frames.post(1 + 2 * i) + frames.window_update(1 + 2 * i, 0), 2000, "resets"),
    "made you reset, window overflow": (
        lambda i: frames.post(1 + 2 * i) + frames.window_update(1 + 2 * i, 0x7fffffff), 2000, "resets"),
    "made you reset, data after the end": (
        lambda i: frames.headers(1 + 2 * i) + frames.frame(frames.DATA, 0, 1 + 2 * i, b"x"), 2000, "resets"),
    "unknown frames": (lambda i: frames.frame(0x2a, 0, 0), 1000000, "control_frames"),
    "ping": (lambda i: frames.ping(), 100000, "control_frames"),
    "settings": (lambda i: frames.settings((4, 65535 + i)), 1000, "settings"),
    "settings answers": (lambda i: frames.frame(frames.SETTINGS, 1, 0), 100000, "control_frames"),
    "goaway": (lambda i: frames.frame(frames.GOAWAY, 0, 0, bytes(8)), 100000, "control_frames"),
    "priority": (
        lambda i: frames.frame(frames.PRIORITY, 0, 1 + 2 * (i % 50), struct.pack(">IB", 0x80000000 | (3 + 2 * (i % 49)), 7))
        if 1 + 2 * (i % 50) != 3 + 2 * (i % 49) else frames.ping(), 100000, "control_frames"),
    "window updates": (lambda i: frames.window_update(0, 1), 100000, "window_updates"),
    "empty data": (
        lambda i: frames.post(1) if i == 0 else frames.frame(frames.DATA, 0, 1), 100000, "empty_data"),
    "padding only": (
        lambda i: frames.post(1) if i == 0 else frames.frame(frames.DATA, 8, 1, b"\x07" + bytes(7)), 100000, "empty_data"),
}


@pytest.mark.parametrize("name", FLOODS)
def test_flood(door, attack_on, kind, name):
    make, count, reason = FLOODS[name]
    with attack_on(door), frames.Peer(door.ports[kind], kind) as peer:
        peer.send(start())
        for i in range(0, count, 1000):
            if not peer.send(b"".join(make(j) for j in range(i, min(i + 1000, count)))):
                break
        peer.goaway()
    assert door.stopped() == {reason: 1}
    until("it is logged", lambda: door.events("guard"))
    assert [event["reason"] for event in door.events("guard")] == [reason]


# --- frames that are wrong: the connection ends, nothing else does ---

WRONG = {
    "priority on itself": frames.frame(frames.PRIORITY, 0, 1, struct.pack(">IB", 0x80000001, 0)),
    "short priority": frames.frame(frames.PRIORITY, 0, 1, b"1234"),
    "headers on an even stream": frames.headers(2),
    "headers on stream 0": frames.headers(0),
    "a stream again": frames.headers(5) + frames.headers(3),
    "window update overflow": frames.window_update(0, 0x7fffffff) + frames.window_update(0, 0x7fffffff),
    "data on an idle stream": frames.frame(frames.DATA, 0, 7, b"x"),
    "data on stream 0": frames.frame(frames.DATA, 0, 0, b"x"),
    "more padding than data": frames.post(1) + frames.frame(frames.DATA, 8, 1, b"\xffabc"),
    "only a padding length": frames.frame(frames.HEADERS, 8 | 4, 1, b"\x05"),
    "short priority in headers": frames.frame(frames.HEADERS, 4 | 32, 1, b"123"),
    "headers that depend on themselves": frames.frame(
        frames.HEADERS, 4 | 32, 1, struct.pack(">IB", 1, 0) + frames.fields()),
    "push promise": frames.frame(frames.PUSH_PROMISE, 4, 1, struct.pack(">I", 2)),
    "short ping": frames.frame(frames.PING, 0, 0, b"1"),
    "settings cut short": frames.frame(frames.SETTINGS, 0, 0, b"12345"),
    "settings answer with content": frames.frame(frames.SETTINGS, 1, 0, b"123456"),
    "bad initial window": frames.settings((4, 0x80000000)),
    "bad frame size": frames.settings((5, 1)),
    "frame too large": b"\xff\xff\xff\x00\x00\x00\x00\x00\x01",
    "hpack cut short": frames.frame(frames.HEADERS, 5, 1, b"\x82\x86\x04\x7f\xff"),
    "hpack index 0": frames.frame(frames.HEADERS, 5, 1, b"\x80"),
    "hpack table too large": frames.frame(frames.HEADERS, 5, 1, b"\x3f\xff\xff\x03" + frames.fields()),
}


@pytest.mark.parametrize("name", WRONG)
def test_a_wrong_frame_ends_its_connection_only(door, kind, name):
    with frames.Peer(door.ports[kind], kind) as peer:
        assert peer.send(start() + WRONG[name])
        code, _ = peer.goaway()
        assert code != 0
    assert door.get()[0] == 200


@pytest.mark.parametrize("value", [b"a\r\nx: y", b"a\nb", b"a\rb", b"a\0b"])
@pytest.mark.parametrize("name", [b"idempotency-key", b"authorization", b"x-request-id", b"traceparent"])
def test_line_ends_in_a_field_are_a_bad_request(door, kind, name, value):
    with frames.Peer(door.ports[kind], kind) as peer:
        peer.send(start() + frames.headers(1, more=frames.field(name, value)))
        (answer,) = [payload for k, _, s, payload in first_frames(peer, 4) if k == frames.HEADERS and s == 1]
    assert answer[0] == STATUS_400


def test_the_last_stream_id_there_is(door, kind):
    with frames.Peer(door.ports[kind], kind) as peer:
        peer.send(start() + frames.headers(0x7fffffff))
        assert any(k == frames.HEADERS for k, _, _, _ in first_frames(peer, 4))


def test_chrome_like_frames_are_ignored_without_a_word(door, kind):
    """PRIORITY_UPDATE and an extension: the library would write a line to stderr for each."""
    with frames.Peer(door.ports[kind], kind) as peer:
        peer.send(start() + frames.frame(0x10, 0, 0, struct.pack(">I", 1) + b"u=3") * 10 +
                  frames.frame(frames.PRIORITY, 0, 1, struct.pack(">IB", 3, 7)) +
                  frames.frame(frames.HEADERS, 5 | 32, 1, struct.pack(">IB", 0x80000000 | 7, 200) + frames.fields()))
        assert any(k == frames.HEADERS and s == 1 for k, _, s, _ in first_frames(peer, 4))
    assert "skipping frame" not in door.log_file.read_text()
