# SPDX-License-Identifier: MIT
"""A real Postfix of our own: its configuration, queue and log are in one throw-away folder, it listens
on free loopback ports (STARTTLS + SASL, implicit TLS + SASL, plain) and delivers to a maildir."""
import contextlib
import os
import pathlib
import pwd
import shutil
import signal
import subprocess
import tempfile

from maildir import Maildir
from waiting import accepts, free_port, until

DOMAIN = "example.org"
KNOWN = ("ann", "bob", "carol", "jürgen", "嘍嘊")  # everybody else is unknown: 550 5.1.1
USER, PASSWORD = "postbox", "correct horse / battery+staple"
# Kept as SASLprep (RFC 4013) makes it; a client may be given any text that becomes this one.
INTERNATIONAL_USER, INTERNATIONAL_PASSWORD = "jürgen", "IX zwölf fi"

MAIN_CF = """
compatibility_level = 3.6
queue_directory = {dir}/spool
data_directory = {dir}/data
maillog_file = /dev/stdout
myhostname = mail.test.example
mydestination =
mynetworks =
inet_interfaces = 127.0.0.1
inet_protocols = ipv4
alias_maps =
alias_database =
local_recipient_maps =
message_size_limit = 52428800
virtual_mailbox_limit = 0
mailbox_size_limit = 0
virtual_mailbox_domains = {domain}
virtual_mailbox_base = {dir}/mail
virtual_mailbox_maps = inline:{{ {known} }}
virtual_uid_maps = static:{uid}
virtual_gid_maps = static:{gid}
virtual_minimum_uid = {uid}
smtpd_recipient_restrictions = check_recipient_access inline:{{ {{ busy@{domain} = 451 4.2.1 Mailbox is busy }} }},
    permit_sasl_authenticated, reject_unauth_destination
smtpd_relay_restrictions = permit_sasl_authenticated, reject_unauth_destination
smtpd_tls_cert_file = {cert}
smtpd_tls_key_file = {key}
smtpd_tls_auth_only = yes
smtpd_sasl_type = cyrus
smtpd_sasl_path = smtpd
smtpd_sasl_local_domain = test.example
"""

MASTER_CF = """
postlog unix-dgram n - n - 1 postlogd
127.0.0.1:{starttls} inet n - n - - smtpd
    -o smtpd_tls_security_level=encrypt -o smtpd_sasl_auth_enable=yes
    -o {{smtpd_client_restrictions=permit_sasl_authenticated, reject}}
127.0.0.1:{implicit} inet n - n - - smtpd
    -o smtpd_tls_wrappermode=yes -o smtpd_tls_security_level=encrypt -o smtpd_sasl_auth_enable=yes
    -o {{smtpd_client_restrictions=permit_sasl_authenticated, reject}}
127.0.0.1:{plain} inet n - n - - smtpd
cleanup unix n - n - 0 cleanup
qmgr unix n - n 300 1 qmgr
rewrite unix - - n - - trivial-rewrite
bounce unix - - n - 0 bounce
defer unix - - n - 0 bounce
trace unix - - n - 0 bounce
error unix - - n - - error
tlsmgr unix - - n 1000? 1 tlsmgr
virtual unix - n n - - virtual
anvil unix - - n - 1 anvil
scache unix - - n - 1 scache
proxymap unix - - n - - proxymap
"""

SASL_CONF = """
pwcheck_method: auxprop
auxprop_plugin: sasldb
sasldb_path: {dir}/sasldb2
mech_list: PLAIN LOGIN SCRAM-SHA-256 CRAM-MD5
"""


class Postfix:
    """Ports `starttls`, `implicit` and `plain`; `inbox` holds what was delivered."""

    def __init__(self, directory, pair):
        self._dir = pathlib.Path(directory)
        self._pair = pair
        self.user, self.password = USER, PASSWORD
        self.log_file = self._dir / "log"
        self._process = None
        self.inbox = Maildir(self._dir / "mail/inbox")

    def _configure(self):
        owner = pwd.getpwnam("postfix")
        for name in ("conf/sasl", "spool", "data", "mail"):
            (self._dir / name).mkdir(parents=True, exist_ok=True)
        for name in ("data", "mail"):
            shutil.chown(self._dir / name, owner.pw_uid, owner.pw_gid)
        known = ", ".join(f"{{ {user}@{DOMAIN} = inbox/ }}" for user in KNOWN)
        (self._dir / "conf/main.cf").write_text(MAIN_CF.format(
            dir=self._dir, domain=DOMAIN, known=known, uid=owner.pw_uid, gid=owner.pw_gid,
            cert=self._pair.cert_file, key=self._pair.key_file))
        self.starttls, self.implicit, self.plain = (free_port() for _ in range(3))
        (self._dir / "conf/master.cf").write_text(MASTER_CF.format(
            starttls=self.starttls, implicit=self.implicit, plain=self.plain))
        (self._dir / "conf/sasl/smtpd.conf").write_text(SASL_CONF.format(dir=self._dir))
        for user, password in ((USER, PASSWORD), (INTERNATIONAL_USER, INTERNATIONAL_PASSWORD)):
            subprocess.run(["saslpasswd2", "-p", "-c", "-f", f"{self._dir}/sasldb2", "-u", "test.example", user],
                           input=password.encode(), check=True)
        shutil.chown(self._dir / "sasldb2", owner.pw_uid, owner.pw_gid)

    def start(self):
        for _ in range(5):  # another program may take a port between free_port() and bind()
            self._configure()
            with open(self.log_file, "wb") as log:
                self._process = subprocess.Popen(
                    ["postfix", "-c", str(self._dir / "conf"), "start-fg"],
                    stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True)
            until("Postfix listens", lambda: self._process.poll() is not None or all(
                accepts(port) for port in (self.starttls, self.implicit, self.plain)))
            if self._process.poll() is None:
                return self
            if "in use" not in self.log():
                break
        raise AssertionError(f"Postfix does not start:\n{self.log()}")

    def stop(self):
        pid_file = self._dir / "spool/pid/master.pid"
        if self._process and self._process.poll() is None:
            os.kill(int(pid_file.read_text()), signal.SIGTERM)
            self._process.wait(30)

    def log(self):
        return self.log_file.read_text(errors="replace")


@contextlib.contextmanager
def running(pair):
    """Postfix needs a folder that its own user may enter, so none of pytest's."""
    with tempfile.TemporaryDirectory(prefix="mailhatch-postfix-") as directory:
        os.chmod(directory, 0o755)
        server = Postfix(directory, pair)
        try:
            yield server.start()
        finally:
            server.stop()
