# SPDX-License-Identifier: MIT
"""Every relative link in a Markdown page leads to a file, and to a heading of it when it names one."""
import re

from sources import files, report, top


def anchors(text):
    """The names that a page's headings get from a Markdown viewer."""
    for title in re.findall(r"^#+ (.+)$", text, re.M):
        yield re.sub(r"[^\w\- ]", "", title.strip().lower()).replace(" ", "-")


def links(text):
    """(line number, target) outside of code."""
    fenced = False
    for n, line in enumerate(text.split("\n"), 1):
        if line.startswith("```"):
            fenced = not fenced
        if not fenced:
            for target in re.findall(r"\]\(([^()\s]+)\)", re.sub(r"`[^`]*`", "``", line)):
                yield n, target


def check(top):
    pages = {rel: text for rel, text in files(top) if rel.endswith(".md")}
    for rel, text in pages.items():
        for n, target in links(text):
            path, _, anchor = target.partition("#")
            if re.match(r"[a-z]+:", target):
                continue
            place = (top / rel).parent / path if path else top / rel
            if not place.resolve().exists():
                yield f"{rel}:{n}: {target} does not exist"
            elif anchor and place.suffix == ".md" and anchor not in anchors(place.read_text("utf-8")):
                yield f"{rel}:{n}: {target} names no heading"


report("links", check(top()))
