# SPDX-License-Identifier: MIT
"""Signatures of every message shape hold before two independent verifiers, and what is signed is so in
a way that nobody can add to it."""
import json
import os

import dkim_checks
import mailer as mailer_module
import mailhatch
import pytest
import shapes
from mailhatch import letter

ALL = {**shapes.SHAPES, **shapes.generated(40, "dkim")}
KINDS = {"rsa": ["rsa"], "ed25519": ["ed25519"], "both": ["rsa", "ed25519"]}


class Signer:
    """A mailer with keys; `mails` has every shape as it arrived."""

    def __init__(self, directory, kinds):
        self.records, pairs = {}, []
        for kind in kinds:
            file, record = dkim_checks.keygen(directory, f"{kind}1", kind)
            self.records.update(record)
            pairs.append(f"{dkim_checks.DOMAIN}:{kind}1:{file}")
        self.selectors = [f"{kind}1" for kind in kinds]
        self.env = {"MAILHATCH_DKIM": " ".join(pairs)}
        self.mails = {}


def _is_from_us(request):
    sender = request["from"]
    return (sender["email"] if isinstance(sender, dict) else sender).endswith("@" + dkim_checks.DOMAIN)


@pytest.fixture(scope="module", params=KINDS)
def signer(request, tmp_path_factory):
    made = Signer(tmp_path_factory.mktemp("dkim"), KINDS[request.param])
    with mailer_module.running(env=made.env) as pair:
        signed = {name: request for name, request in ALL.items() if _is_from_us(request)}
        made.mails = {name: message.content for name, (_, message) in pair.mails_of(signed).items()}
        yield made


def test_every_shape_verifies_with_python_dkim(signer):
    results = {name: dkim_checks.verified_by_python(mail, signer.records) for name, mail in signer.mails.items()}
    assert {name: got for name, got in results.items() if sorted(got) != sorted(signer.selectors)} == {}


def test_every_shape_verifies_with_opendkim(signer):
    results = dict(zip(signer.mails, dkim_checks.verified_by_opendkim(signer.mails.values(), signer.records)))
    assert {name: got for name, got in results.items() if sorted(got) != sorted(signer.selectors)} == {}


def test_each_key_signs_relaxed_with_its_algorithm(signer):
    mail = signer.mails["text"]
    wanted = [(f"{selector.rstrip('1')}-sha256", dkim_checks.DOMAIN, selector) for selector in signer.selectors]
    assert sorted(dkim_checks.signatures(mail)) == sorted(wanted)
    assert mail.count(b"c=relaxed/relaxed") == len(signer.selectors)


@pytest.mark.parametrize("change", [
    (b"Hello Ann", b"Hello Bob"),
    (b"Subject: Your invoice", b"Subject: Your invoices"),
    (b"To: ann@", b"To: eve@"),
    (b"\r\nSubject:", b"\r\nSubject: another\r\nSubject:"),
    (b"\r\nFrom:", b"\r\nFrom: eve@example.com\r\nFrom:"),
    (b"\r\nMIME-Version:", b"\r\nCc: eve@example.com\r\nMIME-Version:"),
    (b"\r\nMIME-Version:", b"\r\nReply-To: eve@example.com\r\nMIME-Version:"),
    (b"Hello Ann,\r\n\r\n", b"Hello Ann,\r\n"),
])
def test_a_change_under_way_breaks_all_signatures(signer, change):
    mail = signer.mails["text"]
    changed = mail.replace(*change, 1)
    assert changed != mail
    assert dkim_checks.verified_by_python(changed, signer.records) == []
    assert dkim_checks.verified_by_opendkim([changed], signer.records) == [[]]


def test_mail_of_another_domain_is_not_signed_unless_required(tmp_path):
    file, _ = dkim_checks.keygen(tmp_path, "r1", "rsa")
    with mailer_module.running(env={"MAILHATCH_DKIM": f"example.com:r1:{file}"}) as pair:
        _, message = pair.mail_of(letter(**{"from": "a@example.net"}))
        assert dkim_checks.signatures(message.content) == []
        _, message = pair.mail_of(letter(**{"from": "a@news.example.com"}))
        assert dkim_checks.signatures(message.content) == [("rsa-sha256", "example.com", "r1")]


def test_required_signature_refuses_what_no_key_fits(serve, new_relay, tmp_path):
    file, _ = dkim_checks.keygen(tmp_path, "r1", "rsa")
    peer = new_relay()
    server = serve(config={
        "relays": {"main": f"smtp://127.0.0.1:{peer.port}?tls=none"},
        "dkim": {"sign": "required",
                 "domains": [{"domain": "example.com", "keys": [{"selector": "r1", "key_file": file}]}]}})
    answer = server.post(letter(**{"from": "a@example.net"}), Prefer="wait=10")
    assert answer.status == 422 and answer.pointers() == {"/from": "dkim_unavailable"}
    server.send(letter())
    (message,) = peer.wait_for(1)
    assert dkim_checks.signatures(message.content) == [("rsa-sha256", "example.com", "r1")]


def _key_file(directory, mode=0o600):
    file, _ = dkim_checks.keygen(directory, "s1", "ed25519")
    os.chmod(file, mode)
    return file


def _start(directory, config):
    file = directory / "mailhatch.yaml"
    file.write_text(json.dumps({"listen": ["127.0.0.1:0"], **config}))
    return mailhatch.cli("serve", "--config", str(file), cwd=directory)


# Hostile configuration: what no key or name may be.
@pytest.mark.parametrize("domain, selector, said", [
    ("node.ee; s=evil", "s1", "domain"),
    ("example.com", "s1; d=evil.ee", "selector"),
    ("example.com", "a..b", "selector"),
    ("example.com", "s1\r\nX: y", "selector"),
    ("", "s1", "domain"),
])
def test_names_that_are_none_are_refused_at_start(tmp_path, domain, selector, said):
    config = {"dkim": {"domains": [{"domain": domain, "keys": [{"selector": selector, "key_file": _key_file(tmp_path)}]}]}}
    run = _start(tmp_path, config)
    assert run.returncode in (1, 3) and said in run.stderr.decode(), run.stderr


@pytest.mark.parametrize("file, said", [
    ("open to others", "lets others at the private key"),
    ("/etc/shadow", "private key"),
    ("/etc/passwd", "private key"),
    ("/dev/zero", "not a regular file"),
    ("/etc", "directory"),
    ("/etc/missing.pem", "no such file"),
])
def test_files_that_are_no_private_key_are_refused_at_start(tmp_path, file, said):
    if file == "open to others":
        file = _key_file(tmp_path, mode=0o644)
    run = _start(tmp_path, {"dkim": {"domains": [{"domain": "example.com", "keys": [{"selector": "s1", "key_file": file}]}]}})
    assert run.returncode in (1, 3), run.stderr
    assert file in run.stderr.decode() and said in run.stderr.decode().lower(), run.stderr
    assert "root:" not in run.stderr.decode()
