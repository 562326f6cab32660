# SPDX-License-Identifier: MIT
"""GET /v1/events: what happens, as it happens, and from where a client left off."""
import contextlib
import hashlib
import json
import pathlib
import re
import socket
import subprocess
import time

import browser
import h2.config
import h2.connection
import h2.events
import mailhatch
import pytest
from event_stream import Stream, following
from waiting import until

HERE = pathlib.Path(__file__).parent
SECRETS = {"k_a": "alpha-secret-0123456789abcdef", "k_b": "bravo-secret-0123456789abcdef"}
ONE_SENT = ["message.queued", "recipient.sent", "message.completed"]


@pytest.fixture(params=["sqlite", "memory"])
def server(request):
    with mailhatch.running(env={"MAILHATCH_STORE": request.param}) as running:
        yield running


def metric(server, series):
    found = re.search(rf"^{re.escape('mailhatch_' + series)} (\d+)$", server.get("/metrics").body.decode(), re.M)
    return int(found[1]) if found else 0


def test_events_come_as_they_happen(server):
    with following(server) as stream:
        headers = stream.response.headers
        assert headers["Content-Type"] == "text/event-stream" and headers["Cache-Control"] == "no-store"
        message = server.send(mailhatch.letter())
        events = stream.wait_for("message.completed")
        assert stream.types() == ONE_SENT
        listed = server.get(f"/v1/messages/{message['id']}/events").json()["events"][::-1]
        assert [{**event, "type": event["type"]} for event in events] == listed
        assert metric(server, "event_streams") == 1
    until("the stream is counted as ended", lambda: metric(server, 'event_streams_ended_total{reason="client"}') == 1)


def test_a_client_goes_on_where_it_was(server):
    with following(server) as stream:
        server.send(mailhatch.letter())
        first = stream.wait_for("message.completed")
    for _ in range(3):
        server.send(mailhatch.letter())
    for query, headers in (("", {"Last-Event-ID": first[-1]["id"]}), ("?last_event_id=" + first[-1]["id"], {})):
        with following(server, query, headers) as again:
            assert again.wait_for("message.completed", 3)[0]["type"] == "message.queued"
            assert again.types() == ONE_SENT * 3
    with following(server, headers={"Last-Event-ID": first[0]["id"]}) as middle:
        middle.wait_for("message.completed", 4)
        assert middle.types() == ONE_SENT[1:] + ONE_SENT * 3
    with following(server, headers={"Last-Event-ID": "0"}) as all_of_them:
        all_of_them.wait_for("message.completed", 4)
        assert all_of_them.types() == ONE_SENT * 4


def test_a_client_that_saw_nothing_yet_misses_nothing(server):
    server.send(mailhatch.letter())
    with following(server) as stream:
        position = stream.position
    server.send(mailhatch.letter(to="reject+550@example.org"))
    with following(server, headers={"Last-Event-ID": position}) as again:
        again.wait_for("message.completed")
        assert again.types() == ["message.queued", "recipient.rejected", "message.completed"]


def test_a_position_of_another_store_means_from_the_beginning(server):
    server.send(mailhatch.letter())
    with following(server, headers={"Last-Event-ID": "99999"}) as stream:
        stream.wait_for("message.completed")
        assert stream.types() == ONE_SENT


def test_filters(server):
    with contextlib.ExitStack() as stack:
        follow = lambda query: stack.enter_context(following(server, query))
        sent, recipients, tagged = follow("?type=recipient.sent"), follow("?type=recipient.*,message.queued"), follow("?tag=a")
        server.send(mailhatch.letter(to=["ann@example.org", "reject+550@example.org"], tags=["a", "b"]))
        second = server.send(mailhatch.letter(tags=["b"]))
        one = follow(f"?message={second['id']}&last_event_id=0")
        assert one.wait_for("message.completed")[0]["message_id"] == second["id"] and one.types() == ONE_SENT
        sent.wait_for("recipient.sent", 2)
        recipients.wait_for("recipient.sent", 2)
        tagged.wait_for("message.completed")
        assert set(sent.types()) == {"recipient.sent"}
        assert sorted(recipients.types()) == ["message.queued"] * 2 + ["recipient.rejected"] + ["recipient.sent"] * 2
        assert tagged.types().count("message.queued") == 1
    for query in ("?type=sent", "?type=recipient.sent,", "?type=recip*", "?message=x", "?last_event_id=x", "?last_event_id=-1", "?since=1"):
        assert server.get("/v1/events" + query).problem()["code"] == "unknown_parameter", query
    assert server.request("GET", "/v1/events", headers={"Last-Event-ID": "1 OR 1"}).status == 400


def test_a_key_follows_its_own_messages():
    keys = [{"name": i, "id": i, "hash": "sha256:" + hashlib.sha256(secret.encode()).hexdigest(), "scopes": ["send", "read"]}
            for i, secret in SECRETS.items()]
    a, b = ({"Authorization": f"Bearer {i}.{secret}"} for i, secret in SECRETS.items())
    with mailhatch.running(config={"relays": {"main": {"url": "sandbox:"}}, "api_keys": keys}) as server:
        assert server.request("GET", "/v1/events").status == 401
        with following(server, headers=a) as of_a, following(server, headers={**b, "Last-Event-ID": "0"}) as of_b:
            mine = server.send(mailhatch.letter(), **b)
            server.send(mailhatch.letter(), **a)
            server.send(mailhatch.letter(), **a)
            of_a.wait_for("message.completed", 2)
            of_b.wait_for("message.completed")
            assert of_a.types() == ONE_SENT * 2 and of_b.types() == ONE_SENT
            assert {event["message_id"] for event in of_b.events} == {mine["id"]}


def test_a_silent_stream_lives_and_is_told_so():
    config = {"relays": {"main": {"url": "sandbox:"}}, "limits": {"idle_timeout": "1s", "stall_window": "1s"}}
    with mailhatch.running(config=config) as server, following(server, "?type=recipient.rejected") as stream:
        server.send(mailhatch.letter())
        until("a heartbeat", lambda: stream.comments >= 2 or stream.ended)
        assert stream.ended is None and stream.events == []
        # what was passed over is behind it
        last = server.get("/v1/messages").json()["messages"][0]["id"]
        newest = server.get(f"/v1/messages/{last}/events?limit=1").json()["events"][0]["id"]
        assert stream.position == newest
        server.send(mailhatch.letter(to="reject+550@example.org"))
        stream.wait_for("recipient.rejected")


def test_a_stream_ends_when_its_connection_is_old():
    config = {"relays": {"main": {"url": "sandbox:"}}, "limits": {"connection_age": "1s"}}
    with mailhatch.running(config=config) as server, following(server) as stream:
        assert stream.wait_for_end() == "whole"
        assert metric(server, 'event_streams_ended_total{reason="age"}') == 1


def test_a_drain_ends_streams_in_order():
    with mailhatch.running() as server, following(server) as stream:
        server.send(mailhatch.letter())
        stream.wait_for("message.completed")
        began = time.monotonic()
        server.stop()
        assert time.monotonic() - began < 20
        assert stream.wait_for_end() == "whole"


def many_events(server, n_messages=20):
    """1,000 recipients each, all canceled: 1,000 events and more for each message."""
    everybody = [f"u{n}@example.org" for n in range(1000)]
    for _ in range(n_messages):
        answer = server.post(mailhatch.letter(to=everybody, scheduled_at="2026-12-24T09:00:00Z", text="x"))
        assert answer.status == 202, answer.body
        assert server.request("POST", f"/v1/messages/{answer.json()['id']}/cancel").status == 200


def slow_config():
    return {"relays": {"main": {"url": "sandbox:"}}, "store": "memory", "limits": {"stall_window": "1s", "recipients": 1000}}


@pytest.mark.alone
def test_who_does_not_read_is_closed_and_costs_no_memory():
    with mailhatch.running(config=slow_config()) as server:
        many_events(server)
        before = metric(server, "resident_memory_bytes")
        with socket.socket() as lazy:
            lazy.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            lazy.connect(("127.0.0.1", server.port))
            lazy.sendall(b"GET /v1/events?last_event_id=0 HTTP/1.1\r\nHost: x\r\n\r\n")
            until("it is closed", lambda: metric(server, 'event_streams_ended_total{reason="slow"}') == 1)
            assert metric(server, "resident_memory_bytes") - before < 30 << 20
        assert metric(server, "event_streams") == 0
        with following(server, "?last_event_id=0") as quick:
            quick.wait_for("message.completed", 20)
            assert quick.types().count("recipient.canceled") == 20000


class H2:
    """Prior knowledge; windows are not opened again unless asked for."""

    def __init__(self, server):
        self.sock = socket.create_connection(("127.0.0.1", server.port), 30)
        self.h2 = h2.connection.H2Connection(h2.config.H2Configuration(client_side=True, header_encoding="utf-8"))
        self.h2.initiate_connection()
        self.statuses, self.received, self.ended = {}, {}, set()
        self.flush()

    def flush(self):
        self.sock.sendall(self.h2.data_to_send())

    def get(self, path):
        stream = self.h2.get_next_available_stream_id()
        self.h2.send_headers(stream, [(":method", "GET"), (":scheme", "http"), (":path", path), (":authority", "x")], end_stream=True)
        self.flush()
        return stream

    def read(self, acknowledge=True):
        """False at the end."""
        data = self.sock.recv(65536)
        for event in self.h2.receive_data(data) if data else ():
            if isinstance(event, h2.events.ResponseReceived):
                self.statuses[event.stream_id] = dict(event.headers)[":status"]
            elif isinstance(event, h2.events.DataReceived):
                self.received[event.stream_id] = self.received.get(event.stream_id, b"") + event.data
                if acknowledge:
                    self.h2.acknowledge_received_data(event.flow_controlled_length, event.stream_id)
            elif isinstance(event, (h2.events.StreamEnded, h2.events.StreamReset)):
                self.ended.add(event.stream_id)
        with contextlib.suppress(OSError):
            self.flush()
        return bool(data)


def test_http2_carries_several_streams_and_requests():
    with mailhatch.running() as server:
        client = H2(server)
        streams = [client.get("/v1/events") for _ in range(10)]
        while not all(b"\n\n" in client.received.get(s, b"") for s in streams):
            assert client.read()
        one_more = client.get("/v1/events")
        while one_more not in client.ended:
            assert client.read()
        assert client.statuses[one_more] == "503" and b'"overloaded"' in client.received[one_more]
        assert {client.statuses[s] for s in streams} == {"200"}
        server.send(mailhatch.letter())
        while not all(b"message.completed" in client.received[s] for s in streams):
            assert client.read()
        assert not client.ended.intersection(streams)
        client.sock.close()


@pytest.mark.alone
def test_who_opens_no_window_is_closed():
    with mailhatch.running(config=slow_config()) as server:
        many_events(server, 2)
        client = H2(server)
        stream = client.get("/v1/events?last_event_id=0")
        while client.read(acknowledge=False):
            pass
        assert len(client.received[stream]) <= 65535
        client.sock.close()
        until("it is counted", lambda: metric(server, 'event_streams_ended_total{reason="slow"}') == 1)


def test_there_are_so_many_streams_and_no_more():
    config = {"relays": {"main": {"url": "sandbox:"}}, "limits": {"connections": 1000, "connections_per_peer": 1000}}
    with mailhatch.running(config=config) as server, contextlib.ExitStack() as stack:
        for _ in range(200):
            s = stack.enter_context(socket.create_connection(("127.0.0.1", server.port)))
            s.sendall(b"GET /v1/events HTTP/1.1\r\nHost: x\r\n\r\n")
        until("200 streams", lambda: metric(server, "event_streams") == 200)
        answer = server.request("GET", "/v1/events")
        assert answer.status == 503 and answer.headers["Retry-After"]
        assert server.request("HEAD", "/v1/events").status == 200
        assert server.send(mailhatch.letter())["status"] == "sent"


def lines_of(command):
    return subprocess.Popen(command, stdout=subprocess.PIPE, text=True)


@pytest.mark.parametrize("version", ["--http1.1", "--http2-prior-knowledge"])
def test_curl_follows(version):
    with mailhatch.running() as server:
        run = lines_of(["curl", "-sN", version, "--max-time", "60", f"http://127.0.0.1:{server.port}/v1/events?type=recipient.sent"])
        assert run.stdout.readline() == "retry: 2000\n"
        server.send(mailhatch.letter())
        while not (line := run.stdout.readline()).startswith("data: "):
            assert line
        assert json.loads(line[6:])["recipient"]["email"] == "ann@example.org"
        run.kill()
        run.wait()


def test_the_npm_package_eventsource_comes_back_where_it_was(tmp_path):
    with mailhatch.running(config={"relays": {"main": {"url": "sandbox:"}}}) as server:
        url = f"http://127.0.0.1:{server.port}"
        run = lines_of(["node", str(HERE / "event_source.mjs"), f"{url}/v1/events", f"{url}/v1/admin/reload"])
        said = iter(lambda: json.loads(run.stdout.readline()), None)
        assert next(said) == {"kind": "open"}
        first = server.send(mailhatch.letter())
        assert [next(said)["type"] for _ in ONE_SENT] == ONE_SENT
        assert next(said) == {"kind": "error"}  # the stream ended
        second = server.send(mailhatch.letter())  # while nobody listens
        assert next(said) == {"kind": "open"}
        events = [next(said) for _ in ONE_SENT]
        assert [event["type"] for event in events] == ONE_SENT
        assert {event["data"]["message_id"] for event in events} == {second["id"]} != {first["id"]}
        run.kill()
        run.wait()


@pytest.mark.alone
def test_a_browser_follows():
    with mailhatch.running() as server, browser.running() as chromium:
        page = chromium.open(f"http://127.0.0.1:{server.port}/")
        page.evaluate("window.got = []; window.source = new EventSource('/v1/events');"
                      "source.addEventListener('recipient.sent', e => got.push(JSON.parse(e.data).recipient.email)); 0")
        until("it is connected", lambda: page.evaluate("source.readyState") == 1)
        server.send(mailhatch.letter())
        until("the event came", lambda: page.evaluate("got.join()") == "ann@example.org")
