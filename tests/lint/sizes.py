# SPDX-License-Identifier: MIT
"""Fails on a C file over 600 lines outside tests/, or a function over 80 lines anywhere."""
import re

from sources import c_files, report, top

FILE_LINES = 600
FUNCTION_LINES = 80


def functions(lines):
    """(first line, name, number of lines) of each function; .clang-format puts its braces alone in
    column 0, after a signature that follows a blank line, a comment or a directive."""
    start = None
    for n, line in enumerate(lines):
        if line == "{":
            start = n
            while start > 0 and re.match(r"[\w\s*(),.\[\]]+$", lines[start - 1]):
                start -= 1
        elif line.startswith("}") and start is not None:
            name = re.search(r"(\w+)\s*\(", " ".join(lines[start:n]))
            yield start + 1, name[1] if name else "?", n - start + 1
            start = None


def check(rel, text):
    lines = text.rstrip("\n").split("\n")
    if len(lines) > FILE_LINES and not rel.startswith("tests/"):
        yield f"{rel}: {len(lines)} lines, at most {FILE_LINES}"
    for first, name, count in functions(lines):
        if count > FUNCTION_LINES:
            yield f"{rel}:{first}: {name} has {count} lines, at most {FUNCTION_LINES}"


report("sizes", (e for rel, text in c_files(top()) for e in check(rel, text)))
