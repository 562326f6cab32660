# SPDX-License-Identifier: MIT
"""A real OpenSMTPD, run from the package that script/setup unpacked: one port with STARTTLS and one with
implicit TLS, both with AUTH; every mail for the domain is delivered to a maildir. It offers neither
PIPELINING nor CHUNKING. Its paths and accounts are compiled in, so it runs among mounts of its own."""
import os
import pathlib
import pwd
import shutil
import subprocess

from mail_server import MailServer
from waiting import free_port

PACKAGE = pathlib.Path(__file__).parents[2] / "build/opensmtpd"
DOMAIN = "example.org"
KNOWN = ("ann", "bob", "carol")  # everybody else is unknown: 550
OWNER = "nobody"  # of the mail
ACCOUNTS = {"opensmtpd": 64901, "opensmtpq": 64902}

CONF = """
pki test cert "{dir}/cert"
pki test key "{dir}/key"
table logins {{ {user} = "{digest}" }}
table known {{ {known} }}
listen on 127.0.0.1 port {starttls} hostname mail.test.example tls-require pki test auth <logins>
listen on 127.0.0.1 port {implicit} hostname mail.test.example smtps pki test auth <logins>
action "inbox" maildir "{dir}/inbox" user {owner} virtual <known>
match from any for domain {domain} action "inbox"
"""

# In a mount namespace: nobody else sees these.
START = """
ldconfig -X -C {dir}/ld.so.cache {package}/usr/lib/x86_64-linux-gnu
mount --bind {dir}/ld.so.cache /etc/ld.so.cache
mount --bind {dir}/passwd /etc/passwd
mount --bind {dir}/group /etc/group
mount --bind {package}/usr/libexec /usr/libexec
mount -t tmpfs none /run
mount -t tmpfs none /var/spool
mkdir -m 711 /var/spool/smtpd
mount -t tmpfs none /var/lib
mkdir -p /var/lib/opensmtpd/empty
exec {package}/usr/sbin/smtpd -d -f {dir}/conf
"""


class OpenSmtpd(MailServer):
    """Ports `starttls` and `implicit`."""

    NAME, INBOX = "OpenSMTPD", "inbox"

    def configure(self):
        owner = pwd.getpwnam(OWNER)
        (self._dir / "inbox").mkdir(exist_ok=True)
        os.chown(self._dir / "inbox", owner.pw_uid, owner.pw_gid)
        for name, source in (("cert", self._pair.cert_file), ("key", self._pair.key_file)):
            shutil.copy(source, self._dir / name)
            (self._dir / name).chmod(0o600)
        self.starttls, self.implicit = free_port(), free_port()
        digest = subprocess.run(["openssl", "passwd", "-6", "-stdin"], input=self.password, text=True, capture_output=True,
                                check=True).stdout.strip()
        known = ", ".join(f'"{name}@{DOMAIN}" = {OWNER}' for name in KNOWN)
        (self._dir / "conf").write_text(CONF.format(
            dir=self._dir, user=self.user, digest=digest, known=known,
            starttls=self.starttls, implicit=self.implicit, owner=OWNER, domain=DOMAIN))
        (self._dir / "conf").chmod(0o600)
        (self._dir / "start").write_text(START.format(dir=self._dir, package=PACKAGE))
        for file, line in (("passwd", "{name}:x:{id}:{id}::/var/lib/opensmtpd/empty:/usr/sbin/nologin\n"),
                           ("group", "{name}:x:{id}:\n")):
            ours = "".join(line.format(name=name, id=number) for name, number in ACCOUNTS.items())
            (self._dir / file).write_text(pathlib.Path("/etc", file).read_text() + ours)
        return self.starttls, self.implicit

    def command(self):
        return ["unshare", "--mount", "--pid", "--fork", "--kill-child", "sh", "-e", str(self._dir / "start")], None

    def end(self):
        self._process.kill()  # unshare; what runs inside ends with it
