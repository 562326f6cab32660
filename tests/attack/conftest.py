# SPDX-License-Identifier: MIT
"""Fixtures of the attack suite. MAILHATCH_BIN is the server with sanitizers, MAILHATCH_RELEASE_BIN the
one that is shipped."""
import contextlib
import os
import pathlib
import sys
import time

import pytest

sys.path.insert(0, str(pathlib.Path(__file__).parent.parent / "lib"))

import certificates  # noqa: E402
import door  # noqa: E402

RSS_GROWTH = 64 * door.MB
P99_S = 1.0
BINARIES = {"asan": "MAILHATCH_BIN", "release": "MAILHATCH_RELEASE_BIN"}


@pytest.fixture(scope="session")
def authority(tmp_path_factory):
    return certificates.Authority(tmp_path_factory.mktemp("ca"))


@pytest.fixture
def open_door(tmp_path, authority):
    """open_door(build="asan", **config) starts a server that is ended and checked after the test."""
    doors = []

    def start(build="asan", preexec=None, **keywords):
        directory = tmp_path / f"door{len(doors)}"
        directory.mkdir()
        doors.append(door.Door(os.environ[BINARIES[build]], directory,
                               door.config(authority.good, **keywords), preexec))
        return doors[-1]

    yield start
    faults = []
    for d in doors:
        try:
            d.close()
        except AssertionError as e:
            d.kill()
            faults.append(e)
    assert not faults, faults


@contextlib.contextmanager
def under_attack(d):
    """What must hold of the shipped server while somebody attacks it, and after."""
    d.get()
    before = d.rss()
    with door.Bystander(d.ports["plain"]) as bystander:
        yield
        peak = d.rss()
    assert d.unharmed(), d.log_file.read_text()[-4000:]
    assert not bystander.failures, bystander.failures[:5]
    assert bystander.p99() < P99_S, f"p99 {bystander.p99():.3f} s"
    assert peak - before < RSS_GROWTH, f"RSS grew by {(peak - before) / door.MB:.1f} MB"
    ended = time.monotonic()
    d.idle_within(door.IDLE_WITHIN_S)
    print(f"RSS +{(peak - before) / door.MB:.1f} MB, others' p99 {bystander.p99() * 1000:.1f} ms, "
          f"idle after {time.monotonic() - ended:.1f} s")


@pytest.fixture(name="attack_on")
def attack_on_fixture():
    return under_attack
