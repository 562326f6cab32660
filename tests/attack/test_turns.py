# SPDX-License-Identifier: MIT
"""Many requests at once, which are cheap for whoever sends them: others are answered in between."""
import contextlib
import os
import re
import signal
import socket

import frames
import pytest
import waiting

N_CONNECTIONS, N_STREAMS = 40, 100


def answered(door):
    found = re.search(rb'^mailhatch_http_requests_total\{route="/metrics",code="200"\} (\d+)$', door.get("/metrics")[1], re.M)
    return int(found[1]) if found else 0


@pytest.mark.parametrize("leave", [False, True])
def test_who_asks_once_overtakes_who_asks_a_hundred_times(open_door, leave):
    """All have asked before the server looks, the others first."""
    door = open_door()
    door.get()
    with contextlib.ExitStack() as stack:
        many = [stack.enter_context(frames.Peer(door.ports["plain"])) for _ in range(N_CONNECTIONS)]
        one = stack.enter_context(socket.create_connection(("127.0.0.1", door.ports["plain"]), 60))
        os.kill(door.pid, signal.SIGSTOP)
        waiting.until("it is stopped", lambda: waiting.stands_still(door.pid))
        for peer in many:
            peer.send(frames.PREFACE + frames.settings((4, 1 << 20)) +
                      b"".join(frames.headers(1 + 2 * i, b"/metrics") for i in range(N_STREAMS)))
        one.sendall(b"GET /livez HTTP/1.1\r\nHost: x\r\n\r\n")
        os.kill(door.pid, signal.SIGCONT)
        assert one.recv(100).startswith(b"HTTP/1.1 200 ")
        if leave:  # most of them with requests that still wait
            for peer in many:
                peer.close()
        assert answered(door) < N_CONNECTIONS * N_STREAMS / 2
        waiting.until("they are dealt with", lambda: leave or answered(door) >= N_CONNECTIONS * N_STREAMS)
    waiting.until("all have gone", lambda: b"mailhatch_http_connections 1\n" in door.get("/metrics")[1])
