# SPDX-License-Identifier: MIT
"""`mailhatch queue`: beside a running server and on its directory alone."""
import datetime
import re

import mailhatch
import pytest
from mailhatch import cli
from waiting import until

DONE, FAILED, USAGE = range(3)


def queue(server, *args):
    url = f"http://127.0.0.1:{server.port}" if server.port else "http://127.0.0.1:1"
    done = cli("queue", *args, env={"MAILHATCH_DATA_DIR": str(server.directory / "data"), "MAILHATCH_URL": url})
    return done.returncode, done.stdout.decode(), done.stderr.decode()


@pytest.fixture
def server():
    with mailhatch.running() as running:
        yield running


def scheduled(server, **changes):
    later = datetime.datetime.now(datetime.timezone.utc) + datetime.timedelta(days=1)
    answer = server.post(mailhatch.letter(scheduled_at=later.isoformat(timespec="seconds"), **changes))
    assert answer.status == 202, answer.body
    return answer.json()["id"]


def test_the_queue_is_shown_beside_a_running_server(server):
    first = scheduled(server, subject="first", tags=["invoice"])
    second = scheduled(server, subject="second")
    code, out, _ = queue(server, "ls")
    assert code == DONE
    assert [re.split(r"\s+", line)[0] for line in out.splitlines()[1:]] == [second, first]
    assert first in queue(server, "ls", "--tag", "invoice")[1]
    assert second not in queue(server, "ls", "--tag", "invoice")[1]
    assert "--cursor" in queue(server, "ls", "--limit", "1")[1]
    code, out, _ = queue(server, "show", first)
    assert code == DONE and "status      scheduled" in out
    code, out, _ = queue(server, "stats")
    assert code == DONE and re.search(r"^scheduled +2$", out, re.M)
    code, _, err = queue(server, "show", "nobody")
    assert code == FAILED and "not found" in err


@pytest.mark.parametrize("running", [True, False])
def test_a_message_is_canceled_and_tried_again(server, running):
    canceled, retried = scheduled(server), scheduled(server)
    if not running:
        server.stop()
    code, out, err = queue(server, "cancel", canceled)
    assert code == DONE and "canceled" in out, err
    code, out, err = queue(server, "cancel", canceled)
    assert code == DONE, err
    code, out, _ = queue(server, "show", canceled)
    assert "status      canceled" in out
    code, _, _ = queue(server, "retry", canceled)
    assert code == FAILED
    assert queue(server, "show", retried)[0] == DONE


@pytest.mark.parametrize("running", [True, False])
def test_deferred_mail_is_tried_again_now(running):
    with mailhatch.running(env={"MAILHATCH_RELAY": "smtp://127.0.0.1:1?tls=none"}) as server:
        message = server.post(mailhatch.letter()).json()["id"]
        until("the message is deferred", lambda: "status      deferred" in queue(server, "show", message)[1])
        if not running:
            server.stop()
        code, out, err = queue(server, "retry", message)
        assert code == DONE and any(status in out for status in ("deferred", "sending", "queued")), err


def test_a_reply_is_shown_with_its_enhanced_code(server):
    message = server.post(mailhatch.letter(to="defer+451-4.2.1@example.org")).json()["id"]
    until("the message is deferred", lambda: "status      deferred" in queue(server, "show", message)[1])
    recipient, attempt = [line for line in queue(server, "show", message)[1].splitlines() if "451" in line and ":" in line][-2:]
    assert ", 451 4.2.1 <" in recipient and "RCPT 451 4.2.1 <" in attempt


def test_the_servers_directory_is_not_purged_or_salvaged(server):
    scheduled(server)
    for args in (["purge", "--older-than", "0s"], ["salvage"]):
        code, _, err = queue(server, *args)
        assert code == FAILED and "another process" in err


def test_old_mail_is_purged_and_a_damaged_file_is_salvaged(server):
    sent = server.send(mailhatch.letter())
    kept = scheduled(server)
    server.stop()
    code, out, err = queue(server, "purge", "--older-than", "0s")
    assert (code, out) == (DONE, "1 messages forgotten\n"), err
    assert queue(server, "show", sent["id"])[0] == FAILED
    code, out, err = queue(server, "salvage")
    assert code == DONE and "1 messages saved" in out, err
    assert queue(server, "show", kept)[0] == DONE


@pytest.mark.parametrize("args", [[], ["nothing"], ["show"], ["cancel"], ["ls", "--limit", "0"], ["ls", "--limit", "201"],
                                  ["purge"], ["purge", "--older-than", "soon"], ["ls", "--older-than", "1d"], ["ls", "x"]])
def test_a_wrong_command_line_shows_the_usage(args):
    done = cli("queue", *args)
    assert done.returncode == USAGE and b"usage: mailhatch queue" in done.stderr


def test_a_directory_without_a_database_is_named(tmp_path):
    done = cli("queue", "ls", env={"MAILHATCH_DATA_DIR": str(tmp_path)})
    assert done.returncode == FAILED and str(tmp_path).encode() in done.stderr
