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
            found = self._with(needle)
            return found and found[0].replace(b"\n", b"\r\n")

        mail = _TRACE.sub(b"", until(f"a mail with {needle!r} in {self._new}", read), count=1)
        assert wire_oracle.check(mail, utf8_header=utf8_header) == []
        return mail

    def count(self, needle):
        """How many mails contain @needle by now."""
        return len(self._with(needle))

    def reports(self, envelope_id):
        """The delivery reports (RFC 3464) about a message that was sent with an ENVID of which this is a part."""
        field = re.compile(rb"\nOriginal-Envelope-ID: [^\n]*" + re.escape(envelope_id), re.IGNORECASE)
        return [content for content in self._with(b"\n") if field.search(content)]

    def _with(self, needle):
        for file in self._new.iterdir() if self._new.is_dir() else ():
            if file.name not in self._mails:
                self._mails[file.name] = file.read_bytes()
        return [content for content in self._mails.values() if needle in content]
