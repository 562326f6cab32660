# SPDX-License-Identifier: MIT
"""A real name server: NSD, unpacked by script/setup, on a free port of 127.0.0.1 (UDP and TCP) with zones of one's
own; and two that are no good: one that says nothing, and one that answers everything with one code."""
import contextlib
import pathlib
import socket
import struct
import subprocess
import tempfile
import threading

from waiting import free_port, until

PROGRAM = pathlib.Path(__file__).parents[2] / "build/dns/usr/sbin/nsd"
_STARTS = 3  # another port each, should the one that was free be taken

CONF = """
server:
    ip-address: 127.0.0.1
    port: {port}
    username: ""
    chroot: ""
    database: ""
    zonesdir: "{dir}"
    zonelistfile: "{dir}/zone.list"
    xfrdfile: "{dir}/xfrd.state"
    xfrdir: "{dir}"
    pidfile: ""
    server-count: 1
    rrl-ratelimit: 0
    hide-version: yes
remote-control:
    control-enable: no
"""
HEAD = "$ORIGIN {zone}.\n$TTL 60\n@ IN SOA ns.{zone}. root.{zone}. 1 3600 600 86400 60\n@ IN NS ns.{zone}.\nns IN A 127.0.0.1\n"


def strings(text, size=255):
    """@text as the strings of a TXT record, of at most @size octets each."""
    return " ".join(f'"{text[i:i + size]}"' for i in range(0, len(text), size)) or '""'


def ask(port, name, kind=6):
    """Whether the server answers a question by UDP."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
        s.settimeout(0.2)
        labels = b"".join(bytes([len(label)]) + label.encode() for label in name.split("."))
        s.sendto(struct.pack("!6H", 7, 0x0100, 1, 0, 0, 0) + labels + b"\0" + struct.pack("!2H", kind, 1), ("127.0.0.1", port))
        try:
            return len(s.recv(4096)) > 12
        except OSError:
            return False


def _write(directory, port, zones, without_file):
    conf = CONF.format(port=port, dir=directory)
    for zone, text in zones.items():
        pathlib.Path(directory, f"{zone}.zone").write_text(HEAD.format(zone=zone) + text)
    for zone in (*zones, *without_file):
        conf += f'zone:\n    name: "{zone}"\n    zonefile: "{directory}/{zone}.zone"\n'
    file = pathlib.Path(directory, "nsd.conf")
    file.write_text(conf)
    return file


@contextlib.contextmanager
def running(zones, without_file=()):
    """The port of a server for @zones ({name: text behind SOA and NS}). A zone without a file is answered with SERVFAIL."""
    with tempfile.TemporaryDirectory(prefix="nsd-") as directory:
        for _ in range(_STARTS):
            port = free_port()
            with open(pathlib.Path(directory, "log"), "wb") as log:
                process = subprocess.Popen([PROGRAM, "-d", "-c", _write(directory, port, zones, without_file)], stdout=log, stderr=log)
            until("NSD answers, or has ended", lambda: process.poll() is not None or ask(port, next(iter(zones))))
            if process.poll() is None:
                break
        assert process.poll() is None, pathlib.Path(directory, "log").read_text()
        try:
            yield port
        finally:
            process.terminate()
            process.wait(30)


@contextlib.contextmanager
def silent():
    """The port of a server that never answers, and what was asked there."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
        s.bind(("127.0.0.1", 0))
        yield s.getsockname()[1]


@contextlib.contextmanager
def answering(reply):
    """The port of a UDP server that answers with reply(question)."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
        s.bind(("127.0.0.1", 0))
        s.settimeout(0.1)
        ended = threading.Event()

        def serve():
            while not ended.is_set():
                with contextlib.suppress(TimeoutError):
                    question, peer = s.recvfrom(4096)
                    s.sendto(reply(question), peer)

        thread = threading.Thread(target=serve)
        thread.start()
        try:
            yield s.getsockname()[1]
        finally:
            ended.set()
            thread.join()
