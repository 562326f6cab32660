# SPDX-License-Identifier: MIT
"""Waiting for an event with a deadline: the only place of the Python tests that sleeps."""
import pathlib
import socket
import time

DEADLINE_S = 30
_STEP_S = 0.005


def until(what, condition, deadline_s=DEADLINE_S):
    """The first true value of condition(); an AssertionError that says @what after the deadline."""
    end = time.monotonic() + deadline_s
    while True:
        value = condition()
        if value:
            return value
        assert time.monotonic() < end, f"{what}: not within {deadline_s} s"
        time.sleep(_STEP_S)


def free_port():
    """A port of 127.0.0.1 that was free a moment ago. For programs that cannot take port 0; whoever
    uses it must be able to start again with another."""
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def accepts(port):
    """True when something listens there."""
    try:
        socket.create_connection(("127.0.0.1", port), 1).close()
        return True
    except OSError:
        return False


def stands_still(pid):
    """True while the process is stopped (SIGSTOP), as the failpoint `pause` does it."""
    return pathlib.Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] == "T"
