# SPDX-License-Identifier: MIT
"""Postfix's smtp-sink: an SMTP server that takes everything and writes each mail to a file."""
import contextlib
import os
import pathlib
import re
import subprocess
import tempfile

import wire_oracle
from waiting import accepts, free_port, until


class SmtpSink:
    def __init__(self, directory):
        self._dir = pathlib.Path(directory)
        self._process = None

    def start(self):
        for _ in range(5):  # another program may take the port between free_port() and bind()
            self.port = free_port()
            self._process = subprocess.Popen(
                ["smtp-sink", "-u", "postfix", "-d", str(self._dir / "mail."), f"inet:127.0.0.1:{self.port}", "128"],
                stdin=subprocess.DEVNULL, stderr=subprocess.PIPE)
            until("smtp-sink listens", lambda: self._process.poll() is not None or accepts(self.port))
            if self._process.poll() is None:
                return self
        raise AssertionError(f"smtp-sink does not start: {self._process.stderr.read()}")

    def stop(self):
        self._process.terminate()
        self._process.wait(10)
        self._process.stderr.close()

    def wait_for(self, n):
        """(mail_from, rcpts, content) of each of the first @n mails in order of arrival."""

        def complete():
            files = sorted(self._dir.glob("mail.*"), key=lambda f: f.stat().st_mtime_ns)
            mails = [self._read(f) for f in files]
            return len(mails) >= n and all(mails) and mails[:n]

        return until(f"{n} mails in {self._dir}", complete)

    @staticmethod
    def _read(file):
        """None while smtp-sink still writes it."""
        data = file.read_bytes()
        head = re.match(rb"((?:X-[^\n]*\n)*)", data)[1]
        mail_from = re.search(rb"X-Mail-Args: <(.*?)>", head)
        rcpts = re.findall(rb"X-Rcpt-Args: <(.*?)>", head)
        # smtp-sink adds a Received header of its own, writes LF and ends a mail with an empty line.
        body = re.sub(rb"^Received:.*\n(?:[ \t].*\n)*", b"", data[len(head):])
        if not mail_from or not data.endswith(b"\n\n"):
            return None
        return (mail_from[1].decode(), [r.decode() for r in rcpts], body[:-1].replace(b"\n", b"\r\n"))

    def violations(self):
        return [f"{f.name}: {v}" for f in self._dir.glob("mail.*") if (mail := self._read(f))
                for v in wire_oracle.check(mail[2], mail[1])]


@contextlib.contextmanager
def running():
    with tempfile.TemporaryDirectory(prefix="mailhatch-sink-") as directory:
        os.chmod(directory, 0o777)
        sink = SmtpSink(directory)
        try:
            yield sink.start()
        finally:
            sink.stop()
