# SPDX-License-Identifier: MIT
"""HTTP/2 bodies over a limit are answered, never reset, and the connection goes on."""
import re

import frames
import pytest
import waiting

LIMIT = 100 * 1024
INITIAL_WINDOW = 65535
START = frames.PREFACE + frames.settings()


class Client:
    """Sends DATA only as far as the server's windows allow, and keeps what it answers."""

    def __init__(self, door, kind="plain"):
        self.peer = frames.Peer(door.ports[kind], kind, timeout=20)
        self.peer.send(START)
        self._frames = self.peer.frames()
        self.connection_window = INITIAL_WINDOW
        self.stream_windows, self.initial = {}, INITIAL_WINDOW
        self.answers, self.ended, self.resets, self.goaway = {}, set(), {}, None
        self.take()  # its SETTINGS come first

    def take(self):
        """One frame of the server."""
        kind, flags, stream, payload = next(self._frames)
        if kind == frames.SETTINGS and not flags & 1:
            for i in range(0, len(payload), 6):
                if payload[i:i + 2] == b"\x00\x04":
                    self.initial = int.from_bytes(payload[i + 2:i + 6], "big")
        elif kind == frames.WINDOW_UPDATE and stream == 0:
            self.connection_window += int.from_bytes(payload, "big")
        elif kind == frames.WINDOW_UPDATE:
            self.stream_windows[stream] = self.stream_windows.get(stream, self.initial) + int.from_bytes(payload, "big")
        elif kind == frames.DATA:
            self.answers[stream] = self.answers.get(stream, b"") + payload
        elif kind == frames.RST_STREAM:
            self.resets[stream] = int.from_bytes(payload, "big")
        elif kind == frames.GOAWAY:
            self.goaway = payload
        if kind in (frames.DATA, frames.HEADERS) and flags & frames.END_STREAM:
            self.ended.add(stream)

    def data(self, stream, size, end=False):
        """@size octets, padded now and then."""
        while size > 0:
            n = min(size, 16000)
            while self.connection_window < n + 10 or self.stream_windows.get(stream, self.initial) < n + 10:
                self.take()
            padding = b"\x09" if size % 3 == 0 else b""
            payload = padding + b" " * n + bytes(9 if padding else 0)
            size -= n
            flags = (frames.PADDED if padding else 0) | (frames.END_STREAM if end and size == 0 else 0)
            self.connection_window -= len(payload)
            self.stream_windows[stream] = self.stream_windows.get(stream, self.initial) - len(payload)
            assert self.peer.send(frames.frame(frames.DATA, flags, stream, payload))

    def answer(self, stream):
        while stream not in self.ended:
            self.take()
        assert self.goaway is None and self.resets == {}
        return self.answers[stream]


@pytest.fixture(name="door")
def door_fixture(open_door):
    return open_door(limits=f"body: {LIMIT // 1024}KB, inflight: 200KB")


@pytest.mark.parametrize("kind", ["plain", "tls"])
def test_a_body_over_the_limit_is_413_and_the_rest_of_it_harmless(door, kind):
    client = Client(door, kind)
    client.peer.send(frames.post(1))
    client.data(1, LIMIT + 1)
    assert b'"code":"body_too_large"' in client.answer(1)
    client.data(1, 3 << 20)
    client.peer.send(frames.post(3))
    client.data(3, 1000, end=True)
    assert b'"status":400' in client.answer(3)  # blanks are no JSON


def test_a_body_at_the_limit_is_read(door):
    client = Client(door)
    client.peer.send(frames.post(1))
    client.data(1, LIMIT, end=True)
    assert b'"code":"malformed_json"' in client.answer(1)


def test_an_announced_body_over_the_limit_is_413_at_once(door):
    client = Client(door)
    client.peer.send(frames.post(1, frames.field(b"content-length", str(LIMIT + 1).encode())))
    assert b'"code":"body_too_large"' in client.answer(1)
    client.data(1, LIMIT + 1, end=True)
    client.peer.send(frames.headers(3))
    assert b'"status":"ok"' in client.answer(3)


def test_late_data_over_many_requests_keeps_the_connection_window(door):
    """More than the server's largest window in all."""
    client = Client(door)
    for i in range(10):
        stream = 1 + 2 * i
        client.peer.send(frames.post(stream))
        client.data(stream, LIMIT + 1)
        assert b'"code":"body_too_large"' in client.answer(stream)
        client.data(stream, 2 << 20)
    client.peer.send(frames.headers(101))
    assert b'"status":"ok"' in client.answer(101)


def held_bytes(door, at_least):
    """Waits until the server has that much of bodies: connections are read in any order."""
    def held():
        page = door.get("/metrics")[1].decode()
        return int(re.search(r"^mailhatch_inflight_bytes (\d+)$", page, re.M)[1]) >= at_least

    waiting.until(f"{at_least} octets of bodies", held)


def test_a_body_without_room_is_503_and_others_go_on(door):
    first, second = Client(door), Client(door)
    for stream in (1, 3):
        first.peer.send(frames.post(stream))
        first.data(stream, 49 * 1024)
    first.peer.send(frames.headers(5))
    assert b'"status":"ok"' in first.answer(5)
    second.peer.send(frames.post(1))
    second.data(1, 99 * 1024)
    held_bytes(door, 197 * 1024)
    third = Client(door)
    third.peer.send(frames.post(1))
    third.data(1, 16000)
    assert b'"code":"overloaded"' in third.answer(1)
    second.data(1, 10, end=True)
    assert b'"code":"malformed_json"' in second.answer(1)
    third.peer.send(frames.post(3))
    third.data(3, 16000, end=True)
    assert b'"code":"malformed_json"' in third.answer(3)


def test_one_connection_has_its_share(open_door):
    """An eighth of the budget, at least one body."""
    door = open_door(limits="body: 100KB, inflight: 1600KB")
    client = Client(door)
    for stream in (1, 3):
        client.peer.send(frames.post(stream))
        client.data(stream, 96000)
    held_bytes(door, 2 * 96000)
    client.peer.send(frames.post(5))
    client.data(5, 16000)
    assert b'"code":"overloaded"' in client.answer(5)
    assert door.stopped() == {"body_budget": 1}


def test_a_length_without_a_body_is_refused(door):
    client = Client(door)
    client.peer.send(frames.headers(1, b"/v1/messages", b"POST", True, frames.field(b"content-length", b"5")))
    assert b'"code":"bad_request"' in client.answer(1)


def test_a_length_that_is_not_kept_is_reset(door):
    client = Client(door)
    client.peer.send(frames.post(1, frames.field(b"content-length", b"5")))
    client.peer.send(frames.frame(frames.DATA, 1, 1, b"abc"))
    while not client.resets:
        client.take()
    assert client.resets == {1: 1}
