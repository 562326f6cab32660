# SPDX-License-Identifier: MIT
"""The container image, built from the Dockerfile for real: what is in it, and that it sends a mail."""
import json
import os
import pathlib
import re
import shutil
import signal
import subprocess

import image
import pytest
from mailhatch import Server, letter
from waiting import free_port, until

MAX_BYTES = 40_000_000
USER = 65532
SECOND = 10 ** 9  # in nanoseconds


@pytest.fixture(scope="module")
def root():
    """The image's file system."""
    image.build()
    with image.mounted() as path:
        yield path


@pytest.fixture(scope="module")
def config(root):
    return json.loads(image.buildah("inspect", "--type", "image", image.TAG))["OCIv1"]["config"]


def files(root):
    return [path for path in root.rglob("*") if path.is_file() and not path.is_symlink()]


def test_the_image_is_small(root):
    size = sum(path.stat().st_size for path in files(root))
    print(f"\nimage: {size / 1e6:.1f} MB in {len(files(root))} files")
    assert size <= MAX_BYTES


def test_nothing_but_the_program_can_be_run(root):
    programs = [p for p in files(root) if p.stat().st_mode & 0o111 and not re.search(r"\.so(\.\d+)*$", p.name)]
    assert [p.relative_to(root).as_posix() for p in programs] == ["usr/bin/mailhatch"]


def test_nothing_has_set_user_id_and_only_its_directory_is_writable(root):
    own = [p for p in root.rglob("*") if p.lstat().st_uid == USER]
    assert [p.relative_to(root).as_posix() for p in own] == ["var/lib/mailhatch"]
    assert not [p for p in files(root) if p.stat().st_mode & 0o6022]


def test_the_metadata_is_what_orchestrators_read(config):
    assert config["User"] == f"{USER}:{USER}" and config["Entrypoint"] == ["/usr/bin/mailhatch"] and config["Cmd"] == ["serve"]
    assert config["StopSignal"] == "SIGTERM" and "/var/lib/mailhatch" in config["Volumes"]
    assert config["Labels"]["org.opencontainers.image.licenses"] == "MIT"


@pytest.mark.usefixtures("root")
def test_the_image_knows_how_its_health_is_checked():
    docker = json.loads(image.buildah("inspect", "--type", "image", image.TAG))["Docker"]["config"]
    check = docker["Healthcheck"]
    assert check["Test"] == ["CMD", "/usr/bin/mailhatch", "healthcheck", "--live"]
    assert (check["Interval"], check["Timeout"], check["StartPeriod"]) == (10 * SECOND, 5 * SECOND, 5 * SECOND)


class InImage(Server):
    """A server in the image's file system, as the image's user."""

    def __init__(self, root, directory, port):
        super().__init__(directory)
        self.root, self.port = root, port
        self.env = {"MAILHATCH_LISTEN": f"127.0.0.1:{port}", "MAILHATCH_DATA_DIR": "/var/lib/mailhatch"}

    def command(self, *args):
        return [shutil.which("chroot") or "/usr/sbin/chroot", f"--userspec={USER}:{USER}", str(self.root), "/usr/bin/mailhatch", *args]

    def start(self):
        with open(self.log_file, "wb") as log:
            self._process = subprocess.Popen(self.command("serve"), env=self.env, stdout=log, stderr=log)
        until("it is ready or has ended", lambda: self._process.poll() is not None or self.events("ready"))
        assert self._process.poll() is None, self.log()
        return self


@pytest.fixture
def server(root, tmp_path):
    one = InImage(root, tmp_path, free_port()).start()
    yield one
    one.stop()


def test_it_sends_a_mail(server):
    assert server.send(letter())["status"] == "sent"
    answer = server.get("/v1/sandbox/messages")
    assert answer.status == 200 and answer.json()["messages"][0]["subject"] == letter()["subject"]


def test_it_runs_as_its_user_and_checks_its_own_health(server):
    child = server.pid
    assert child != server.supervisor_pid
    assert os.stat(f"/proc/{child}").st_uid in (USER, 0)  # 0: the kernel hides a process that is not dumpable
    assert re.search(rf"^Uid:\s+{USER}\b", pathlib.Path(f"/proc/{child}/status").read_text(), re.M)
    check = server.command("healthcheck", "--live")
    assert subprocess.run(check, env=server.env, timeout=30, check=False).returncode == 0
    os.kill(child, signal.SIGSTOP)
    try:
        assert subprocess.run(check, env=server.env, timeout=30, check=False).returncode == 1
    finally:
        os.kill(child, signal.SIGCONT)


def test_certificates_of_public_authorities_are_there(root):
    text = (root / "etc/ssl/certs/ca-certificates.crt").read_text()
    assert text.count("BEGIN CERTIFICATE") > 100


def test_libraries_that_are_loaded_later_are_there(root):
    assert list(root.rglob("libcurl.so.4"))
