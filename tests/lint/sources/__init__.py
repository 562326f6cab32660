# SPDX-License-Identifier: MIT
"""What the lint tests share: which files there are, and C text without comments and strings."""
import os
import pathlib
import re
import sys

ROOMS = ("gateway/base", "gateway", "smtp", "api", "config")
NOT_OURS = {".git", "build", "node_modules", "__pycache__", ".pytest_cache", "mailhatch-data"}


def files(top):
    """Every text file of the repository as (path relative to top, text), in order."""
    for directory, folders, names in os.walk(top):
        folders[:] = sorted(f for f in folders if f not in NOT_OURS)
        for name in sorted(set(names) - NOT_OURS):
            path = pathlib.Path(directory, name)
            data = path.read_bytes() if path.is_file() else b"\0"
            rel = path.relative_to(top).as_posix()
            if b"\0" not in data and not is_test_input(rel):
                yield rel, data.decode("utf-8", "replace")


def is_test_input(rel):
    """Bytes fed to a test are not ours to judge."""
    return re.match(r"tests/fuzz/(corpus|regressions)/", rel) is not None


def c_files(top):
    return ((rel, text) for rel, text in files(top) if rel.endswith((".c", ".h")))


def room_of(rel):
    return next((room for room in ROOMS if rel.startswith(room + "/")), None)


_TOKEN = re.compile(r'/\*.*?\*/|//[^\n]*|"(?:\\.|[^"\\\n])*"|\'(?:\\.|[^\'\\\n])*\'', re.S)


def code(text):
    """C text with comments and literals blanked out; lines and columns stay."""
    def blank(match):
        return re.sub(r"[^\n]", " ", match[0])

    # An include's file name looks like a string but is code.
    return "\n".join(
        kept if re.match(r"\s*#\s*include\b", kept) else blanked
        for kept, blanked in zip(text.split("\n"), _TOKEN.sub(blank, text).split("\n"))
    )


def report(name, errors):
    """Print the errors and end the process accordingly."""
    errors = list(errors)
    print("\n".join(errors) or f"{name}: ok")
    sys.exit(1 if errors else 0)


def top():
    return pathlib.Path(sys.argv[1]).resolve()
