# SPDX-License-Identifier: MIT
"""Fails when an #include or a foreign type goes against the floor plan of docs/architecture.md."""
import re

from sources import c_files, code, report, room_of, top

# Which rooms a room may include from.
ALLOWED = {
    "gateway/base": {"gateway/base"},
    "config": {"config", "gateway/base"},
    "smtp": {"smtp", "gateway/base"},
    "gateway": {"gateway", "smtp", "config", "gateway/base"},
    "api": {"api", "gateway", "config", "gateway/base"},
}

# A foreign library: its headers, the words its types and calls begin with, the files that may use it.
FOREIGN = {
    "libh2o": (r"h2o(/.*)?\.h|khash\.h", r"h2o_\w+|H2O_\w+", r"api/"),
    "jansson": (r"jansson\.h", r"json_t\b|json_(object|array|string|load|dump|unpack)\w*", r"api/"),
    "OpenSSL's TLS": (r"openssl/(ssl|tls1|dtls1)\.h", r"SSL(_CTX)?\b|SSL_\w+", r"smtp/tls(_\w+)?\.[ch]|api/"),
    "libopendkim": (r"dkim\.h", r"DKIM(_LIB|_STAT|_SIGINFO)?\b", r"gateway/dkim(_\w+)?\.[ch]"),
    "SQLite": (r"sqlite3\.h", r"sqlite3(_\w+)?\b", r"gateway/store/sqlite(_\w+)?\.[ch]"),
    "libpq": (r"(postgresql/)?libpq-fe\.h", r"PG(conn|result)\b|PQ[a-z]\w+", r"gateway/store/postgres(_\w+)?\.[ch]"),
    "libcurl": (r"curl/.*", r"CURL(M|code)?\b|curl_\w+", r"gateway/http_(client|loop|lib)\.[ch]"),
    "libyaml": (r"yaml\.h", r"yaml_\w+_t\b|YAML_\w+_(EVENT|TOKEN|NODE)\b", r"config/"),
    "c-ares": (r"ares(_\w+)?\.h", r"ares_\w+|ARES_\w+", r"gateway/dns_client\.c"),
    "libpsl": (r"libpsl\.h", r"psl_\w+", r"gateway/org_domain\.c"),
    "libidn": (r"stringprep\.h|idna\.h", r"stringprep\w*|STRINGPREP_\w+", r"gateway/base/gw_saslprep\.c"),
    "libidn2": (r"idn2\.h", r"idn2_\w+", r"smtp/"),
}
# Headers are the contract between rooms: even the owner shows these types only in headers that no
# other room sees. Nobody looks into api but main.
PRIVATE_HEADER = re.compile(r"api/.*|gateway/store/sqlite_\w+\.h|.*_(internal|lib|context)\.h$")
MAIN = re.compile(r"gateway/(main|cli(_\w+)?)\.[ch]$")
INCLUDE = re.compile(r'\s*#\s*include\s+(["<])([^">]+)[">]')


def included(rel, mine, target, name):
    """What is wrong with including one of our own headers, or None."""
    if MAIN.match(rel):
        return None
    if target is None:
        return f'"{name}" is not a path from the root, such as "smtp/reply.h"'
    if target not in ALLOWED[mine]:
        return f"{mine} may not include {name}"
    if target != mine and name.endswith("_internal.h"):
        return f"{name} is private to {target}"
    return None


def reaches(name, includes, seen):
    """All our headers that including @name brings in."""
    if name not in seen:
        seen.add(name)
        for further in includes.get(name, ()):
            reaches(further, includes, seen)
    return seen


def smtp_in_api(sources):
    """api sees no SMTP type: not even through what gateway's headers include."""
    includes = {rel: {m[2] for line in code(text).split("\n") if (m := INCLUDE.match(line)) and m[1] == '"'}
                for rel, text in sources}
    for rel in includes:
        if room_of(rel) == "api":
            for name in sorted(includes[rel]):
                for far in sorted(reaches(name, includes, set())):
                    if room_of(far) == "smtp":
                        yield f"{rel}: {name} brings in {far}: api sees no SMTP type"


def foreign(rel, line, include):
    """The foreign libraries that a line touches although its file does not own them."""
    for library, (headers, words, owners) in FOREIGN.items():
        if re.match(owners, rel):
            continue
        if include and include[1] == "<" and re.fullmatch(headers, include[2]):
            yield f"<{include[2]}>: {library} belongs to {owners}"
        elif not include and (word := re.search(rf"\b({words})", line)):
            yield f"{word[0]}: {library} belongs to {owners}"


def check(rel, text):
    mine = room_of(rel)
    for n, line in enumerate(code(text).split("\n"), 1):
        include = INCLUDE.match(line)
        if include and include[1] == '"':
            wrong = included(rel, mine, room_of(include[2]), include[2])
            if wrong:
                yield f"{rel}:{n}: {wrong}"
        for wrong in foreign(rel, line, include):
            yield f"{rel}:{n}: {wrong}"
        if mine == "api" and (word := re.search(r"\b(smtp_\w+|SMTP_\w+)", line)):
            yield f"{rel}:{n}: {word[0]}: api sees no SMTP type"
        if rel.endswith(".h") and not PRIVATE_HEADER.match(rel) and not include:
            for library, (_, words, _) in FOREIGN.items():
                if word := re.search(rf"\b({words})", line):
                    yield f"{rel}:{n}: {word[0]}: {library} stays out of headers"


def main():
    sources = [(rel, text) for rel, text in c_files(top()) if room_of(rel)]
    for rel, text in sources:
        yield from check(rel, text)
    yield from smtp_in_api(sources)


report("layers", main())
