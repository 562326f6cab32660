# SPDX-License-Identifier: MIT
"""Relays that take access tokens: a real token endpoint over HTTPS, a scripted relay that knows which tokens are
good, and the ways in which the two can fail."""
import concurrent.futures
import json

import pytest
import relay
from mailhatch import cli, letter
from token_server import TokenServer
from waiting import until

CLIENT, SECRET, USER = "11111111-aaaa", "hush~a client secret", "billing@example.com"
REFRESH = "1//refresh-token-that-no-log-may-show"
SCOPE = "https://outlook.office365.com/.default"
SECRETS = [SECRET, REFRESH, "eyJ0eXAi"]  # the last: how every access token starts
SOON = {"schedule": ["100ms"], "jitter": 0}


@pytest.fixture
def endpoint(authority):
    server = TokenServer(authority.good, CLIENT, SECRET, REFRESH)
    yield server
    server.close()


@pytest.fixture
def mailbox(authority, endpoint):
    server = relay.Relay(tls="starttls", pair=authority.good, user=USER, tokens=endpoint.tokens)
    yield server
    server.close()


def config(mailbox, authority, endpoint, **oauth2):
    settings = {"token_url": endpoint.url, "client_id": CLIENT, "client_secret": SECRET, "scope": SCOPE,
                "ca_file": authority.ca_file, **oauth2}
    return {"store": "memory", "relays": {"m365": {
        "url": f"smtp://localhost:{mailbox.port}", "username": USER, "tls": {"ca_file": authority.ca_file},
        "oauth2": {name: value for name, value in settings.items() if value is not None}}}}


class AllButTheFirst:
    """The tokens of an endpoint that are good when its first one was revoked."""

    def __init__(self, tokens):
        self._tokens = tokens

    def __contains__(self, token):
        return token in self._tokens[1:]


@pytest.mark.parametrize("grant", ["client_credentials", "refresh_token"])
def test_one_token_serves_all_connections(serve, mailbox, authority, endpoint, grant, tmp_path):
    refresh_file = tmp_path / "refresh"
    refresh_file.write_text(REFRESH + "\n")
    options = {"refresh_token_file": str(refresh_file)} if grant == "refresh_token" else {}
    gateway = serve(config=config(mailbox, authority, endpoint, **options), secrets=SECRETS)
    with concurrent.futures.ThreadPoolExecutor(12) as pool:
        answers = list(pool.map(lambda _: gateway.send(letter()), range(24)))
    assert [a["status"] for a in answers] == ["sent"] * 24
    assert len(endpoint.forms) == 1
    assert endpoint.forms[0] == {"grant_type": grant, "client_id": CLIENT, "client_secret": SECRET, "scope": SCOPE,
                                 **({"refresh_token": REFRESH} if options else {})}
    assert {m.user for m in mailbox.messages} == {USER} and {m.tls for m in mailbox.messages} == {"TLSv1.3"}


def test_oauthbearer_is_spoken_where_it_is_preferred(serve, mailbox, authority, endpoint):
    settings = config(mailbox, authority, endpoint)
    settings["relays"]["m365"]["auth"] = ["oauthbearer"]
    gateway = serve(config=settings, secrets=SECRETS)
    assert gateway.send(letter())["status"] == "sent"
    assert b"AUTH OAUTHBEARER " in mailbox.received[0]


def test_revoked_token_is_fetched_anew_once_and_no_message_is_lost(serve, mailbox, authority, endpoint):
    gateway = serve(config=config(mailbox, authority, endpoint), secrets=SECRETS)
    mailbox.tokens = AllButTheFirst(endpoint.tokens)
    assert gateway.send(letter())["status"] == "sent"
    assert len(endpoint.forms) == 2
    (view,) = gateway.get("/v1/relays").json()["relays"]
    assert view["state"] == "up" and view["last_error"] is None


def test_token_that_the_relay_never_takes_opens_the_breaker(serve, mailbox, authority, endpoint):
    mailbox.tokens = ()
    gateway = serve(config=config(mailbox, authority, endpoint), secrets=SECRETS)
    recipient = gateway.send_one(letter())
    assert recipient["category"] == "auth" and recipient["smtp"]["code"] == 535, recipient
    view = gateway.get("/v1/relays/m365").json()
    assert view["breaker"]["state"] == "open" and view["state"] == "down"
    assert view["last_error"]["reason"] == "auth_failed" and "access token" in view["last_error"]["detail"]
    assert len(endpoint.forms) == 2 and len(mailbox.received) == 2
    gateway.send_one(letter())
    assert len(endpoint.forms) == 2 and len(mailbox.received) == 2


def test_token_endpoint_that_is_down_loses_no_mail(serve, mailbox, authority, endpoint):
    port = endpoint.port
    endpoint.close()
    gateway = serve(config={**config(mailbox, authority, endpoint), "retry": SOON}, secrets=SECRETS)
    answer = gateway.post(letter()).json()
    view = until("the relay has an error", lambda: gateway.get("/v1/relays/m365").json()["last_error"])
    assert view["reason"] == "auth_temporary" and view["detail"].startswith("no access token from https://127.0.0.1:")
    late = TokenServer(authority.good, CLIENT, SECRET, port=port)
    mailbox.tokens = late.tokens
    try:
        until("the message is sent", lambda: gateway.get("/v1/messages/" + answer["id"]).json()["status"] == "sent")
    finally:
        late.close()
    assert len(mailbox.messages) == 1


def test_wrong_client_secret_is_named_and_the_endpoint_left_alone(serve, mailbox, authority, endpoint):
    gateway = serve(config=config(mailbox, authority, endpoint, client_secret="wrong-one-that-stays-secret"),
                    secrets=["wrong-one-that-stays-secret"])
    for _ in range(3):
        recipient = gateway.send_one(letter())
        assert recipient["category"] == "auth", recipient
    view = gateway.get("/v1/relays/m365").json()["last_error"]
    assert view["reason"] == "auth_failed" and "invalid_client: AADSTS7000215" in view["detail"]
    assert len(endpoint.forms) == 1 and not mailbox.received


def test_fixed_token_follows_its_file(serve, mailbox, authority, endpoint, tmp_path):
    mailbox.tokens = ["second-token"]
    file = tmp_path / "token"
    file.write_text("first-token\n")
    settings = config(mailbox, authority, endpoint)
    settings["relays"]["m365"]["oauth2"] = {"access_token_file": str(file)}
    gateway = serve(config=settings, secrets=["first-token", "second-token"])
    assert gateway.send_one(letter())["category"] == "auth"
    file.write_text("second-token\n")
    assert gateway.send(letter())["status"] == "sent"


def test_check_shows_the_token_s_way_over_api_and_command_line(serve, mailbox, authority, endpoint, tmp_path):
    settings = config(mailbox, authority, endpoint)
    gateway = serve(config=settings, secrets=SECRETS)
    answer = gateway.post(b"", "/v1/relays/m365/check")
    assert answer.status == 200 and answer.json()["ok"], answer.body
    assert {"AUTH XOAUTH2 ********"} <= {line["text"] for line in answer.json()["transcript"]}
    file = tmp_path / "m.yaml"
    file.write_text(json.dumps(settings))
    run = cli("relay", "check", "m365", "--config", str(file))
    assert run.returncode == 0 and b"> AUTH XOAUTH2 ********" in run.stdout, run
    assert len(endpoint.forms) == 2
    for text in (answer.body.decode(), (run.stdout + run.stderr).decode()):
        assert not [secret for secret in SECRETS if secret in text]
    endpoint.error = (400, {"error": "invalid_grant", "error_description": "revoked"})
    run = cli("relay", "check", "m365", "--config", str(file))
    assert run.returncode == 1 and b"HTTP 400 invalid_grant: revoked" in run.stderr, run
