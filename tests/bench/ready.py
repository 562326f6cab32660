# SPDX-License-Identifier: MIT
"""Waiting for the program to say that it is ready, by the protocol of sd_notify(), or to end."""
import os
import select
import socket
import tempfile


class Ready:
    """A socket to be named in the program's environment. A context manager."""

    def __enter__(self):
        self._directory = tempfile.TemporaryDirectory()
        path = os.path.join(self._directory.name, "notify.sock")
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._socket.bind(path)
        self.env = {"NOTIFY_SOCKET": path}
        return self

    def __exit__(self, *exc):
        self._socket.close()
        self._directory.cleanup()

    def wait(self, child, deadline_s):
        """False when @child ended instead, or said nothing of it in time."""
        ended = os.pidfd_open(child.pid)
        try:
            while True:
                told, _, _ = select.select([self._socket, ended], [], [], deadline_s)
                if self._socket not in told:
                    return False
                if b"READY=1" in self._socket.recv(4096):
                    return True
        finally:
            os.close(ended)
