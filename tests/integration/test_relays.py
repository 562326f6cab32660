# SPDX-License-Identifier: MIT
"""Relays tried out by operators: over the API and on the command line, against right and wrong ones."""
import concurrent.futures
import json

import pytest
import relay as scripted
from mailhatch import cli, letter
from waiting import until

USER, PASSWORD = "postbox", "a password that no transcript may show"


def urls(port, **what):
    scheme, secret = what.get("scheme", "smtp"), PASSWORD.replace(" ", "%20")
    return f"{scheme}://{USER}:{secret}@{what.get('host', 'localhost')}:{port}"


@pytest.mark.parametrize("scheme, tls", [("smtp", "starttls"), ("smtps", "implicit")])
def test_check_over_the_api_shows_the_whole_conversation(serve, new_relay, authority, scheme, tls):
    relay = new_relay(tls=tls, pair=authority.good, user=USER, password=PASSWORD)
    gateway = serve(config={"store": "memory", "relays": {"main": {
        "url": urls(relay.port, scheme=scheme), "tls": {"ca_file": authority.ca_file}}}}, secrets=[PASSWORD])
    answer = gateway.post(b"", "/v1/relays/main/check")
    assert answer.status == 200, answer.body
    check = answer.json()
    assert check["ok"] and check["advice"] is None and check["tls"]["version"] == "TLSv1.3"
    assert check["tls"]["certificate"]["names"] == "localhost, 127.0.0.1"
    assert "AUTH PLAIN LOGIN" in check["capabilities"]
    said = [(line["from"], line["text"]) for line in check["transcript"]]
    for line in [("client", "AUTH PLAIN ********"), ("relay", "235 2.7.0 welcome"), ("client", "NOOP"),
                 ("client", "QUIT"), ("relay", "221 2.0.0 bye")]:
        assert line in said, said
    assert [line["ms"] for line in check["transcript"]] == sorted(line["ms"] for line in check["transcript"])
    assert PASSWORD not in answer.body.decode() and not relay.messages


def test_check_names_the_mistake_whatever_state_the_relay_is_in(serve, new_relay, authority):
    relay = new_relay(tls="implicit", pair=authority.self_signed)
    gateway = serve(config={"store": "memory", "relays": {"main": {
        "url": f"smtps://localhost:{relay.port}", "tls": {"ca_file": authority.ca_file}}}})
    gateway.post(b"", "/v1/relays/main/pause")
    check = gateway.post(b"", "/v1/relays/main/check").json()
    assert (check["ok"], check["stage"], check["reason"]) == (False, "tls", "tls_cert_untrusted")
    pin = check["tls"]["certificate"]["pin"]
    assert pin in check["advice"]
    # The advice works.
    gateway = serve(config={"store": "memory", "relays": {"main": {
        "url": f"smtps://localhost:{relay.port}", "tls": {"pins": [pin]}}}})
    assert gateway.post(b"", "/v1/relays/main/check").json()["ok"]
    assert gateway.send(letter())["status"] == "sent"


def test_sixteen_checks_run_at_a_time(serve, new_relay):
    relay = new_relay(replies={"greeting": scripted.STALL})
    gateway = serve(config={"store": "memory", "relays": {"main": f"smtp://127.0.0.1:{relay.port}?tls=none"}})
    with concurrent.futures.ThreadPoolExecutor(16) as pool:
        running = [pool.submit(gateway.post, b"", "/v1/relays/main/check") for _ in range(16)]
        until("all are connected", lambda: len(relay.received) >= 16)
        one_more = gateway.post(b"", "/v1/relays/main/check")
        assert one_more.status == 503 and one_more.problem()["code"] == "overloaded"
        relay.close()
        assert {check.result().json()["reason"] for check in running} == {"conn_closed"}


def test_command_line_names_the_url_that_works(new_relay, authority):
    relay = new_relay(tls="implicit", pair=authority.good, user=USER, password=PASSWORD)
    wrong = cli("relay", "check", env={"MAILHATCH_RELAY": urls(relay.port)})
    assert wrong.returncode == 1 and b"wrong_tls_mode" in wrong.stdout, wrong
    advice = wrong.stdout.decode().split("try: use ")[1].split("\n")[0]
    assert advice == f"smtps://localhost:{relay.port}"
    right = cli("relay", "check", "--ca-file", authority.ca_file, env={
        "MAILHATCH_RELAY": advice.replace("smtps://", urls(0, scheme="smtps").split("localhost")[0])})
    assert right.returncode == 0 and b"OK: the relay can be used over TLSv1.3" in right.stdout, right
    assert b"pin      sha256/" in right.stdout
    for run in (wrong, right):
        assert PASSWORD.encode() not in run.stdout + run.stderr


def test_wrong_password_and_unknown_ca_are_told_apart(new_relay, authority, tmp_path):
    relay = new_relay(tls="starttls", pair=authority.good, user=USER, password="another")
    file = tmp_path / "m.yaml"
    file.write_text(json.dumps({"relays": {"main": {"url": urls(relay.port), "tls": {"ca_file": authority.ca_file}}}}))
    refused = cli("relay", "check", "main", "--config", str(file))
    assert refused.returncode == 1 and b"FAILED at AUTH: auth_failed" in refused.stdout, refused
    unknown = cli("relay", "check", urls(relay.port))
    assert unknown.returncode == 1 and b"FAILED at tls: tls_cert_untrusted" in unknown.stdout, unknown
    assert b"tls.ca_file" in unknown.stdout
    assert PASSWORD.encode() not in refused.stdout + unknown.stdout


def test_usage_and_configuration_have_their_own_exit_codes():
    assert cli("relay").returncode == 2
    assert cli("relay", "check", "smtp://").returncode == 3
    assert cli("relay", "check", "nobody").returncode == 1
    assert cli("relay", "--help").returncode == 0


def test_ls_is_a_table_of_a_running_server(serve, new_relay):
    relay = new_relay()
    gateway = serve(config={"store": "memory", "relays": {"main": f"smtp://127.0.0.1:{relay.port}?tls=none",
                                                          "dead": "smtp://127.0.0.1:1?tls=none"}})
    gateway.send(letter(relay="main"))
    gateway.send_one(letter(relay="dead"))
    table = cli("relay", "ls", "--url", f"http://127.0.0.1:{gateway.port}")
    assert table.returncode == 0, table
    lines = table.stdout.decode().split("\n")
    assert lines[1].split()[:3] == ["main", "up", "closed"]
    assert lines[2].split()[:3] == ["dead", "degraded", "closed"] and "conn_refused at connect" in lines[3]
    assert cli("relay", "ls", "--url", "http://127.0.0.1:1").returncode == 1
