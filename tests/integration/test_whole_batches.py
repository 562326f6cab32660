# SPDX-License-Identifier: MIT
"""What is all or nothing is stored in one transaction, whatever fails and whenever."""
import http.client
import json

import mailhatch
import pytest
import sdk
from waiting import until

SEND = "/compat/sendgrid/v3/mail/send"
BEARER = {"Authorization": f"Bearer {sdk.KEY}"}
N = 5
LARGE = 200_000  # octets of a body that is a file
LARGEST_TEMPLATE = 256 * 1024
MAX_WHOLE = 128 << 20


def running(failpoints="", binary=None, **env):
    return mailhatch.running(binary=binary, env={"MAILHATCH_API_KEY": sdk.KEY, "MAILHATCH_FAILPOINTS": failpoints, "MAILHATCH_LISTEN": "unix:api.sock", **env})


def mail(n=N, **changes):
    return {"from": {"email": "a@example.com"}, "subject": "s", "content": [{"type": "text/plain", "value": "x"}],
            "personalizations": [{"to": [{"email": f"u{i}@example.org"}]} for i in range(n)], **changes}


def stored(server):
    """The recipients of all messages; None while there is no server."""
    try:
        messages = sdk.asking(server, "GET", "/v1/messages?limit=200").json()["messages"]
    except (OSError, http.client.HTTPException):
        return None
    return sorted(r["email"] for m in messages for r in m["recipients"])


def everybody(n=N):
    return [f"u{i}@example.org" for i in range(n)]


@pytest.mark.parametrize("passed", [2, N])
def test_a_process_that_ends_between_two_of_them_has_stored_none(passed):
    with running(f"store.inserted:crash:{passed}") as server:
        pid = server.pid
        with pytest.raises((OSError, http.client.HTTPException)):
            server.post(mail(), SEND, **BEARER)
        until("another process serves", lambda: server.pid not in (pid, server.supervisor_pid) and stored(server) is not None)
        assert stored(server) == []
        assert server.post(mail(passed - 1), SEND, **BEARER).status == 202
        assert stored(server) == everybody(passed - 1)


def test_a_store_that_fails_at_one_of_them_has_stored_none():
    # the third, and when the transaction is tried alone, its third again
    with running("store.insert_fails:error:3,store.insert_fails:error:6") as server:
        answer = server.post(mail(), SEND, **BEARER)
        assert answer.status == 503 and answer.headers["Retry-After"], answer.body
        assert stored(server) == []
        assert server.post(mail(), SEND, **BEARER).status == 202
        assert stored(server) == everybody()


@pytest.mark.parametrize("store", ["sqlite", "memory"])
def test_one_that_is_not_valid_and_none_is_stored(store):
    with running(MAILHATCH_STORE=store) as server:
        for bad in (0, 60, 99):
            body = mail(100)
            body["personalizations"][bad]["to"] = [{"email": "nobody"}]
            answer = server.post(body, SEND, **BEARER)
            assert answer.status == 400 and answer.json()["errors"][0]["field"] == f"personalizations.{bad}.to.0.email"
        assert stored(server) == []
        assert server.post(mail(1000), SEND, **BEARER).status == 202
        until("all are sent", lambda: 'mailhatch_recipients_total{status="sent",relay="sandbox",category=""} 1000' in metrics(server))


def test_a_process_that_ends_behind_a_large_body_leaves_no_file():
    with running("store.bodies_written:crash:1") as server:
        pid = server.pid
        with pytest.raises((OSError, http.client.HTTPException)):
            server.post(mail(1, content=[{"type": "text/plain", "value": "x" * LARGE}]), SEND, **BEARER)
        until("another process serves", lambda: server.pid not in (pid, server.supervisor_pid) and stored(server) is not None)
        assert stored(server) == []
        until("the file is swept", lambda: not list(server.directory.rglob("*.eml")))


def metrics(server):
    return sdk.asking(server, "GET", "/metrics").body.decode()


@pytest.mark.alone
def test_they_are_limited_together():
    """All are in memory until the last is prepared. Nobody is sent to: the one recipient is suppressed."""
    with running(binary=mailhatch.release_program(), MAILHATCH_STORE="memory") as server:
        sdk.asking_json(server, "POST", "/v1/suppressions", {"email": "gone@example.org"})
        sdk.asking_json(server, "PUT", "/v1/templates/large", {"text": "x " * (LARGEST_TEMPLATE // 2)})
        def send(n):
            body = {"from": {"email": "a@example.com"}, "subject": "s", "template_id": "large",
                    "personalizations": [{"to": [{"email": "gone@example.org"}]} for _ in range(n)]}
            return server.post(json.dumps(body).encode(), SEND, **BEARER).status
        fits = MAX_WHOLE // (LARGEST_TEMPLATE * 21 // 20)  # soft line breaks, and what a message is beside its body
        assert send(fits * 9 // 10) == 202
        before = len(stored(server))
        assert send(MAX_WHOLE // LARGEST_TEMPLATE + 1) == 413
        assert len(stored(server)) == before
