# SPDX-License-Identifier: MIT
"""A real Exim, run from the package that script/setup unpacked: configuration, spool and log are in one
throw-away folder; one port with STARTTLS and one with implicit TLS, both with AUTH; every mail for the
domain is appended to one file per mail in a folder."""
import os
import pathlib
import pwd
import shutil

from mail_server import MailServer
from waiting import free_port

PROGRAM = pathlib.Path(__file__).parents[2] / "build/mta/usr/sbin/exim4"
DOMAIN = "example.org"

# The account the package would make on installation; libnss-wrapper shows it to Exim alone.
ACCOUNT = "Debian-exim"

CONF = """
exim_path = {dir}/exim4
deliver_drop_privilege = true
exim_user = {user}
exim_group = {group}
never_users =
spool_directory = {dir}/spool
log_file_path = {dir}/spool/log.%s
pid_file_path = {dir}/exim.pid
primary_hostname = mail.test.example
domainlist local_domains = {domain}
host_lookup =
rfc1413_hosts =
keep_environment = LD_PRELOAD:NSS_WRAPPER_PASSWD:NSS_WRAPPER_GROUP
smtp_accept_max = 0
smtp_accept_queue_per_connection = 0
daemon_smtp_ports = {starttls} : {implicit}
local_interfaces = 127.0.0.1
tls_on_connect_ports = {implicit}
tls_advertise_hosts = *
tls_certificate = {dir}/cert
tls_privatekey = {dir}/key
auth_advertise_hosts = ${{if eq{{$tls_in_cipher}}{{}}{{}}{{*}}}}
acl_smtp_rcpt = check_rcpt
acl_smtp_data = check_data
smtputf8_advertise_hosts = *
dsn_advertise_hosts = *

begin acl
check_rcpt:
  deny    !authenticated = *
          message = authenticate first
  deny    local_parts = nobody
          message = Unknown user
  defer   local_parts = busy
          message = Mailbox is busy
  accept
check_data:
  accept

begin routers
all:
  driver = accept
  transport = inbox

begin transports
inbox:
  driver = appendfile
  directory = {dir}/inbox
  maildir_format
  create_directory

begin authenticators
plain:
  driver = plaintext
  public_name = PLAIN
  server_prompts = :
  server_condition = ${{if and{{{{eq{{$auth2}}{{{login}}}}}{{eq{{$auth3}}{{{password}}}}}}}}}
  server_set_id = $auth2
login:
  driver = plaintext
  public_name = LOGIN
  server_prompts = Username:: : Password::
  server_condition = ${{if and{{{{eq{{$auth1}}{{{login}}}}}{{eq{{$auth2}}{{{password}}}}}}}}}
  server_set_id = $auth1
"""


class Exim(MailServer):
    """Ports `starttls` and `implicit`."""

    NAME, INBOX = "Exim", "inbox"

    def configure(self):
        nobody = pwd.getpwnam("nobody")
        for name in ("spool", "inbox"):
            (self._dir / name).mkdir(exist_ok=True)
            os.chown(self._dir / name, nobody.pw_uid, nobody.pw_gid)
        for name, source in (("cert", self._pair.cert_file), ("key", self._pair.key_file)):
            shutil.copy(source, self._dir / name)  # Exim reads them as its own user
            os.chown(self._dir / name, nobody.pw_uid, nobody.pw_gid)
        self.starttls, self.implicit = free_port(), free_port()
        shutil.copyfile(PROGRAM, self._dir / "exim4")  # where its own user can reach it; not set-uid
        (self._dir / "exim4").chmod(0o755)
        (self._dir / "conf").write_text(CONF.format(
            dir=self._dir, domain=DOMAIN, user=ACCOUNT, group=ACCOUNT, login=self.user, password=self.password,
            starttls=self.starttls, implicit=self.implicit))
        passwd = pathlib.Path("/etc/passwd").read_text()
        group = pathlib.Path("/etc/group").read_text()
        (self._dir / "passwd").write_text(
            f"{ACCOUNT}:x:{nobody.pw_uid}:{nobody.pw_gid}::{self._dir}:/usr/sbin/nologin\n{passwd}")
        (self._dir / "group").write_text(f"{ACCOUNT}:x:{nobody.pw_gid}:\n{group}")
        return self.starttls, self.implicit

    def command(self):
        return [str(self._dir / "exim4"), "-C", str(self._dir / "conf"), "-bdf"], {
            "PATH": "/usr/sbin:/usr/bin:/bin", "LD_PRELOAD": "libnss_wrapper.so",
            "NSS_WRAPPER_PASSWD": f"{self._dir}/passwd", "NSS_WRAPPER_GROUP": f"{self._dir}/group"}

    def log(self):
        own = (f.read_text(errors="replace") for f in sorted((self._dir / "spool").glob("log.*")) if f.is_file())
        return "".join(own) + super().log()
