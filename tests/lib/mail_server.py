# SPDX-License-Identifier: MIT
"""What the real mail servers of the tests share: a throw-away folder that their own users may enter, so none of
pytest's, ports that were free a moment ago, and a start with others when somebody else was quicker."""
import contextlib
import os
import pathlib
import subprocess
import tempfile

from maildir import Maildir
from waiting import accepts, until

TRIES = 5  # another program may take a port between free_port() and bind()
END_S = 30


class MailServer:
    """`inbox` holds what was delivered. A kind of server has a NAME, configure() and command()."""

    NAME = INBOX = None
    USER, PASSWORD = "postbox", "correct horse / battery+staple"

    def __init__(self, directory, pair):
        self._dir = pathlib.Path(directory)
        self._pair = pair
        self._process = None
        self.user, self.password = self.USER, self.PASSWORD
        self.inbox = Maildir(self._dir / self.INBOX)

    def configure(self):
        """Writes the configuration, each time with other ports, and returns these."""
        raise NotImplementedError

    def command(self):
        """(argv, environment or None)"""
        raise NotImplementedError

    def start(self):
        for _ in range(TRIES):
            ports = self.configure()
            argv, env = self.command()
            with open(self._dir / "log", "wb") as log:
                self._process = subprocess.Popen(argv, stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True,
                                                 env=env)
            until(f"{self.NAME} listens", lambda p=ports: self._process.poll() is not None or all(accepts(port) for port in p))
            if self._process.poll() is None:
                return self
            if "in use" not in self.log():
                break
        raise AssertionError(f"{self.NAME} does not start:\n{self.log()}")

    def end(self):
        """Asks the running server to end."""
        self._process.terminate()

    def stop(self):
        if self._process and self._process.poll() is None:
            self.end()
            self._process.wait(END_S)

    def log(self):
        return (self._dir / "log").read_text(errors="replace")


@contextlib.contextmanager
def running(kind, pair):
    with tempfile.TemporaryDirectory(prefix="mailhatch-") as directory:
        os.chmod(directory, 0o755)
        server = kind(directory, pair)
        try:
            yield server.start()
        finally:
            server.stop()
