# SPDX-License-Identifier: MIT
"""A caller who waits for the outcome: the message and that its first attempt begins are stored by one transaction."""
import contextlib
import os
import re
import signal
import sqlite3
import threading

from mailhatch import letter, restarting
from waiting import stands_still, until

SENDING = 2  # of recipients.status


def transactions(server):
    """Of the store; asking is one, too."""
    return int(re.search(r"^mailhatch_store_commit_seconds_count (\d+)$", server.get("/metrics").body.decode(), re.M)[1])


def test_a_message_whose_sender_waits_takes_two_transactions(relay):
    with restarting({"r": relay.port}) as server:
        server.send(letter())  # connects
        asking = -transactions(server) + transactions(server)
        before = transactions(server)
        assert server.send(letter())["status"] == "sent"
        assert transactions(server) - before == asking + 2  # it and its attempt, and the verdict


@contextlib.contextmanager
def post_in_background(server):
    """Somebody who waits for an answer, which may never come."""
    def post():
        with contextlib.suppress(OSError):
            server.post(letter(), Prefer="wait=20")

    thread = threading.Thread(target=post)
    thread.start()
    yield
    thread.join()


def test_the_attempt_is_on_disk_before_the_relay_is_asked(relay):
    with restarting({"r": relay.port}, "submission.committed:pause:1") as server, post_in_background(server):
        until("it stands still", lambda: stands_still(server.pid))
        try:
            with contextlib.closing(sqlite3.connect(f"file:{server.directory}/data/mailhatch.db?mode=ro", uri=True)) as db:
                assert db.execute("SELECT relay, attempts, status FROM recipients").fetchall() == [("r", 1, SENDING)]
                assert db.execute("SELECT leased FROM messages").fetchall() == [(1,)]
            assert not relay.received
        finally:
            os.kill(server.pid, signal.SIGCONT)
        relay.wait_for(1)


def test_a_crash_right_behind_the_commit_is_an_attempt_that_is_marked_uncertain(relay):
    with restarting({"r": relay.port}, "submission.committed:crash:1") as server, post_in_background(server):
        relay.wait_for(1)
        (found,) = until("it is sent", lambda: [
            m for m in server.get("/v1/messages").json()["messages"] if m["status"] == "sent"])
        (recipient,) = found["recipients"]
        assert (recipient["attempts"], recipient["uncertain"]) == (2, True), recipient
        history = [e["type"] for e in server.get(f"/v1/messages/{found['id']}/events").json()["events"]][::-1]
        assert history[0] == "message.queued" and history[-1] == "message.completed", history
        assert len(relay.messages) == 1
