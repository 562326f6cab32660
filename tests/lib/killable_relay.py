# SPDX-License-Identifier: MIT
"""A relay in a process of its own, to be killed by SIGKILL: what it has answered 250 for is in its file before
the answer leaves, so that the file tells the truth whenever the end comes."""
import asyncio
import contextlib
import os
import pathlib
import subprocess
import sys
import tempfile

from waiting import until


class KillableRelay:
    """`taken()` are the Message-IDs it has taken, in order."""

    def __init__(self, directory):
        self._file = pathlib.Path(directory) / "taken"
        self._file.touch()
        self._process, self.port = None, 0

    def start(self):
        """On a free port, or again on the one it had."""
        self._process = subprocess.Popen([sys.executable, __file__, str(self.port), str(self._file)],
                                         stdin=subprocess.DEVNULL, stdout=subprocess.PIPE)
        self.port = int(self._process.stdout.readline())
        return self

    def kill(self):
        self._process.kill()
        self._process.wait()
        self._process.stdout.close()

    def is_alive(self):
        return self._process.poll() is None

    def taken(self):
        return self._file.read_text().split("\n")[:-1]

    def wait_for(self, n):
        until(f"{n} messages at port {self.port}", lambda: len(self.taken()) >= n)


@contextlib.contextmanager
def running():
    with tempfile.TemporaryDirectory(prefix="mailhatch-relay-") as directory:
        relay = KillableRelay(directory)
        try:
            yield relay.start()
        finally:
            if relay.is_alive():
                relay.kill()


async def _converse(reader, writer, file):
    writer.write(b"220 killable.test ESMTP\r\n")
    while line := await reader.readline():
        verb = line[:4].upper()
        if verb == b"EHLO":
            writer.write(b"250-killable.test\r\n250 PIPELINING\r\n")
        elif verb == b"DATA":
            writer.write(b"354 go ahead\r\n")
            await writer.drain()
            message_id = b"?"
            while (line := await reader.readline()) not in (b".\r\n", b""):
                if line.lower().startswith(b"message-id:"):
                    message_id = line.split(b":", 1)[1].strip()
            if not line:
                break
            os.write(file, message_id + b"\n")
            writer.write(b"250 2.0.0 taken\r\n")
        elif verb == b"QUIT":
            writer.write(b"221 2.0.0 bye\r\n")
            await writer.drain()
            break
        else:
            writer.write(b"250 2.0.0 ok\r\n")
        await writer.drain()
    writer.close()


async def _serve(port, path):
    file = os.open(path, os.O_WRONLY | os.O_APPEND)
    server = await asyncio.start_server(lambda r, w: _converse(r, w, file), "127.0.0.1", port, reuse_address=True)
    print(server.sockets[0].getsockname()[1], flush=True)
    await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(_serve(int(sys.argv[1]), sys.argv[2]))
