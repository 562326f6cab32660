# SPDX-License-Identifier: MIT
"""What an attachment costs on its way through base64, and how long a full batch takes."""
import json
import re
import subprocess
import time
import urllib.request

from . import load, parts, probes

ROUNDS = 5
ITEMS = 1000
BAD_EVERY = 100  # of these one has no recipient that is one


def base64(_, series):
    names = {"base64 decode": "base64, decode", "base64 encode": "base64, encode", "both, one after the other": "base64, both"}
    for _ in range(ROUNDS):
        out = subprocess.run([str(probes.BENCH / "bench_base64")], capture_output=True, text=True, check=True).stdout
        for name, median in re.findall(r"^(.+): median ([0-9.]+) GB/s", out, re.M):
            series.add(names[name], float(median))
    series.row("base64 of 25 MB: decoded", "base64, decode", None, "GB/s")
    series.row("  encoded, in lines of 76 characters", "base64, encode", None, "GB/s")
    series.row("  one after the other", "base64, both", ">= 1", "GB/s")


def batch(folder, series):
    """From the first octet of the request to the last of the answer, which comes after all are stored."""
    message = load.message()
    items = [{"to": f"u{i}@example.org" if i % BAD_EVERY else "nobody"} for i in range(ITEMS)]
    body = json.dumps({"defaults": {"from": message["from"], "subject": message["subject"], "text": message["text"]}, "messages": items}).encode()
    keys = [parts.make_key(folder, "rsa", "rsa")]
    for name, signed, bar in (("", (), "<= 1"), (", signed (RSA-2048)", keys, None)):  # 1,000 signatures are up to the machine
        with parts.Sink(folder, tls="none", auth=False) as sink, parts.Mailhatch(folder, sink, "sqlite", keys=signed) as server:
            for _ in range(ROUNDS):
                request = urllib.request.Request(server.url + "/v1/messages/batch", body, {"Content-Type": "application/json"})
                began = time.monotonic()
                with urllib.request.urlopen(request, timeout=load.LONGEST_S) as answer:
                    result = json.load(answer)
                series.add(f"batch{name}", time.monotonic() - began)
                if (result["accepted"], result["failed"]) != (ITEMS - ITEMS // BAD_EVERY, ITEMS // BAD_EVERY):
                    raise RuntimeError(f"{result['accepted']} taken, {result['failed']} refused")
        series.row(f"a batch of {ITEMS} with {ITEMS // BAD_EVERY} that are bad, durable{name}", f"batch{name}", bar, "s")
