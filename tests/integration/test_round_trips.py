# SPDX-License-Identifier: MIT
"""What a message costs in round trips on a warm connection, seen on a line with 20 ms between us and the relay."""
import delay_line
import pytest
from mailhatch import letter
from waiting import until

RTT_S = 0.02
MESSAGES = 8  # the quickest of them counts: others may have waited for a processor


@pytest.fixture
def line():
    lines = []

    def start(port):
        lines.append(delay_line.DelayLine(port, RTT_S))
        return lines[-1]

    yield start
    for one in lines:
        one.close()


def shown(flights):
    """The flights in a line: who spoke, and the first words of its lines but the content's."""
    verbs = (b"MAIL", b"RCPT", b"DATA", b"BDAT", b"RSET", b".\r\n")
    return " | ".join(who + " " + " ".join(
        part[:4].decode().strip() for part in octets.splitlines(keepends=True)
        if who == "S" or part.startswith(verbs)) for who, octets in flights)


def course(gateway, line, **options):
    """The flights of one message on a warm connection, and the shortest time that one took in round trips."""
    gateway.send(letter(**options))
    shortest = None
    for _ in range(MESSAGES):
        seen = len(line.trace)
        assert gateway.send(letter(**options))["status"] == "sent"
        trace = line.trace[seen:]
        took = (trace[-1][0] - trace[0][0]) / RTT_S
        shortest = took if shortest is None else min(shortest, took)
    flights = delay_line.flights(trace)
    print(f"{shortest:.2f} round trips: {shown(flights)}")
    return flights, shortest


def config(line, **options):
    return {"store": "memory", "relays": {"main": {"url": f"smtp://127.0.0.1:{line.port}?tls=none", "pool": {"connections": 1},
                                                   **options}}}


def test_one_with_chunking(serve, real_postfix, line):
    far = line(real_postfix.plain)
    flights, took = course(serve(config=config(far)), far, to=["ann@example.org", "bob@example.org"])
    assert shown(flights) == "C MAIL RCPT RCPT BDAT | S 250 250 250 250"
    assert 1 <= took < 2, took


def test_two_with_chunking_where_one_flight_is_off(serve, real_postfix, line):
    far = line(real_postfix.plain)
    flights, took = course(serve(config=config(far, one_flight="off")), far)
    assert shown(flights) == "C MAIL RCPT | S 250 250 | C BDAT | S 250"
    assert 2 <= took < 3, took


def test_two_with_data(serve, new_relay, line):
    far = line(new_relay().port)
    flights, took = course(serve(config=config(far)), far)
    assert shown(flights) == "C MAIL RCPT DATA | S 250 250 354 | C . | S 250"
    assert 2 <= took < 3, took


def test_a_large_body_waits_for_the_recipients(serve, real_postfix, line):
    far = line(real_postfix.plain)
    gateway = serve(config=config(far))
    gateway.send(letter())
    seen = len(far.trace)
    answer = gateway.send(letter(to=["nobody@example.org"], text="x" * 70 + "\n" + "line of text\n" * 8000))
    assert answer["status"] == "rejected", answer
    until("the transaction is over", lambda: b"RSET" in b"".join(p for _, who, p in far.trace[seen:] if who == "C"))
    flights = delay_line.flights(far.trace[seen:])
    assert shown(flights[:2]) == "C MAIL RCPT | S 250 550", "the content went out before the answer to RCPT"
    assert b"BDAT" not in b"".join(octets for who, octets in flights if who == "C")
