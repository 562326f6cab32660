# SPDX-License-Identifier: MIT
"""relay.down and relay.up: one of each, in turn, for streams and webhooks, over reloads and restarts."""
import contextlib
import hashlib
import json
import os
import signal

import killable_relay
import mailhatch
from event_stream import following
from waiting import until
from webhook_receiver import receiving

BREAKER_FAILURES = 3  # docs/limits.md
ALL = {"Last-Event-ID": "0"}
SECRET = "a secret of this test"


def config(relay, **changes):
    return {"relays": {"main": {"url": f"smtp://127.0.0.1:{relay.port}?tls=none"}, "box": {"url": "sandbox:"}},
            "routes": [{"match": {}, "relays": [{"relay": "main"}]}],
            "retry": {"schedule": ["1h"]}, **changes}


def operate(server, verb, name="main"):
    assert server.request("POST", f"/v1/relays/{name}/{verb}").status == 200


def fail(server):
    """What opens the breaker, and one more that it turns away."""
    for _ in range(BREAKER_FAILURES + 1):
        server.post(mailhatch.letter(), Prefer="wait=10")
    until("the breaker is open", lambda: server.get("/v1/relays/main").json()["breaker"]["state"] == "open")


def told(server, n):
    """The (type, name) of all relay events, of which there are n."""
    with following(server, "?type=relay.*", ALL) as stream:
        until(f"{n} events, not {stream.events}", lambda: len(stream.events) >= n)
        server.send(mailhatch.letter(relay="box"))  # what was to come before it has come
        return [(event["type"], event["relay"]["name"]) for event in stream.events]


def restarted(server):
    pid, server.port = server.pid, None
    os.kill(pid, signal.SIGKILL)
    until("another process serves", lambda: server.pid not in (pid, server.supervisor_pid) and is_ready(server))


def is_ready(server):
    with contextlib.suppress(OSError):
        return server.get("/readyz").status == 200
    return False


def test_a_dead_relay_is_told_once_and_so_is_its_return(serve):
    with killable_relay.running() as relay, receiving() as hook:
        server = serve(config=config(relay, webhooks=[{
            "name": "ops", "url": hook.url, "secret": SECRET, "allow_private": True, "events": ["relay.*"]}]))
        relay.kill()
        with following(server, "?type=relay.*") as stream:
            fail(server)
            (down,) = stream.wait_for("relay.down")
            assert down["relay"]["name"] == "main" and down["relay"]["reason"] == "conn_refused" and down["relay"]["detail"]
            assert "message_id" not in down and "recipient" not in down
            relay.start()
            operate(server, "resume")
            (_, up) = stream.wait_for("relay.up")
            assert up["relay"] == {"name": "main"} and int(up["id"]) > int(down["id"])
        relay.wait_for(1)  # what waited is hastened
        assert told(server, 2) == [("relay.down", "main"), ("relay.up", "main")]
        hook.wait_for("relay.up")
        assert sorted(hook.types()) == ["relay.down", "relay.up"]
        assert {call["document"]["data"]["relay"]["name"] for call in hook.got} == {"main"}


def test_each_pause_and_each_resume_is_told(serve):
    with killable_relay.running() as relay:
        server = serve(config=config(relay))
        for verb in ("resume", "pause", "pause", "resume", "resume", "pause", "resume"):
            operate(server, verb)
        assert told(server, 4) == [("relay.down", "main"), ("relay.up", "main")] * 2


def test_a_relay_that_began_anew_is_up(serve):
    with killable_relay.running() as relay:
        server = serve(config=config(relay))
        operate(server, "pause")
        assert told(server, 1) == [("relay.down", "main")]
        restarted(server)
        assert server.get("/v1/relays/main").json()["state"] == "up"
        assert told(server, 2) == [("relay.down", "main"), ("relay.up", "main")]
        restarted(server)
        operate(server, "pause")
        (server.directory / "mailhatch.yaml").write_text(json.dumps(config(relay, retry={"schedule": ["2h"]})))
        assert server.request("POST", "/v1/admin/reload").status == 200
        assert server.get("/v1/relays/main").json()["state"] == "paused"  # the same relays go on
        assert len(told(server, 3)) == 3
        changed = config(relay)
        changed["relays"]["main"]["pool"] = {"connections": 3}
        (server.directory / "mailhatch.yaml").write_text(json.dumps(changed))
        assert server.request("POST", "/v1/admin/reload").status == 200
        assert told(server, 4) == [("relay.down", "main"), ("relay.up", "main")] * 2


def test_only_operators_see_events_about_relays(serve):
    keys = {"admin": ["read", "send", "admin"], "plain": ["read", "send"]}
    auth = {name: {"Authorization": f"Bearer k_{name}." + "s" * 24} for name in keys}
    with receiving() as of_plain:
        server = serve(config={
            "relays": {"box": {"url": "sandbox:"}},
            "api_keys": [{"name": name, "id": f"k_{name}", "scopes": scopes, "hash": "sha256:" + hashlib.sha256(("s" * 24).encode()).hexdigest()}
                         for name, scopes in keys.items()],
            "webhooks": [{"name": "tenant", "url": of_plain.url, "secret": SECRET, "allow_private": True, "api_key": "plain"}]})
        with following(server, "", auth["plain"]) as plain, following(server, "?type=relay.*", auth["admin"]) as admin:
            for verb in ("pause", "resume"):
                assert server.request("POST", f"/v1/relays/box/{verb}", headers=auth["admin"]).status == 200
            admin.wait_for("relay.up")
            server.send(mailhatch.letter(), **auth["plain"])
            plain.wait_for("message.completed")
            of_plain.wait_for("message.completed")
            assert not [kind for kind in plain.types() + of_plain.types() if kind.startswith("relay.")]
