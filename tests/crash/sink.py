# SPDX-License-Identifier: MIT
"""The relay of the crash harness: a plain SMTP server that survives its client and logs each mail it took.

What it does is written in the addresses, so that the log can be checked without asking anybody else.
The envelope sender is `<fate>.<token>@sender.test`, a recipient `<fate>.<token>.<n>@rcpt.test`. A fate
strikes the first time the sink sees that token (or recipient):

  sender     ok; lost: takes the mail, hangs up instead of answering the dot; defer: 451 to the dot;
             cut: hangs up in the middle of DATA
  recipient  ok; no: 550, always; grey: 451 the first time
"""
import collections
import socket
import threading


class Sink:
    def __init__(self):
        self.taken = collections.Counter()  # (token, recipient) -> how often; read it when all is quiet
        self.rejected = set()
        self._met = collections.Counter()
        self._lock = threading.Lock()
        self._listener = socket.create_server(("127.0.0.1", 0), backlog=256)
        self.port = self._listener.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()

    def close(self):
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()

    def _accept(self):
        while True:
            try:
                sock, _ = self._listener.accept()
            except OSError:
                return
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            threading.Thread(target=self._serve, args=(sock,), daemon=True).start()

    def _is_first(self, key):
        with self._lock:
            self._met[key] += 1
            return self._met[key] == 1

    def _serve(self, sock):
        with sock, sock.makefile("rb") as lines:
            try:
                self._talk(sock, lines)
            except (OSError, EOFError):
                pass

    def _talk(self, sock, lines):
        def say(text):
            sock.sendall(text.encode() + b"\r\n")

        def read():
            line = lines.readline()
            if not line.endswith(b"\r\n"):
                raise EOFError
            return line

        say("220 sink.test ESMTP")
        sender, rcpts = "", []
        while True:
            command = read().rstrip()
            verb = command[:4].upper()
            if verb == b"EHLO":
                say("250-sink.test\r\n250-PIPELINING\r\n250 8BITMIME")
            elif verb == b"MAIL":
                sender, rcpts = _address(command), []
                say("250 2.1.0 ok")
            elif verb == b"RCPT":
                rcpt = _address(command)
                reply = self._judge(rcpt)
                if reply.startswith("250"):
                    rcpts.append(rcpt)
                say(reply)
            elif verb == b"DATA":
                if not rcpts:
                    say("554 5.5.1 no recipients")
                    continue
                say("354 go")
                fate, token = sender.split("@")[0].split(".")
                strikes = self._is_first(token)
                if fate == "cut" and strikes:
                    read()
                    return
                while read() != b".\r\n":
                    pass
                if fate == "defer" and strikes:
                    say("451 4.3.0 later")
                    continue
                with self._lock:
                    for rcpt in rcpts:
                        self.taken[token, rcpt] += 1
                if fate == "lost" and strikes:
                    return
                say(f"250 2.0.0 taken as {token}")
            elif verb == b"RSET":
                sender, rcpts = "", []
                say("250 2.0.0 ok")
            elif verb == b"NOOP":
                say("250 2.0.0 ok")
            elif verb == b"QUIT":
                say("221 2.0.0 bye")
                return
            else:
                say("502 5.5.1 what?")

    def _judge(self, rcpt):
        fate = rcpt.split(".", 1)[0]
        if fate == "no":
            with self._lock:
                self.rejected.add(rcpt)
            return "550 5.1.1 no such user"
        if fate == "grey" and self._is_first(rcpt):
            return "451 4.7.1 greylisted"
        return "250 2.1.5 ok"


def _address(command):
    return command[command.index(b"<") + 1:command.index(b">")].decode()
