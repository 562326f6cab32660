# SPDX-License-Identifier: MIT
"""An OAuth2 token endpoint over HTTPS on a free loopback port, in the shapes that Microsoft 365 and Google
document. Every access token it gives is another one; `tokens` are those it has given, `forms` what was asked."""
import http.server
import json
import ssl
import threading
import urllib.parse


class TokenServer:
    """Ends at close(). With `error` set it refuses: (HTTP status, body as a dict)."""

    def __init__(self, pair, client_id, client_secret=None, refresh_token=None, expires_in=3599, port=0):
        self.client_id, self.client_secret, self.refresh_token = client_id, client_secret, refresh_token
        self.expires_in, self.error = expires_in, None
        self.forms, self.tokens = [], []
        server = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self):
                body = self.rfile.read(int(self.headers["Content-Length"]))
                assert self.headers["Content-Type"] == "application/x-www-form-urlencoded"
                status, answer = server._answer(dict(urllib.parse.parse_qsl(body.decode(), strict_parsing=True)))
                payload = json.dumps(answer).encode()
                self.send_response(status)
                self.send_header("Content-Type", "application/json; charset=utf-8")
                self.send_header("Content-Length", str(len(payload)))
                self.end_headers()
                self.wfile.write(payload)

            def log_message(self, *_):
                pass

        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(pair.cert_file, pair.key_file)
        self._http = http.server.ThreadingHTTPServer(("127.0.0.1", port), Handler)
        self._http.daemon_threads = True
        self._http.socket = context.wrap_socket(self._http.socket, server_side=True)
        self.port = self._http.server_port
        self.url = f"https://127.0.0.1:{self.port}/tenant/oauth2/v2.0/token"
        threading.Thread(target=self._http.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()

    def _answer(self, form):
        self.forms.append(form)
        if self.error:
            return self.error
        if form.get("client_id") != self.client_id or form.get("client_secret") != self.client_secret:
            return 401, {"error": "invalid_client", "error_description": "AADSTS7000215: Invalid client secret provided."}
        if form["grant_type"] == "refresh_token" and form.get("refresh_token") != self.refresh_token:
            return 400, {"error": "invalid_grant", "error_description": "Token has been expired or revoked."}
        self.tokens.append(f"eyJ0eXAiOiJKV1Qi.{len(self.tokens)}-{'x' * 1200}")
        return 200, {"token_type": "Bearer", "expires_in": self.expires_in, "ext_expires_in": self.expires_in,
                     "access_token": self.tokens[-1]}

    def close(self):
        self._http.shutdown()
        self._http.server_close()
