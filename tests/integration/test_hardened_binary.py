# SPDX-License-Identifier: MIT
"""The shipped program carries what compilers and linkers can do against exploits."""
import subprocess

import pytest
from mailhatch import release_program


@pytest.fixture(scope="module")
def elf():
    run = subprocess.run(["readelf", "--wide", "--file-header", "--dynamic", "--program-headers", "--dyn-syms", "--notes",
                          release_program()], capture_output=True, text=True, timeout=60, check=True)
    return run.stdout


def test_it_is_position_independent(elf):
    assert "DYN (Position-Independent Executable file)" in elf


def test_its_tables_are_read_only_before_it_runs(elf):
    assert "GNU_RELRO" in elf and "BIND_NOW" in elf


def test_its_stack_is_not_executable(elf):
    (line,) = [line for line in elf.splitlines() if "GNU_STACK" in line]
    assert " RW " in line and "RWE" not in line


def test_stack_protector_and_checked_calls_are_linked_in(elf):
    assert "__stack_chk_fail" in elf and "__memcpy_chk" in elf and "__snprintf_chk" in elf


def test_no_segment_can_be_written_and_run(elf):
    assert not [line for line in elf.splitlines() if line.strip().startswith("LOAD") and "RWE" in line]
