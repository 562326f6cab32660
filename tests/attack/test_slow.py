# SPDX-License-Identifier: MIT
"""Clients that are slow on purpose: each kind is ended by its own rule, and nothing stays behind. MAILHATCH_SLOW_CLIENTS is
how many at once (default 100). What others get meanwhile: test_drip.py."""
import collections
import os
import threading
import time

import door as doors
import frames
import pytest
import waiting

N_CLIENTS = int(os.environ.get("MAILHATCH_SLOW_CLIENTS", "100"))
LIMITS = ("header_timeout: 1s, idle_timeout: 2s, body_timeout: 4s, stall_window: 1s, min_rate: 1KB, "
          "connections: 2000, connections_per_peer: 2000")
FEED_S = 0.25
SLACK_S = 6  # from the longest of these timeouts to the end of the connection
POST = b"POST /v1/messages HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
H2 = frames.PREFACE + frames.settings()

# name: what is sent first, what again and again, why it is ended. The 200 KB page does not fit the small
# windows; the reader never reads.
SLOW = {
    "silent after the preface": (H2, b"", "idle"),
    "silent after a request": (b"GET /livez HTTP/1.1\r\nHost: x\r\n\r\n", b"", "idle"),
    "head, a line now and then": (b"GET /livez HTTP/1.1\r\nHost: x\r\n", b"X: y\r\n", "header_timeout"),
    "body, an octet now and then": (POST + b"Content-Length: 1000\r\n\r\n", b" ", "body_rate"),
    "body, nothing": (POST + b"Content-Length: 1000\r\n\r\n", b"", "body_rate"),
    "chunks, an octet now and then": (POST + b"Transfer-Encoding: chunked\r\n\r\n", b"1\r\n \r\n", "body_rate"),
    "body, fast enough but for ever": (POST + b"Content-Length: 1000000\r\n\r\n", b" " * 500, "body_timeout"),
    "HTTP/2 body, an octet now and then": (H2 + frames.post(1), frames.frame(frames.DATA, 0, 1, b" "), "body_rate"),
    "HTTP/2 body, only padding": (
        H2 + frames.post(1), frames.frame(frames.DATA, 8, 1, b"\x63" + bytes(99)), "body_rate"),
    "HTTP/2 body, fast enough but for ever": (
        H2 + frames.post(1), frames.frame(frames.DATA, 0, 1, b" " * 500), "body_timeout"),
    "half a frame": (H2 + b"\x00\x10\x00\x01", b"", "idle"),
    "pings only": (H2, frames.ping(), "idle"),
    "zero window": (
        frames.PREFACE + frames.settings((4, 0)) + b"".join(frames.headers(1 + 2 * i) for i in range(100)),
        frames.ping(), "send_rate"),
    "a window of one octet now and then": (
        frames.PREFACE + frames.settings((4, 0)) + frames.headers(1), frames.window_update(1, 1), "send_rate"),
    "reads nothing": (H2 + frames.settings((4, 1 << 30)) + frames.window_update(0, 1 << 30), None, "send_rate"),
}


class Slow:
    """One slow client; gone() feeds it."""

    def __init__(self, door, name, kind="plain", source=None):
        self.name = name
        first, self.again, self.reason = SLOW[name]
        small = 4096 if self.again is None else None
        self.peer = frames.Peer(door.ports[kind], kind, receive_buffer=small, source=source)
        self.peer.send(first)
        if self.again is None:
            # the server's kernel may give it up without a word, which shows when something is sent
            self.again = frames.ping()
            for i in range(100):
                self.peer.send(frames.headers(1 + 2 * i, b"/openapi.json"))
        self.peer.sock.setblocking(False)
        self.reads = small is None

    def gone(self):
        """Feeds a little; true once the server has closed."""
        try:
            if self.again:
                self.peer.sock.send(self.peer.wire(self.again))
            while self.reads:
                if not self.peer.sock.recv(65536):
                    return True
            return self.peer.sock.getsockopt(doors.SOL_TCP, doors.TCP_INFO, 1)[0] != 1  # not ESTABLISHED
        except BlockingIOError:
            return False
        except OSError:
            return True


class Herd:
    """Feeds slow clients four times a second, in a thread. A context manager."""

    def __init__(self, clients):
        self._left = list(clients)
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._feed, daemon=True)

    def _feed(self):
        while not self._stop.wait(FEED_S):
            self._left = [c for c in self._left if not c.gone()]

    def alive(self):
        return len(self._left)

    def ends_in(self, deadline_s):
        try:
            waiting.until("slow clients are cut", lambda: not self._left, deadline_s)
        except AssertionError as e:
            raise AssertionError(f"{e}: {collections.Counter(c.name for c in self._left)}") from None

    def __enter__(self):
        self._thread.start()
        return self

    def __exit__(self, *_):
        self._stop.set()
        self._thread.join()


@pytest.mark.parametrize("name", SLOW)
def test_slow_client_is_ended_by_its_rule(open_door, name):
    door = open_door(limits=LIMITS)
    with Herd([Slow(door, name)]) as herd:
        herd.ends_in(4 + SLACK_S)
    assert door.stopped() == {SLOW[name][2]: 1}


@pytest.mark.parametrize("name", ["body, an octet now and then", "body, nothing"])
def test_a_slow_body_is_told_so(open_door, name):
    door = open_door(limits=LIMITS)
    first, _, _ = SLOW[name]
    with frames.Peer(door.ports["plain"]) as peer:
        peer.send(first)
        answer = b""
        while data := peer.receive():
            answer += data
    assert answer.startswith(b"HTTP/1.1 408 Request Timeout\r\n")
    assert b'"code":"request_timeout"' in answer


def test_a_silent_connection_is_ended_by_the_handshake_timeout(open_door):
    door = open_door()
    with frames.Peer(door.ports["plain"]) as plain, frames.Peer(door.ports["tls"]) as tls:
        start = time.monotonic()
        assert plain.receive() == b""
        assert 9 < time.monotonic() - start < 15
        assert tls.receive() == b""


def test_a_long_wait_is_not_slow(open_door):
    """A request that its handler holds outlives every timeout of slow clients."""
    door = open_door(limits=LIMITS)
    body = b'{"from": "a@example.com", "to": "slow+5s@example.com", "subject": "s", "text": "t"}'
    wait = POST + b"Prefer: wait=20\r\nContent-Length: %d\r\n\r\n" % len(body) + body
    with frames.Peer(door.ports["plain"]) as peer:
        start = time.monotonic()
        peer.send(wait)
        assert peer.receive().startswith(b"HTTP/1.1 200 ")
        assert time.monotonic() - start > 4.5
    assert door.stopped() == {}


def test_an_old_http2_connection_is_told_to_go(open_door):
    door = open_door(limits="connection_age: 2s, idle_timeout: 60s")
    with frames.Peer(door.ports["plain"]) as peer:
        peer.send(H2 + frames.headers(1))
        assert peer.goaway() == (0, "age")


@pytest.mark.alone
@pytest.mark.parametrize("kind", ["plain", "tls"])
def test_nothing_is_left_of_many_slow_clients(open_door, attack_on, kind):
    door = open_door("release", limits=LIMITS)
    door.get()
    before = door.fds()
    names = [name for name in SLOW if kind == "plain" or not SLOW[name][0].startswith((b"GET", b"POST"))]
    with attack_on(door):
        with Herd([Slow(door, names[i % len(names)], kind) for i in range(N_CLIENTS)]) as herd:
            herd.ends_in(30)
    waiting.until("all descriptors are closed", lambda: door.fds() <= before + 1, 60)
    waiting.until("no connection is counted but ours",
                  lambda: b"mailhatch_http_connections 1\n" in door.get("/metrics")[1], 15)
