# SPDX-License-Identifier: MIT
"""Clients that post mail, remember what was acknowledged, and repeat what was not.

Every mail has a token of its own. With an Idempotency-Key it is posted until it is acknowledged, after
restarts too, and must be one message in the end; without, it is posted once."""
import collections
import dataclasses
import http.client
import json
import threading

CLIENTS = 6
SIZES, SIZE_WEIGHTS = (10, 200, 3000, 200_000), (32, 32, 32, 4)  # octets of text; the last are bodies in files


@dataclasses.dataclass
class Mail:
    token: str
    key: bool
    waits: bool  # for the outcome: its first attempt is stored with it
    body: dict
    rcpts: list
    id: str = None        # acknowledged
    refused: bool = False  # answered by an error: not acknowledged, and must not exist


class Load:
    """`mails` by token. start() and stop() for each run of the server."""

    def __init__(self, random, server):
        self.mails = {}
        self.server = server
        self._random = random
        self._lock = threading.Lock()
        self._again = collections.deque()
        self._n = 0
        self._stop = threading.Event()
        self._threads = []
        self.surprises = []

    def start(self):
        self._stop.clear()
        self._threads = [threading.Thread(target=self._client) for _ in range(CLIENTS)]
        for thread in self._threads:
            thread.start()

    def stop(self):
        """The server is dead, or about to be; whoever waits for it gives up."""
        self._stop.set()
        for thread in self._threads:
            thread.join()

    def repeat_all(self):
        """Post everything that has a key and no acknowledgement."""
        connection = self.server.connection()
        while self._again:
            mail = self._again.popleft()
            assert self._post(connection, mail), f"{mail.token} was not answered"
            assert mail.id, f"{mail.token} was refused"

    def _new(self):
        with self._lock:
            r = self._random
            if self._again and r.random() < 0.5:
                return self._again.popleft()
            self._n += 1
            token = f"t{self._n}x{r.getrandbits(32):08x}"
            fate = r.choices(["ok", "lost", "defer", "cut"], [80, 8, 6, 6])[0]
            rcpts = [f"{r.choices(['ok', 'no', 'grey'], [85, 8, 7])[0]}.{token}.{i}@rcpt.test"
                     for i in range(r.choices([1, 2, 3], [70, 20, 10])[0])]
            body = {"from": "app@sender.test", "envelope": {"from": f"{fate}.{token}@sender.test"}, "to": rcpts,
                    "subject": token, "text": "x" * r.choices(SIZES, SIZE_WEIGHTS)[0],
                    "delivery": {"on_uncertain": r.choices(["retry", "stop"], [90, 10])[0],
                                 "mode": r.choices(["shared", "individual"], [80, 20])[0]},
                    "priority": r.choice(["normal", "normal", "high", "low"]),
                    "tags": ["failover"] if r.random() < 0.15 else []}
            mail = Mail(token, r.random() < 0.6, r.random() < 0.3, body, rcpts)
            self.mails[token] = mail
            return mail

    def _client(self):
        connection = self.server.connection()
        while not self._stop.is_set():
            if not self._post(connection, self._new()):
                connection.close()
                if not self.server.is_alive():
                    return

    def _post(self, connection, mail):
        """False when there was no answer."""
        headers = {"Content-Type": "application/json"}
        if mail.key:
            headers["Idempotency-Key"] = mail.token
        if mail.waits:
            headers["Prefer"] = "wait=1"
        try:
            connection.request("POST", "/v1/messages", json.dumps(mail.body), headers)
            response = connection.getresponse()
            answer = json.loads(response.read())
        except (OSError, http.client.HTTPException, ValueError):
            self._repeat(mail)
            return False
        if response.status in (200, 202):
            if mail.id not in (None, answer["id"]):
                self.surprises.append(f"{mail.token} is {mail.id} and {answer['id']}")
            mail.id = answer["id"]
        elif response.status in (409, 503):
            self._repeat(mail)
            mail.refused = not mail.key
        else:
            self.surprises.append(f"{mail.token}: {response.status} {answer}")
        return True

    def _repeat(self, mail):
        if mail.key:
            with self._lock:
                self._again.append(mail)
