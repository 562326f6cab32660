# SPDX-License-Identifier: MIT
"""One key sends far more than the relay takes; another one's mail does not wait behind all of it."""
import mailhatch
import pytest
from mailhatch import letter
from waiting import until

FLOOD = 300  # more than is in hand at once
RATE = 40    # the relay's, per second: the flood takes seconds
KEYS = {name: f"{name}.{name}-secret-0123456789abcdef" for name in ("flooder", "other")}


def authorization(name):
    return {"Authorization": f"Bearer {KEYS[name]}"}


@pytest.mark.parametrize("store", ["sqlite", "memory"])
def test_mail_of_another_key_is_sent_amid_a_flood(relay, store):
    config = {"relays": {"r": {"url": f"smtp://127.0.0.1:{relay.port}?tls=none", "rate": f"{RATE}/s", "burst": 1}},
              "store": {"engine": store},
              "api_keys": [{"name": name, "key": key} for name, key in KEYS.items()]}
    with mailhatch.running(config=config) as server:
        batch = {"messages": [letter(subject="flood") for _ in range(FLOOD)]}
        assert server.post(batch, "/v1/messages/batch", **authorization("flooder")).status in (200, 202)
        until("the flood has begun", lambda: len(relay.messages) >= 3)
        for n in range(3):
            before = len(relay.messages)
            assert server.send(letter(subject=f"other {n}"), **authorization("other"))["status"] == "sent"
            between = len(relay.messages) - before
            assert between < FLOOD // 10, f"{between} mails were sent first"
        assert len(relay.messages) < FLOOD, "the flood was over before"
