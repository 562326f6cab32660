# SPDX-License-Identifier: MIT
"""25 MB of attachments, one message after the other, beside small messages: the memory that the large ones take, and how
long the small ones wait."""
import base64
import contextlib
import email.message
import email.policy
import json
import os
import pathlib
import re
import subprocess

from . import load, parts

SIZE = 25_000_000
SMALL = 400  # messages per round
ROUNDS = 5
MB = 1 << 20
MORE_THAN_ENOUGH = 100_000  # large messages; the run is ended when the small ones are done


def as_json(content):
    message = load.message()
    message["attachments"] = [{"filename": "a.bin", "content": base64.b64encode(content).decode()}]
    return json.dumps(message).encode(), "application/json"


def as_form(content):
    head = '--xyz\r\nContent-Disposition: form-data; name="{}"\r\n\r\n'
    return b"".join([head.format("message").encode(), json.dumps(load.message()).encode(), b"\r\n", head.format('f"; filename="a.bin').encode(),
                     content, b"\r\n--xyz--\r\n"]), "multipart/form-data; boundary=xyz"


def as_mime(content):
    mail = email.message.EmailMessage()
    mail["From"], mail["To"], mail["Subject"] = "billing@example.com", "ann@example.org", "Large"
    mail.set_content("x")
    mail.add_attachment(content, maintype="application", subtype="octet-stream", filename="a.bin")
    return mail.as_bytes(policy=email.policy.SMTP), "message/rfc822"


KINDS = {"JSON": as_json, "multipart/form-data": as_form, "message/rfc822": as_mime}


@contextlib.contextmanager
def sending(server, file, content_type, http1):
    """Large messages, one at a time, until the block ends; yields how many the server has taken so far."""
    command = ["h2load", "-n", str(MORE_THAN_ENOUGH), "-c", "1", "-m", "1", "-d", str(file), "-H", f"content-type: {content_type}",
               *(["--h1"] if http1 else []), server.url + "/v1/messages"]
    before = accepted(server)
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as child:
        yield lambda: accepted(server) - before
        child.terminate()


def accepted(server):
    return int(re.search(r"^mailhatch_messages_accepted_total (\d+)", server.get("/metrics"), re.M)[1])


def turns(server):
    """How often the loop came round, and how often that took at most 5 ms."""
    text = server.get("/metrics")
    count = int(re.search(r"^mailhatch_loop_lag_seconds_count (\d+)", text, re.M)[1])
    short = int(re.search(r'^mailhatch_loop_lag_seconds_bucket{le="0.005000"} (\d+)', text, re.M)[1])
    return count, short


def peak_mb(pid):
    """Of the server process, which may be the child of a supervisor."""
    children = pathlib.Path(f"/proc/{pid}/task/{pid}/children").read_text(encoding="ascii").split()
    return max(int(re.search(r"VmHWM:\s+(\d+)", pathlib.Path(f"/proc/{p}/status").read_text(encoding="ascii"))[1])
               for p in [pid, *children]) / 1024


def one(folder, series, kind, http1):
    name = f"{kind} over {'HTTP/1' if http1 else 'HTTP/2'}"
    body, content_type = KINDS[kind](os.urandom(SIZE))
    file, size = folder / "large", len(body)
    file.write_bytes(body)
    with parts.Sink(folder, tls="none", auth=False) as sink, parts.Mailhatch(folder, sink, "sqlite") as server:
        for _ in range(ROUNDS):
            alone = load.run(folder, server.url + "/v1/messages", load.message(), SMALL, http1=http1)
            count, short = turns(server)
            with sending(server, file, content_type, http1) as taken:
                beside = load.run(folder, server.url + "/v1/messages", load.message(), SMALL, http1=http1)
                series.add(f"{name}, large", taken() - SMALL)
            later, short_later = turns(server)
            series.add(f"{name}, alone", alone.percentile(99))
            series.add(f"{name}, p50", beside.median)
            series.add(f"{name}, p99", beside.percentile(99))
            series.add(f"{name}, turns", 1000 * (1 - (short_later - short) / (later - count)))
        series.add(f"{name}, memory", peak_mb(server.pid) * MB / (3 * size + 20 * MB))
        series.add(f"{name}, peak", peak_mb(server.pid))
    series.row(f"25 MB in {name}: large messages taken beside {SMALL} small ones", f"{name}, large", None, "n")
    series.row("  p99 of a small message, nothing large beside it", f"{name}, alone", None, "ms")
    series.row("  p50 of a small message beside them", f"{name}, p50", None, "ms")
    series.row("  p99 of a small message beside them", f"{name}, p99", "<= 20", "ms")
    series.row("  turns of the loop over 5 ms", f"{name}, turns", None, "/1000")
    series.row("  peak memory", f"{name}, peak", None, "MB")
    series.row("  peak memory / (3 x body + 20 MB)", f"{name}, memory", "<= 1")


def run(folder, series):
    for kind in KINDS:
        for http1 in (True, False):
            one(folder, series, kind, http1)
