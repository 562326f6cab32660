# SPDX-License-Identifier: MIT
"""Good traffic: clients in a process of their own that send one mail after the other and wait for what the relay says.
Ten times a second it prints the time, how many were sent so far, and how many were not.

    traffic.py PORT RELAY
"""
import http.client
import json
import pathlib
import subprocess
import sys
import threading
import time

CLIENTS = 4
STEP_S = 0.1


class Traffic:
    """Runs the process. A context manager."""

    def __init__(self, port, relay):
        self._command = [sys.executable, str(pathlib.Path(__file__)), str(port), relay]
        self._seen = []  # (time, sent)
        self._changed = threading.Condition()
        self.failed = 0

    def _read(self):
        for line in self._process.stdout:
            at, sent, failed = line.split()
            with self._changed:
                self._seen.append((float(at), int(sent)))
                self.failed = int(failed)
                self._changed.notify_all()

    def rate(self, seconds):
        """Mails a second over the next @seconds."""
        with self._changed:
            first = len(self._seen)
            last = first + round(seconds / STEP_S)
            assert self._changed.wait_for(lambda: len(self._seen) > last, 60), "the traffic has ended"
            (began, before), (ended, after) = self._seen[first], self._seen[last]
        return (after - before) / (ended - began)

    def __enter__(self):
        self._process = subprocess.Popen(self._command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()
        self.rate(0.5)  # connections are up
        return self

    def __exit__(self, *_):
        self._process.stdin.close()
        self._process.wait()
        self._reader.join()


class Client(threading.Thread):
    def __init__(self, port, relay):
        super().__init__(daemon=True)
        self.port, self.sent, self.failed = port, 0, 0
        self.body = json.dumps({"from": "good@example.com", "to": "good@example.org", "subject": "s", "text": "t" * 1000,
                                "relay": relay}).encode()
        self.start()

    def run(self):
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)
        headers = {"Content-Type": "application/json", "Prefer": "wait=20"}
        while True:
            try:
                connection.request("POST", "/v1/messages", self.body, headers)
                answer = connection.getresponse()
                body = answer.read()
                good, what = b'"status":"sent"' in body and answer.status == 200, (answer.status, body)
            except (OSError, http.client.HTTPException) as e:
                connection.close()
                good, what = False, e
            if not good:
                print(what, file=sys.stderr)
            self.sent += good
            self.failed += not good


def main(port, relay):
    clients = [Client(port, relay) for _ in range(CLIENTS)]
    ended = threading.Event()
    threading.Thread(target=lambda: (sys.stdin.read(), ended.set()), daemon=True).start()
    while not ended.wait(STEP_S):
        print(time.monotonic(), sum(c.sent for c in clients), sum(c.failed for c in clients), flush=True)


if __name__ == "__main__":
    main(int(sys.argv[1]), sys.argv[2])
