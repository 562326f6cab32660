# SPDX-License-Identifier: MIT
"""Webhooks: every event that is wanted is delivered, signed, again when it must be, and mail never waits."""
import base64
import contextlib
import datetime
import hashlib
import json
import os
import pathlib
import re
import signal
import sqlite3
import subprocess

import certificates
import mailhatch
import pytest
from waiting import until
from webhook_receiver import receiving

MAX_ATTEMPTS = 16  # docs/limits.md
HERE = pathlib.Path(__file__).parent
KEY = bytes(range(32))
SECRET = "whsec_" + base64.b64encode(KEY).decode()
ONE_SENT = ["message.queued", "recipient.sent", "message.completed"]


@contextlib.contextmanager
def serving(*webhooks, secrets=(SECRET,), **config):
    config = {"relays": {"main": {"url": "sandbox:"}}, "webhooks": list(webhooks), **config}
    with mailhatch.running(config=config, secrets=secrets) as server:
        yield server


def hook(receiver, **changes):
    return {"name": "crm", "url": receiver.url, "secret": SECRET, "allow_private": True, **changes}


def state(server, name="crm"):
    return server.get(f"/v1/webhooks/{name}").json()


def command(server, verb, body=None, name="crm"):
    path = f"/v1/webhooks/{name}/{verb}"
    return server.post(body, path) if body is not None else server.request("POST", path)


def metric(server, series):
    found = re.search(rf"^{re.escape('mailhatch_' + series)} (\d+)$", server.get("/metrics").body.decode(), re.M)
    return int(found[1]) if found else 0


def now():
    return datetime.datetime.now(datetime.timezone.utc).isoformat()


def verified(calls, secret=SECRET):
    run = subprocess.run(["node", str(HERE / "verify_webhooks.mjs")], input=json.dumps({"secret": secret, "calls": calls}),
                         capture_output=True, text=True, check=True)
    return json.loads(run.stdout)


@pytest.mark.parametrize("store", ["sqlite", "memory"])
def test_events_are_posted_and_signed(store):
    with receiving() as receiver, serving(hook(receiver), store=store) as server:
        message = server.send(mailhatch.letter())
        receiver.wait_for_calls(3)
        assert sorted(receiver.types()) == sorted(ONE_SENT)
        results = verified(receiver.got)
        assert [r["document"] for r in results] == [call["document"] for call in receiver.got]
        listed = {e["id"]: e for e in server.get(f"/v1/messages/{message['id']}/events").json()["events"]}
        for call in receiver.got:
            document = call["document"]
            assert document["data"] == listed[document["data"]["id"]]
            assert document["type"] == document["data"]["type"] and document["timestamp"] == document["data"]["at"]
            assert call["content_type"] == "application/json"
        assert len({call["id"] for call in receiver.got}) == 3
        until("all are counted", lambda: metric(server, 'webhook_deliveries_total{result="delivered"}') == 3)
        shown = state(server)
        assert shown["state"] == "up" and shown["delivered"] == 3 and shown["url"] == f"http://localhost:{receiver.port}"
        assert server.get("/v1/webhooks").json()["webhooks"][0]["name"] == "crm"
        broken = {**receiver.got[0], "body": receiver.got[0]["body"] + " "}
        assert "error" in verified([broken])[0]


def test_a_secret_that_is_not_base64_is_the_key_itself():
    plain = "any text will do!"
    with receiving() as receiver, serving(hook(receiver, secret=plain), secrets=(plain,)) as server:
        server.send(mailhatch.letter())
        receiver.wait_for("message.completed")
        assert "document" in verified(receiver.got[:1], base64.b64encode(plain.encode()).decode())[0]


def test_each_webhook_gets_what_it_asks_for():
    keys = [{"name": i, "id": f"k_{i}", "hash": "sha256:" + hashlib.sha256((i * 20).encode()).hexdigest(), "scopes": ["send", "read", "admin"]}
            for i in ("a", "b")]
    a, b = ({"Authorization": f"Bearer k_{i}.{i * 20}"} for i in ("a", "b"))
    with receiving() as rejected, receiving() as of_b, serving(
            hook(rejected, name="rejected", events=["recipient.rejected", "message.completed"]),
            hook(of_b, name="of-b", api_key="b"), api_keys=keys) as server:
        server.send(mailhatch.letter(to="reject+550@example.org"), **a)
        server.send(mailhatch.letter(), **b)
        rejected.wait_for_calls(3)
        of_b.wait_for_calls(3)
        assert sorted(rejected.types()) == ["message.completed"] * 2 + ["recipient.rejected"]
        assert sorted(of_b.types()) == sorted(ONE_SENT)


def test_it_begins_with_what_happens_next_and_goes_on_after_kill_9():
    with receiving() as receiver, serving(hook(receiver)) as server:
        server.send(mailhatch.letter())
        receiver.wait_for_calls(3)
        receiver.answer = 500
        pid, server.port = server.pid, None
        second = server.send(mailhatch.letter())
        until("somebody tried", lambda: len(receiver.got) > 3)
        os.kill(pid, signal.SIGKILL)
        receiver.answer = 200
        until("another process serves", lambda: server.pid not in (pid, server.supervisor_pid))
        until("all of the second", lambda: {call["document"]["type"] for call in receiver.got
                                            if call["document"]["data"]["message_id"] == second["id"]} == set(ONE_SENT))
        until("nothing waits", lambda: is_ready(server) and state(server)["retries"] == 0, 60)


def is_ready(server):
    with contextlib.suppress(OSError):
        return server.get("/readyz").status == 200
    return False


def test_a_failed_delivery_comes_again_with_the_same_id():
    with receiving() as receiver, serving(hook(receiver, events=["recipient.sent"])) as server:
        receiver.answer = lambda call: 503 if call["n"] == 0 else 200
        server.send(mailhatch.letter())
        until("the failure shows", lambda: state(server)["state"] == "failing")
        shown = state(server)
        assert shown["retries"] == 1 and shown["last_error"]["detail"] == "HTTP 503" and shown["failing_since"]
        first, second = receiver.wait_for("recipient.sent", 2)
        assert first["id"] == second["id"] and first["body"] == second["body"]
        assert int(second["timestamp"]) - int(first["timestamp"]) >= 4
        assert "document" in verified([second])[0]
        until("it works again", lambda: state(server)["state"] == "up" and state(server)["retries"] == 0)
        assert metric(server, 'webhook_deliveries_total{result="failed"}') == 1


@pytest.mark.parametrize("answer,detail", [
    ((302, {"Location": "http://127.0.0.1:1/"}, b""), "HTTP 302"),
    ((400, {}, b"no"), "HTTP 400"),
    (None, ""),
])
def test_what_counts_as_failure(answer, detail):
    with receiving() as receiver, serving(hook(receiver)) as server:
        receiver.answer = lambda call: answer
        result = command(server, "test").json()
        assert not result["ok"] and detail in result["detail"], result
        assert [call["document"]["type"] for call in receiver.got] == ["webhook.test"]
        assert receiver.got[0]["document"]["data"]["webhook"] == {"name": "crm"}
        receiver.answer = 204
        result = command(server, "test").json()
        assert result["ok"] and result["http_status"] == 204 and result["detail"] is None
        assert "document" in verified(receiver.got[1:])[0]
        assert command(server, "test", name="nobody").status == 404


def test_a_dead_endpoint_is_left_alone_and_delays_no_mail():
    with receiving() as dead, receiving() as good:
        dead.answer = 500
        with serving(hook(dead, name="dead", events=["message.*", "recipient.*"]), hook(good, name="good")) as server:
            for _ in range(20):
                assert server.send(mailhatch.letter())["status"] == "sent"
            good.wait_for("message.completed", 20)
            until("it is left alone", lambda: server.events("webhook_fails"))
            shown = state(server, "dead")
            assert shown["retries"] <= 32 and shown["failed"] <= 40 and shown["delivered"] == 0
            dead.answer = 200
            assert command(server, "resume", name="dead").status == 200
            dead.wait_for("message.completed", 20)
            until("each event came", lambda: len({call["id"] for call in dead.got}) == 60)
            until("nothing waits", lambda: state(server, "dead")["retries"] == 0)
            assert state(server, "dead")["state"] == "up"


def test_it_is_paused_when_it_fails_for_long_and_resumed_by_hand():
    with receiving() as receiver, receiving() as watcher:
        receiver.answer = 500
        with serving(hook(receiver, pause_after="1s"), hook(watcher, name="ops", events=["webhook.*"])) as server:
            server.send(mailhatch.letter())
            paused = watcher.wait_for("webhook.paused")[0]["document"]["data"]
            assert paused["webhook"]["name"] == "crm" and "HTTP 500" in paused["webhook"]["detail"]
            assert state(server)["state"] == "paused" and server.events("webhook_paused")
            assert metric(server, 'webhook_paused{webhook="crm"}') == 1
            receiver.answer = 200
            n = len(receiver.got)
            server.send(mailhatch.letter())
            pid, server.port = server.pid, None
            os.kill(pid, signal.SIGKILL)
            until("another process serves", lambda: server.pid not in (pid, server.supervisor_pid) and is_ready(server))
            until("it is paused still", lambda: state(server)["state"] == "paused")
            assert len(receiver.got) == n
            assert command(server, "resume").json()["state"] == "up"
            receiver.wait_for("message.completed", 2)
            watcher.wait_for("webhook.resumed")


def test_410_pauses_at_once_and_pausing_by_hand_holds_everything():
    with receiving() as receiver, serving(hook(receiver)) as server:
        assert command(server, "pause").json()["state"] == "paused"
        server.send(mailhatch.letter())
        assert command(server, "test").json()["ok"]
        assert receiver.types() == ["webhook.test"]
        command(server, "resume")
        receiver.wait_for("message.completed")
        receiver.answer = 410
        server.send(mailhatch.letter())
        until("it is paused", lambda: state(server)["state"] == "paused")


def test_the_command_line_shows_tests_pauses_resumes_and_replays():
    def webhook(*args, code=0, **env):
        ended = mailhatch.cli("webhook", *args, env={"MAILHATCH_URL": f"unix:{server.socket_path}", **env})
        assert ended.returncode == code, ended
        return (ended.stdout + ended.stderr).decode()

    with receiving() as receiver, serving(hook(receiver, events=["message.*", "recipient.*"])) as server:
        server.send(mailhatch.letter())
        receiver.wait_for("message.completed")
        until("all are settled", lambda: state(server)["delivered"] == 3)
        heading, row, _ = webhook("ls").split("\n")
        assert heading.split() == ["name", "state", "delivered", "failed", "dropped", "retries", "url"]
        assert row.split() == ["crm", "up", "3", "0", "0", "0", f"http://localhost:{receiver.port}"]
        assert "OK, " in webhook("test", "crm") and receiver.types()[-1] == "webhook.test"
        receiver.answer = 500
        assert "HTTP 500: HTTP 500" in webhook("test", "crm", code=1)
        receiver.answer = 200
        assert " paused " in webhook("pause", "crm") and state(server)["state"] == "paused"
        assert " up " in webhook("resume", "crm") and state(server)["state"] == "up"
        receiver.got.clear()
        assert "crm" in webhook("replay", "crm", "--since", "1h")
        receiver.wait_for_calls(3)
        until("it is over", lambda: not state(server)["replaying"])
        webhook("replay", "crm", "--since", "2026-01-01T00:00:00Z", "--until", "1h")
        until("it is over", lambda: not state(server)["replaying"])
        assert len(receiver.got) == 3
        assert "no webhook" in webhook("test", "nobody", code=1)
        assert webhook("ls", "--url", "http://127.0.0.1:1", code=1)


def test_a_range_is_replayed():
    with receiving() as receiver, serving(hook(receiver)) as server:
        before = now()
        server.send(mailhatch.letter())
        receiver.wait_for("message.completed")
        between = now()
        for _ in range(20):
            server.send(mailhatch.letter())
        receiver.wait_for("message.completed", 21)
        after = now()
        until("all are settled", lambda: state(server)["delivered"] == 63)
        first = {call["id"]: call["body"] for call in receiver.got}
        receiver.got.clear()
        assert command(server, "replay", {"since": before, "until": between}).status == 202
        receiver.wait_for_calls(3)
        until("it is over", lambda: not state(server)["replaying"])
        assert len(receiver.got) == 3 and all(first[call["id"]] == call["body"] for call in receiver.got)
        receiver.got.clear()
        assert command(server, "replay", {"since": before}).status == 202
        receiver.wait_for_calls(63)
        until("it is over", lambda: not state(server)["replaying"])
        assert sorted(call["id"] for call in receiver.got) == sorted(first)
        receiver.got.clear()
        command(server, "replay", {"since": after})
        until("it is over", lambda: not state(server)["replaying"])
        assert receiver.got == []
        for body, pointer in (({}, "/since"), ({"since": "yesterday"}, "/since"), ({"since": after, "until": 5}, "/until"),
                              ({"since": after, "from": after}, "/from")):
            answer = command(server, "replay", body)
            assert answer.status == 422 and list(answer.pointers()) == [pointer], answer.body


def test_few_calls_at_a_time():
    with receiving() as receiver, serving(hook(receiver)) as server:
        command(server, "pause")
        for _ in range(4):
            server.send(mailhatch.letter())
        receiver.answer = lambda call: until("others are here", lambda: receiver.now >= 4 or call["n"] >= 8) and 200
        command(server, "resume")
        receiver.wait_for("message.completed", 4)
        assert receiver.most_at_once == 4


def test_a_large_answer_is_cut_and_does_not_matter():
    with receiving() as receiver, serving(hook(receiver)) as server:
        receiver.answer = (200, {}, b"x" * (10 << 20))
        assert command(server, "test").json()["ok"]


def test_private_addresses_are_refused_unless_allowed():
    with receiving() as receiver, serving(
            hook(receiver, name="name", url="https://localhost:8443/", allow_private=False),
            hook(receiver, name="six", url="https://[::1]/", allow_private=False),
            hook(receiver, name="metadata", url="https://169.254.169.254/latest", allow_private=False)) as server:
        for name in ("name", "six", "metadata"):
            result = command(server, "test", name=name).json()
            assert not result["ok"] and result["http_status"] is None, (name, result)
            assert "not allowed" in result["detail"] or "denied" in result["detail"], (name, result)


def test_https_with_a_private_ca(tmp_path):
    authority = certificates.Authority(tmp_path)
    with receiving(tls=authority.good) as receiver, serving(
            hook(receiver, name="trusting", ca_file=authority.ca_file), hook(receiver, name="not")) as server:
        assert command(server, "test", name="trusting").json()["ok"]
        result = command(server, "test", name="not").json()
        assert not result["ok"] and result["http_status"] is None
        assert len(receiver.got) == 1


def test_an_event_is_given_up_after_the_last_attempt_and_not_before():
    with receiving() as receiver, serving(hook(receiver)) as server:
        receiver.answer = 500
        server.send(mailhatch.letter())
        until("all wait for another attempt", lambda: state(server)["retries"] == 3)
        server.stop()
        with contextlib.closing(sqlite3.connect(server.directory / "data/mailhatch.db")) as db, db:
            first = db.execute("SELECT min(event) FROM webhook_retries").fetchone()[0]
            db.execute("UPDATE webhook_retries SET next_ms = 1, attempts = iif(event = ?, ?, ?)", (first, MAX_ATTEMPTS - 2, MAX_ATTEMPTS - 1))
        server.start()
        until("two are given up", lambda: state(server)["dropped"] == 2)
        until("one waits", lambda: state(server)["failed"] >= 3 and state(server)["retries"] == 1)
        assert metric(server, 'webhook_deliveries_total{result="dropped"}') == 2
        assert {e["webhook"] for e in server.events("webhook_event_dropped")} == {"crm"}


def test_a_reload_adds_changes_and_removes():
    with receiving() as one, receiving() as two, serving(hook(one, name="one")) as server:
        server.send(mailhatch.letter())
        one.wait_for_calls(3)
        server._config["webhooks"] = [hook(two, name="two", events=["recipient.sent"])]
        (server.directory / "mailhatch.yaml").write_text(json.dumps(server._config))
        assert server.request("POST", "/v1/admin/reload").status == 200
        until("it is known", lambda: [w["name"] for w in server.get("/v1/webhooks").json()["webhooks"]] == ["two"])
        until("it has a position", lambda: state(server, "two")["last_event_id"] != "0")
        server.send(mailhatch.letter())
        two.wait_for("recipient.sent")
        assert len(one.got) == 3 and two.types() == ["recipient.sent"]


def test_one_can_be_paused_before_its_state_is_read():
    with receiving() as receiver, serving() as server:
        server._config["webhooks"] = [hook(receiver)]
        (server.directory / "mailhatch.yaml").write_text(json.dumps(server._config))
        with contextlib.closing(sqlite3.connect(server.directory / "data/mailhatch.db", isolation_level=None)) as db:
            db.execute("BEGIN IMMEDIATE")  # nobody else gets at the store
            assert server.request("POST", "/v1/admin/reload").status == 200
            assert command(server, "replay", {"since": now()}).status == 503, "it is not read yet"
            assert command(server, "pause").json()["state"] == "paused"
            assert command(server, "resume").json()["state"] == "up"
            assert command(server, "pause").json()["state"] == "paused"
        until("it is read", lambda: command(server, "replay", {"since": now()}).status == 202)
        assert state(server)["state"] == "paused" and len(server.events("webhook_paused")) == 1
        server.send(mailhatch.letter())
        assert command(server, "test").json()["ok"]
        assert receiver.types() == ["webhook.test"]
        command(server, "resume")
        receiver.wait_for("message.completed")


def test_events_behind_retention_are_passed_over():
    with receiving() as receiver:
        receiver.answer = 500
        config = {"store": {"engine": "sqlite", "retention": {"history": "0s"}}}
        with serving(hook(receiver, events=["message.*", "recipient.*"]), **config) as server:
            first = server.send(mailhatch.letter())
            until("it failed", lambda: state(server)["failed"] >= 1)
            pid, server.port = server.pid, None
            command(server, "pause")
            os.kill(pid, signal.SIGKILL)  # a start looks for what is old
            until("another process serves", lambda: server.pid not in (pid, server.supervisor_pid) and is_ready(server))
            until("the message is forgotten", lambda: server.get(f"/v1/messages/{first['id']}").status == 404, 90)
            receiver.answer = 200
            receiver.got.clear()
            command(server, "resume")
            until("nothing waits", lambda: state(server)["retries"] == 0 and state(server)["state"] == "up")
            second = server.send(mailhatch.letter())
            receiver.wait_for("message.completed")
            assert {call["document"]["data"]["message_id"] for call in receiver.got} == {second["id"]}
