# SPDX-License-Identifier: MIT
"""Reading a maildir that a mail server delivers to."""
import pathlib

from waiting import until


class Maildir:
    def __init__(self, directory):
        self._new = pathlib.Path(directory, "new")

    def mail_with(self, needle):
        """The bytes, line ends as on the wire, of the one mail that contains @needle; waits for it."""

        def read():
            names = self._new.iterdir() if self._new.is_dir() else ()
            found = [f for f in names if needle in f.read_bytes()]
            return found and found[0].read_bytes().replace(b"\n", b"\r\n")

        return until(f"a mail with {needle!r} in {self._new}", read)
