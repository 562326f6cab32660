# SPDX-License-Identifier: MIT
"""A scripted ESMTP relay on a free loopback port, plain, with STARTTLS or with implicit TLS. It records
every byte it gets; `violations` is what the wire oracle says of its messages.

Replies are one line of text, or an action: Slow("250 2.0.0 ok", 0.5) answers later, CLOSE hangs up,
STALL never answers. A list gives one reply per time asked; its last one repeats.
"""
import base64
import dataclasses
import socket
import ssl
import threading

import wire_oracle

CLOSE = object()
STALL = object()
LINE_LIMIT = 1 << 16


@dataclasses.dataclass(frozen=True)
class Slow:
    reply: str
    seconds: float


@dataclasses.dataclass
class Message:
    """One message the relay accepted or refused after the final dot."""
    mail_from: str  # the whole MAIL argument, parameters included
    rcpts: list     # the RCPT addresses it accepted
    asked: list     # all RCPT addresses
    content: bytes  # un-stuffed
    tls: str        # "TLSv1.3" or None
    user: str       # who had logged in, or None


class Relay:
    """Ends at close(). `messages` and `received` (bytes of each connection) grow."""

    def __init__(self, tls="none", pair=None, user=None, password=None, tokens=None, rcpt=None, replies=None,
                 keywords=("PIPELINING", "8BITMIME", "ENHANCEDSTATUSCODES", "SIZE 52428800"), port=0):
        self.messages, self.received = [], []
        self._violations, self._n_checked = [], 0
        self._tls, self._user, self._password = tls, user, password
        self.tokens = tokens  # good access tokens: XOAUTH2 and OAUTHBEARER in place of passwords
        self._rcpt, self._replies, self._keywords = rcpt or {}, replies or {}, keywords
        self._asked = {}
        self._changed = threading.Condition()
        self._context = None
        if tls != "none":
            self._context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            self._context.load_cert_chain(pair.cert_file, pair.key_file)
        self._closing = threading.Event()
        self._sockets = set()
        self._listener = socket.create_server(("127.0.0.1", port), backlog=128)
        self.port = self._listener.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()

    def close(self):
        """Again does nothing."""
        if self._closing.is_set():
            return
        self._closing.set()
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        with self._changed:
            for sock in self._sockets:
                try:
                    sock.shutdown(socket.SHUT_RDWR)
                except OSError:
                    pass

    def wait_for(self, n, deadline_s=30):
        """The first @n messages, once they are there."""
        with self._changed:
            assert self._changed.wait_for(lambda: len(self.messages) >= n, deadline_s), (
                f"{len(self.messages)} messages after {deadline_s} s, not {n}")
            return self.messages[:n]

    @property
    def violations(self):
        """What the wire oracle says of all messages so far; not while they arrive, it takes its time."""
        for i, message in enumerate(self.messages[self._n_checked:], self._n_checked + 1):
            found = wire_oracle.check(message.content, message.asked, "SMTPUTF8" in message.mail_from)
            self._violations += [f"message {i} on port {self.port}: {v}" for v in found]
            self._n_checked = i
        return self._violations

    def wait_for_connection(self, deadline_s=30):
        with self._changed:
            assert self._changed.wait_for(lambda: self.received, deadline_s), "nobody connected"

    def _accept(self):
        while True:
            try:
                sock, _ = self._listener.accept()
            except OSError:
                return
            threading.Thread(target=self._serve, args=(sock,), daemon=True).start()

    def _serve(self, sock):
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        with self._changed:
            self._sockets.add(sock)
            record = bytearray()
            self.received.append(record)
            self._changed.notify_all()
        try:
            _Session(self, sock, record).run()
        except (OSError, ssl.SSLError, _Closed):
            pass
        finally:
            sock.close()

    # What sessions ask of the script.

    def _reply_for(self, key, default):
        script = self._rcpt.get(key, self._replies.get(key, default))
        if isinstance(script, list):
            with self._changed:
                n = self._asked[key] = self._asked.get(key, -1) + 1
            script = script[min(n, len(script) - 1)]
        return script

    def _add(self, message):
        with self._changed:
            self.messages.append(message)
            self._changed.notify_all()


class _Closed(Exception):
    pass


class _Session:
    def __init__(self, relay, sock, record):
        self._relay, self._sock, self._record = relay, sock, record
        self._buffer = b""
        self._tls = self._user = None
        self._reset()

    def _reset(self):
        self._mail_from, self._rcpts, self._asked = None, [], []

    def _wrap(self):
        self._sock = self._relay._context.wrap_socket(self._sock, server_side=True)
        with self._relay._changed:
            self._relay._sockets.add(self._sock)
        self._tls = self._sock.version()

    def _line(self):
        while b"\n" not in self._buffer:
            data = self._sock.recv(65536)
            if not data or len(self._buffer) > LINE_LIMIT:
                raise _Closed
            self._record += data
            self._buffer += data
        line, self._buffer = self._buffer.split(b"\n", 1)
        return line + b"\n"

    def _say(self, reply):
        """True when the reply was a good one (2yz or 3yz)."""
        if reply is CLOSE:
            raise _Closed
        if reply is STALL:
            self._relay._closing.wait()
            raise _Closed
        if isinstance(reply, Slow):
            self._relay._closing.wait(reply.seconds)
            reply = reply.reply
        self._sock.sendall(reply.encode() + b"\r\n")
        return reply[:1] in "23"

    def run(self):
        if self._relay._tls == "implicit":
            self._wrap()
        self._say(self._relay._reply_for("greeting", "220 relay.test.example ESMTP"))
        while True:
            line = self._line().rstrip(b"\r\n").decode("utf-8", "replace")
            verb, _, argument = line.partition(" ")
            handler = getattr(self, "_on_" + verb.lower(), None)
            if handler is None:
                self._say("500 5.5.1 unknown command")
            elif handler(argument) is CLOSE:
                return

    def _on_ehlo(self, _argument):
        keywords = list(self._relay._keywords)
        if self._relay._tls == "starttls" and not self._tls:
            keywords.append("STARTTLS")
        if self._relay._user and (self._tls or self._relay._tls == "none"):
            keywords.append("AUTH PLAIN LOGIN" if self._relay.tokens is None else "AUTH XOAUTH2 OAUTHBEARER")
        lines = ["relay.test.example", *keywords]
        default = "\r\n".join(f"250{'-' if i + 1 < len(lines) else ' '}{k}" for i, k in enumerate(lines))
        self._reset()
        self._say(self._relay._reply_for("EHLO", default))

    def _on_helo(self, _argument):
        self._say(self._relay._reply_for("HELO", "250 relay.test.example"))

    def _on_starttls(self, _argument):
        if self._say(self._relay._reply_for("STARTTLS", "220 2.0.0 go ahead")):
            self._buffer = b""
            self._wrap()

    def _on_auth(self, argument):
        mechanism, _, initial = argument.partition(" ")
        if self._relay.tokens is not None:
            self._on_bearer(mechanism, initial)
            return
        if mechanism.upper() == "PLAIN":
            token = initial or self._ask("")
            _, user, password = base64.b64decode(token).decode().split("\0")
        else:
            user = base64.b64decode(initial or self._ask("VXNlcm5hbWU6")).decode()
            password = base64.b64decode(self._ask("UGFzc3dvcmQ6")).decode()
        good = (user, password) == (self._relay._user, self._relay._password)
        default = "235 2.7.0 welcome" if good else "535 5.7.8 authentication credentials invalid"
        if self._say(self._relay._reply_for("AUTH", default)):
            self._user = user

    def _on_bearer(self, mechanism, initial):
        """A refusal is a challenge, an empty answer to it, and 535: as Microsoft and Google do it."""
        fields = base64.b64decode(initial or self._ask("")).decode().split("\1")
        user = fields[0].removeprefix("user=") if mechanism == "XOAUTH2" else fields[0].split(",")[1].removeprefix("a=")
        (bearer,) = [f.removeprefix("auth=Bearer ") for f in fields if f.startswith("auth=")]
        assert fields[-2:] == ["", ""], fields
        if user == self._relay._user and bearer in self._relay.tokens:
            self._say(self._relay._reply_for("AUTH", "235 2.7.0 Accepted"))
            self._user = user
        else:
            self._ask(base64.b64encode(b'{"status":"401","schemes":"bearer","scope":"https://mail.google.com/"}').decode())
            self._say("535 5.7.8 Username and Password not accepted")

    def _ask(self, challenge):
        self._say("334 " + challenge)
        return self._line().strip().decode()

    def _on_mail(self, argument):
        if self._relay._user and not self._user:
            self._say("530 5.7.0 authentication required")
        elif self._say(self._relay._reply_for("MAIL", "250 2.1.0 sender ok")):
            self._mail_from = argument[len("FROM:"):]

    def _on_rcpt(self, argument):
        address = argument[len("TO:"):].split(">")[0].strip("<>")
        self._asked.append(address)
        if self._mail_from is None:
            self._say("503 5.5.1 MAIL first")
        elif self._say(self._relay._reply_for(address, "250 2.1.5 recipient ok")):
            self._rcpts.append(address)

    def _on_data(self, _argument):
        if not self._rcpts:
            self._say("554 5.5.1 no valid recipients")
            return
        if not self._say(self._relay._reply_for("DATA", "354 go ahead")):
            return
        content = bytearray()
        while (line := self._line()) != b".\r\n":
            content += line[1:] if line.startswith(b".") else line
        self._relay._add(Message(self._mail_from, self._rcpts, self._asked, bytes(content), self._tls, self._user))
        self._reset()
        self._say(self._relay._reply_for("dot", "250 2.0.0 queued as 1"))

    def _on_rset(self, _argument):
        self._reset()
        self._say(self._relay._reply_for("RSET", "250 2.0.0 ok"))

    def _on_noop(self, _argument):
        self._say("250 2.0.0 ok")

    def _on_quit(self, _argument):
        self._say("221 2.0.0 bye")
        return CLOSE
