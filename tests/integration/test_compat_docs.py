# SPDX-License-Identifier: MIT
"""The scripts of docs/compat.md, run as they are written: each sends one mail with everything in it; a
recipient that is no address is the SDK's own error."""
import pathlib
import re
import subprocess

import mailhatch
import pytest
import sdk
from mail_reading import headers

HERE = pathlib.Path(__file__).parent
PAGE = HERE.parents[1] / "docs/compat.md"
# What the SDK says of a recipient that is no address.
ERRORS = {"Resend": "validation_error", "Postmark": "InvalidEmailRequestError", "SendGrid v3": "ResponseError",
          "Amazon SES": "BadRequestException", "Mailgun": "MailgunAPIError"}
# What the script calls the image: Mailgun's SDK has its name for it.
IMAGE = {"Mailgun": "logo.png"}


def scripts():
    """{heading: the JavaScript below it}"""
    sections = re.split(r"^## (.+)$", PAGE.read_text(encoding="utf-8"), flags=re.M)[1:]
    blocks = {title: re.findall(r"^```js\n(.*?)^```$", text, flags=re.M | re.S) for title, text in zip(sections[::2], sections[1::2])}
    return {title: found[0] for title, found in blocks.items() if found}


@pytest.fixture
def server():
    with mailhatch.running(env={"MAILHATCH_API_KEY": sdk.KEY}, secrets=(sdk.KEY_SECRET,)) as one:
        yield one


def run(server, script):
    return subprocess.run(["node", "--input-type=module"], input=script, capture_output=True, text=True, timeout=120, check=False, cwd=HERE,
                          env={**mailhatch.environment(), "MAILHATCH_URL": f"http://127.0.0.1:{server.port}", "MAILHATCH_API_KEY": sdk.KEY})


@pytest.mark.parametrize("provider", list(ERRORS))
def test_the_script_sends_a_full_mail(server, provider):
    script = scripts()[provider]
    assert script.count("\n") <= 6
    ended = run(server, script)
    assert ended.returncode == 0, ended.stderr
    got, item, raw = sdk.caught(server, "Hello")
    assert got["from"] == [["Sender", "sender@example.com"]] and got["to"] == [["Ada", "ada@example.net"]]
    assert got["cc"] == [["", "carol@example.net"]] and headers(raw, "Bcc") == [] and headers(raw, "X-Order") == ["17"]
    assert item["rcpt_to"] == ["ada@example.net", "carol@example.net", "bob@example.org"]
    image = IMAGE.get(provider, "logo")
    assert got["text"].strip() == "Hello, Ada" and got["html"].strip() == f'<p>Hello, Ada <img src="cid:{image}"></p>'
    assert [(a["filename"], a["content_type"], a["content_id"], a["content"]) for a in got["attachments"]] == [
        ("logo.png", "image/png", f"<{image}>", sdk.PNG), ("report.txt", "text/plain", None, b"a report")]


@pytest.mark.parametrize("provider", list(ERRORS))
def test_a_bad_recipient_is_the_sdks_own_error(server, provider):
    script = scripts()[provider]
    assert "Ada <ada@example.net>" in script
    ended = run(server, script.replace("Ada <ada@example.net>", "not-an-address"))
    assert ERRORS[provider] in ended.stdout + ended.stderr, (ended.stdout, ended.stderr)
    assert sdk.asking(server, "GET", "/v1/messages").json()["messages"] == []


def test_every_script_of_the_page_is_run():
    assert set(scripts()) == set(ERRORS)
