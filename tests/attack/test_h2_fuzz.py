# SPDX-License-Identifier: MIT
"""Random frames against the server with sanitizers, from several clients at once, plain and inside TLS.
MAILHATCH_FUZZ_SECONDS is how long (default 60), MAILHATCH_FUZZ_SEED which (default: a new one, printed)."""
import contextlib
import os
import random
import struct
import threading
import time

import frames
import pytest

SECONDS = float(os.environ.get("MAILHATCH_FUZZ_SECONDS", "60"))
SEED = int(os.environ.get("MAILHATCH_FUZZ_SEED", time.time_ns() % (1 << 32)))
N_CLIENTS = 4
LIMITS = "body: 100KB, inflight: 1MB, connections_per_peer: 1000"
PATHS = [b"/livez", b"/openapi.json", b"/v1/messages", b"/", b"/nothing", b"*", b""]


class Noise:
    """Frames that are mostly legal, so that they reach deep, and sometimes not."""

    def __init__(self, seed):
        self.r = random.Random(seed)
        self.next = 1

    def stream(self):
        r = self.r
        return r.choice([0, 1, 2, self.next, max(1, self.next - 2), r.randrange(1, self.next + 4), 0x7fffffff]
                        if r.random() < 0.3 else [max(1, self.next - 2), r.randrange(1, self.next + 2) | 1])

    def block(self):
        r = self.r
        if r.random() < 0.1:
            return r.randbytes(r.randrange(0, 60))
        more = b""
        for _ in range(r.choice([0, 0, 1, 3, 70])):
            more += r.choice([frames.field(b"x", b"y"), frames.indexed_field(b"a", b"b" * r.randrange(50)), b"\xbe",
                              frames.field(b"content-length", str(r.randrange(200000)).encode()), b"\x3f\xe1\x1f", b"\x20",
                              frames.field(b"content-type", b"application/json"), frames.field(b"te", b"trailers"),
                              frames.field(b"cookie", b"a=b"), frames.field(b"X", b"\r\n"), frames.field(b"expect", b"100-continue")])
        return frames.fields(r.choice(PATHS), r.choice([b"GET", b"POST"]), more)

    def headers(self):
        r = self.r
        stream = self.next if r.random() < 0.9 else self.stream()
        self.next = max(self.next, stream + 2) if stream < 0x7ffffff0 else self.next
        flags = (4 if r.random() < 0.98 else 0) | r.choice([0, 1, 1])
        payload = self.block()
        if r.random() < 0.2:
            flags |= 32
            payload = struct.pack(">IB", r.choice([0, self.stream(), 0x80000000 | self.stream()]), r.randrange(256)) + payload
        if r.random() < 0.1:
            flags |= 8
            pad = r.randrange(20)
            payload = bytes([pad]) + payload + bytes(pad if r.random() < 0.9 else 0)
        return frames.frame(frames.HEADERS, flags, stream, payload)

    def data(self):
        r = self.r
        size = r.choice([0, 1, 10, 1000, 16384])
        flags = r.choice([0, 0, 0, 1]) | (8 if r.random() < 0.1 else 0)
        return frames.frame(frames.DATA, flags, self.stream(), r.choice([b" ", b"{", b"\x05"]) * size)

    def other(self):
        r = self.r
        return r.choice([
            lambda: frames.rst(self.stream(), r.randrange(14)),
            lambda: frames.window_update(self.stream(), r.choice([0, 1, 6, 65535, 0x7fffffff])),
            lambda: frames.window_update(self.stream(), r.choice([1, 3, 100])),
            lambda: frames.settings(*[(r.choice([1, 2, 3, 4, 4, 5, 9]), r.choice([0, 1, 3, 16384, 65535, 1 << 20])) for _ in range(r.randrange(3))]),
            lambda: frames.frame(frames.SETTINGS, 1, 0),
            lambda: frames.ping(),
            lambda: frames.frame(frames.PRIORITY, 0, self.stream(), struct.pack(">IB", r.choice([0, self.stream(), 0x80000000 | self.stream()]), r.randrange(256))),
            lambda: frames.frame(frames.GOAWAY, 0, 0, bytes(8)),
            lambda: frames.frame(r.randrange(256), r.randrange(256), self.stream(), r.randbytes(r.choice([0, 4, 5, 8, 100]))),
        ])()

    def any(self):
        return self.r.choices([self.headers, self.data, self.other], [4, 3, 4])[0]()


def play(door, kind, seed, source):
    """One connection: bursts of frames in segments of any size; some of what comes back is read."""
    noise = Noise(seed)
    r = noise.r
    peer = frames.Peer(door.ports[kind], kind, receive_buffer=r.choice([None, None, 4096]), timeout=5, source=source)
    with peer, contextlib.suppress(OSError):
        peer.send(frames.PREFACE + frames.settings((4, r.choice([0, 1, 6, 16, 65535, 1 << 20]))))
        for _ in range(r.randrange(1, 12)):
            raw = peer.wire(b"".join(noise.any() for _ in range(r.choice([1, 3, 30, 200]))))
            if kind == "tls" and r.random() < 0.02:
                raw += b"\x17\x03\x03\x00\x30" + r.randbytes(48)
            cut = r.randrange(len(raw) + 1)
            for part in (raw[:cut], raw[cut:]):
                peer.sock.sendall(part)
            if r.random() < 0.6:
                peer.sock.settimeout(0.01)
                with contextlib.suppress(OSError, ValueError):
                    peer.receive()
                peer.sock.settimeout(5)
        if r.random() < 0.3:
            peer.sock.shutdown(1)
            peer.sock.settimeout(0.2)
            while peer.sock.recv(1 << 20):
                pass


@pytest.mark.parametrize("kind", ["plain", "tls"])
def test_random_frames(open_door, kind):
    print(f"seed {SEED}")
    door = open_door(limits=LIMITS)
    end = time.monotonic() + SECONDS
    played, failed = [], []

    def client(number):
        n = 0
        while time.monotonic() < end and not failed:
            seed = f"{SEED}/{kind}/{number}/{n}"
            try:
                play(door, kind, seed, f"127.0.0.{2 + number}")  # together they would shake hands too often for one peer
            except OSError as e:
                failed.append(f"{seed}: {e!r}")
            n += 1
        played.append(n)

    clients = [threading.Thread(target=client, args=(i,)) for i in range(N_CLIENTS)]
    for thread in clients:
        thread.start()
    for thread in clients:
        thread.join()
    assert door.unharmed(), f"seed {SEED}: {failed}\n" + door.log_file.read_text()[-4000:]
    assert not failed, failed
    assert sum(played) > 10 * N_CLIENTS
    assert door.get()[0] == 200
