# SPDX-License-Identifier: MIT
"""TLS below HTTP: how its octets arrive, and what comes when nothing should any more."""
import socket
import ssl

import door as doors
import frames
import pytest
import waiting

FIRST_READ = 8192  # octets that the HTTP library asks of a TLS connection at first
RECORD_OVERHEAD = 22  # of TLS 1.3 with AES-GCM
GARBAGE = b"\x17\x03\x03\x40\x00" + bytes(16384)
H1 = b"GET /livez HTTP/1.1\r\nHost: x\r\nX: %s\r\n\r\n"
H2 = frames.PREFACE + frames.settings()


def padded(make, size):
    """What make(n) gives, which grows with n, of so many octets."""
    return make(2 * size - len(make(size)))


def halves(protocol, size):
    """What makes a request of `protocol` in two parts, the first of so many octets, and how its answer begins."""
    if protocol == "http/1.1":
        whole = b"POST /v1/messages HTTP/1.1\r\nHost: x\r\nContent-Type: text/plain\r\nContent-Length: 20000\r\n\r\n" + bytes(20000)
        return whole[:size], whole[size:], b"HTTP/1.1 415 "
    ping = frames.ping()
    first = padded(lambda n: H2 + frames.headers(1, more=frames.field(b"x", b"y" * n)), size)
    return first, ping, frames.frame(frames.PING, 1, 0, ping[9:])


@pytest.mark.parametrize("protocol", ["http/1.1", "h2"])
@pytest.mark.parametrize("wire_octets", [FIRST_READ - 1, FIRST_READ, FIRST_READ + 1])
def test_a_read_that_is_filled_to_the_last_octet(open_door, protocol, wire_octets):
    """libuv looks for more then, and tells when there is none: no reason to close."""
    door = open_door()
    with frames.Peer(door.ports["tls"], "tls", protocols=(protocol,)) as peer:
        first, second, expected = halves(protocol, wire_octets - RECORD_OVERHEAD)
        wire = peer.wire(first)
        assert len(wire) == wire_octets
        peer.sock.sendall(wire)
        door.idle_within(10)
        peer.send(second)
        peer.receive_until(expected)


@pytest.mark.parametrize("protocol", ["http/1.1", "h2"])
def test_octets_behind_the_good_bye(open_door, attack_on, protocol):
    """After close_notify nothing is decrypted: who sends all the same is not listened to for ever."""
    door = open_door("release")
    with attack_on(door), frames.Peer(door.ports["tls"], "tls", protocols=(protocol,)) as peer:
        peer.good_bye()
        with pytest.raises(OSError):
            for _ in range(200 * doors.MB // len(GARBAGE)):
                peer.sock.sendall(GARBAGE)
    assert door.stopped() == {"tls_no_data": 1}


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
