# SPDX-License-Identifier: MIT
"""The providers' own npm SDKs against a server's facades, and the mail that came of it."""
import base64
import json
import pathlib
import subprocess
import uuid

import mail_reading

_MJS = pathlib.Path(__file__).parents[1] / "integration/sdk.mjs"
KEY_ID, KEY_SECRET = "app", "0123456789abcdef0123456789abcdef"
KEY = f"{KEY_ID}.{KEY_SECRET}"
SANDBOX = "/v1/sandbox/messages"
PNG = base64.b64decode("iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==")


def subject_of(what):
    """One that no other mail has."""
    return f"{what}-{uuid.uuid4().hex[:12]}"


def buffer(content):
    """An argument that the SDK gets as a Buffer."""
    return {"$buffer": base64.b64encode(content).decode()}


def calls(server, facade, package, *wanted, key=KEY, base=None, client=None):
    """What each call gave: {"value": …} or {"error": …}. client: one of sdk.mjs, when it is not named as the facade."""
    request = {"sdk": client or facade, "package": package, "url": base or f"http://127.0.0.1:{server.port}/compat/{facade}",
               "key": key, "calls": wanted}
    run = subprocess.run(["node", str(_MJS)], input=json.dumps(request), capture_output=True, text=True, timeout=60, check=False)
    assert run.returncode == 0, run.stderr[-3000:]
    results = json.loads(run.stdout)
    assert len(results) == len(wanted)
    return results


def call(server, facade, package, *wanted, **options):
    (result,) = calls(server, facade, package, wanted, **options)
    return result


def asking(server, method, path, key=KEY, **options):
    """Our own API with the key."""
    return server.request(method, path, headers={"Authorization": f"Bearer {key}"}, **options)


def asking_json(server, method, path, body, key=KEY):
    answer = server.request(method, path, json.dumps(body), {"Authorization": f"Bearer {key}", "Content-Type": "application/json"})
    assert answer.status < 300, answer
    return answer.json()


def settled(server, message_id, key=KEY):
    """The message once nothing more will be tried."""
    return server.request("GET", f"/v1/messages/{message_id}", headers={"Authorization": f"Bearer {key}", "Prefer": "wait=30"}).json()


def caught(server, subject):
    """(mail as an independent parser reads it, its sandbox item, raw bytes) of the one mail with that subject."""
    found = asking(server, "GET", f"{SANDBOX}/wait?timeout=20&subject={subject}").json()
    raw = asking(server, "GET", f"{SANDBOX}/{found['id']}/raw").body
    return mail_reading.by_python(raw), found, raw
