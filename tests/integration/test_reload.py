# SPDX-License-Identifier: MIT
"""Another configuration for a running server: it is in effect at once, or nothing changes and the
server says why. What is in hand ends with what it began with."""
import contextlib
import errno
import hashlib
import json
import os
import pathlib
import shutil
import signal
import ssl
import threading

import dkim_checks
import pytest
from mailhatch import letter
from relay import Slow
from waiting import free_port, until

KEY = "0123456789abcdef0123456789abcdef"
HASH = "sha256:" + hashlib.sha256(KEY.encode()).hexdigest()


def api_key(name, *scopes):
    return {"name": name, "id": name, "hash": HASH, "scopes": list(scopes)}


def bearer(name):
    return {"Authorization": f"Bearer {name}.{KEY}"}


def relay_config(relay):
    return {"url": f"smtp://127.0.0.1:{relay.port}?tls=none"}


def tls_relay_config(relay, ca_file):
    return {"url": f"smtps://localhost:{relay.port}", "tls": {"ca_file": str(ca_file)}}


def rewrite(server, config):
    (server.directory / "mailhatch.yaml").write_text(config if isinstance(config, str) else json.dumps(config))


def reload(server, headers=None):
    return server.request("POST", "/v1/admin/reload", headers=headers or {})


def test_a_new_relay_is_used_after_the_reload(serve, new_relay):
    first, second = new_relay(), new_relay()
    server = serve(config={"relays": {"r": relay_config(first)}})
    server.send(letter())
    rewrite(server, {"relays": {"r": relay_config(second)}})
    answer = reload(server)
    assert (answer.status, answer.json()) == (200, {"status": "reloaded", "needs_restart": []})
    server.send(letter())
    assert len(first.messages) == len(second.messages) == 1


def test_sighup_to_the_supervisor_does_the_same(serve, new_relay):
    first, second = new_relay(), new_relay()
    server = serve(config={"relays": {"r": relay_config(first)}})
    rewrite(server, {"relays": {"r": relay_config(second)}})
    os.kill(server.supervisor_pid, signal.SIGHUP)
    until("it is loaded", lambda: server.events("reloaded"))
    server.send(letter())
    assert len(second.messages) == 1 and not first.messages


def test_mail_that_waited_for_a_mended_relay_goes_at_once(serve, new_relay):
    config = {"relays": {"r": {"url": f"smtp://127.0.0.1:{free_port()}?tls=none"}}, "retry": {"schedule": ["1h"], "jitter": 0}}
    server = serve(config=config)
    ids = [server.post(letter()).json()["id"] for _ in range(5)]
    for message in ids:
        until("it waits", lambda: server.get(f"/v1/messages/{message}").json()["recipients"][0].get("next_attempt_at"))
    config["relays"]["r"] = relay_config(new_relay())
    rewrite(server, config)
    assert reload(server).status == 200
    for message in ids:
        until("it is sent", lambda: server.get(f"/v1/messages/{message}").json()["status"] == "sent")


def test_relays_that_stay_keep_their_connections(serve, new_relay):
    relay = new_relay()
    server = serve(config={"relays": {"r": relay_config(relay)}})
    server.send(letter())
    rewrite(server, {"relays": {"r": relay_config(relay)}, "limits": {"recipients": 1}})
    assert reload(server).status == 200
    server.send(letter())
    assert len(relay.received) == 1, "one connection carried both"
    assert server.post(letter(to=["a@example.org", "b@example.org"])).status == 422


def test_only_the_relay_that_changed_is_replaced(serve, new_relay):
    stays, goes, comes = new_relay(), new_relay(), new_relay()
    server = serve(config={"relays": {"a": relay_config(stays), "b": relay_config(goes)}})
    assert server.request("POST", "/v1/relays/b/pause").status == 200
    server.send(letter(relay="a"))
    rewrite(server, {"relays": {"new": relay_config(goes), "a": relay_config(stays), "b": relay_config(comes)}})
    assert reload(server).status == 200
    server.send(letter(relay="a"))
    server.send(letter(relay="b"))  # another one, which nobody paused
    assert len(stays.received) == 1 and len(stays.messages) == 2, "one connection carried both"
    assert len(comes.messages) == 1 and not goes.messages


def test_a_relay_that_stays_stays_paused(serve, new_relay):
    first, second = new_relay(), new_relay()
    server = serve(config={"relays": {"a": relay_config(first), "b": relay_config(second)}})
    assert server.request("POST", "/v1/relays/a/pause").status == 200
    rewrite(server, {"relays": {"a": relay_config(first)}})
    assert reload(server).status == 200
    assert server.get("/v1/relays/a").json()["state"] == "paused"


def test_a_relay_whose_ca_file_changed_is_replaced(serve, new_relay, authority, tmp_path):
    ca = tmp_path / "ca.pem"
    shutil.copy(authority.ca_file, ca)
    relay, plain = new_relay(tls="implicit", pair=authority.good), new_relay()
    server = serve(config={"relays": {"r": tls_relay_config(relay, ca), "p": relay_config(plain)}})
    server.send(letter(relay="r"))
    server.send(letter(relay="p"))
    shutil.copy(authority.ca_file, tmp_path / "another")
    os.replace(tmp_path / "another", ca)
    assert reload(server).status == 200
    server.send(letter(relay="r"))
    server.send(letter(relay="p"))
    assert (len(relay.received), len(plain.received)) == (2, 1), "connections"


@contextlib.contextmanager
def file_that_blocks(path):
    """Whoever reads it waits. Yields a function that waits for a reader, and returns one that lets it go on."""
    content = path.read_bytes()
    path.unlink()
    os.mkfifo(path)

    def writer():
        try:
            return os.open(path, os.O_WRONLY | os.O_NONBLOCK)
        except OSError as e:
            assert e.errno == errno.ENXIO  # nobody reads it yet
            return None

    def wait_for_reader():
        pipe = until("it is being read", writer)

        def give():
            os.write(pipe, content)
            os.close(pipe)
        return give

    try:
        yield wait_for_reader
    finally:
        ordinary = path.with_suffix(".ordinary")
        ordinary.write_bytes(content)
        os.replace(ordinary, path)


def config_with_files(directory, authority):
    """A configuration that names files to be parsed, and their paths."""
    files = {name: directory / f"{name}.pem" for name in ("ca", "cert", "key")}
    for name, source in (("ca", authority.ca_file), ("cert", authority.good.cert_file), ("key", authority.good.key_file)):
        shutil.copy(source, files[name])
    tls = {f"{name}_file": str(files[name]) for name in ("cert", "key")}
    return {"listen": [{"address": "127.0.0.1:0"}, {"address": "127.0.0.1:0", "tls": tls}],
            "relays": {"r": {"url": "smtps://127.0.0.1:1", "tls": {"ca_file": str(files["ca"])}}}}, files


def in_background(server):
    """Asks for a reload; returns the thread, and the list of its answer."""
    answers = []
    asks = threading.Thread(target=lambda: answers.append(reload(server)))
    asks.start()
    return asks, answers


@pytest.mark.parametrize("name", ["ca", "cert"])
def test_files_are_read_and_parsed_while_requests_are_answered(serve, authority, tmp_path, name):
    config, files = config_with_files(tmp_path, authority)
    server = serve(config=config)
    with file_that_blocks(files[name]) as wait_for_reader:
        asks, answers = in_background(server)
        give = wait_for_reader()
        assert server.get("/livez").status == 200 and not answers
        give()
        asks.join(30)
        assert answers[0].status == 200, answers[0].body


def test_a_drain_does_not_wait_for_a_file(serve, authority, tmp_path):
    config, files = config_with_files(tmp_path, authority)
    server = serve(config=config)
    with file_that_blocks(files["ca"]) as wait_for_reader:
        asks, answers = in_background(server)
        wait_for_reader()
        os.kill(server.supervisor_pid, signal.SIGTERM)
        until("it has ended", lambda: not server.is_alive(), 10)
        asks.join(30)
    assert "shutting down" in answers[0].problem()["detail"]


def test_what_is_in_hand_ends_with_the_old_configuration(serve, new_relay):
    slow, other = new_relay(replies={"DATA": Slow("354 go on", 1)}), new_relay()
    server = serve(config={"relays": {"r": relay_config(slow)}})
    answers = []
    sender = threading.Thread(target=lambda: answers.append(server.send(letter())))
    sender.start()
    until("the relay has it", lambda: any(b"DATA" in got for got in slow.received))
    rewrite(server, {"relays": {"r": relay_config(other)}})
    assert reload(server).status == 200
    sender.join(30)
    assert answers[0]["status"] == "sent" and len(slow.messages) == 1 and not other.messages
    until("the old relay's connection is closed", lambda: b"QUIT" in slow.received[0])


BAD = {
    "syntax": ("relays: {a: [", "mailhatch.yaml:2:1"),
    "unknown key": ({"relayz": {}}, "relayz"),
    "unknown relay": ({"relays": {"r": {"url": "sandbox:"}}, "routes": [{"relays": [{"relay": "x"}]}]}, "no relay of this name"),
    "missing secret": ({"relays": {"r": {"url": "smtp://h.example", "username": "u", "password_file": "/nowhere"}}},
                       "/nowhere"),
    "missing CA": ({"relays": {"r": {"url": "smtp://h.example", "tls": {"ca_file": "/nowhere.pem"}}}}, "/nowhere.pem"),
    "missing DKIM key": ({"dkim": {"domains": [{"domain": "example.com",
                                                "keys": [{"selector": "s", "key_file": "/nowhere.key"}]}]}}, "/nowhere.key"),
}


@pytest.mark.parametrize("name", BAD)
def test_a_bad_configuration_leaves_everything_as_it_was(serve, new_relay, name):
    config, place = BAD[name]
    relay = new_relay()
    server = serve(config={"relays": {"r": relay_config(relay)}})
    rewrite(server, config)
    answer = reload(server)
    assert answer.status == 422
    problem = answer.problem()
    assert problem["code"] == "reload_failed" and place in problem["detail"], problem
    (failed,) = until("it is logged", lambda: server.events("reload_failed"))
    assert place in failed["detail"]
    assert server.send(letter())["status"] == "sent" and len(relay.messages) == 1
    assert 'config_reloads_total{result="failed"} 1' in server.get("/metrics").body.decode()


def test_a_key_file_that_others_can_read_is_refused(serve, tmp_path):
    key = pathlib.Path(dkim_checks.keygen(tmp_path, "s", "ed25519")[0])
    dkim = {"dkim": {"domains": [{"domain": "example.com", "keys": [{"selector": "s", "key_file": str(key)}]}]}}
    server = serve(config=dkim)
    key.chmod(0o644)
    answer = reload(server)
    assert answer.status == 422 and "s.pem" in answer.problem()["detail"]
    assert server.send(letter())["status"] == "sent"


def test_keys_come_and_go(serve):
    server = serve(config={"api_keys": [api_key("old", "send", "read", "admin"), api_key("plain", "send")]})
    assert reload(server).status == 401
    assert reload(server, bearer("plain")).status == 403
    rewrite(server, {"api_keys": [api_key("new", "send", "admin")]})
    assert reload(server, bearer("old")).status == 200
    assert reload(server, bearer("old")).status == 401
    assert reload(server, bearer("new")).status == 200


def test_listeners_and_store_are_said_to_need_a_restart(serve):
    server = serve(config={"listen": [{"address": "127.0.0.1:0"}], "store": {"engine": "memory"}})
    rewrite(server, {"listen": [{"address": "127.0.0.1:1"}], "store": {"engine": "sqlite", "path": str(server.directory)}})
    answer = reload(server)
    assert answer.json() == {"status": "reloaded", "needs_restart": ["listen", "store"]}
    assert server.send(letter())["status"] == "sent"


def test_an_open_listener_does_not_lose_its_keys(serve):
    server = serve(config={"listen": [{"address": "0.0.0.0:0"}], "api_keys": [api_key("k", "send", "admin")]})
    rewrite(server, {"listen": [{"address": "127.0.0.1:0"}]})
    answer = reload(server, bearer("k"))
    assert answer.status == 422 and "0.0.0.0:0" in answer.problem()["detail"]
    assert server.post(letter()).status == 401


def test_replaced_certificates_are_noticed(serve, authority, tmp_path):
    cert, key = tmp_path / "tls.crt", tmp_path / "tls.key"

    def install(pair):
        for source, target in ((pair.cert_file, cert), (pair.key_file, key)):
            shutil.copy(source, f"{target}.new")
            os.replace(f"{target}.new", target)

    def served(server):
        return ssl.get_server_certificate(("127.0.0.1", server.tls_ports[0]))

    install(authority.good)
    server = serve(config={"listen": [{"address": "127.0.0.1:0"},
                                      {"address": "127.0.0.1:0", "tls": {"cert_file": str(cert), "key_file": str(key)}}]})
    before = served(server)
    install(authority.expired)
    until("they are loaded", lambda: server.events("reloaded"), 60)
    assert served(server) != before
    assert served(server).split() == pathlib.Path(authority.expired.cert_file).read_text().split()


def test_reloads_under_load_lose_nothing(serve, new_relay):
    relays = [new_relay(), new_relay()]
    server = serve(config={"relays": {"r": relay_config(relays[0])}})
    sent, stop = [], threading.Event()

    def send():
        while not stop.is_set():
            sent.append(server.send(letter()))

    senders = [threading.Thread(target=send) for _ in range(4)]
    for sender in senders:
        sender.start()
    for i in range(10):
        rewrite(server, {"relays": {"r": relay_config(relays[(i + 1) % 2])}})
        assert reload(server).status == 200
        count = len(sent)
        until("messages go on", lambda: len(sent) > count + 4)
    stop.set()
    for sender in senders:
        sender.join(60)
    assert all(message["status"] == "sent" for message in sent)
    got = [m.content for relay in relays for m in relay.messages]
    assert len(got) == len(set(got)) == len(sent) and all(relay.messages for relay in relays)
