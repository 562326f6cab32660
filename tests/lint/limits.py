# SPDX-License-Identifier: MIT
"""docs/limits.md says of every constant that it names what the code says, and it names every constant of a header
that is called a MAX, a MIN or a LIMIT."""
import re

from sources import c_files, code, report, top

PAGE = "docs/limits.md"
UNITS = {"KiB": 1 << 10, "MiB": 1 << 20, "s": 1000, "min": 60 * 1000, "h": 3600 * 1000}
ROOMS = ("gateway/", "smtp/", "api/", "config/")
NAMED_A_LIMIT = re.compile(r"(^|_)(MAX|MIN|LIMIT)(_|$)")
# Sizes of our own tables and buffers: what is in them comes from our code, whatever others send.
OUR_OWN = {
    "API_JSON_MAX_ALIASES", "API_JSON_MAX_FIELDS", "API_JSON_MIN_OCTETS", "API_JSON_MIN_TEXT", "API_MAX_CSP",
    "API_MAX_PARAMS", "API_RELOAD_MAX_PARTS", "CLI_MAX_OPTIONS", "GW_CALL_MAX_TENANT", "GW_DOMAIN_MAX_KEYS", "GW_DOMAIN_MAX_PROBLEMS", "GW_METRIC_MAX_LABELS",
    "GW_NOTIFY_MAX", "GW_ROUTE_MAX_RELAYS", "GW_UTF8_MAX", "SMTP_MAX_IN_FLIGHT", "SMTP_MAX_OUT",
}


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
    """A constant expression of numbers, + - * / <<, parentheses and other constants; else None."""
    for name in set(re.findall(r"[A-Z][A-Z0-9_]+", text)):
        inner = known.get(name, (None, None))[1]
        value = evaluate(inner, known) if inner else None
        if value is None:
            return None
        text = re.sub(rf"\b{name}\b", str(value), text)
    if not re.fullmatch(r"[\d\s+*/()<-]+", text):
        return None
    return eval(text.replace("/", "//"), {"__builtins__": {}})  # digits and operators only, see above


def documented(page):
    """(line number, constant, value) of each constant that a row names; times in ms. Several constants have the row's
    numbers in order, the last one for all that are left."""
    for n, line in enumerate(page.split("\n"), 1):
        cells = [cell.strip() for cell in line.split("|")]
        names = re.findall(r"`([A-Z][A-Z0-9_]+)`", cells[3]) if len(cells) > 5 else []
        numbers = re.findall(r"\b(\d[\d,]*)(?: (\w+))?", cells[2]) if names else []
        values = [int(number.replace(",", "")) * UNITS.get(unit, 1) for number, unit in numbers] or [None]
        for i, name in enumerate(names):
            yield n, name, values[min(i, len(values) - 1)]


def check(top):
    known = constants(top)
    page = (top / PAGE).read_text(encoding="utf-8")
    named = set()
    for n, name, value in documented(page):
        text = known.get(name, (None, None))[1]
        real = evaluate(text, known) if text else None
        if real is not None and name.endswith("_S"):
            real *= 1000
        if real is None or real != value:
            yield f"{PAGE}:{n}: {name} is {real} in the code, {value} here"
        if name in named:
            yield f"{PAGE}:{n}: {name} stands here twice"
        named.add(name)
    for name, (rel, _) in sorted(known.items()):
        if rel.endswith(".h") and NAMED_A_LIMIT.search(name) and name not in named | OUR_OWN:
            yield f"{rel}: {name} is not in {PAGE}"
    for name in sorted(OUR_OWN & named) + sorted(OUR_OWN - known.keys()):
        yield f"tests/lint/limits.py: {name} is no longer one of OUR_OWN"


report("limits", check(top()))
