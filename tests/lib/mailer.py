# SPDX-License-Identifier: MIT
"""A server and the scripted relay behind it: a request in, the bytes of its mail out."""
import concurrent.futures
import contextlib

import mailhatch
import relay


class Mailer:
    def __init__(self, server, peer):
        self.server, self.peer = server, peer

    def mail_of(self, request):
        """(answer, mail) of a request, every recipient of which the relay takes."""
        answer = self.server.send(request)
        assert answer["status"] == "sent", answer
        wanted = f"\r\nMessage-ID: {answer['message_id']}\r\n".encode()
        found = [m for m in self.peer.messages if wanted in b"\r\n" + m.content]
        assert len(found) == 1, f"{len(found)} mails with {wanted!r}"
        return answer, found[0]


    def mails_of(self, requests, at_once=8):
        """{name: (answer, mail)} of many requests, {name: request}."""
        with concurrent.futures.ThreadPoolExecutor(at_once) as pool:
            return dict(zip(requests, pool.map(self.mail_of, requests.values())))


@contextlib.contextmanager
def running(env=None, **relay_options):
    with contextlib.closing(relay.Relay(**relay_options)) as peer:
        url = f"smtp://127.0.0.1:{peer.port}?tls=none"
        with mailhatch.running(env={"MAILHATCH_RELAY": url, **(env or {})}) as server:
            yield Mailer(server, peer)
        assert peer.violations == []
