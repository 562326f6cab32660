# SPDX-License-Identifier: MIT
"""Servers, relays and certificates for every test below. What a relay got is put to the wire oracle,
and each server's end is checked, whatever the test itself looks at."""
import contextlib

import certificates
import dovecot
import exim
import mail_server
import mailer as mailer_module
import mailhatch
import opensmtpd
import postfix
import pytest
import relay
import smtp_sink



@pytest.fixture(scope="session")
def authority(tmp_path_factory):
    return certificates.Authority(tmp_path_factory.mktemp("ca"))


@pytest.fixture(scope="session")
def real_postfix(authority):
    with mail_server.running(postfix.Postfix, authority.good) as server:
        yield server


@pytest.fixture(scope="session")
def postfix_with_dovecot(authority):
    with mail_server.running(dovecot.DovecotPostfix, authority.good) as server:
        yield server


@pytest.fixture(scope="session")
def real_exim(authority):
    with mail_server.running(exim.Exim, authority.good) as server:
        yield server


@pytest.fixture(scope="session")
def real_opensmtpd(authority):
    with mail_server.running(opensmtpd.OpenSmtpd, authority.good) as server:
        yield server


@pytest.fixture
def sink():
    with smtp_sink.running() as server:
        yield server
        assert server.violations() == []


@pytest.fixture
def new_relay():
    """new_relay(tls="starttls", pair=…, rcpt={…}) → a scripted relay."""
    relays = []

    def start(**options):
        relays.append(relay.Relay(**options))
        return relays[-1]

    yield start
    for one in relays:
        one.close()
    assert [v for one in relays for v in one.violations] == []


@pytest.fixture(name="relay")
def one_relay(new_relay):
    """A scripted relay that takes everything."""
    return new_relay()


@pytest.fixture
def serve():
    """serve(env={…}, config={…}) → a running server; checked at its end."""
    with contextlib.ExitStack() as stack:
        yield lambda **options: stack.enter_context(mailhatch.running(**options))


@pytest.fixture(scope="module")
def sandbox_server():
    """One server with the built-in relay for all tests of a file."""
    with mailhatch.running() as server:
        yield server


@pytest.fixture(scope="module")
def mailer():
    """A server and a relay that takes everything, for all tests of a file."""
    with mailer_module.running() as pair:
        yield pair
