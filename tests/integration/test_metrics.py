# SPDX-License-Identifier: MIT
"""/metrics as Prometheus sees it: its own checker, and a real server that scrapes ours."""
import pathlib
import re

import prometheus
from mailhatch import letter
from waiting import until

DOCS = pathlib.Path(__file__).parents[2] / "docs/operations.md"
# The public list; a name that disappears breaks somebody's dashboard.
NAMES = """http_requests_total http_request_duration_seconds messages_accepted_total recipients_total
    delivery_duration_seconds smtp_phase_duration_seconds smtp_connections smtp_connections_opened_total
    smtp_connection_reuses_total relay_up relay_breaker_state queue_messages queue_oldest_seconds
    store_commit_seconds store_batch_size dkim_sign_seconds prepare_seconds loop_lag_seconds inflight_bytes
    idempotency_total webhook_deliveries_total h2_guard_total build_info""".split()


def page(server):
    answer = server.get("/metrics")
    assert answer.status == 200 and answer.headers["Content-Type"].startswith("text/plain; version=0.0.4")
    return answer.body.decode()


def sample(text, name):
    """The value of one sample, 0 when it is not there."""
    found = re.search(rf"^{re.escape(name)} (\S+)$", text, re.M)
    return float(found[1]) if found else 0


def test_every_promised_metric_is_there_from_the_start(serve):
    text = page(serve())
    for name in NAMES:
        assert f"# TYPE mailhatch_{name} " in text, name


def test_the_documentation_lists_exactly_what_is_there(serve):
    shown = re.findall(r"^# TYPE mailhatch_(\S+) ", page(serve()), re.M)
    documented = re.findall(r"^\| `(\w+)` \|.*\| (?:counter|gauge|histogram): ", DOCS.read_text(), re.M)
    assert sorted(shown) == sorted(documented)


def test_promtool_finds_nothing_to_complain_about(serve):
    server = serve()
    server.send(letter())
    assert server.post(b"{").status == 400
    prometheus.promtool("check", "metrics", stdin=page(server).encode())


def test_one_message_moves_the_numbers(serve, new_relay):
    relay = new_relay(rcpt={"bob@example.org": "550 5.1.1 unknown"})
    server = serve(config={"relays": {"r1": {"url": f"smtp://127.0.0.1:{relay.port}?tls=none"}},
                           "store": {"engine": "sqlite"}})
    server.send(letter(to=["ann@example.org", "bob@example.org"]), Idempotency_Key="k")
    server.send(letter(), Idempotency_Key="k2")
    text = page(server)
    assert sample(text, "mailhatch_messages_accepted_total") == 2
    assert sample(text, 'mailhatch_idempotency_total{result="new"}') == 2
    assert sample(text, 'mailhatch_recipients_total{status="sent",relay="r1",category=""}') == 2
    assert sample(text, 'mailhatch_recipients_total{status="rejected",relay="r1",category="recipient"}') == 1
    assert sample(text, 'mailhatch_delivery_duration_seconds_count{relay="r1"}') == 3
    assert sample(text, 'mailhatch_smtp_phase_duration_seconds_count{relay="r1",phase="MAIL"}') == 2
    assert sample(text, 'mailhatch_smtp_connections_opened_total{relay="r1"}') == 1
    assert sample(text, 'mailhatch_smtp_connection_reuses_total{relay="r1"}') == 1
    assert sample(text, 'mailhatch_relay_up{relay="r1"}') == 1
    assert sample(text, 'mailhatch_http_requests_total{route="/v1/messages",code="200"}') == 2
    assert sample(text, "mailhatch_prepare_seconds_count") == 2
    assert sample(text, "mailhatch_store_commit_seconds_count") >= 2
    assert sample(text, 'mailhatch_queue_messages{state="queued"}') == 0
    assert sample(text, "mailhatch_loop_lag_seconds_count") > 0
    assert sample(text, "mailhatch_resident_memory_bytes") > 1 << 20


def test_what_clients_choose_makes_no_new_series(serve):
    server = serve()
    for i in range(20):
        assert server.get(f"/nothing/{i}").status == 404
        server.get(f"/v1/messages/0193a1b2-0000-7000-8000-{i:012}")
    text = page(server)
    routes = set(re.findall(r'http_requests_total\{route="([^"]*)"', text))
    assert routes <= {"none", "/readyz", "/metrics", "/v1/messages/{id}"}


def test_a_real_prometheus_scrapes_it(serve):
    server = serve()
    server.send(letter())
    with prometheus.scraping(f"127.0.0.1:{server.port}") as monitor:
        assert until("the first scrape", lambda: monitor.query('up{job="mailhatch"} == 1'), 60)
        ((_, accepted),) = until("the count", lambda: monitor.query("mailhatch_messages_accepted_total"))
        assert accepted == 1
        (((labels, value)),) = monitor.query("mailhatch_build_info")
        assert value == 1 and labels["version"]
        quantile = "histogram_quantile(0.5, mailhatch_delivery_duration_seconds_bucket)"
        ((labels, value),) = monitor.query(quantile)
        assert labels["relay"] == "sandbox" and value > 0
