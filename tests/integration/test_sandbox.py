# SPDX-License-Identifier: MIT
"""/v1/sandbox/messages of the real server: what was sent comes back parsed, as an independent parser
reads the raw bytes."""
import base64
import concurrent.futures
import json
import smtplib
import socket
import ssl
import urllib.parse
import uuid

import mail_reading
import mailhatch
import pytest
from mailhatch import letter

PATH = "/v1/sandbox/messages"


@pytest.fixture(scope="module")
def server():
    with mailhatch.running() as running:
        yield running


def wait_for(server, **query):
    return server.get(f"{PATH}/wait?{urllib.parse.urlencode(query)}")


def caught(server, **changes):
    """The sandbox's item of a letter to a recipient of its own."""
    to = f"{uuid.uuid4().hex}@example.org"
    changes.setdefault("to", to)
    server.send(letter(**changes))
    answer = wait_for(server, timeout=10)
    assert answer.status == 200, answer.body
    return answer.json()


def test_the_log_says_that_mail_stays_here(server):
    assert '"event":"sandbox_relay"' in server.log()


# What the sandbox offers: the mail of its relay comes in by that, and by nothing less.
FACES = {
    "plain": ({}, None, "PIPELINING"),
    "starttls": ({"tls": "starttls"}, "TLSv1.3", "PIPELINING"),
    "implicit": ({"tls": "implicit"}, "TLSv1.3", "PIPELINING"),
    "chunking": ({"extensions": ["chunking"]}, None, "CHUNKING"),
    "all": ({"tls": "starttls", "extensions": ["pipelining", "chunking"], "username": "app", "password": "only-a-test"},
            "TLSv1.3", "PIPELINING CHUNKING AUTH"),
}


@pytest.mark.parametrize("face", FACES)
def test_the_sandbox_offers_what_the_configuration_says(face):
    section, tls, offered = FACES[face]
    config = {"relays": {"dev": "sandbox:"}, "store": "memory", "sandbox": section}
    with mailhatch.running(config=config, secrets=["only-a-test"]) as server:
        check = server.post(b"", "/v1/relays/dev/check").json()
        assert check["ok"], check
        capabilities = check["capabilities"].replace(",", "").split()
        assert all(word in capabilities for word in offered.split()), capabilities
        for word in {"PIPELINING", "CHUNKING", "AUTH"} - set(offered.split()):
            assert word not in capabilities, capabilities
        assert (check["tls"] or {}).get("version") == tls
        said = [line["text"] for line in check["transcript"]]
        assert any("AUTH PLAIN" in text for text in said) == ("AUTH" in offered), said
        to = "Ann@example.org"
        assert server.send(letter(to=to))["status"] == "sent"
        assert wait_for(server, to=to, timeout=10).json()["tls"] == tls


def test_the_sandbox_can_have_a_port_for_other_clients():
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    config = {"relays": {"dev": "sandbox:"}, "store": "memory",
              "sandbox": {"tls": "starttls", "username": "app", "password": "only-a-test", "port": port}}
    with mailhatch.running(config=config) as server:
        with smtplib.SMTP("127.0.0.1", port, timeout=30) as client:
            assert client.ehlo()[0] == 250 and not client.has_extn("auth")
            client.starttls(context=ssl._create_unverified_context())
            with pytest.raises(smtplib.SMTPAuthenticationError):
                client.login("app", "wrong")
            client.login("app", "only-a-test")
            client.sendmail("a@example.com", ["other@example.org"], "Subject: by another client\r\n\r\nHi\r\n")
        item = wait_for(server, to="other@example.org", timeout=10).json()
        assert item["subject"] == "by another client" and item["tls"].startswith("TLSv1")


def test_a_changed_sandbox_waits_for_the_next_start():
    config = {"relays": {"dev": "sandbox:"}, "store": "memory"}
    with mailhatch.running(config=config) as server:
        (server.directory / "mailhatch.yaml").write_text(json.dumps({**config, "sandbox": "starttls"}))
        assert server.post(b"", "/v1/admin/reload").json() == {"status": "reloaded", "needs_restart": ["sandbox"]}
        assert server.send(letter())["status"] == "sent"


SHAPES = {
    "text": {"text": "Grüße\r\n\r\n.dot\r\nFrom here\r\n"},
    "html": {"text": None, "html": "<p>Grüße</p>"},
    "both": {"text": "a", "html": "<p>a</p>"},
    "long lines": {"text": "wörd " * 500},
    "many scripts": {"subject": "Grüße 你好 🎉 " * 20, "from": {"email": "a@example.com", "name": "Zoë 你好, \"Q\""}},
    "inline": {"html": "<img src=\"cid:logo\">", "attachments": [
        {"filename": "logo.png", "content": base64.b64encode(bytes(range(256))).decode(), "content_id": "logo"}]},
    "attachments": {"attachments": [
        {"filename": "a.pdf", "content": base64.b64encode(b"x" * 100_000).decode()},
        {"filename": "Rechnung März " + "ü" * 60 + ".pdf", "content": "", "content_type": "application/pdf"}]},
    "headers": {"headers": {"X-Order": "17", "X-Multi": ["a", "ü"]}, "cc": ["c@example.org", "D <d@example.org>"]},
}


@pytest.mark.parametrize("shape", SHAPES)
def test_an_item_says_what_another_parser_reads(server, shape):
    item = caught(server, **SHAPES[shape])
    raw = server.get(f"{PATH}/{item['id']}/raw")
    assert raw.headers.get_content_type() == "message/rfc822" and len(raw.body) == item["size"]
    mail = mail_reading.by_python(raw.body)
    assert item["subject"] == mail["subject"]
    assert [item["from"]["name"], item["from"]["email"]] == mail["from"][0]
    assert [[a["name"], a["email"]] for a in item["to"]] == mail["to"]
    assert [[a["name"], a["email"]] for a in item["cc"]] == mail["cc"]
    assert item["text"] == mail["text"] and item["html"] == mail["html"]
    assert [(a["filename"], a["content_type"], a["size"]) for a in item["attachments"]] == \
           [(p["filename"], p["content_type"], len(p["content"])) for p in mail["attachments"]]
    assert item["message_id"] in raw.body.decode()


def test_bcc_is_in_the_envelope_only(server):
    item = caught(server, to="to@example.org", bcc="secret@example.org", subject="Bcc")
    assert item["rcpt_to"] == ["to@example.org", "secret@example.org"] and item["mail_from"] == "billing@example.com"
    raw = server.get(f"{PATH}/{item['id']}/raw").body
    assert b"secret@" not in raw and item["tls"] is None


def test_waiting_tests_each_get_their_own_mail(server):
    """As parallel tests do: all wait first, then all send."""
    names = [uuid.uuid4().hex for _ in range(30)]
    with concurrent.futures.ThreadPoolExecutor(60) as pool:
        waits = {n: pool.submit(wait_for, server, to=f"{n}@EXAMPLE.org", subject=f"mail {n}", timeout=30) for n in names}
        sent = [pool.submit(server.send, letter(to=f"{n}@example.org", subject=f"A mail {n} ü")) for n in names]
        concurrent.futures.wait(sent)
        for n, wait in waits.items():
            assert wait.result().json()["rcpt_to"] == [f"{n}@example.org"]
    assert all(s.result()["status"] == "sent" for s in sent)


def test_a_wait_in_vain_ends_in_time(server):
    answer = wait_for(server, to="nobody@example.org", timeout=0)
    assert answer.status == 404 and answer.problem()["code"] == "not_found"


def test_pages_lead_through_all_messages(serve):
    server = serve()
    for i in range(7):
        server.send(letter(subject=f"mail {i}"))
    subjects, cursor = [], ""
    while cursor is not None:
        page = server.get(f"{PATH}?limit=3" + (f"&cursor={cursor}" if cursor else "")).json()
        subjects += [m["subject"] for m in page["messages"]]
        assert all("text" not in m and "html" not in m for m in page["messages"])
        cursor = page["next_cursor"]
    assert subjects == [f"mail {i}" for i in reversed(range(7))]
    one = server.get(f"{PATH}?limit=1").json()["messages"][0]["id"]
    assert server.request("DELETE", f"{PATH}/{one}").status == 204
    assert server.get(f"{PATH}/{one}").status == 404
    assert len(server.get(PATH).json()["messages"]) == 6
    assert server.request("DELETE", PATH).status == 204
    assert server.get(PATH).json() == {"messages": [], "next_cursor": None}


def test_without_a_sandbox_relay_it_is_404(serve, new_relay):
    relay = new_relay()
    server = serve(env={"MAILHATCH_RELAY": f"smtp://127.0.0.1:{relay.port}?tls=none"})
    for method, path in [("GET", PATH), ("DELETE", PATH), ("GET", f"{PATH}/wait"), ("GET", f"{PATH}/x/raw")]:
        answer = server.request(method, path)
        assert answer.status == 404 and "sandbox:" in answer.problem()["detail"]


def test_with_keys_it_needs_the_admin_scope(serve):
    key = "tester.0123456789abcdef0123456789abcdef"
    server = serve(env={"MAILHATCH_API_KEY": key})
    assert server.get(PATH).status == 401
    assert server.get(PATH, Authorization=f"Bearer {key}").status == 200
