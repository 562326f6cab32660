# SPDX-License-Identifier: MIT
"""Killed at any instant: nothing acknowledged is lost, no duplicate is unmarked (tests/crash). And what
kills it on purpose is not in the program that is shipped."""
import pathlib
import subprocess
import sys

import mailhatch
import pytest
from waiting import until

TOP = pathlib.Path(__file__).parents[2]
ROUNDS = 300


@pytest.mark.alone
def test_300_ends_lose_nothing():
    run = subprocess.run([sys.executable, str(TOP / "tests/crash"), "--rounds", str(ROUNDS)], capture_output=True,
                         text=True, timeout=900, check=False)
    assert run.returncode == 0, run.stdout + run.stderr
    print(run.stdout)


@pytest.mark.parametrize("needle", [b"MAILHATCH_FAILPOINTS", b"gw_failpoint_passed", b"store.commit\0"])
def test_only_test_builds_have_failpoints(needle):
    assert needle in pathlib.Path(mailhatch.program()).read_bytes()
    assert needle not in pathlib.Path(mailhatch.release_program()).read_bytes()


def environment(relay, *fails):
    """The store refuses these changes of messages: the first is `begin`, the one after it the verdict; when the caller
    waits, `begin` is part of the commit, and the verdict the first.
    A change is tried twice before it is refused: with its batch, then alone."""
    return {"MAILHATCH_RELAY": f"smtp://127.0.0.1:{relay.port}?tls=none",
            "MAILHATCH_FAILPOINTS": ",".join(f"store.record_fails:error:{n}" for n in fails)}


def test_a_verdict_that_the_disk_refuses_is_kept_and_stored_later(relay):
    with mailhatch.running(env=environment(relay, 1, 2, 3, 4)) as server:
        message = server.send(mailhatch.letter())
        assert message["recipients"][0]["status"] == "sent"
        assert message["recipients"][0].get("uncertain") is None
        until("both are logged", lambda: len(server.events("store_call_failed")) == 2)
    assert len(relay.messages) == 1


def test_nothing_is_sent_before_the_attempt_is_stored(relay):
    with mailhatch.running(env=environment(relay, 1, 2, 3, 4)) as server:
        ident = server.post(mailhatch.letter()).json()["id"]
        until("two refusals", lambda: len(server.events("store_call_failed")) == 2)
        assert not relay.received
        assert server.get(f"/v1/messages/{ident}", Prefer="wait=30").json()["status"] == "sent"
    assert len(relay.messages) == 1
