# SPDX-License-Identifier: MIT
"""The commands of the program, their output and their exit codes (docs/cli.md)."""
import base64
import hmac
import os
import re
import stat

import mail_reading
import mailer as mailer_module
import pytest
import relay
from mailhatch import cli

DONE, FAILED, USAGE, CONFIG, NOT_ALL_SENT = range(5)
COMMANDS = ["serve", "check-config", "send", "key", "dkim", "queue", "webhook", "version"]


@pytest.fixture(scope="module")
def mailer():
    with mailer_module.running(rcpt={"no@example.org": "550 5.1.1 no such user",
                                     "evil@example.org": "550 5.1.1 \x1b[31mred\x07\x9b",
                                     "later@example.org": relay.Slow("250 2.1.5 ok", 2)}) as pair:
        yield pair


def url(mailer):
    return f"http://127.0.0.1:{mailer.server.port}"


def send(mailer, *args, stdin=b"", env=None):
    return cli("send", "--from", "billing@example.com", *args, stdin=stdin, env={"MAILHATCH_URL": url(mailer), **(env or {})})


def last_mail(mailer):
    return mail_reading.by_python(mailer.peer.messages[-1].content)


# Help and usage

@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_explains_itself(command):
    run = cli(command, "--help")
    assert run.returncode == DONE and run.stdout.startswith(b"usage: mailhatch " + command.encode()) and run.stderr == b""


def test_help_lists_every_command():
    run = cli("--help")
    assert run.returncode == DONE and all(f"\n  {command} ".encode() in run.stdout for command in COMMANDS)


@pytest.mark.parametrize("args", [
    (), ("no-such-command",), ("serve", "--no-such-option"), ("serve", "extra"), ("check-config", "--config"), ("send",),
    ("send", "--from", "a@example.com"), ("send", "--from", "a@b.example", "--to", "c@d.example", "--wait", "61"),
    ("send", "--from", "a@b.example", "--to", "c@d.example", "--wait", "x"), ("key",), ("key", "old"), ("dkim",), ("dkim", "keygen"),
    ("dkim", "keygen", "--domain", "example.com", "--selector", "s", "--type", "dsa"), ("version", "x"),
    ("relay", "ls", "extra"), ("healthcheck", "--live", "extra"), ("check-config", "--print=yes"), ("queue", "ls", "--limit", "0"),
    ("queue", "ls", "--limit", "99999999999999999999"), ("queue", "purge", "--older-than", "soon"),
    ("webhook",), ("webhook", "ls", "extra"), ("webhook", "test"), ("webhook", "pause", "a/b"), ("webhook", "replay", "crm"),
    ("webhook", "replay", "crm", "--since", "soon"), ("webhook", "pause", "crm", "--since", "1h"), ("webhook", "ls", "--until", "1h"),
    ("key", "new", "--scope", "send", "--scope", "read", "--scope", "admin", "--scope", "send"),
])
def test_a_wrong_command_line_is_exit_code_2(args):
    run = cli(*args)
    assert run.returncode == USAGE and run.stdout == b"" and run.stderr != b""


def test_a_value_that_is_not_valid_is_named():
    run = cli("dkim", "keygen", "--domain", "example.com", "--selector", "s", "--bits", "1024")
    assert b"--bits" in run.stderr and b"`1024`" in run.stderr


def test_options_stand_before_and_behind_arguments(tmp_path):
    for args in (("--domain", "example.com", "keygen", "--selector", "s"), ("keygen", "--selector=s", "--domain=example.com")):
        assert cli("dkim", *args, "--type", "ed25519", "--out", str(tmp_path / str(len(args)))).returncode == DONE


def test_version_is_that_of_the_server(mailer):
    run = cli("version")
    assert run.stdout.decode().split() == ["mailhatch", mailer.server.get("/version").json()["version"]]


# send

def test_send_prints_a_line_per_recipient(mailer):
    run = send(mailer, "--to", "ann@example.org", "--to", "no@example.org", "--subject", "Hi", stdin=b"Hello\n")
    assert run.returncode == NOT_ALL_SENT, run.stderr
    lines = run.stdout.decode().splitlines()
    assert any(re.search(r"ann@example\.org\s.*sent.*250", line) for line in lines), lines
    assert any(re.search(r"no@example\.org\s.*rejected.*550 5\.1\.1.*no such user", line) for line in lines), lines
    assert last_mail(mailer)["text"] == "Hello\n"


def test_send_takes_all_that_a_message_has(mailer, tmp_path):
    (tmp_path / "ü.pdf").write_bytes(b"%PDF\0")
    run = send(mailer, "--to", "Ann Müller <ann@example.org>", "--cc", "carol@example.org", "--bcc", "dave@example.org",
               "--subject", "Grüße", "--text", "a\nb", "--html", "<p>a</p>", "--attach", str(tmp_path / "ü.pdf"),
               "--header", "X-Order: 17", "--header", "X-Order: 18")
    assert run.returncode == DONE, run.stderr
    mail, message = last_mail(mailer), mailer.peer.messages[-1]
    assert mail["to"] == [["Ann Müller", "ann@example.org"]] and mail["cc"] == [["", "carol@example.org"]]
    assert message.rcpts == ["ann@example.org", "carol@example.org", "dave@example.org"]
    assert (mail["subject"], mail["text"], mail["html"]) == ("Grüße", "a\nb", "<p>a</p>")
    assert [(p["filename"], p["content"]) for p in mail["attachments"]] == [("ü.pdf", b"%PDF\0")]
    assert mail_reading.headers(message.content, "X-Order") == ["17", "18"]


def test_send_over_a_unix_socket(mailer):
    run = cli("send", "--url", f"unix:{mailer.server.socket_path}", "--from", "a@example.com", "--to", "ann@example.org",
              "--subject", "x", stdin=b"x")
    assert run.returncode == DONE, run.stderr


def test_send_says_what_is_wrong_with_a_message(mailer):
    run = send(mailer, "--to", "no address", "--subject", "x", "--header", "Bcc: x@y.example", stdin=b"x")
    assert run.returncode == FAILED and run.stdout == b""
    assert b"/to/0" in run.stderr and b"/headers" in run.stderr, run.stderr


def test_send_says_that_no_server_answers(tmp_path):
    run = cli("send", "--url", f"unix:{tmp_path}/none.sock", "--from", "a@example.com", "--to", "b@example.org", stdin=b"x")
    assert run.returncode == FAILED and run.stdout == b"" and run.stderr != b""


@pytest.mark.parametrize("args", [("--attach", "/no/such/file"), ("--attach", "/etc"), ("--text", "\udcff")])
def test_send_says_what_it_cannot_read(mailer, args):
    run = send(mailer, "--to", "ann@example.org", *args, stdin=b"x")
    assert run.returncode in (FAILED, USAGE) and run.stderr != b"" and run.stdout == b""


def test_send_does_not_cut_what_is_no_text(mailer):
    run = send(mailer, "--to", "ann@example.org", stdin=b"before\0behind")
    assert run.returncode == FAILED and b"holds a NUL" in run.stderr


def test_what_a_relay_says_cannot_steer_the_terminal(mailer):
    run = send(mailer, "--to", "evil@example.org", stdin=b"x")
    assert run.returncode == NOT_ALL_SENT and b"red" in run.stdout
    assert not re.search(rb"[\x00-\x09\x0b-\x1f\x7f]|\xc2[\x80-\x9f]", run.stdout), run.stdout


def test_send_without_wait_does_not_wait(mailer):
    run = send(mailer, "--to", "later@example.org", "--wait", "0", stdin=b"x")
    assert run.returncode == NOT_ALL_SENT and re.search(rb"later@example\.org\s.*(queued|sending)", run.stdout), run.stdout


# key

def test_a_new_key_opens_the_door_that_its_line_describes(serve, new_relay):
    made = cli("key", "new", "--name", "billing", "--sender", "*@example.com", "--scope", "send")
    assert made.returncode == DONE
    text = made.stdout.decode()
    key = re.search(r"^  (\S+\.\S+)$", text, re.M)[1]
    line = re.search(r"^  - (\{.*\})$", text, re.M)[1]
    secret = key.partition(".")[2]
    assert secret not in line
    fields = dict(re.findall(r'(\w+): "([^"]*)"', line))
    entry = {**fields, "senders": ["*@example.com"], "scopes": ["send"]}
    peer = new_relay()
    server = serve(config={"store": "memory", "api_keys": [entry], "relays": {"main": f"smtp://127.0.0.1:{peer.port}?tls=none"}},
                   secrets=[secret])
    run = cli("send", "--url", f"http://127.0.0.1:{server.port}", "--from", "a@example.com", "--to", "ann@example.org", stdin=b"x",
              env={"MAILHATCH_API_KEY": key})
    assert run.returncode == DONE, run.stderr
    run = cli("send", "--url", f"http://127.0.0.1:{server.port}", "--from", "a@example.net", "--to", "ann@example.org", stdin=b"x",
              env={"MAILHATCH_API_KEY": key})
    assert run.returncode == FAILED and b"sender" in run.stderr
    assert secret.encode() not in run.stderr
    hashed = cli("key", "hash", stdin=f"{key}\n".encode())
    assert fields["hash"] in hashed.stdout.decode() and secret not in hashed.stdout.decode()


def test_keys_are_never_the_same():
    keys = {re.search(rb"^  (\S+\.\S+)$", cli("key", "new").stdout, re.M)[1] for _ in range(5)}
    assert len(keys) == 5


@pytest.mark.parametrize("args", [("--sender", "x"), ("--scope", "all"), ("--name", "a b\"")])
def test_a_key_line_that_would_not_load_is_not_printed(args):
    assert cli("key", "new", *args).returncode == USAGE


HASHED = "{name: hashed, id: k_1, hash: 'sha256:" + "0" * 64 + "'}"


def ses_secret(tmp_path, key_id, text):
    (tmp_path / "c.yaml").write_text(text)
    return cli("key", "ses-secret", key_id, "--config", str(tmp_path / "c.yaml"))


def test_ses_secret_is_derived_from_the_master_key_and_the_id(tmp_path):
    master = "a master key of some length, at least"
    (tmp_path / "master").write_text(master + "\n")
    run = ses_secret(tmp_path, "k_1", f"api_keys: [{HASHED}]\nmaster_key_file: {tmp_path}/master\n")
    wanted = base64.b64encode(hmac.digest(master.encode(), b"k_1", "sha256"))
    assert (run.returncode, run.stdout, run.stderr) == (DONE, wanted + b"\n", b"")


@pytest.mark.parametrize("key_id, text, says", [
    ("k_1", f"api_keys: [{HASHED}]\n", "no master_key"),
    ("k_2", f"api_keys: [{HASHED}]\nmaster_key: {'m' * 32}\n", "no key with the id k_2"),
    ("k_3", f"api_keys: [{{name: clear, key: k_3.0123456789abcdef}}]\nmaster_key: {'m' * 32}\n", "configured in clear"),
])
def test_ses_secret_says_why_there_is_none(tmp_path, key_id, text, says):
    run = ses_secret(tmp_path, key_id, text)
    assert run.returncode == FAILED and run.stdout == b"" and says in run.stderr.decode() and b"0123456789abcdef" not in run.stderr


@pytest.mark.parametrize("args", [(), ("a b",), ("k_1", "k_2"), ("k_1", "--name", "x")])
def test_ses_secret_wants_one_id(args):
    assert cli("key", "ses-secret", *args).returncode == USAGE


@pytest.mark.parametrize("key", [b"", b"x", b".x", b"x.", b"a b.0123456789abcdef", b"a\".0123456789abcdef"])
def test_what_is_no_key_is_not_hashed(key):
    run = cli("key", "hash", stdin=key + b"\n")
    assert run.returncode == FAILED and run.stdout == b"" and run.stderr != b""


# dkim

@pytest.mark.parametrize("kind", ["rsa", "ed25519"])
def test_keygen_writes_a_private_file_once(tmp_path, kind):
    args = ("dkim", "keygen", "--domain", "example.com", "--selector", "s1", "--type", kind)
    run = cli(*args, cwd=tmp_path)
    file = tmp_path / "example.com.s1.pem"
    assert run.returncode == DONE and stat.S_IMODE(os.stat(file).st_mode) == 0o600
    assert b"PRIVATE" not in run.stdout
    before = file.read_bytes()
    again = cli(*args, cwd=tmp_path)
    assert again.returncode == FAILED and file.read_bytes() == before
    txt = cli("dkim", "txt", "--domain", "example.com", "--selector", "s1", "--key", str(file))
    assert txt.stdout.strip() in run.stdout


def test_keygen_makes_rsa_of_the_size_asked_for(tmp_path):
    for bits, code in (("2048", DONE), ("3072", DONE), ("1024", USAGE), ("8192", USAGE)):
        run = cli("dkim", "keygen", "--domain", "example.com", "--selector", f"s{bits}", "--bits", bits, cwd=tmp_path)
        assert run.returncode == code, (bits, run.stderr)


# check-config

def check(tmp_path, text, *args):
    file = tmp_path / "c.yaml"
    file.write_text(text)
    return cli("check-config", "--config", str(file), *args, cwd=tmp_path)


def test_a_good_configuration_is_exit_code_0(tmp_path):
    assert check(tmp_path, "relays: {main: 'smtps://u:p@mail.example.com'}\nstore: memory\n").returncode == DONE


def test_every_problem_is_listed_with_its_place(tmp_path):
    run = check(tmp_path, "store: memory\nlimts: {}\nlimits: {body: 30 MB}\nrelays:\n  main: {url: 'ftp://x'}\n")
    lines = run.stderr.decode().splitlines()
    assert run.returncode == CONFIG and len(lines) == 3, lines
    assert "c.yaml:2:1: unknown key \"limts\"; did you mean \"limits\"?" in lines[0]
    assert re.search(r"c\.yaml:3:16: .*30 MB", lines[1]) and "c.yaml:5:" in lines[2]


def test_printed_configuration_has_no_secret_and_loads_again(tmp_path):
    (tmp_path / "secret").write_text("from-a-file\n")
    run = check(tmp_path, "relays:\n  a: 'smtps://u:in-the-url@a.example.com'\n"
                "  b: {url: smtp://b.example.com, username: u, password: as-a-value}\n"
                "  c: {url: smtp://c.example.com, username: u, password_file: secret}\nstore: memory\n"
                "api_keys: [{name: k, key: id.the-key-in-clear-text}]\n", "--print")
    assert run.returncode == DONE, run.stderr
    text = run.stdout.decode()
    for secret in ("in-the-url", "as-a-value", "from-a-file", "the-key-in-clear-text"):
        assert secret not in text + run.stderr.decode()
    assert text.count("********") == 3  # and the key is shown as its hash


def test_environment_alone_is_checked(tmp_path):
    run = cli("check-config", env={"MAILHATCH_RELAY": "smtp://u:p%zz@x.example"}, cwd=tmp_path)
    assert run.returncode == CONFIG and run.stderr.startswith(b"MAILHATCH_RELAY: ")
    assert cli("check-config", env={"MAILHATCH_STORE": "memory"}, cwd=tmp_path).returncode == DONE
    run = cli("check-config", env={"MAILHATCH_RELAY": ""}, cwd=tmp_path)
    assert run.returncode == CONFIG


def test_serve_refuses_what_check_config_refuses(tmp_path):
    (tmp_path / "c.yaml").write_text("nonsense: 1\n")
    run = cli("serve", "--config", "c.yaml", cwd=tmp_path)
    assert run.returncode == CONFIG and b"c.yaml:1:1" in run.stderr
    assert cli("serve", "--config", "missing.yaml", cwd=tmp_path).returncode in (FAILED, CONFIG)


# serve

def test_a_port_that_is_taken_is_named(mailer, tmp_path):
    run = cli("serve", env={"MAILHATCH_LISTEN": f"127.0.0.1:{mailer.server.port}", "MAILHATCH_STORE": "memory"}, cwd=tmp_path)
    assert run.returncode == FAILED
    assert f"127.0.0.1:{mailer.server.port}" in run.stderr.decode() and "in use" in run.stderr.decode()
