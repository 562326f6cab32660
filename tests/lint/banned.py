# SPDX-License-Identifier: MIT
"""Fails on a call that is banned everywhere, or outside the files that own it."""
import re

from sources import c_files, code, report, top

# what, the calls, the files that may make them, what to use instead
RULES = [
    ("unsafe", r"strcpy|strcat|sprintf|vsprintf|gets|strtok|strtok_r|atoi|atol|atoll|sscanf|strncpy|alloca|system|popen",
     None, "gw_buf, gw_slice or a bounded call"),
    ("heap", r"malloc|calloc|realloc|reallocarray|strdup|strndup|free",
     r"gateway/base/gw_mem\.c|tests/", "gw_mem.h, where memory cannot run out unnoticed"),
    ("print", r"printf|fprintf|vprintf|vfprintf|puts|fputs|putchar|perror",
     r"gateway/base/gw_log\.c|gateway/(main|cli(_\w+)?)\.c|tests/", "gw_log()"),
    ("time", r"time|clock_gettime|gettimeofday|uv_hrtime|uv_now|clock",
     r"gateway/base/gw_clock\.c|tests/", "gw_clock.h, which tests can own"),
    ("random", r"rand|srand|random|srandom|drand48|RAND_bytes|getrandom",
     r"gateway/base/gw_random\.c|tests/", "gw_random.h"),
    ("other threads' too", r"strerror|localtime|gmtime|ctime|asctime|setenv|unsetenv|putenv|setlocale|getpw\w+|getgr\w+"
     r"|gethostby\w+|getservby\w+|inet_ntoa|ttyname|ptsname|tmpnam|basename|dirname",
     r"tests/", "the call that fills the caller's memory"),
]


def check(rel, text):
    for n, line in enumerate(code(text).split("\n"), 1):
        for what, calls, owners, instead in RULES:
            if owners and re.match(owners, rel):
                continue
            # not a member (x->free), not part of a longer name, called
            if call := re.search(rf"(?<![\w.>])({calls})\s*\(", line):
                yield f"{rel}:{n}: {call[1]}() is banned here ({what}); use {instead}"


report("banned", (e for rel, text in c_files(top()) for e in check(rel, text)))
