# SPDX-License-Identifier: MIT
"""A client of /v1/events that reads in a thread: what came, and how it ended."""
import contextlib
import json
import threading

from waiting import until


class Stream:
    """`events`: dicts with id, type and the parsed data; `position`: the last id, of an event or not."""

    def __init__(self, server, query="", headers=None):
        self._connection = server.connection(timeout=60)
        self._connection.request("GET", "/v1/events" + query, headers=headers or {})
        self.response = self._connection.getresponse()
        self.events, self.comments, self.position = [], 0, None
        self.ended = None  # "whole" or an exception's name
        self._thread = threading.Thread(target=self._read, daemon=True)
        self._thread.start()

    def _read(self):
        fields = {}
        try:
            while line := self.response.readline():
                line = line.decode().rstrip("\n")
                name, _, value = line.partition(": ")
                if line == "":
                    if "data" in fields:
                        self.events.append({"id": fields["id"], "type": fields["event"], **json.loads(fields["data"])})
                    fields = {}
                elif line.startswith(":"):
                    self.comments += 1
                else:
                    fields[name] = value
                    self.position = fields.get("id", self.position)
            self.ended = "whole"
        except Exception as e:  # pylint: disable=broad-except
            self.ended = type(e).__name__

    def types(self):
        return [event["type"] for event in self.events]

    def wait_for(self, kind, n=1):
        """The events once @n of that type have come."""
        until(f"{n} × {kind} in {self.types()}", lambda: self.types().count(kind) >= n or self.ended)
        assert self.types().count(kind) >= n, (self.types(), self.ended)
        return list(self.events)

    def wait_for_end(self):
        return until("the stream ends", lambda: self.ended)

    def close(self):
        with contextlib.suppress(OSError, AttributeError):
            self._connection.sock.shutdown(2)
        self._thread.join(30)
        self._connection.close()


@contextlib.contextmanager
def following(server, query="", headers=None):
    stream = Stream(server, query, headers)
    try:
        assert stream.response.status == 200, stream.response.read()
        until("the position is known", lambda: stream.position)
        yield stream
    finally:
        stream.close()
