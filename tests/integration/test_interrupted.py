# SPDX-License-Identifier: MIT
"""The process dies during an attempt: the attempt counts, at the relay where it was, and a message that brings the
process down again and again is set aside. The supervisor restarts the server; failpoints count anew in each process."""
import contextlib
import datetime
import http.client
import itertools
import os
import signal
import sqlite3

import mailhatch
from mailhatch import letter, restarting
from relay import Relay, Slow
from waiting import free_port, stands_still, until

MAX_CRASHES = 3
SENDING = 2  # of recipients.status


def ask(server, path):
    """The answer, or None while there is no server."""
    try:
        return server.get(path).json()
    except (OSError, http.client.HTTPException):
        return None


def message(server, ident):
    return ask(server, f"/v1/messages/{ident}")


def settled(server, ident, *statuses):
    return until(f"it is {statuses}", lambda: (m := message(server, ident)) and m["status"] in statuses and m)


def test_a_crash_at_the_second_relay_is_counted_and_put_down_to_it(relay):
    """`begin` is passed for relay a, which is not there, and again before any work on relay b."""
    with restarting({"a": free_port(), "b": relay.port}, "delivery.begun:crash:2") as server:
        ident = server.post(letter()).json()["id"]
        (recipient,) = settled(server, ident, "sent")["recipients"]
        assert (recipient["relay"], recipient["attempts"], recipient["uncertain"]) == ("b", 2, True), recipient
        attempts = ask(server, f"/v1/messages/{ident}/attempts")["attempts"][::-1]
        assert [(a["relay"], a.get("reason"), a["uncertain"]) for a in attempts] == [
            ("a", "conn_refused", False), ("b", "interrupted", True), ("b", None, False)], attempts
        assert len(server.events("interrupted_messages")) == 1
        assert len(relay.messages) == 1


def test_the_second_relay_is_on_disk_before_it_is_asked(relay):
    with restarting({"a": free_port(), "b": relay.port}, "delivery.begun:pause:2") as server:
        server.post(letter())
        until("it stands still", lambda: stands_still(server.pid))
        try:
            with contextlib.closing(sqlite3.connect(f"file:{server.directory}/data/mailhatch.db?mode=ro", uri=True)) as db:
                assert db.execute("SELECT relay, attempts, status FROM recipients").fetchall() == [("b", 1, SENDING)]
                assert db.execute("SELECT relay, reason FROM attempts").fetchall() == [("a", "conn_refused")]
            assert not relay.received
        finally:
            os.kill(server.pid, signal.SIGCONT)
        relay.wait_for(1)


def spans(server, idents):
    """When each message's last attempt began and ended, in order."""
    for ident in idents:
        last = ask(server, f"/v1/messages/{ident}/attempts")["attempts"][0]
        began = datetime.datetime.fromisoformat(last["started_at"]).timestamp()
        yield began, began + last["duration_ms"] / 1000


def test_messages_that_were_in_hand_together_at_two_ends_go_one_by_one(tmp_path):
    """One of them may be what ends the process; the others are not to be set aside with it."""
    together, ends_together = 4, MAX_CRASHES - 1
    late = [Slow("250 2.0.0 queued", 30)] * together * ends_together
    with contextlib.closing(Relay(replies={"dot": [*late, Slow("250 2.0.0 queued", 0.3)]})) as relay:
        with restarting({"r": relay.port}, "", tmp_path / "data") as server:
            idents = [server.post(letter()).json()["id"] for _ in range(together)]
            for ends in range(1, ends_together + 1):
                relay.wait_for(ends * together)
                os.kill(server.pid, signal.SIGKILL)
                until("it is back", lambda n=ends: len(server.events("interrupted_messages")) == n and ask(server, "/livez"))
            for ident in idents:
                settled(server, ident, "sent")
            ordered = sorted(spans(server, idents))
        assert all(end <= begin + 0.05 for (_, end), (begin, _) in itertools.pairwise(ordered)), ordered


def queue(server, directory, *args):
    env = {"MAILHATCH_DATA_DIR": str(directory), "MAILHATCH_URL": f"http://127.0.0.1:{server.port}"}
    done = mailhatch.cli("queue", *args, env=env)
    return done.returncode, done.stdout.decode(), done.stderr.decode()


def test_a_message_that_kills_three_times_is_set_aside_until_somebody_releases_it(relay, tmp_path):
    data = tmp_path / "data"
    with restarting({"r": relay.port}, "delivery.begun:crash:1", data) as server:
        ident = server.post(letter()).json()["id"]
        found = settled(server, ident, "uncertain")
        (recipient,) = found["recipients"]
        assert (recipient["reason"], recipient["attempts"]) == ("quarantined", MAX_CRASHES), recipient
        assert "three attempts" in recipient["detail"] and recipient["uncertain"]
        assert len(server.events("interrupted_messages")) == MAX_CRASHES
        (event,) = until("it is logged", lambda: server.events("quarantined"))
        assert event["message"] == ident
        attempts = ask(server, f"/v1/messages/{ident}/attempts")["attempts"]
        assert [a["reason"] for a in attempts] == ["interrupted"] * MAX_CRASHES
        events = [e["type"] for e in ask(server, f"/v1/messages/{ident}/events")["events"]][::-1]
        assert events[-1] == "message.completed" and "recipient.uncertain" in events, events
    assert not relay.messages

    with restarting({"r": relay.port}, "", data, "127.0.0.1:0") as server:
        assert server.send(letter())["status"] == "sent"  # the others go on
        assert message(server, ident)["status"] == "uncertain" and len(relay.messages) == 1
        code, out, err = queue(server, data, "ls", "--status", "uncertain")
        assert code == 0 and ident in out, err
        code, out, err = queue(server, data, "show", ident)
        assert code == 0 and "quarantined" in out, err
        code, out, err = queue(server, data, "retry", ident)
        assert code == 0, err
        (recipient,) = settled(server, ident, "sent")["recipients"]
        assert recipient["attempts"] == MAX_CRASHES + 1 and recipient["uncertain"], recipient
        assert len(relay.messages) == 2
