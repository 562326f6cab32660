# SPDX-License-Identifier: MIT
"""Mail through real servers, Postfix, Exim and OpenSMTPD: both TLS modes, both AUTH mechanisms, read back from
where they deliver. And what the answer says when something is wrong with the relay."""
import concurrent.futures
import urllib.parse
import uuid

import mail_reading
import pytest
import relay
from mailhatch import letter
from waiting import free_port, until


def url_of(scheme, server, port, host="localhost", password=None, query=""):
    """A relay URL with the server's good credentials unless @password is given."""
    secret = urllib.parse.quote(server.password if password is None else password, safe="")
    return f"{scheme}://{server.user}:{secret}@{host}:{port}{query}"


def config(url, ca_file, **relay_options):
    return {"store": "memory", "relays": {"main": {"url": url, "tls": {"ca_file": ca_file}, **relay_options}}}


class RelayLogin:
    """Credentials of a scripted relay."""
    user, password = "postbox", "a password that no log may show"


@pytest.fixture(params=["postfix", "exim", "opensmtpd"])
def server(request):
    return request.getfixturevalue(f"real_{request.param}")


@pytest.fixture(params=["postfix", "exim"])
def modern_server(request):
    """One that offers PIPELINING, CHUNKING and SMTPUTF8, and repeats the envelope's id in its reports."""
    return request.getfixturevalue(f"real_{request.param}")


@pytest.mark.parametrize("mechanism", ["plain", "login"])
@pytest.mark.parametrize("scheme", ["smtp", "smtps"])
def test_mail_arrives_over_tls_with_auth(serve, server, authority, scheme, mechanism):
    port = server.starttls if scheme == "smtp" else server.implicit
    gateway = serve(config=config(url_of(scheme, server, port), authority.ca_file, auth=[mechanism]),
                    secrets=[server.password])
    token = uuid.uuid4().hex
    answer = gateway.send(letter(text=f"Grüße\n{token}\n", html=f"<p>Grüße</p>\n{token}",
                                 subject="Grüße aus der Prüfung"))
    assert answer["status"] == "sent"
    (recipient,) = answer["recipients"]
    assert recipient["smtp"]["code"] == 250 and recipient["smtp"]["tls"] == "TLSv1.3", recipient
    mail = server.inbox.mail_with(token.encode())
    for read in (mail_reading.by_python(mail), mail_reading.by_mailparser(mail)):
        assert read["subject"] == "Grüße aus der Prüfung"
        assert read["text"].strip() == f"Grüße\n{token}"
        assert read["message_id"] == answer["message_id"]


@pytest.mark.parametrize("mechanism", ["scram-sha-256", "cram-md5"])
def test_postfix_takes_a_proof_instead_of_the_password(serve, real_postfix, authority, mechanism):
    url = url_of("smtp", real_postfix, real_postfix.starttls)
    gateway = serve(config=config(url, authority.ca_file, auth=[mechanism]), secrets=[real_postfix.password])
    token = uuid.uuid4().hex
    answer = gateway.send(letter(text=token))
    assert answer["status"] == "sent", answer
    assert real_postfix.inbox.mail_with(token.encode())
    until("Postfix has logged it", lambda: f"sasl_method={mechanism.upper()}" in real_postfix.log())


@pytest.mark.parametrize("mechanism", ["scram-sha-256", "plain"])
def test_name_and_password_are_prepared(serve, real_postfix, authority, mechanism):
    """Roman nine, a no-break space, o with a combining diaeresis, a ligature, a soft hyphen in the name: Postfix keeps
    the prepared form and compares octets, or proofs made of them."""
    relay = {"url": f"smtp://localhost:{real_postfix.starttls}", "auth": [mechanism], "username": "j\u00fcr\u00adgen",
             "password": "\u2168\u00a0zwo\u0308lf \ufb01", "tls": {"ca_file": authority.ca_file}}
    gateway = serve(config={"store": "memory", "relays": {"main": relay}})
    token = uuid.uuid4().hex
    assert gateway.send(letter(text=token))["status"] == "sent"
    assert real_postfix.inbox.mail_with(token.encode())


@pytest.mark.parametrize("mechanism", ["scram-sha-256", "cram-md5"])
def test_wrong_password_in_a_proof_is_named(serve, real_postfix, authority, mechanism):
    url = url_of("smtp", real_postfix, real_postfix.starttls, password="not the password")
    gateway = serve(config=config(url, authority.ca_file, auth=[mechanism]), secrets=["not the password"])
    recipient = gateway.send_one(letter())
    assert recipient["reason"] == "auth_failed" and recipient["smtp"]["code"] == 535, recipient


@pytest.mark.parametrize("one_flight", ["auto", "off"])
@pytest.mark.parametrize("size", [100, 60_000, 1_000_000])
def test_mail_in_chunks_arrives_byte_by_byte(serve, modern_server, authority, one_flight, size):
    """Both servers offer CHUNKING; dots and all line ends must come out as they went in."""
    gateway = serve(config=config(url_of("smtp", modern_server, modern_server.starttls), authority.ca_file, one_flight=one_flight))
    token = uuid.uuid4().hex
    text = f".\n..\n.{token}\n" + "line of text\n" * (size // 13) + ".\n"
    answer = gateway.send(letter(text=text))
    (recipient,) = answer["recipients"]
    assert recipient["status"] == "sent" and recipient["smtp"]["command"] == "BDAT", recipient
    assert mail_reading.by_python(modern_server.inbox.mail_with(token.encode()))["text"] == text


@pytest.mark.parametrize("size", [100, 1_000_000])
def test_mail_arrives_byte_by_byte_command_by_command(serve, real_opensmtpd, authority, size):
    """It offers neither PIPELINING nor CHUNKING."""
    gateway = serve(config=config(url_of("smtp", real_opensmtpd, real_opensmtpd.starttls), authority.ca_file))
    token = uuid.uuid4().hex
    text = f".\n..\n.{token}\n" + "line of text\n" * (size // 13) + ".\n"
    answer = gateway.send(letter(to=["ann@example.org", "nobody@example.org"], text=text))
    ann, nobody = answer["recipients"]
    assert (ann["status"], ann["smtp"]["command"]) == ("sent", "DATA"), ann
    assert (nobody["status"], nobody["smtp"]["code"], nobody["smtp"]["command"]) == ("rejected", 524, "RCPT"), nobody
    assert mail_reading.by_python(real_opensmtpd.inbox.mail_with(token.encode()))["text"] == text


def test_one_environment_variable_is_enough(serve, real_postfix, authority):
    """The system's CAs do not know ours: OpenSSL's own variable says which to trust."""
    gateway = serve(env={"MAILHATCH_RELAY": url_of("smtp", real_postfix, real_postfix.starttls),
                         "SSL_CERT_FILE": authority.ca_file}, secrets=[real_postfix.password])
    token = uuid.uuid4().hex
    assert gateway.send(letter(text=token))["status"] == "sent"
    assert real_postfix.inbox.mail_with(token.encode())


def test_postfix_answers_for_each_recipient(serve, real_postfix, authority):
    gateway = serve(config=config(url_of("smtp", real_postfix, real_postfix.starttls), authority.ca_file))
    answer = gateway.send(letter(to=["ann@example.org", "nobody@example.org", "busy@example.org"]))
    ann, nobody, busy = answer["recipients"]
    assert answer["status"] == "deferred"  # because one of them may be tried again
    assert (ann["status"], ann["smtp"]["code"], ann["smtp"]["enhanced"]) == ("sent", 250, "2.0.0")
    assert (nobody["status"], nobody["smtp"]["code"], nobody["smtp"]["enhanced"]) == ("rejected", 550, "5.1.1")
    assert "User unknown in virtual mailbox table" in nobody["smtp"]["text"]
    assert nobody["retryable"] is False and nobody["category"] == "recipient"
    assert (busy["smtp"]["code"], busy["smtp"]["enhanced"]) == (451, "4.2.1")
    assert "Mailbox is busy" in busy["smtp"]["text"] and busy["retryable"] is True


@pytest.mark.parametrize("address", ["jürgen@example.org", "嘍嘊@example.org"])
def test_local_part_beyond_ascii_arrives_by_smtputf8(serve, modern_server, authority, address):
    gateway = serve(config=config(url_of("smtp", modern_server, modern_server.starttls), authority.ca_file))
    token = uuid.uuid4().hex
    answer = gateway.send(letter(to=[{"email": address, "name": "Jürgen"}], text=token))
    assert answer["status"] == "sent", answer
    mail = modern_server.inbox.mail_with(token.encode(), utf8_header=True)
    assert f"<{address}>\r\n".encode() in mail


def test_connections_are_reused(serve, real_postfix, authority):
    gateway = serve(config=config(url_of("smtp", real_postfix, real_postfix.starttls), authority.ca_file))
    for _ in range(3):
        assert gateway.send(letter())["status"] == "sent"
    until("one connection is logged", lambda: len(gateway.events("relay_connected")) == 1)


def test_the_delivery_that_was_asked_for_is_reported(serve, modern_server, authority):
    gateway = serve(config=config(url_of("smtp", modern_server, modern_server.starttls), authority.ca_file))
    order, silent = (uuid.uuid4().hex for _ in range(2))
    asked = letter(to=["bob@example.org"], envelope={"from": "carol@example.org"})
    gateway.send({**asked, "dsn": {"notify": ["never"], "envid": f"order+{silent} x"}})
    gateway.send({**asked, "dsn": {"ret": "headers", "notify": ["success"], "envid": f"order+{order} x"}})
    report = until("the report", lambda: modern_server.inbox.reports(order.encode()))[0].replace(b"rfc822;bob", b"rfc822; bob")
    assert any(form.encode() in report for form in (f"order+{order} x", f"order+2B{order}+20x"))  # Exim shows xtext
    assert b"Final-Recipient: rfc822; bob@example.org" in report and b"Action: delivered" in report
    assert b"content-type: text/rfc822-headers" in report.lower() or b"Content-Description: Message Headers" in report
    assert modern_server.inbox.reports(silent.encode()) == []


def test_many_at_once_arrive_once_each_over_few_connections(serve, server, authority):
    gateway = serve(config=config(url_of("smtp", server, server.starttls), authority.ca_file, pool={"connections": 4}))
    tokens = [uuid.uuid4().hex for _ in range(100)]
    with concurrent.futures.ThreadPoolExecutor(16) as pool:
        answers = list(pool.map(lambda token: gateway.send(letter(text=token)), tokens))
    assert {answer["status"] for answer in answers} == {"sent"}
    for token in tokens:
        server.inbox.mail_with(token.encode())
    assert [server.inbox.count(token.encode()) for token in tokens] == [1] * len(tokens)
    assert 1 <= len(gateway.events("relay_connected")) <= 4


def test_smtp_sink_takes_everything(serve, sink):
    gateway = serve(env={"MAILHATCH_RELAY": f"smtp://127.0.0.1:{sink.port}?tls=none"})
    gateway.send(letter(to=["ann@example.org"], bcc=["bob@example.org"], text=".\n..\n.dot\n"))
    ((mail_from, rcpts, content),) = sink.wait_for(1)
    assert mail_from == "billing@example.com" and sorted(rcpts) == ["ann@example.org", "bob@example.org"]
    assert mail_reading.by_python(content)["text"] == ".\n..\n.dot\n"


# What is wrong is named.

def test_wrong_password_is_named(serve, server, authority):
    gateway = serve(config=config(url_of("smtp", server, server.starttls, password="not the password"),
                                  authority.ca_file), secrets=["not the password"])
    recipient = gateway.send_one(letter())
    assert recipient["status"] == "deferred" and recipient["reason"] == "auth_failed", recipient
    assert recipient["category"] == "auth" and recipient["smtp"]["code"] == 535, recipient
    assert recipient["smtp"]["command"] == "AUTH", recipient


@pytest.mark.parametrize("scheme, port, right", [("smtp", "implicit", "smtps"), ("smtps", "starttls", "smtp")])
def test_wrong_tls_mode_is_named_with_the_right_url(serve, server, authority, scheme, port, right):
    port = getattr(server, port)
    gateway = serve(config=config(url_of(scheme, server, port), authority.ca_file))
    recipient = gateway.send_one(letter())
    assert recipient["reason"] == "wrong_tls_mode" and recipient["category"] == "tls", recipient
    assert f"{right}://localhost:{port}" in recipient["detail"], recipient


@pytest.mark.parametrize("tls", ["starttls", "implicit"])
@pytest.mark.parametrize("certificate, reason, detail", [
    ("expired", "tls_cert_expired", "expired"),
    ("not_yet_valid", "tls_cert_not_yet_valid", "not valid before"),
    ("wrong_host", "tls_cert_name", "mail.elsewhere.example"),
    ("self_signed", "tls_cert_untrusted", "self-signed"),
])
def test_bad_certificate_is_named(serve, new_relay, authority, tls, certificate, reason, detail):
    peer = new_relay(tls=tls, pair=getattr(authority, certificate), user=RelayLogin.user, password=RelayLogin.password)
    scheme = "smtp" if tls == "starttls" else "smtps"
    gateway = serve(config=config(url_of(scheme, RelayLogin, peer.port), authority.ca_file))
    recipient = gateway.send_one(letter())
    assert recipient["reason"] == reason and recipient["category"] == "tls", recipient
    assert detail in recipient["detail"], recipient
    assert peer.messages == [] and not any(b"AUTH" in bytes(r).upper() for r in peer.received)


def test_unknown_ca_is_named(serve, real_postfix):
    gateway = serve(env={"MAILHATCH_RELAY": url_of("smtp", real_postfix, real_postfix.starttls),
                         "MAILHATCH_STORE": "memory"})
    recipient = gateway.send_one(letter())
    assert recipient["reason"] == "tls_cert_untrusted", recipient


def test_refused_connection_is_named(serve):
    port = free_port()
    gateway = serve(env={"MAILHATCH_RELAY": f"smtp://127.0.0.1:{port}?tls=none", "MAILHATCH_STORE": "memory"})
    recipient = gateway.send_one(letter())
    assert recipient["reason"] == "conn_refused" and recipient["category"] == "network", recipient
    assert f"127.0.0.1:{port}" in recipient["detail"] and "refused" in recipient["detail"], recipient


def test_unresolvable_name_is_named(serve):
    gateway = serve(env={"MAILHATCH_RELAY": "smtp://relay.does-not-exist.invalid", "MAILHATCH_STORE": "memory"})
    recipient = gateway.send_one(letter())
    assert recipient["category"] == "dns" and "relay.does-not-exist.invalid" in recipient["detail"], recipient


def test_missing_starttls_is_named_and_nothing_is_sent(serve, new_relay, authority):
    peer = new_relay(user=RelayLogin.user, password=RelayLogin.password)
    gateway = serve(config=config(url_of("smtp", RelayLogin, peer.port), authority.ca_file), secrets=[RelayLogin.password])
    recipient = gateway.send_one(letter())
    assert recipient["reason"] == "tls_required_missing", recipient
    assert not any(b"AUTH" in bytes(r).upper() or b"MAIL" in bytes(r).upper() for r in peer.received)


def test_good_550_451_and_slow_recipients_in_one_request(serve, new_relay):
    peer = new_relay(rcpt={"no@example.org": "550 5.1.1 no such user", "later@example.org": "451 4.7.1 greylisted",
                           "slow@example.org": relay.Slow("250 2.1.5 at last", 0.5)})
    gateway = serve(env={"MAILHATCH_RELAY": f"smtp://127.0.0.1:{peer.port}?tls=none", "MAILHATCH_STORE": "memory"})
    answer = gateway.send(letter(to=["ann@example.org", "no@example.org"],
                                 cc=["later@example.org"], bcc=["slow@example.org"]))
    by_name = {r["email"].split("@")[0]: r for r in answer["recipients"]}
    assert answer["status"] == "deferred"
    assert {name: (r["kind"], r["status"], r["smtp"]["code"], r["smtp"]["enhanced"], r["smtp"]["command"])
            for name, r in by_name.items()} == {
        "ann": ("to", "sent", 250, "2.0.0", "DATA"),
        "no": ("to", "rejected", 550, "5.1.1", "RCPT"),
        "later": ("cc", "deferred", 451, "4.7.1", "RCPT"),
        "slow": ("bcc", "sent", 250, "2.0.0", "DATA"),
    }
    assert by_name["no"]["smtp"]["text"] == "no such user" and by_name["later"]["smtp"]["text"] == "greylisted"
    (message,) = peer.wait_for(1)
    assert message.rcpts == ["ann@example.org", "slow@example.org"]
