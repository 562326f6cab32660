# SPDX-License-Identifier: MIT
"""25 MB of attachments: taken by default, whole at the other end, and in memory at most three times the
body and 20 MB, the sandbox's copy included."""
import base64
import json
import os

import mailhatch
import pytest

SIZE = 25_000_000
MB = 1 << 20


def peak_kb(server):
    """Of the server process; the supervisor in front of it does nothing."""
    return max(_status_kb(pid, "VmHWM") for pid in [server.pid, *_children(server.pid)])


def _status_kb(pid, name):
    with open(f"/proc/{pid}/status", encoding="ascii") as f:
        return next(int(line.split()[1]) for line in f if line.startswith(name))


def _children(pid):
    with open(f"/proc/{pid}/task/{pid}/children", encoding="ascii") as f:
        return [int(child) for child in f.read().split()]


def as_json(content):
    message = {"from": "a@example.com", "to": "ann@example.org", "subject": "Large", "text": "x",
               "attachments": [{"filename": "a.bin", "content": base64.b64encode(content).decode()}]}
    return json.dumps(message).encode(), "application/json"


def as_form(content):
    message = json.dumps({"from": "a@example.com", "to": "ann@example.org", "subject": "Large", "text": "x"}).encode()
    head = b'--xyz\r\nContent-Disposition: form-data; name="%s"\r\n\r\n%s\r\n'
    file = b'--xyz\r\nContent-Disposition: form-data; name="f"; filename="a.bin"\r\n\r\n' + content + b"\r\n--xyz--\r\n"
    return head % (b"message", message) + file, "multipart/form-data; boundary=xyz"


@pytest.mark.alone
@pytest.mark.parametrize("make", [as_json, as_form])
def test_a_large_message_takes_three_times_its_body_at_most(serve, make):
    server = serve(binary=mailhatch.release_program())
    content = os.urandom(SIZE)
    body, content_type = make(content)
    for _ in range(3):
        answer = server.request("POST", "/v1/messages", body, {"Content-Type": content_type, "Prefer": "wait=60"})
        assert answer.status == 200 and answer.json()["status"] == "sent", answer.body[:1000]
        item = server.get("/v1/sandbox/messages/wait").json()
        assert [a["size"] for a in item["attachments"]] == [SIZE]
        assert server.request("DELETE", "/v1/sandbox/messages").status == 204
    assert peak_kb(server) <= (3 * len(body) + 20 * MB) / 1024


def test_a_client_that_leaves_while_its_body_moves_leaves_nothing(serve):
    """The answer to a second request on the connection shows that the server goes on."""
    server = serve()
    body, content_type = as_json(os.urandom(SIZE))
    for cut in (len(body), len(body) - 1):
        connection = server.connection()
        connection.putrequest("POST", "/v1/messages")
        connection.putheader("Content-Type", content_type)
        connection.putheader("Content-Length", str(len(body)))
        connection.endheaders()
        connection.send(body[:cut])
        connection.close()
    assert server.send({"from": "a@example.com", "to": "ann@example.org", "text": "x"})["status"] == "sent"
