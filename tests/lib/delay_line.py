# SPDX-License-Identifier: MIT
"""A TCP line with delay to a relay, and a trace of what passed over it.

    python3 tests/lib/delay_line.py PORT RTT_MS    is one in a process of its own: prints `port=N`, ends with SIGTERM

A thread reads, another one hands out each piece when its time has come: an event loop would round that up to whole
milliseconds."""
import contextlib
import queue
import signal
import socket
import sys
import threading
import time


class DelayLine:
    """`port` is its near end. `trace` grows by (seconds, "C" or "S", octets): when a piece came from the client, when
    one was handed to it."""

    def __init__(self, port, rtt_s):
        self._to, self._delay_s = port, rtt_s / 2
        self.trace = []
        self._sockets = []
        self._closing = threading.Event()
        self._listener = socket.create_server(("127.0.0.1", 0), backlog=128)
        self.port = self._listener.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()

    def close(self):
        self._closing.set()
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        for sock in self._sockets:
            with contextlib.suppress(OSError):
                sock.shutdown(socket.SHUT_RDWR)

    def _accept(self):
        with contextlib.suppress(OSError):
            while True:
                near, _ = self._listener.accept()
                far = socket.create_connection(("127.0.0.1", self._to))
                self._sockets += [near, far]
                for source, sink, who in ((near, far, "C"), (far, near, "S")):
                    source.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                    pieces = queue.SimpleQueue()
                    threading.Thread(target=self._take, args=(source, pieces, who), daemon=True).start()
                    threading.Thread(target=self._hand_out, args=(sink, pieces, who), daemon=True).start()

    def _take(self, source, pieces, who):
        piece = b"?"
        while piece:
            try:
                piece = source.recv(1 << 16)
            except OSError:
                piece = b""
            now = time.monotonic()
            if who == "C" and piece:
                self.trace.append((now, who, piece))
            pieces.put((now + self._delay_s, piece))

    def _hand_out(self, sink, pieces, who):
        with contextlib.suppress(OSError):
            while (item := pieces.get())[1]:
                due, piece = item
                self._closing.wait(max(0, due - time.monotonic()))
                if who == "S":
                    self.trace.append((time.monotonic(), who, piece))
                sink.sendall(piece)
            sink.shutdown(socket.SHUT_WR)


def flights(trace):
    """[("C", octets), ("S", octets), …]: what was said until the other side spoke."""
    found = []
    for _, who, piece in trace:
        if found and found[-1][0] == who:
            found[-1] = (who, found[-1][1] + piece)
        else:
            found.append((who, piece))
    return found


if __name__ == "__main__":
    print(f"port={DelayLine(int(sys.argv[1]), float(sys.argv[2]) / 1000).port}", flush=True)
    signal.pause()
