# SPDX-License-Identifier: MIT
"""The shipped program starts at once and is small (tests/bench/start.py has the limits)."""
import pathlib
import subprocess
import sys

import mailhatch
import pytest

START = pathlib.Path(__file__).parents[1] / "bench/start.py"


@pytest.mark.alone
def test_start_and_idle_memory_are_within_their_limits():
    run = subprocess.run([sys.executable, START, mailhatch.release_program()], capture_output=True, text=True,
                         timeout=120, check=False)
    assert run.returncode == 0, run.stdout + run.stderr
