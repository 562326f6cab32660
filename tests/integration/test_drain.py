# SPDX-License-Identifier: MIT
"""SIGTERM at any moment, under load: the server ends in time, what it answered 2xx is delivered, what
it refused is not. MAILHATCH_DRAIN_ROUNDS=200 for the long run."""
import base64
import contextlib
import http.client
import json
import os
import random
import re
import signal
import socket
import sqlite3
import threading
import time

import pytest
from mailhatch import Server, letter, release_program
from relay import Slow
from waiting import accepts, until

pytestmark = pytest.mark.alone

ROUNDS = int(os.environ.get("MAILHATCH_DRAIN_ROUNDS", "20"))
CLIENTS = 6
EXIT_LIMIT_S = 30


class Client(threading.Thread):
    """Posts one message after the other until the server does not take any more."""

    def __init__(self, server, wait):
        super().__init__()
        self.server, self.headers = server, {"Content-Type": "application/json", **({"Prefer": "wait=20"} if wait else {})}
        self.taken, self.refused = {}, []  # id by subject; subjects
        self.start()

    def run(self):
        connection = self.server.connection(timeout=60)
        try:
            while True:
                message = letter(subject=f"{random.getrandbits(64):016x}")
                connection.request("POST", "/v1/messages", json.dumps(message).encode(), self.headers)
                answer = connection.getresponse()
                body = json.loads(answer.read())
                if answer.status in (200, 202):
                    self.taken[message["subject"]] = body["id"]
                else:
                    assert answer.status == 503 and body["code"] == "draining", (answer.status, body)
                    assert answer.headers["Retry-After"]
                    self.refused.append(message["subject"])
                    return
        except (OSError, http.client.HTTPException):
            return  # hung up between two requests: it knows nothing of this one, and would ask again
        finally:
            connection.close()


def start(directory, config):
    server = Server(directory, config=config, binary=release_program())
    return server.start()


def exit_time(server):
    began = time.monotonic()
    server.stop()  # SIGTERM to the supervisor; exit code 0, and nothing in the log that should not be there
    return time.monotonic() - began


def test_sigterm_under_load(tmp_path, new_relay):
    seed = random.randrange(1 << 30)
    chance = random.Random(seed)
    print(f"\nseed {seed}")
    relay = new_relay(replies={"DATA": Slow("354 go on", 0.01)})
    config = {"listen": [{"address": "127.0.0.1:0"}], "store": {"engine": "sqlite", "path": str(tmp_path / "data")},
              "relays": {"r": {"url": f"smtp://127.0.0.1:{relay.port}?tls=none", "pool": {"connections": 4}}}}
    taken, refused, times = {}, [], []
    for _ in range(ROUNDS):
        server = start(tmp_path, config)
        clients = [Client(server, wait=i % 2 == 0) for i in range(CLIENTS)]
        until("they are at work", lambda: sum(len(c.taken) for c in clients) > chance.randrange(1, 40))
        times.append(exit_time(server))
        for client in clients:
            client.join(60)
            assert not client.is_alive()
            taken.update(client.taken)
            refused += client.refused
    server = start(tmp_path, config)
    for identifier in taken.values():
        until("it is sent", lambda: server.get(f"/v1/messages/{identifier}").json()["status"] == "sent")
    server.stop()
    subjects = [re.search(rb"^Subject: (\w+)", m.content, re.M)[1].decode() for m in relay.messages]
    print(f"{ROUNDS} drains, {len(taken)} messages, exit after {max(times):.2f} s at most, {len(refused)} refused")
    assert max(times) <= EXIT_LIMIT_S
    assert set(taken) <= set(subjects) and len(subjects) == len(set(subjects))
    assert not set(refused) & set(subjects)


@pytest.mark.parametrize("path", ["/v1/messages", "/v1/messages/batch"])
def test_what_is_stored_last_is_answered(tmp_path, path):
    """The disk has it only when nothing else is left to wait for."""
    server = start(tmp_path, {"listen": [{"address": "127.0.0.1:0"}], "relays": {"r": {"url": "sandbox:"}},
                              "store": {"engine": "sqlite", "path": str(tmp_path / "data")}})
    body = letter() if path == "/v1/messages" else {"messages": [letter()]}
    answers = []
    with contextlib.closing(sqlite3.connect(tmp_path / "data/mailhatch.db", isolation_level=None)) as db:
        db.execute("BEGIN IMMEDIATE")  # nobody else gets at the store
        client = threading.Thread(target=lambda: answers.append(server.post(body, path)))
        client.start()
        for _ in range(5):  # it is prepared before these are, and waits for the disk
            assert server.post(letter(), "/v1/messages/validate").status == 200
        os.kill(server.supervisor_pid, signal.SIGTERM)
        until("it drains", lambda: server.events("draining"))
        until("nothing else is in its way", lambda: not accepts(server.port))
    client.join(60)
    assert answers[0].status == (202 if path == "/v1/messages" else 200) and answers[0].json().get("failed", 0) == 0, answers[0].body
    server.stop()


def test_a_slow_client_gets_its_last_answer_as_a_whole(tmp_path):
    server = start(tmp_path, {"listen": [{"address": "127.0.0.1:0"}], "relays": {"r": {"url": "sandbox:"}},
                              "store": {"engine": "sqlite", "path": str(tmp_path / "data"), "retention": {"bodies": "1h"}}})
    content = base64.b64encode(os.urandom(6_000_000)).decode()
    message = server.send(letter(attachments=[{"filename": "a.bin", "content": content}]))
    with socket.socket() as s:
        s.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 65536)
        s.settimeout(60)
        s.connect(("127.0.0.1", server.port))
        s.sendall(f"GET /v1/messages/{message['id']}/raw HTTP/1.1\r\nHost: x\r\n\r\n".encode())
        got = s.recv(4096)  # the answer has begun; most of it is still in the server
        os.kill(server.supervisor_pid, signal.SIGTERM)
        until("it drains", lambda: server.events("draining"))
        until("nothing else is in its way", lambda: not accepts(server.port))
        while chunk := s.recv(1 << 20):
            got += chunk
    head, body = got.split(b"\r\n\r\n", 1)
    assert f"content-length: {len(body)}".encode() in head.lower() and len(body) > 8_000_000
    server.stop()


def test_a_stuck_relay_does_not_hold_the_end_beyond_30_s(tmp_path, new_relay):
    relay = new_relay(replies={"DATA": Slow("354 go on", 120)})
    config = {"listen": [{"address": "127.0.0.1:0"}], "store": {"engine": "sqlite", "path": str(tmp_path / "data")},
              "relays": {"r": {"url": f"smtp://127.0.0.1:{relay.port}?tls=none"}}}
    server = start(tmp_path, config)
    identifier = server.post(letter()).json()["id"]
    until("the relay has it", lambda: any(b"DATA" in got for got in relay.received))
    assert exit_time(server) <= EXIT_LIMIT_S
    relay.close = lambda: None  # it sleeps; its thread ends with the process
    config["relays"]["r"] = {"url": "sandbox:"}
    server = start(tmp_path, config)
    assert server.get(f"/v1/messages/{identifier}").json()["recipients"][0]["status"] in ("deferred", "sent", "sending")
    server.stop()
