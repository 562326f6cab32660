# SPDX-License-Identifier: MIT
"""Idempotency-Key: equal requests are one message, whatever their order, and after a restart too."""
import concurrent.futures
import json
import os
import re
import tempfile
import threading
import uuid

import mailhatch
import pytest
from mailhatch import letter

RACES = int(os.environ.get("MAILHATCH_RACES", "200"))
RACERS = 32
WAIT = {"Prefer": "wait=20"}


def environment(relay):
    return {"MAILHATCH_RELAY": f"smtp://127.0.0.1:{relay.port}?tls=none"}


@pytest.fixture
def server(relay):
    with mailhatch.running(env=environment(relay)) as running:
        yield running


def replayed(answer):
    return answer.headers["Idempotency-Replayed"]


def test_a_repeated_request_is_answered_with_the_same_message(server, relay):
    mail = letter()
    first = server.post(mail, Idempotency_Key="k 1", **WAIT)
    assert (first.status, replayed(first)) == (200, None)
    for name in ("Idempotency_Key", "X_Idempotency_Key"):
        again = server.post(mail, **{name: "k 1"})
        assert (again.status, replayed(again)) == (200, "true")
        assert again.json() == first.json()
        assert again.headers["Location"] == first.headers["Location"]
    assert len(relay.messages) == 1


def test_another_body_is_refused(server, relay):
    server.post(letter(), Idempotency_Key="k", **WAIT)
    answer = server.post(letter(), Idempotency_Key="k")
    assert answer.status == 422 and answer.problem()["code"] == "idempotency_key_reused"
    assert answer.problem()["retryable"] is False
    assert len(relay.messages) == 1


def test_a_refused_request_leaves_its_key_free(server):
    assert server.post(letter(to=["nobody"]), Idempotency_Key="k").status == 422
    assert server.post(letter(), Idempotency_Key="k", **WAIT).status == 200


@pytest.mark.parametrize("key", ["", "x" * 257, "a\tb", "\u00e9".encode().decode("latin-1")])
def test_a_key_that_is_none_is_refused(server, key):
    assert server.post(letter(), Idempotency_Key=key).problem()["code"] == "bad_request"


def test_the_longest_key_is_taken(server):
    mail, key = letter(), "x" * 256
    assert server.post(mail, Idempotency_Key=key, **WAIT).status == 200
    assert replayed(server.post(mail, Idempotency_Key=key)) == "true"


def test_a_key_outlives_a_kill(relay):
    mail = letter()
    with tempfile.TemporaryDirectory(prefix="mailhatch-test-") as directory:
        env = {**environment(relay), "MAILHATCH_DATA_DIR": directory}
        with mailhatch.running(env=env) as server:
            first = server.post(mail, Idempotency_Key="k", **WAIT)
        with mailhatch.running(env=env) as server:
            again = server.post(mail, Idempotency_Key="k")
            assert (again.status, replayed(again), again.json()["id"]) == (200, "true", first.json()["id"])
            assert server.post(letter(), Idempotency_Key="k").status == 422
    assert len(relay.messages) == 1


def new_key(name):
    """(the configuration's entry, the Authorization header)"""
    made = mailhatch.cli("key", "new", "--name", name).stdout.decode()
    ident, secret = re.search(r"(k_\w+)\.(\w+)", made).groups()
    entry = {"name": name, "id": ident, "hash": re.search(r"sha256:\w+", made)[0], "scopes": ["send", "read"]}
    return entry, f"Bearer {ident}.{secret}"


def test_keys_of_different_tenants_are_apart(relay):
    (one, one_bearer), (two, two_bearer) = new_key("one"), new_key("two")
    config = {"relays": {"r": {"url": f"smtp://127.0.0.1:{relay.port}?tls=none"}}, "api_keys": [one, two],
              "listen": ["127.0.0.1:0"]}
    with mailhatch.running(config=config) as server:
        mail = letter()
        ids = {server.post(mail, Idempotency_Key="k", Authorization=bearer, **WAIT).json()["id"]
               for bearer in (one_bearer, two_bearer, one_bearer)}
        assert len(ids) == 2
    assert len(relay.messages) == 2


class Racer:
    """One connection of its own, opened before the race."""

    def __init__(self, server):
        self._connection = server.connection()
        self._connection.connect()

    def post(self, body, headers):
        self._connection.request("POST", "/v1/messages", body, headers)
        response = self._connection.getresponse()
        return response.status, json.loads(response.read())


@pytest.mark.alone
def test_32_equal_requests_at_once_are_one_message(relay):
    """MAILHATCH_RACES=10000 runs the long race."""
    with mailhatch.running(env=environment(relay)) as server:
        racers = [Racer(server) for _ in range(RACERS)]
        start = threading.Barrier(RACERS)

        def run(racer, race, body, wait):
            headers = {"Content-Type": "application/json", "Idempotency-Key": f"race {race}"}
            if wait:
                headers["Prefer"] = "wait=20"
            start.wait()
            return racer.post(body, headers)

        with concurrent.futures.ThreadPoolExecutor(RACERS) as pool:
            for race in range(RACES):
                body = json.dumps(letter(subject=f"race {race} {uuid.uuid4()}"))
                answers = list(pool.map(lambda r, n=race, b=body: run(r, n, b, n % 2), racers))
                ids = {answer["id"] for status, answer in answers if status in (200, 202)}
                codes = {answer["code"] for status, answer in answers if status not in (200, 202)}
                assert len(ids) == 1, answers
                assert codes <= {"idempotency_in_progress"}, answers
                assert not codes or not race % 2, "who waits gets the message"
        assert len(relay.wait_for(RACES)) == RACES
    assert len(relay.messages) == RACES
