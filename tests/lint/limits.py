# SPDX-License-Identifier: MIT
"""docs/limits.md says of every constant that it names what the code says."""
import re

from sources import c_files, code, report, top

PAGE = "docs/limits.md"
UNITS = {"KiB": 1 << 10, "MiB": 1 << 20, "s": 1000, "min": 60 * 1000, "h": 3600 * 1000}
ROOMS = ("gateway/", "smtp/", "api/", "config/")


def constants(top):
    """Name to (file, the text of its value) of every constant in an enum; None when two differ."""
    found = {}
    for rel, text in c_files(top):
        if not rel.startswith(ROOMS):
            continue
        for match in re.finditer(r"^\s+([A-Z][A-Z0-9_]+) = ([^,}\n]+)", code(text), re.M):
            name, value = match[1], match[2].strip()
            known = found.get(name, (rel, value))
            found[name] = (rel, value if known[1] == value else None)
    return found


def evaluate(text, known):
    """A constant expression of numbers, + - * <<, parentheses and other constants; else None."""
    for name in set(re.findall(r"[A-Z][A-Z0-9_]+", text)):
        inner = known.get(name, (None, None))[1]
        value = evaluate(inner, known) if inner else None
        if value is None:
            return None
        text = re.sub(rf"\b{name}\b", str(value), text)
    if not re.fullmatch(r"[\d\s+*()<-]+", text):
        return None
    return eval(text, {"__builtins__": {}})  # digits and operators only, see above


def documented(page):
    """(line number, constant, value) of each row; times in ms."""
    for n, line in enumerate(page.split("\n"), 1):
        cells = [cell.strip() for cell in line.split("|")]
        name = re.fullmatch(r"`([A-Z][A-Z0-9_]+)`", cells[3]) if len(cells) > 4 else None
        if name is None:
            continue
        value = re.match(r"([\d,]+)(?: (\w+))?", cells[2])
        number = int(value[1].replace(",", "")) if value else None
        yield n, name[1], number * UNITS.get(value[2], 1) if value else None


def check(top):
    known = constants(top)
    page = (top / PAGE).read_text(encoding="utf-8")
    for n, name, value in documented(page):
        text = known.get(name, (None, None))[1]
        real = evaluate(text, known) if text else None
        if real is not None and name.endswith("_S"):
            real *= 1000
        if real is None or real != value:
            yield f"{PAGE}:{n}: {name} is {real} in the code, {value} here"


report("limits", check(top()))
