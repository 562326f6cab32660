# SPDX-License-Identifier: MIT
"""Relays that take connections and then drip: a process of its own that listens on one port and prints it. Each connection
gets the next of KINDS.

    slow_relays.py
"""
import heapq
import itertools
import pathlib
import selectors
import socket
import subprocess
import sys
import time

DRIP_S = 0.25
EHLO = b"250-slow\r\n250 8BITMIME\r\n"
# What is said at once, one reply per command; then what is dripped, an octet at a time, for ever.
KINDS = {
    "silent": ([], b""),
    "greeting without end": ([], b"220 x"),
    "greeting of many lines": ([], b"220-x\r\n"),
    "EHLO": ([b"220 x\r\n"], b"250-x\r\n"),
    "MAIL": ([b"220 x\r\n", EHLO], b"250 x"),
    "RCPT": ([b"220 x\r\n", EHLO, b"250 ok\r\n"], b"250 x"),
    "final dot": ([b"220 x\r\n", EHLO, b"250 ok\r\n", b"250 ok\r\n", b"354 go on\r\n"], b"250-x\r\n"),
}


class SlowRelays:
    """Runs the process. A context manager."""

    def __enter__(self):
        self._process = subprocess.Popen([sys.executable, str(pathlib.Path(__file__))], stdin=subprocess.PIPE,
                                         stdout=subprocess.PIPE, text=True)
        self.port = int(self._process.stdout.readline())
        return self

    def __exit__(self, *_):
        self._process.stdin.close()
        self._process.wait()
        self._process.stdout.close()


class Connection:
    def __init__(self, sock, kind):
        sock.setblocking(False)
        self.sock, self.replies, self.at = sock, list(KINDS[kind][0]), 0
        self.drip = KINDS[kind][1]
        if self.replies:
            self.sock.send(self.replies.pop(0))

    def read(self):
        """False at its end. One reply for each command; the lines of a message are none."""
        try:
            data = self.sock.recv(65536)
            if data and self.replies and (data.endswith(b"\r\n") or self.replies[0][:3] != b"354"):
                self.sock.send(self.replies.pop(0))
            return bool(data)
        except BlockingIOError:
            return True
        except OSError:
            return False

    def feed(self):
        if not self.replies and self.drip:
            try:
                self.sock.send(self.drip[self.at % len(self.drip):][:1])
                self.at += 1
            except OSError:
                pass  # read() notices


def main():
    listener = socket.create_server(("127.0.0.1", 0), backlog=1024)
    print(listener.getsockname()[1], flush=True)
    kinds = itertools.cycle(KINDS)
    selector = selectors.DefaultSelector()
    selector.register(listener, selectors.EVENT_READ)
    selector.register(sys.stdin, selectors.EVENT_READ)
    due, order = [], itertools.count()
    while True:
        wait = due[0][0] - time.monotonic() if due else None
        for key, _ in selector.select(None if wait is None else max(wait, 0)):
            if key.fileobj is sys.stdin:
                return
            if key.fileobj is listener:
                one = Connection(listener.accept()[0], next(kinds))
                selector.register(one.sock, selectors.EVENT_READ, one)
                heapq.heappush(due, (time.monotonic() + DRIP_S, next(order), one))
            elif not key.data.read():
                selector.unregister(key.fileobj)
                key.fileobj.close()
        while due and due[0][0] <= time.monotonic():
            _, _, one = heapq.heappop(due)
            if one.sock.fileno() >= 0:
                one.feed()
                heapq.heappush(due, (time.monotonic() + DRIP_S, next(order), one))


if __name__ == "__main__":
    main()
