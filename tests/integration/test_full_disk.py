# SPDX-License-Identifier: MIT
"""The data directory on a small file system of its own, which fills up, and which is read-only."""
import contextlib
import os
import pathlib
import subprocess

import mailhatch
import pytest
from mailhatch import letter
from relay import Relay
from waiting import until

MEGABYTES = 24
N = 10  # mails before it is full
BODY = 100_000  # a row of the database; larger ones are files
DEADLINE_S = 60  # the server looks once a second whether there is room again


@pytest.fixture
def disk(tmp_path):
    """A directory on a tmpfs of its own."""
    place = tmp_path / "disk"
    place.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={MEGABYTES}m,mode=0700", "tmpfs", str(place)], check=True)
    yield place
    subprocess.run(["umount", "--lazy", str(place)], check=True)


def environment(disk, port):
    return {"MAILHATCH_DATA_DIR": str(disk / "data"), "MAILHATCH_RELAY": f"smtp://127.0.0.1:{port}?tls=none"}


def fill(disk):
    """Somebody else takes all that is left."""
    file = disk / "other"
    with contextlib.suppress(OSError), open(file, "ab", buffering=0) as out:
        while True:
            out.write(b"x" * 4096)
    return file


def large(**changes):
    return letter(text="x" * 76 * 1000 + "\n" + "y" * (BODY - 76_000), **changes)


def post_until_refused(server, make):
    """The ids of what was taken before."""
    accepted = []
    while (answer := server.post(make())).status == 202:
        accepted.append(answer.json()["id"])
        assert len(accepted) < MEGABYTES << 10, "the disk does not get full"
    assert (answer.status, answer.problem()["code"]) == (503, "storage_full"), answer.body
    assert int(answer.headers["Retry-After"]) > 0 and answer.problem()["retryable"]
    return accepted


def test_mail_is_refused_when_the_disk_is_full_and_nothing_is_lost(disk, relay):
    port = relay.port
    relay.close()  # nothing can be delivered at first, so that mail stays on the disk
    with mailhatch.running(env=environment(disk, port)) as server:
        accepted = [server.post(large()).json()["id"] for _ in range(N)]
        other = fill(disk)
        accepted += post_until_refused(server, large)
        accepted += post_until_refused(server, letter)  # small ones may still fit into what the log has
        answer = server.post(large(), Prefer="wait=5")  # its attempt was planned already
        assert (answer.status, answer.problem()["code"]) == (503, "storage_full"), answer.body
        for ident in accepted:
            assert server.get(f"/v1/messages/{ident}").status == 200
        again = Relay(port=port)
        try:
            for ident in accepted:  # what the disk holds goes out, though it is full
                assert server.post(b"", f"/v1/messages/{ident}/retry").status in (200, 409)
            until("all are sent", lambda: all(
                server.get(f"/v1/messages/{ident}").json()["status"] == "sent" for ident in accepted), DEADLINE_S)
            assert len(again.messages) == len(accepted)
            other.unlink()
            until("mail is taken again", lambda: server.post(letter()).status == 202, DEADLINE_S)
            again.wait_for(len(accepted) + 1)
            assert server.events("store_full") and server.events("store_has_room")
        finally:
            again.close()


def test_a_disk_that_our_own_mail_filled_has_room_again_when_that_is_sent(disk, relay):
    port = relay.port
    relay.close()
    with mailhatch.running(env=environment(disk, port)) as server:
        accepted = post_until_refused(server, large)
        again = Relay(port=port)
        try:
            for ident in accepted:
                assert server.post(b"", f"/v1/messages/{ident}/retry").status in (200, 409)
            again.wait_for(len(accepted), DEADLINE_S)
            until("mail is taken again", lambda: server.post(large()).status == 202, DEADLINE_S)
        finally:
            again.close()


def test_a_crash_on_a_full_disk_loses_nothing(disk, relay):
    port = relay.port
    relay.close()
    with mailhatch.running(env={**environment(disk, port), "MAILHATCH_LISTEN": "unix:api.sock"}) as server:
        accepted = [server.post(large()).json()["id"] for _ in range(N)]
        fill(disk)
        accepted += post_until_refused(server, large)
        os.kill(server.pid, 9)
        until("it is back", lambda: len(server.events("ready")) == 2)
        assert all(server.get(f"/v1/messages/{ident}").status == 200 for ident in accepted)
        (disk / "other").unlink()
        until("mail is taken again", lambda: server.post(letter()).status == 202, DEADLINE_S)


def test_a_read_only_file_system_is_named(disk):
    with mailhatch.running(env=environment(disk, 1)):
        pass
    subprocess.run(["mount", "-o", "remount,ro", str(disk)], check=True)
    done = mailhatch.cli("serve", "--no-supervisor", env={**environment(disk, 1), "MAILHATCH_LISTEN": "127.0.0.1:0"})
    assert done.returncode != 0
    assert b"Read-only file system" in done.stderr and str(pathlib.Path(disk)).encode() in done.stderr, done.stderr
