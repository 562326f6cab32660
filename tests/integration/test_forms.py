# SPDX-License-Identifier: MIT
"""Messages as multipart/form-data from real clients: curl, and Node's own FormData."""
import json
import subprocess

import curl
import mailhatch
import pytest
from mailhatch import letter

FILES = {"ü.bin": bytes(range(256)) * 10, "empty.txt": b""}


@pytest.fixture(scope="module")
def server():
    with mailhatch.running() as running:
        yield running


def assert_caught(server, message_id, files):
    item = server.get("/v1/sandbox/messages/wait").json()
    assert item["message_id"] == message_id
    assert [(a["filename"], a["size"]) for a in item["attachments"]] == files


@pytest.mark.parametrize("http", ["--http1.1", "--http2-prior-knowledge"])
def test_curl_sends_files(server, tmp_path, http):
    for name, content in FILES.items():
        (tmp_path / name).write_bytes(content)
    message = letter(html="<img src=\"cid:logo\">", attachments=[{"part": "one", "content_id": "logo", "filename": "logo.png"}])
    reply = curl.request(f"http://127.0.0.1:{server.port}/v1/messages", http, "-H", "Prefer: wait=20",
                         "-F", f"one=@{tmp_path / 'ü.bin'}", "-F", f"two=@{tmp_path / 'empty.txt'}",
                         "-F", "message=" + json.dumps(message))
    assert reply.status == 200, reply.body
    assert_caught(server, reply.json()["message_id"], [("logo.png", 2560), ("empty.txt", 0)])


def test_node_sends_files(server):
    script = """
const form = new FormData();
form.append("message", new Blob([process.argv[2]], {type: "application/json"}), undefined);
form.append("files", new Blob([new Uint8Array(1000)], {type: "image/png"}), 'a "b" ü.png');
form.append("files", new Blob(["x"]), "c.txt");
const answer = await fetch(process.argv[1], {method: "POST", body: form, headers: {Prefer: "wait=20"}});
console.log(await answer.text());
"""
    run = subprocess.run(["node", "--input-type=module", "-e", script, f"http://127.0.0.1:{server.port}/v1/messages",
                          json.dumps(letter())], capture_output=True, timeout=60, check=True)
    answer = json.loads(run.stdout)
    assert answer.get("status") == "sent", answer
    assert_caught(server, answer["message_id"], [('a "b" ü.png', 1000), ("c.txt", 1)])


def test_a_boundary_that_the_body_does_not_have_is_400(server):
    answer = server.request("POST", "/v1/messages", b"--a\r\n", {"Content-Type": "multipart/form-data; boundary=b"})
    assert answer.status == 400 and answer.problem()["code"] == "bad_request"
