# SPDX-License-Identifier: MIT
"""Reading a maildir that a mail server delivers to."""
import pathlib
import re

import wire_oracle
from waiting import until

# What the server puts in front of a mail it delivers.
_TRACE = re.compile(rb"(?:(?:Return-Path|X-Original-To|Delivered-To|Envelope-To|Delivery-Date|Received):"
                    rb".*\r\n(?:[ \t].*\r\n)*)*", re.I)


class Maildir:
    def __init__(self, directory):
        self._new = pathlib.Path(directory, "new")
        self._mails = {}  # file name → content; a file in new/ is complete and never changes

    def mail_with(self, needle, utf8_header=False):
        """The one mail that contains @needle, as it was sent: line ends as on the wire, without the
        server's trace fields, and checked by the wire oracle. Waits for it."""

        def read():
            for file in self._new.iterdir() if self._new.is_dir() else ():
                if file.name not in self._mails:
                    self._mails[file.name] = file.read_bytes()
                if needle in self._mails[file.name]:
                    return self._mails[file.name].replace(b"\n", b"\r\n")
            return None

        mail = _TRACE.sub(b"", until(f"a mail with {needle!r} in {self._new}", read), count=1)
        assert wire_oracle.check(mail, utf8_header=utf8_header) == []
        return mail
