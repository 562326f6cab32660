# SPDX-License-Identifier: MIT
"""A TCP line with delay: `python3 -m suite.delay_line PORT RTT_MS` prints `port=N` and forwards.

A thread reads, another one writes each piece when its time has come: an event loop would round that up to whole
milliseconds."""
import queue
import socket
import sys
import threading
import time


def deliver(pieces, to):
    while True:
        at, piece = pieces.get()
        time.sleep(max(0, at - time.perf_counter()))
        try:
            if piece:
                to.sendall(piece)
            else:
                to.shutdown(socket.SHUT_WR)
        except OSError:
            piece = b""
        if not piece:
            return


def pump(frm, to, delay_s):
    """Each piece leaves delay_s after it came; order is kept."""
    pieces = queue.SimpleQueue()
    threading.Thread(target=deliver, args=(pieces, to), daemon=True).start()
    piece = b"?"
    while piece:
        try:
            piece = frm.recv(1 << 16)
        except OSError:
            piece = b""
        pieces.put((time.perf_counter() + delay_s, piece))


def main(port, rtt_ms):
    listener = socket.create_server(("127.0.0.1", 0), backlog=128)
    print(f"port={listener.getsockname()[1]}", flush=True)
    while True:
        client, _ = listener.accept()
        relay = socket.create_connection(("127.0.0.1", port))
        for a in (client, relay):
            a.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        for frm, to in ((client, relay), (relay, client)):
            threading.Thread(target=pump, args=(frm, to, rtt_ms / 2000), daemon=True).start()


if __name__ == "__main__":
    main(int(sys.argv[1]), float(sys.argv[2]))
