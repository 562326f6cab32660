# SPDX-License-Identifier: MIT
"""AUTH that Dovecot judges for Postfix: every mechanism we have against an implementation that is neither ours nor
Cyrus's, with access tokens that it checks by itself."""
import uuid

import dovecot
import pytest
from mailhatch import letter
from waiting import until

PASSWORDS = ["plain", "login", "scram-sha-256", "cram-md5"]
TOKENS = {"xoauth2": '"status":"401"', "oauthbearer": '"status":"invalid_token"'}  # what Dovecot says of a wrong one


def config(server, authority, mechanism, **secret):
    relay = {"url": f"smtp://localhost:{server.starttls}", "tls": {"ca_file": authority.ca_file}, "auth": [mechanism],
             "username": server.user, **secret}
    return {"store": "memory", "relays": {"main": relay}}


def assert_delivered(gateway, server, mechanism):
    token = uuid.uuid4().hex
    answer = gateway.send(letter(text=token))
    assert answer["status"] == "sent", answer
    assert server.inbox.mail_with(token.encode())
    until("Postfix has logged it", lambda: f"sasl_method={mechanism.upper()}, sasl_username={server.user}" in server.log())


@pytest.mark.parametrize("mechanism", PASSWORDS)
def test_password_is_taken(serve, postfix_with_dovecot, authority, mechanism):
    server = postfix_with_dovecot
    gateway = serve(config=config(server, authority, mechanism, password=server.password), secrets=[server.password])
    assert_delivered(gateway, server, mechanism)


@pytest.mark.parametrize("mechanism", TOKENS)
def test_access_token_is_taken(serve, postfix_with_dovecot, authority, mechanism):
    server = postfix_with_dovecot
    token = dovecot.token(server.user)
    gateway = serve(config=config(server, authority, mechanism, oauth2={"access_token": token}), secrets=[token])
    assert_delivered(gateway, server, mechanism)


@pytest.mark.parametrize("mechanism", PASSWORDS)
def test_wrong_password_is_named(serve, postfix_with_dovecot, authority, mechanism):
    gateway = serve(config=config(postfix_with_dovecot, authority, mechanism, password="not the password"),
                    secrets=["not the password"])
    recipient = gateway.send_one(letter())
    assert recipient["reason"] == "auth_failed" and recipient["smtp"]["code"] == 535, recipient


@pytest.mark.parametrize("mechanism", TOKENS)
@pytest.mark.parametrize("wrong", [{"lifetime_s": -10}, {"key": b"another key"}])
def test_wrong_access_token_is_named(serve, postfix_with_dovecot, authority, mechanism, wrong):
    """Dovecot says why in a challenge, which has to be answered before it refuses (RFC 7628 sec. 3.2.3)."""
    token = dovecot.token(postfix_with_dovecot.user, **wrong)
    gateway = serve(config=config(postfix_with_dovecot, authority, mechanism, oauth2={"access_token": token}),
                    secrets=[token])
    recipient = gateway.send_one(letter())
    assert recipient["reason"] == "auth_failed" and recipient["smtp"]["code"] == 535, recipient
    assert "refused the access token" in recipient["detail"] and TOKENS[mechanism] in recipient["detail"], recipient
