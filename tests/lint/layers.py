# SPDX-License-Identifier: MIT
"""Fails when an #include goes against the floor plan of docs/architecture.md."""
import pathlib
import re
import sys

ROOMS = ("gateway/base", "gateway", "smtp", "api", "config")
ALLOWED = {
    "gateway/base": {"gateway/base"},
    "config": {"config", "gateway/base"},
    "smtp": {"smtp", "gateway/base"},
    "gateway": {"gateway", "smtp", "config", "gateway/base"},
    "api": {"api", "gateway", "config", "gateway/base"},
}
# A foreign library belongs to one room; None as file means any file of that room.
FOREIGN = {
    r"h2o(/.*)?\.h": [("api", None)],
    r"jansson\.h": [("api", None)],
    r"dkim\.h": [("gateway", ("gateway/dkim.c", "gateway/dkim_lib.c", "gateway/dkim_lib.h"))],
    r"openssl/ssl\.h": [("smtp", ("smtp/tls.c", "smtp/tls_context.c")), ("api", None)],
    r"sqlite3\.h": [("gateway", None)],
    r"curl/.*": [("gateway", ("gateway/http_client.c",))],
    r"yaml\.h": [("config", None)],
    r"idn2\.h": [("smtp", None)],
}
MAIN = re.compile(r"gateway/(main|cli(_\w+)?)\.[ch]$")


def room_of(path):
    return next((r for r in ROOMS if path.startswith(r + "/")), None)


def main(top):
    errors = []
    for room in ROOMS:
        for file in sorted((top / room).rglob("*.[ch]")):
            rel = file.relative_to(top).as_posix()
            mine = room_of(rel)
            if mine != room:
                continue
            for n, line in enumerate(file.read_text().splitlines(), 1):
                m = re.match(r'\s*#\s*include\s+(["<])([^">]+)[">]', line)
                if not m:
                    continue
                target = room_of(m[2])
                if m[1] == '"' and not MAIN.match(rel):
                    if target not in ALLOWED[mine]:
                        errors.append(f"{rel}:{n}: {mine} may not include {m[2]}")
                if m[1] == "<":
                    for pattern, owners in FOREIGN.items():
                        if re.fullmatch(pattern, m[2]) and not any(
                            mine == r and (files is None or rel in files) for r, files in owners
                        ):
                            errors.append(f"{rel}:{n}: {m[2]} belongs to {owners}")
    print("\n".join(errors) or "layers: every include follows the floor plan")
    return 1 if errors else 0


sys.exit(main(pathlib.Path(sys.argv[1])))
