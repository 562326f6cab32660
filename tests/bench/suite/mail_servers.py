# SPDX-License-Identifier: MIT
"""Mail servers that others put in front of a relay: Haraka, and Postfix with opendkim. Both sign with the same key and
submit over STARTTLS with AUTH to the same sink, with as many connections as the rest."""
import email.message
import email.utils
import os
import pathlib
import pwd
import shutil
import signal
import subprocess
import tempfile

import postfix
from waiting import accepts, free_port, until

from . import cpu, load, parts

SESSIONS = 16  # connections in; Postfix has as many out, Haraka one for each mail
LONGEST_S = 120  # to start, or to get rid of the mail of a round
SELECTOR = "s0"
HARAKA = parts.ROOT / "tests/bench/peers/node_modules/Haraka/bin/haraka"


# Haraka asks the DNS for the name of each client; here is none to ask.
NO_RDNS = "exports.hook_lookup_rdns = (next) => next(OK, 'localhost')\n"


def wait_for_all(sink, before, n):
    """Until the relay has n messages more than it had @before."""
    until("the relay has all mail", lambda: sink.counters()["messages"] - before >= n, LONGEST_S)


def mail_file(folder):
    """The message of load.message() as MIME, without a signature."""
    message = load.message()
    mail = email.message.EmailMessage()
    mail["From"] = "Billing <billing@example.com>"
    mail["To"] = message["to"][0]
    mail["Subject"] = message["subject"]
    mail["Date"] = email.utils.formatdate()
    mail["Message-ID"] = email.utils.make_msgid(domain="example.com")
    mail.set_content(message["text"])
    mail.add_alternative(message["html"], subtype="html")
    path = folder / "mail"
    path.write_bytes(mail.as_bytes())
    return path


class Haraka(parts.Process):
    """One process: relay, DKIM, queue/smtp_forward, which answers when the relay has answered."""

    def __init__(self, folder, sink, key):
        self.port = free_port()
        home = folder / f"haraka-{self.port}"
        shutil.copytree(HARAKA.parents[1] / "config", home / "config")  # as `haraka -i` does
        keys = home / "config/dkim/example.com"
        keys.mkdir(parents=True)
        shutil.copy(key, keys / "private")
        (keys / "selector").write_text(SELECTOR, encoding="ascii")
        for name, text in {
                "smtp.ini": f"listen=127.0.0.1:{self.port}\n",
                "me": "haraka.example.com\n",
                "plugins": "no_rdns\nrelay\ndkim\nqueue/smtp_forward\n",
                "relay.ini": "[relay]\nacl=true\n",
                "relay_acl_allow": "127.0.0.1/32\n",
                "dkim.ini": "[sign]\nenabled=true\n[canon]\nbody=relaxed\n[verify]\nenabled=false\n",
                "log.ini": "[main]\nlevel=ERROR\n",
                "smtp_forward.ini": f"host=localhost\nport={sink.port}\nenable_outbound=true\nenable_tls=true\n"
                                    "auth_type=plain\nauth_user=user\nauth_pass=secret\n"
                                    "[tls]\nrejectUnauthorized=true\n"}.items():
            (home / "config" / name).write_text(text, encoding="ascii")
        (home / "plugins").mkdir()
        (home / "plugins/no_rdns.js").write_text(NO_RDNS, encoding="ascii")
        self.log = home / "log"
        with open(self.log, "w", encoding="utf-8") as log:
            super().__init__(["node", HARAKA, "-c", home], env={"NODE_EXTRA_CA_CERTS": str(sink.cert)}, stdout=log,
                             stderr=log)
        until("Haraka listens", lambda: accepts(self.port), LONGEST_S)


OPENDKIM = """
Syslog no
UserID {user}
Mode s
Canonicalization relaxed/relaxed
Domain example.com
Selector {selector}
KeyFile {dir}/key.pem
Socket inet:{milter}@127.0.0.1
OversignHeaders From
RequireSafeKeys no
"""

MAIN_CF = """
compatibility_level = 3.6
queue_directory = {dir}/spool
data_directory = {dir}/data
maillog_file = /dev/stdout
myhostname = postfix.example.com
mydestination =
mynetworks = 127.0.0.0/8
inet_interfaces = 127.0.0.1
inet_protocols = ipv4
alias_maps =
alias_database =
local_recipient_maps =
relayhost = [localhost]:{relay}
smtp_tls_security_level = encrypt
smtp_tls_CAfile = {ca}
smtp_sasl_auth_enable = yes
smtp_sasl_password_maps = inline:{{ {{ [localhost]:{relay} = user:secret }} }}
smtp_sasl_security_options =
smtp_host_lookup = native
smtp_tls_connection_reuse = yes
smtp_destination_concurrency_limit = {sessions}
default_destination_concurrency_limit = {sessions}
initial_destination_concurrency = {sessions}
smtpd_client_connection_count_limit = 0
in_flow_delay = 0
smtpd_milters = inet:127.0.0.1:{milter}
milter_default_action = tempfail
"""

MASTER_CF = """
postlog unix-dgram n - n - 1 postlogd
127.0.0.1:{port} inet n - n - - smtpd
tlsproxy unix - - n - 0 tlsproxy
smtp unix - - n - - smtp
""" + postfix.SERVICES


class PostfixOpendkim:
    """Local relay with a durable queue: opendkim as milter, connections to the relay reused."""

    def __init__(self, sink, key):
        self._folder = tempfile.TemporaryDirectory(prefix="mailhatch-bench-postfix-")
        self._dir = pathlib.Path(self._folder.name)
        os.chmod(self._dir, 0o755)  # Postfix' own user has to get in
        self.port, milter = free_port(), free_port()
        owner = pwd.getpwnam("postfix")
        for name in ("conf", "spool", "data"):
            (self._dir / name).mkdir()
        shutil.chown(self._dir / "data", owner.pw_uid, owner.pw_gid)
        signer = pwd.getpwnam("opendkim")
        shutil.copy(key, self._dir / "key.pem")
        shutil.chown(self._dir / "key.pem", signer.pw_uid, signer.pw_gid)
        shutil.copy(sink.cert, self._dir / "ca.pem")
        values = {"dir": self._dir, "relay": sink.port, "ca": self._dir / "ca.pem", "milter": milter, "port": self.port,
                  "sessions": SESSIONS, "user": "opendkim", "selector": SELECTOR}
        (self._dir / "opendkim.conf").write_text(OPENDKIM.format(**values), encoding="ascii")
        (self._dir / "conf/main.cf").write_text(MAIN_CF.format(**values), encoding="ascii")
        (self._dir / "conf/master.cf").write_text(MASTER_CF.format(**values), encoding="ascii")
        self._log = open(self._dir / "log", "wb")
        self._milter = parts.Process(["opendkim", "-f", "-x", self._dir / "opendkim.conf"], stdout=self._log,
                                     stderr=self._log)
        until("opendkim listens", lambda: accepts(milter), LONGEST_S)
        self._starter = subprocess.Popen(["postfix", "-c", str(self._dir / "conf"), "start-fg"],
                                         stdin=subprocess.DEVNULL, stdout=self._log, stderr=self._log,
                                         start_new_session=True)
        until("Postfix listens", lambda: accepts(self.port), LONGEST_S)
        self._master = int((self._dir / "spool/pid/master.pid").read_text())

    def cpu_s(self):
        return cpu.cpu_seconds(self._master) + self._milter.cpu_s()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        os.kill(self._master, signal.SIGTERM)
        self._starter.wait(parts.DEADLINE_S)
        self._milter.stop()
        self._log.close()
        self._folder.cleanup()


def send(sink, server, mail, n):
    """n mails over SESSIONS connections that stay open, until the sink has them all."""
    before = sink.counters()["messages"]
    subprocess.run(["smtp-source", "-d", "-s", str(SESSIONS), "-m", str(n), "-f", "billing@example.com", "-t",
                    "ann0@example.org", "-F", str(mail), f"127.0.0.1:{server.port}"], check=True,
                   timeout=load.LONGEST_S)
    wait_for_all(sink, before, n)
