# SPDX-License-Identifier: MIT
"""HTTP/2 by hand: frames as bytes, and a client that sends any of them, plain or inside TLS."""
import contextlib
import functools
import socket
import ssl
import struct

PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
DATA, HEADERS, PRIORITY, RST_STREAM, SETTINGS, PUSH_PROMISE, PING, GOAWAY, WINDOW_UPDATE, CONTINUATION = range(10)
END_STREAM, END_HEADERS, PADDED, HAS_PRIORITY = 1, 4, 8, 32
ENHANCE_YOUR_CALM = 11


def frame(kind, flags, stream, payload=b""):
    return struct.pack(">I", len(payload))[1:] + bytes([kind, flags]) + struct.pack(">I", stream) + payload


def settings(*pairs):
    return frame(SETTINGS, 0, 0, b"".join(struct.pack(">HI", key, value) for key, value in pairs))


def integer(n, bits, first=0):
    most = (1 << bits) - 1
    if n < most:
        return bytes([first | n])
    out = bytes([first | most])
    n -= most
    while n >= 128:
        out += bytes([n & 127 | 128])
        n >>= 7
    return out + bytes([n])


def text(value):
    return integer(len(value), 7) + value


def field(name, value):
    """A literal that is not put into the table."""
    return b"\x00" + text(name) + text(value)


def indexed_field(name, value):
    """A literal that becomes the table's newest entry, 0xbe from then on."""
    return b"\x40" + text(name) + text(value)


def fields(path=b"/livez", method=b"GET", more=b""):
    return (b"\x82" if method == b"GET" else b"\x83") + b"\x86\x04" + text(path) + b"\x01" + text(b"localhost") + more


def headers(stream, path=b"/livez", method=b"GET", end=True, more=b""):
    return frame(HEADERS, END_HEADERS | (END_STREAM if end else 0), stream, fields(path, method, more))


def post(stream, more=b""):
    """A POST of JSON whose body is to come."""
    return headers(stream, b"/v1/messages", b"POST", False, field(b"content-type", b"application/json") + more)


def window_update(stream, increment):
    return frame(WINDOW_UPDATE, 0, stream, struct.pack(">I", increment))


def rst(stream, code=8):
    return frame(RST_STREAM, 0, stream, struct.pack(">I", code))


def ping(data=b"12345678"):
    return frame(PING, 0, 0, data)


@functools.cache
def _client_context(protocols):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    context.set_alpn_protocols(list(protocols))
    return context


class Peer:
    """One connection. `kind` is "plain" or "tls"."""

    def __init__(self, port, kind="plain", receive_buffer=None, protocols=("h2",), timeout=20, source=None):
        self.sock = socket.socket()
        if source is not None:
            self.sock.bind((source, 0))
        if receive_buffer is not None:
            self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
        self.sock.settimeout(timeout)
        self.sock.connect(("127.0.0.1", port))
        self._tls = None
        if kind == "tls":
            self._handshake(protocols)

    def _handshake(self, protocols):
        context = _client_context(tuple(protocols))
        self._in, self._out = ssl.MemoryBIO(), ssl.MemoryBIO()
        self._tls = context.wrap_bio(self._in, self._out, server_hostname="localhost")
        while True:
            try:
                self._tls.do_handshake()
                break
            except ssl.SSLWantReadError:
                self.sock.sendall(self._out.read())
                data = self.sock.recv(65536)
                if not data:
                    raise ConnectionResetError("closed in the handshake") from None
                self._in.write(data)
        self.sock.sendall(self._out.read())

    def protocol(self):
        return self._tls.selected_alpn_protocol() if self._tls else None

    def wire(self, data):
        """What goes on the wire for @data."""
        if self._tls is None:
            return data
        for start in range(0, len(data), 16384):
            self._tls.write(data[start:start + 16384])
        return self._out.read()

    def send(self, data):
        """False when the server has closed."""
        try:
            self.sock.sendall(self.wire(data))
            return True
        except OSError:
            return False

    def good_bye(self):
        """The end of what we say in TLS, and no end of the connection."""
        with contextlib.suppress(ssl.SSLError):
            self._tls.unwrap()
        self.sock.sendall(self._out.read())

    def receive(self):
        """Some bytes; b"" at the end of the connection."""
        while True:
            try:
                if self._tls is not None:
                    return self._tls.read(65536)
                return self.sock.recv(65536)
            except ssl.SSLWantReadError:
                data = self._recv_raw()
                if not data:
                    return b""
                self._in.write(data)
            except TimeoutError:
                raise
            except (ssl.SSLError, OSError):
                return b""

    def receive_until(self, expected):
        answer = b""
        while expected not in answer:
            more = self.receive()
            assert more, answer
            answer += more

    def _recv_raw(self):
        try:
            return self.sock.recv(65536)
        except TimeoutError:
            raise
        except OSError:
            return b""

    def frames(self):
        """Frames as (kind, flags, stream, payload) until the connection ends."""
        buffered = b""
        while True:
            data = self.receive()
            if not data:
                return
            buffered += data
            while len(buffered) >= 9:
                length = int.from_bytes(buffered[:3], "big")
                if len(buffered) < 9 + length:
                    break
                stream = int.from_bytes(buffered[5:9], "big") & 0x7fffffff
                yield buffered[3], buffered[4], stream, buffered[9:9 + length]
                buffered = buffered[9 + length:]

    def goaway(self):
        """(error code, debug text) of the GOAWAY that ends the connection; None without one."""
        found = None
        for kind, _, _, payload in self.frames():
            if kind == GOAWAY:
                found = int.from_bytes(payload[4:8], "big"), payload[8:].decode()
        return found

    def close(self):
        self.sock.close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()
