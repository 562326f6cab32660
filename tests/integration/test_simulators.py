# SPDX-License-Identifier: MIT
"""The sandbox relay's simulator recipients over the whole gateway: each says what its address asks for."""
import time

import mailhatch
import pytest
from mailhatch import letter
from waiting import until


@pytest.fixture(scope="module")
def server():
    with mailhatch.running(config={"store": "memory", "retry": {"schedule": ["1h"]}}) as running:
        yield running


def by_email(answer):
    return {r["email"]: r for r in answer["recipients"]}


def smtp_of(recipient):
    smtp = recipient["smtp"]
    return smtp["command"], smtp.get("code"), smtp.get("enhanced", "")


def test_one_request_tells_every_recipient_its_own(server):
    to = {name: f"{name}@example.org" for name in
          ("ann", "reject+550", "reject+550-5.1.1", "defer+451", "defer+452-4.2.2", "slow+1s")}
    start = time.monotonic()
    got = by_email(server.send(letter(to=list(to.values()))))
    assert time.monotonic() - start >= 1
    assert {name: got[email]["status"] for name, email in to.items()} == {
        "ann": "sent", "reject+550": "rejected", "reject+550-5.1.1": "rejected",
        "defer+451": "deferred", "defer+452-4.2.2": "deferred", "slow+1s": "sent"}
    assert {name: smtp_of(got[email]) for name, email in to.items()} == {
        "ann": ("DATA", 250, "2.0.0"), "reject+550": ("RCPT", 550, "5.1.1"), "reject+550-5.1.1": ("RCPT", 550, "5.1.1"),
        "defer+451": ("RCPT", 451, "4.3.0"), "defer+452-4.2.2": ("RCPT", 452, "4.2.2"), "slow+1s": ("DATA", 250, "2.0.0")}
    assert all(r["smtp"]["text"] for r in got.values())
    assert not got[to["reject+550"]]["retryable"] and got[to["defer+451"]]["retryable"]


def test_each_in_a_transaction_of_its_own(server):
    """What ends a connection does not touch the others then."""
    got = by_email(server.send(letter(
        to=[f"{name}@example.org" for name in ("ann", "reject+550-5.1.1", "defer+451", "slow+1s", "drop-after-dot", "busy+421")],
        delivery={"mode": "individual"})))
    assert {email.split("@")[0]: (r["status"], *smtp_of(r)) for email, r in got.items()} == {
        "ann": ("sent", "DATA", 250, "2.0.0"), "reject+550-5.1.1": ("rejected", "RCPT", 550, "5.1.1"),
        "defer+451": ("deferred", "RCPT", 451, "4.3.0"), "slow+1s": ("sent", "DATA", 250, "2.0.0"),
        "drop-after-dot": ("deferred", "DATA", None, ""), "busy+421": ("deferred", "RCPT", 421, "4.3.2")}
    assert [email.split("@")[0] for email, r in got.items() if r.get("uncertain")] == ["drop-after-dot"]
    assert all(r["smtp"]["text"] for r in got.values() if "code" in r["smtp"])


def test_in_one_transaction_what_ends_the_connection_defers_the_others(server):
    to = ["reject+550@example.org", "busy+421@example.org", "ann@example.org"]
    got = by_email(server.send(letter(to=to)))
    assert (got[to[0]]["status"], *smtp_of(got[to[0]])[:2]) == ("rejected", "RCPT", 550)
    assert all((got[email]["status"], got[email]["reason"]) == ("deferred", "relay_421") for email in to[1:])


def test_a_connection_dropped_after_the_dot_is_uncertain(server):
    got = by_email(server.send(letter(to=["drop-after-dot@example.org", "reject+551@example.org"])))
    lost, refused = got["drop-after-dot@example.org"], got["reject+551@example.org"]
    assert lost["uncertain"] and lost["status"] == "deferred" and "code" not in lost["smtp"], lost
    assert refused["status"] == "rejected" and smtp_of(refused)[:2] == ("RCPT", 551) and "uncertain" not in refused


@pytest.mark.parametrize("local_part, text", [("reject+250", "500 to 599"), ("defer+550", "400 to 499"),
                                              ("slow+61s", "60 seconds"), ("busy+450", "421"), ("defer+451x0", "x2")])
def test_an_address_that_only_looks_like_a_simulator_says_how(server, local_part, text):
    recipient = server.send_one(letter(to=f"{local_part}@example.org"))
    assert smtp_of(recipient) == ("RCPT", 553, "5.1.3") and text in recipient["smtp"]["text"], recipient


def test_a_deferred_recipient_is_taken_at_the_retry(serve):
    server = serve(config={"store": "memory", "retry": {"schedule": ["1s", "1s", "1s"]}})
    answer = server.post(letter(to="defer+451x2@example.org"))
    assert answer.status == 202

    def sent():
        """The wait ends with every change, of which there are several."""
        (recipient,) = server.get(answer.headers["location"], Prefer="wait=30").json()["recipients"]
        return recipient if recipient["status"] == "sent" else None

    assert until("it is sent", sent)["attempts"] == 3
