# SPDX-License-Identifier: MIT
"""TLS below HTTP: how its octets arrive, and what comes when nothing should any more."""
import socket
import ssl

import waiting

H1 = b"GET /livez HTTP/1.1\r\nHost: x\r\nX: %s\r\n\r\n"


def test_a_reload_before_the_hello(open_door, authority):
    """The connection goes on with the certificate of before, which nobody else uses any more."""
    door = open_door()
    silent = [socket.create_connection(("127.0.0.1", door.ports["tls"]), 20) for _ in range(5)]
    waiting.until("they are accepted", lambda: b"mailhatch_http_connections 6\n" in door.get("/metrics")[1])
    door.reload()
    context = ssl.create_default_context(cafile=authority.ca_file)
    for s in silent:
        with context.wrap_socket(s, server_hostname="localhost") as tls:
            tls.sendall(H1 % b"")
            assert tls.recv(100).startswith(b"HTTP/1.1 200 ")
