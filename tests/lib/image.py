# SPDX-License-Identifier: MIT
"""The container image, built by script/image. Needs root."""
import contextlib
import pathlib
import subprocess

ROOT = pathlib.Path(__file__).parents[2]
STORE = ROOT / "build/image"
TAG = "localhost/mailhatch"
BUILD_LIMIT_S = 1200


def build():
    run = subprocess.run([ROOT / "script/image", TAG], capture_output=True, text=True, timeout=BUILD_LIMIT_S, check=False)
    assert run.returncode == 0, run.stderr[-4000:]


def buildah(*args):
    driver = (STORE / "driver").read_text().strip()
    command = ["buildah", "--root", str(STORE / f"storage-{driver}"), "--runroot", str(STORE / f"run-{driver}"),
               "--storage-driver", driver, *args]
    run = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
    assert run.returncode == 0, run.stderr
    return run.stdout.strip()


@contextlib.contextmanager
def mounted():
    """The image's file system."""
    container = buildah("from", "--pull-never", TAG)
    try:
        yield pathlib.Path(buildah("mount", container))
    finally:
        buildah("umount", container)
        buildah("rm", container)
