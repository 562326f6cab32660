# SPDX-License-Identifier: MIT
"""Somebody's HTTP server that gets webhooks: what came, and answers as a test likes."""
import contextlib
import http.server
import json
import ssl
import threading

from waiting import until


class Receiver:
    """`got`: dicts with id, timestamp, signature, body (text) and the parsed document. `answer`: a status, or a
    function of the request (a dict as in `got`, `n` counts from 0) that gives one, a pair of status and
    headers, or None to hang up."""

    def __init__(self, tls=None, address=("127.0.0.1", 0)):
        self.got, self.answer = [], 200
        self._lock = threading.Lock()
        self.now, self.most_at_once = 0, 0
        receiver = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_POST(self):
                body = self.rfile.read(int(self.headers["Content-Length"]))
                call = {"path": self.path, "id": self.headers["webhook-id"], "timestamp": self.headers["webhook-timestamp"],
                        "signature": self.headers["webhook-signature"], "content_type": self.headers["Content-Type"],
                        "body": body.decode(), "document": json.loads(body)}
                with receiver._lock:
                    call["n"] = len(receiver.got)
                    receiver.got.append(call)
                    receiver.now += 1
                    receiver.most_at_once = max(receiver.most_at_once, receiver.now)
                answer = receiver.answer(call) if callable(receiver.answer) else receiver.answer
                with receiver._lock:
                    receiver.now -= 1
                if answer is None:
                    self.close_connection = True
                    return
                status, headers, content = answer if isinstance(answer, tuple) else (answer, {}, b"")
                self.send_response(status)
                for name, value in headers.items():
                    self.send_header(name, value)
                self.send_header("Content-Length", str(len(content)))
                self.end_headers()
                with contextlib.suppress(OSError):
                    self.wfile.write(content)

            def log_message(self, *args):
                pass

        self._server = http.server.ThreadingHTTPServer(address, Handler)
        self._server.daemon_threads = True
        if tls is not None:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(tls.cert_file, tls.key_file)
            self._server.socket = context.wrap_socket(self._server.socket, server_side=True)
        self.port = self._server.server_port
        self.url = f"http{'s' if tls else ''}://localhost:{self.port}/hook"
        threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()

    def types(self):
        return [call["document"]["type"] for call in self.got]

    def wait_for(self, kind, n=1):
        until(f"{n} × {kind} in {self.types()}", lambda: self.types().count(kind) >= n)
        return [call for call in self.got if call["document"]["type"] == kind]

    def wait_for_calls(self, n):
        """Of any type: their order is nobody's promise."""
        until(f"{n} calls", lambda: len(self.got) >= n)

    def close(self):
        self._server.shutdown()
        self._server.server_close()


@contextlib.contextmanager
def receiving(tls=None, **where):
    receiver = Receiver(tls, **where)
    try:
        yield receiver
    finally:
        receiver.close()
