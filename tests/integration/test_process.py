# SPDX-License-Identifier: MIT
"""The server as a process: supervisor, signals, exit codes, readiness, the service manager, and what
it has given up."""
import contextlib
import os
import pathlib
import re
import signal
import socket
import subprocess
import tempfile

import pytest
from mailhatch import cli, environment, letter, program
from relay import STALL
from waiting import free_port, stands_still, until

NO_CONFIG = 3


def children(pid):
    return [int(child) for child in pathlib.Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


def server_of(server):
    (pid,) = until("the supervisor has a server", lambda: children(server.supervisor_pid))
    return pid


def status_of(pid):
    lines = pathlib.Path(f"/proc/{pid}/status").read_text().splitlines()
    return {name: value.strip() for name, value in (line.split(":", 1) for line in lines)}


def test_a_killed_server_is_back_and_has_lost_nothing(serve):
    server = serve()
    before = server.post(letter()).json()["id"]
    first = server_of(server)
    os.kill(first, signal.SIGKILL)
    second = until("another server", lambda: [pid for pid in children(server.supervisor_pid) if pid != first])
    until("it is ready", lambda: len(server.events("ready")) == 2)
    server.port = server.events("listening")[-2]["port"]  # the system's choice, again; the last is a socket
    assert server.request("GET", f"/v1/messages/{before}").status == 200
    (died,) = server.events("server_died")
    assert died["status"] == 128 + signal.SIGKILL and second


def test_the_exit_code_of_a_start_that_failed_is_passed_on():
    assert cli("serve", env={"MAILHATCH_RELAY": "nonsense"}).returncode == NO_CONFIG
    with socket.create_server(("127.0.0.1", 0)) as taken, tempfile.TemporaryDirectory() as directory:
        address = f"127.0.0.1:{taken.getsockname()[1]}"
        run = cli("serve", env={"MAILHATCH_LISTEN": address, "MAILHATCH_DATA_DIR": directory})
    assert run.returncode == 1 and address in run.stderr.decode()


@pytest.mark.parametrize("signum", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_drains_as_soon_as_one_can_connect(signum, tmp_path):
    env = {**environment(), "MAILHATCH_LISTEN": f"unix:{tmp_path}/api.sock", "MAILHATCH_DATA_DIR": str(tmp_path / "data"),
           "MAILHATCH_FAILPOINTS": "serve.listening:pause:1"}
    server = subprocess.Popen([program(), "serve", "--no-supervisor"], env=env, stderr=subprocess.DEVNULL)
    try:
        until("it listens and stands still", lambda: stands_still(server.pid))
        with socket.socket(socket.AF_UNIX) as client:
            client.connect(f"{tmp_path}/api.sock")
            server.send_signal(signum)
            server.send_signal(signal.SIGCONT)
            assert server.wait(30) == 0
    finally:
        server.kill()
        server.wait()


@pytest.mark.parametrize("signum", [signal.SIGTERM, signal.SIGINT])
def test_one_signal_drains(serve, signum):
    server = serve()
    os.kill(server.supervisor_pid, signum)
    until("it has ended", lambda: not server.is_alive())
    (draining,) = server.events("draining")
    assert draining["signal"] == signum.name and len(server.events("stopped")) == 1


def test_a_second_signal_ends_a_drain_that_a_stuck_relay_holds(serve, new_relay):
    stuck = new_relay(replies={"MAIL": STALL})
    server = serve(exit_code=1, config={"relays": {"r": {"url": f"smtp://127.0.0.1:{stuck.port}?tls=none"}}})
    assert server.post(letter()).status == 202
    until("the relay has it", lambda: any(b"MAIL" in got for got in stuck.received))
    os.kill(server.supervisor_pid, signal.SIGTERM)
    until("it drains", lambda: server.events("draining"))
    os.kill(server.supervisor_pid, signal.SIGTERM)
    # 2 s from there; it would be 20 s without.
    until("it has ended", lambda: not server.is_alive(), 10)
    assert server.events("drain_overrun")


def test_without_supervisor_there_is_one_process(serve):
    server = serve(arguments=["--no-supervisor"])
    assert children(server.supervisor_pid) == []
    assert status_of(server.pid)["Seccomp"] == "2"


def test_what_the_server_gives_up(serve):
    status = status_of(server_of(serve()))
    assert status["NoNewPrivs"] == "1" and status["Seccomp"] == "2"


def test_seccomp_can_be_left_out(serve):
    assert status_of(server_of(serve(arguments=["--no-seccomp"])))["Seccomp"] == "0"


@contextlib.contextmanager
def service_manager():
    with tempfile.TemporaryDirectory() as directory, socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as s:
        path = os.path.join(directory, "notify")
        s.bind(path)
        s.settimeout(30)
        lines = []

        def told():
            """The next assignment; one datagram may hold several."""
            while not lines:
                lines.extend(s.recv(4096).decode().splitlines())
            return lines.pop(0)

        yield path, told


@pytest.mark.parametrize("supervised", [True, False])
def test_the_service_manager_is_told(supervised):
    arguments = [] if supervised else ["--no-supervisor"]
    with service_manager() as (path, told), tempfile.TemporaryDirectory() as directory:
        env = environment({"NOTIFY_SOCKET": path, "WATCHDOG_USEC": "10000000", "MAILHATCH_LISTEN": "127.0.0.1:0",
                           "MAILHATCH_DATA_DIR": directory})
        server = subprocess.Popen([program(), "serve", *arguments], env=env, stderr=subprocess.DEVNULL)
        assert told() == "READY=1"
        assert told() == "WATCHDOG=1"
        server.send_signal(signal.SIGTERM)
        while (word := told()) == "WATCHDOG=1":
            pass
        assert word == "STOPPING=1"
        assert server.wait(30) == 0


# Readiness


def test_ready_says_which_relay_is_in_the_way(serve):
    port = free_port()
    server = serve(config={"relays": {"gone": {"url": f"smtp://127.0.0.1:{port}?tls=none"}}})
    assert server.get("/readyz").json() == {"status": "ready"}

    def not_ready():
        server.post(letter())
        answer = server.get("/readyz")
        return answer if answer.status == 503 else None

    answer = until("the breaker opens", not_ready)
    assert "gone: conn_refused" in answer.problem()["detail"]
    assert int(answer.headers["Retry-After"]) > 0
    assert server.get("/livez").status == 200


def test_all_that_is_in_the_way_is_named(serve):
    server = serve(config={"relays": {name: {"url": f"smtp://127.0.0.1:{free_port()}?tls=none"} for name in ("a", "b", "c")}})
    for name in ("a", "b"):
        assert server.request("POST", f"/v1/relays/{name}/pause").status == 200
    assert server.get("/readyz").status == 200, "there is one left"
    assert server.request("POST", "/v1/relays/c/pause").status == 200
    answer = server.get("/readyz")
    assert answer.status == 503
    assert answer.problem()["detail"] == "no relay is usable; a: paused; b: paused; c: paused"


# mailhatch healthcheck


def test_the_health_check_finds_the_server_and_believes_it(serve):
    port, gone = free_port(), free_port()
    server = serve(config={"listen": [{"address": f"0.0.0.0:{port}"}],
                           "api_keys": [{"name": "k", "id": "k", "hash": "sha256:" + "0" * 64, "scopes": ["send"]}],
                           "relays": {"gone": {"url": f"smtp://127.0.0.1:{gone}?tls=none"}}})
    file = str(server.directory / "mailhatch.yaml")
    ready = cli("healthcheck", "--config", file)
    assert ready.returncode == 0 and b'{"status":"ready"}' in ready.stdout
    assert cli("healthcheck", "--config", file, "--live").returncode == 0
    server.stop()
    answer = cli("healthcheck", "--config", file)
    assert answer.returncode == 1 and b"takes no connection" in answer.stdout


def test_the_health_check_asks_over_a_unix_socket(serve):
    server = serve()
    assert cli("healthcheck", env={"MAILHATCH_LISTEN": f"unix:{server.socket_path}"}).returncode == 0


# The log


def test_a_log_nobody_reads_does_not_hold_the_server():
    reader, writer = os.pipe()
    with tempfile.TemporaryDirectory() as directory:
        path = os.path.join(directory, "s.sock")
        env = environment({"MAILHATCH_LISTEN": f"unix:{path}", "MAILHATCH_DATA_DIR": directory, "MAILHATCH_LOG": "debug"})
        server = subprocess.Popen([program(), "serve"], env=env, stderr=writer)
        os.close(writer)
        try:
            until("it listens", lambda: cli("healthcheck", env=env).returncode == 0)
            for _ in range(3000):
                with socket.socket(socket.AF_UNIX) as s:
                    s.settimeout(30)
                    s.connect(path)
                    s.sendall(b"GET /livez HTTP/1.1\r\nHost: x\r\nTraceparent: 00-" + b"1" * 32 + b"-" + b"2" * 16 + b"-00\r\n"
                              b"X-Request-Id: " + b"i" * 120 + b"\r\nConnection: close\r\n\r\n")
                    assert s.recv(4096).startswith(b"HTTP/1.1 200")
            with socket.socket(socket.AF_UNIX) as s:
                s.connect(path)
                s.sendall(b"GET /metrics HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
                page = b"".join(iter(lambda: s.recv(65536), b""))
            (dropped,) = re.findall(rb"^mailhatch_log_lines_dropped_total (\d+)", page, re.M)
            assert int(dropped) > 0
            server.send_signal(signal.SIGTERM)
            assert server.wait(30) == 0
        finally:
            server.kill()
            os.close(reader)
