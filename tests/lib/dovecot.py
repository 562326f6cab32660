# SPDX-License-Identifier: MIT
"""A Postfix whose AUTH is Dovecot's, run from the package that script/setup unpacked: the mechanisms that Cyrus SASL
has, in another hand, and access tokens (RFC 7628), which Dovecot checks itself: JSON web tokens with a key of ours."""
import base64
import hashlib
import hmac
import json
import os
import pathlib
import pwd
import shutil
import subprocess
import time

from postfix import Postfix
from waiting import until

ROOT = pathlib.Path(__file__).parents[2] / "build/dovecot/usr"
LIBRARIES = ROOT / "lib/dovecot"
KEY = b"a key that Dovecot and the tests share"

CONF = """
base_dir = {dir}/run
state_dir = {dir}/run
libexec_dir = {lib}
import_environment = LD_LIBRARY_PATH
log_path = /dev/stderr
auth_verbose = yes
auth_failure_delay = 0
protocols =
ssl = no
default_internal_user = postfix
default_internal_group = postfix
default_login_user = nobody
auth_mechanisms = plain login scram-sha-256 cram-md5 xoauth2 oauthbearer
passdb {{
  driver = oauth2
  mechanisms = xoauth2 oauthbearer
  args = {dir}/oauth2
}}
passdb {{
  driver = passwd-file
  mechanisms = plain login scram-sha-256 cram-md5
  args = scheme=PLAIN username_format=%u {dir}/users
}}
userdb {{
  driver = static
  args = uid=nobody gid=nogroup home=/nonexistent
}}
# no waiting after wrong passwords
service anvil {{
  unix_listener anvil-auth-penalty {{
    mode = 0
  }}
}}
service auth {{
  user = root
  unix_listener {dir}/auth {{
    mode = 0666
  }}
}}
"""

OAUTH2 = """
introspection_mode = local
local_validation_key_dict = fs:posix:prefix={dir}/keys/
username_attribute = sub
"""


def _base64url(data):
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def token(user, key=KEY, lifetime_s=600):
    """An access token for @user (RFC 7519)."""
    parts = [{"alg": "HS256", "typ": "JWT"},
             {"sub": user, "iat": int(time.time()), "exp": int(time.time()) + lifetime_s}]
    signed = ".".join(_base64url(json.dumps(part).encode()) for part in parts)
    return f"{signed}.{_base64url(hmac.digest(key, signed.encode(), hashlib.sha256))}"


class DovecotPostfix(Postfix):
    """As Postfix."""

    NAME = "Postfix with Dovecot"
    _dovecot = None

    def configure(self):
        ports = super().configure()
        with open(self._dir / "conf/main.cf", "a", encoding="ascii") as main:
            main.write(f"smtpd_sasl_type = dovecot\nsmtpd_sasl_path = {self._dir}/auth\n")
        if self._dovecot is None:
            self._start_dovecot()
        return ports

    def _start_dovecot(self):
        keys = self._dir / "keys/default/HS256"
        keys.mkdir(parents=True)
        (keys / "default").write_bytes(base64.b64encode(KEY))
        (self._dir / "users").write_text(f"{self.user}:{{PLAIN}}{self.password}\n")
        conf = self._dir / "dovecot.conf"
        conf.write_text(CONF.format(dir=self._dir, lib=LIBRARIES))
        (self._dir / "oauth2").write_text(OAUTH2.format(dir=self._dir))
        libraries = f"{LIBRARIES}:{LIBRARIES}/modules/old-stats"
        with open(self._dir / "dovecot.log", "wb") as log:
            self._dovecot = subprocess.Popen(
                # what dovecot does first of all, by a path that is built in
                [ROOT / "bin/doveconf", "-f", "service=master", "-c", conf, "-m", "master", "-e", ROOT / "sbin/dovecot",
                 "-F", "-c", conf],
                stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True,
                env={"PATH": "/usr/bin:/bin", "LD_LIBRARY_PATH": libraries})
        until("Dovecot listens", lambda: self._dovecot.poll() is not None or (self._dir / "auth").exists())
        assert self._dovecot.poll() is None, self.dovecot_log()

    def dovecot_log(self):
        return (self._dir / "dovecot.log").read_text(errors="replace")

    def stop(self):
        super().stop()
        if self._dovecot and self._dovecot.poll() is None:
            self._dovecot.terminate()
            self._dovecot.wait(30)
