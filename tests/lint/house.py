# SPDX-License-Identifier: MIT
"""Fails on a source file without licence line or head, a path of one machine, a registry's host, an
unfinished-work mark, or anything at the top that does not belong there (a test's leftovers)."""
import itertools
import os
import re

from sources import NOT_OURS, files, report, top

LICENCE = "SPDX-License-Identifier: MIT"
# Put together here so that this file does not find itself.
FORBIDDEN = [
    (r"(?<![\w.])/(" + "|".join(["work", "home", "root", "Users"]) + r")/\w", "a path of one machine"),
    (r"\b(registry\." + r"npmjs|deb\." + r"debian\.org|security\." + r"debian\.org|pypi\." + r"org|files\."
     + r"pythonhosted|ghcr\." + r"io|proxy\." + r"golang)", "a registry's host"),
    (r"\b(TO" + r"DO|FIX" + r"ME|XX" + r"X)\b", "an unfinished-work mark"),
]
TOP = {".ci", ".clang-format", ".clang-tidy", ".dockerignore", ".editorconfig", ".gitignore", "CHANGELOG.md", "CMakeLists.txt",
       "CMakePresets.json", "CONTRIBUTING.md", "Dockerfile", "LICENSE", "README.md", "SECURITY.md", "api", "cmake", "config",
       "deploy", "docs", "gateway", "script", "smtp", "tests"}
LICENSED = (".c", ".h", ".py", ".cmake", ".mjs", ".js")


def licensed(rel, text):
    return rel.endswith(LICENSED) or text.startswith("#!")


def check(rel, text):
    lines = text.split("\n")
    if licensed(rel, text):
        first = 1 if text.startswith("#!") else 0
        if len(lines) <= first or LICENCE not in lines[first]:
            yield f"{rel}:{first + 1}: the licence line is not here ({LICENCE})"
        elif rel.endswith((".c", ".h")) and not lines[first + 1].startswith("/*"):
            yield f"{rel}:{first + 2}: no line that says what the file is"
    for n, line in enumerate(lines, 1):
        for pattern, what in FORBIDDEN:
            if found := re.search(pattern, line):
                yield f"{rel}:{n}: {found[0]}: {what}"


strangers = (f"{name}: nothing of this name belongs at the top" for name in sorted(os.listdir(top())) if name not in TOP | NOT_OURS)
report("house", itertools.chain(strangers, (e for rel, text in files(top()) for e in check(rel, text))))
