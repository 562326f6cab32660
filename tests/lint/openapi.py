# SPDX-License-Identifier: MIT
"""api/openapi.json and the code name the same fields: those that tables of fields read and those that our own answers
are written with are described, and what is described stands in the code. (What facades answer has the providers'
form and is described by them; what they read only to refuse it is not described.)"""
import json
import re

from sources import c_files, report, top

PAGE = "api/openapi.json"
TABLE = re.compile(r"static const struct api_json_field \w+\[\] = \{(.*?)\};", re.S)
ENTRY = re.compile(r'\{\s*"(\w+)",\s*(\w+),[^{}]*\{([^{}]*)\}\s*\}')  # name, reader, aliases
WRITTEN = re.compile(r"\bapi_json_(?:begin_object|begin_array|null|bool|num|real|str|slice|raw|time)\(\s*[^,()]+,\s*\"(\w+)\"")
REFUSING = re.compile(r"api_read_unsupported|refuse_\w+")
LITERAL = re.compile(r'"((?:[^"\\\n]|\\.)*)"')


def properties(node):
    """Every name of a field of a JSON object."""
    if isinstance(node, dict):
        if isinstance(node.get("properties"), dict):
            yield from node["properties"]
        for value in node.values():
            yield from properties(value)
    elif isinstance(node, list):
        for value in node:
            yield from properties(value)


def read_fields(text):
    """The names and aliases of the fields that a file's tables read."""
    for table in TABLE.findall(text):
        entries = ENTRY.findall(table)
        assert len(entries) == len(re.findall(r'\{\s*"\w+",\s*\w+,', table)), table
        for name, reader, aliases in entries:
            if not REFUSING.fullmatch(reader):
                yield from (name, *LITERAL.findall(aliases))


def check(top):
    document = json.loads((top / PAGE).read_text(encoding="utf-8"))
    described = set(properties(document))
    in_code = set()
    for rel, text in c_files(top):
        if not rel.startswith(("api/", "gateway/")):
            continue
        # alone in a text, or as a key of JSON in one: a word of a sentence does not count
        in_code.update(LITERAL.findall(text), re.findall(r'\\"(\w+)\\"', text))
        if not rel.startswith("api/"):
            continue
        for name in sorted(set(read_fields(text)) - described):
            yield f"{rel}: the field {name} is read, but not in {PAGE}"
        if not rel.startswith("api/compat/"):
            for name in sorted(set(WRITTEN.findall(text)) - described):
                yield f"{rel}: the field {name} is answered, but not in {PAGE}"
    for name in sorted(described - in_code):
        yield f"{PAGE}: the field {name} is described, but not in the code"


report("openapi", check(top()))
