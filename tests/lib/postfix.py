# SPDX-License-Identifier: MIT
"""A real Postfix of our own: its configuration, queue and log are in one throw-away folder, it listens
on free loopback ports (STARTTLS + SASL, implicit TLS + SASL, plain) and delivers to a maildir."""
import os
import pwd
import shutil
import signal
import subprocess

from mail_server import MailServer
from waiting import free_port

DOMAIN = "example.org"
KNOWN = ("ann", "bob", "carol", "jürgen", "嘍嘊")  # everybody else is unknown: 550 5.1.1
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

# What master.cf needs whatever it is for.
SERVICES = """
cleanup unix n - n - 0 cleanup
qmgr unix n - n 300 1 qmgr
rewrite unix - - n - - trivial-rewrite
bounce unix - - n - 0 bounce
defer unix - - n - 0 bounce
trace unix - - n - 0 bounce
error unix - - n - - error
tlsmgr unix - - n 1000? 1 tlsmgr
anvil unix - - n - 1 anvil
scache unix - - n - 1 scache
proxymap unix - - n - - proxymap
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
virtual unix - n n - - virtual
""" + SERVICES

SASL_CONF = """
pwcheck_method: auxprop
auxprop_plugin: sasldb
sasldb_path: {dir}/sasldb2
mech_list: PLAIN LOGIN SCRAM-SHA-256 CRAM-MD5
"""


class Postfix(MailServer):
    """Ports `starttls`, `implicit` and `plain`."""

    NAME, INBOX = "Postfix", "mail/inbox"

    def configure(self):
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
        for user, password in ((self.user, self.password), (INTERNATIONAL_USER, INTERNATIONAL_PASSWORD)):
            subprocess.run(["saslpasswd2", "-p", "-c", "-f", f"{self._dir}/sasldb2", "-u", "test.example", user],
                           input=password.encode(), check=True)
        shutil.chown(self._dir / "sasldb2", owner.pw_uid, owner.pw_gid)
        return self.starttls, self.implicit, self.plain

    def command(self):
        return ["postfix", "-c", str(self._dir / "conf"), "start-fg"], None

    def end(self):
        os.kill(int((self._dir / "spool/pid/master.pid").read_text()), signal.SIGTERM)
