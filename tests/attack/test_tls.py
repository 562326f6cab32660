# SPDX-License-Identifier: MIT
"""The TLS side of a listener: who gets in, with which protocol, and how often."""
import socket
import ssl

import door as doors
import frames
import pytest
import waiting

REQUEST = b"GET /livez HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"


def context(authority, pair=None, newest=None):
    c = ssl.create_default_context(cafile=authority.ca_file)
    if pair is not None:
        c.load_cert_chain(pair.cert_file, pair.key_file)
    if newest is not None:
        c.minimum_version = ssl.TLSVersion.TLSv1
        c.set_ciphers("ALL:@SECLEVEL=0")
        c.maximum_version = newest
    return c


def ask(port, tls, request=REQUEST):
    """The first line of the answer; OSError when there is none."""
    with socket.create_connection(("127.0.0.1", port), 20) as s, tls.wrap_socket(s, server_hostname="localhost") as t:
        t.sendall(request)
        line = t.recv(100).split(b"\r\n")[0]
        if not line:
            raise ConnectionResetError
        return line, t.version(), t.session_reused


def refused(port, tls):
    with pytest.raises(OSError):
        ask(port, tls)


def test_versions(open_door, authority):
    port = open_door().ports["tls"]
    for newest, expected in ((None, "TLSv1.3"), (ssl.TLSVersion.TLSv1_2, "TLSv1.2")):
        assert ask(port, context(authority, newest=newest))[:2] == (b"HTTP/1.1 200 OK", expected)
    refused(port, context(authority, newest=ssl.TLSVersion.TLSv1_1))


def test_cipher_without_forward_secrecy_is_refused(open_door, authority):
    tls = context(authority, newest=ssl.TLSVersion.TLSv1_2)
    tls.set_ciphers("AES128-SHA:AES128-GCM-SHA256:ECDHE-ECDSA-AES128-SHA")
    refused(open_door().ports["tls"], tls)


@pytest.mark.parametrize("offered,chosen", [(("h2", "http/1.1"), "h2"), (("http/1.1", "h2"), "h2"),
                                           (("http/1.1",), "http/1.1"), (("x", "http/1.1"), "http/1.1")])
def test_protocol(open_door, offered, chosen):
    with frames.Peer(open_door().ports["tls"], "tls", protocols=offered) as peer:
        assert peer.protocol() == chosen


def test_unknown_protocols_are_refused(open_door):
    with pytest.raises(OSError):
        frames.Peer(open_door().ports["tls"], "tls", protocols=("x",))


def test_client_certificates(open_door, authority, tmp_path):
    """client_ca_file: nobody without a certificate of that authority is heard."""
    import certificates  # noqa: PLC0415
    other = tmp_path / "other"
    other.mkdir()
    stranger = certificates.Authority(other)
    port = open_door(client_ca=authority.ca_file).ports["tls"]
    assert ask(port, context(authority, authority.good))[0] == b"HTTP/1.1 200 OK"
    refused(port, context(authority))
    refused(port, context(authority, stranger.good))
    refused(port, context(authority, authority.expired))
    refused(port, context(authority, authority.self_signed))


def test_sessions_stay_with_their_listener(open_door, authority):
    """A session of a listener without client certificates is worth nothing on one that wants them."""
    second = (f"  - address: 127.0.0.1:0\n    tls: {{cert_file: {authority.good.cert_file}, "
              f"key_file: {authority.good.key_file}, client_ca_file: {authority.ca_file}}}\n")
    door = open_door(more_listeners=second)
    open_port, closed_port = [e["port"] for e in door.events("listening") if e["tls"] == "yes"][:2]
    tls = context(authority, newest=ssl.TLSVersion.TLSv1_2)
    with socket.create_connection(("127.0.0.1", open_port)) as s, tls.wrap_socket(s, server_hostname="localhost") as t:
        t.sendall(REQUEST)
        t.recv(100)
        session = t.session
    with socket.create_connection(("127.0.0.1", open_port)) as s, \
            tls.wrap_socket(s, server_hostname="localhost", session=session) as t:
        assert t.session_reused
    with pytest.raises(OSError), socket.create_connection(("127.0.0.1", closed_port)) as s, \
            tls.wrap_socket(s, server_hostname="localhost", session=session) as t:
        t.sendall(REQUEST)
        if not t.recv(100):
            raise ConnectionResetError


def test_handshakes_of_one_address_are_bounded(open_door):
    """A connection to a TLS port counts as one. Plain ones, and the next second's, are not touched."""
    door = open_door("release", limits="connections: 2000, connections_per_peer: 2000")

    def burst():
        opened = [socket.create_connection(("127.0.0.1", door.ports["tls"]), 20) for _ in range(300)]
        for s in opened:
            s.close()
        return "handshake_rate" in door.stopped()

    waiting.until("handshakes are refused", burst)
    assert set(door.stopped()) == {"handshake_rate"}

    def shake():
        try:
            frames.Peer(door.ports["tls"], "tls").close()
            return True
        except OSError:
            return False

    waiting.until("handshakes are taken again", shake)
    assert door.get()[0] == 200
    door.idle_within(doors.IDLE_WITHIN_S)
