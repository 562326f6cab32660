# SPDX-License-Identifier: MIT
"""A relay that never answers, with more mail waiting for it than fits in memory, does not hold up another."""
import concurrent.futures
import datetime
import json
import time

import mailhatch
import pytest
from mailhatch import letter
from relay import STALL, Relay

WAITING = 2600  # more than may be read back from the store at once
OTHERS = 40


def post_all(server, messages):
    def client(part):
        connection = server.connection()
        for message in part:
            connection.request("POST", "/v1/messages", json.dumps(message), {"Content-Type": "application/json"})
            response = connection.getresponse()
            assert response.status == 202, response.read()
            response.read()

    with concurrent.futures.ThreadPoolExecutor(8) as pool:
        list(pool.map(client, [messages[i::8] for i in range(8)]))


@pytest.mark.alone
def test_a_silent_relay_fills_its_own_lane_only():
    silent, quick = Relay(replies={"MAIL": STALL}), Relay()
    config = {"relays": {name: {"url": f"smtp://127.0.0.1:{relay.port}?tls=none"}
                         for name, relay in (("silent", silent), ("quick", quick))},
              "routes": [{"match": {"tag": "silent"}, "relays": [{"relay": "silent"}]},
                         {"match": {}, "relays": [{"relay": "quick"}]}]}
    try:
        with mailhatch.running(config=config, binary=mailhatch.release_program()) as server:
            def soon():
                at = datetime.datetime.now(datetime.timezone.utc) + datetime.timedelta(seconds=3)
                return at.isoformat()

            post_all(server, [letter(tags=["silent"], scheduled_at=soon()) for _ in range(WAITING)])
            post_all(server, [letter(scheduled_at=soon()) for _ in range(OTHERS)])
            began = time.monotonic()
            quick.wait_for(OTHERS, 60)
            print(f"{OTHERS} mails after {time.monotonic() - began:.1f} s beside {WAITING} that wait")
            assert server.get("/v1/messages?status=sending&relay=silent&limit=1").json()["messages"]
    finally:
        silent.close()
        quick.close()
