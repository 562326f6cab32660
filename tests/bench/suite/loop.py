# SPDX-License-Identifier: MIT
"""What a message costs the loop that sends it: the relay object alone, against a bare blocking client."""
import re
import subprocess

from . import parts, probes

ROUNDS = 5
MESSAGES = 20000
AT_ONCE = 64  # what bench_relay has in hand
BAR_US = 25


def relay_us(sink):
    """CPU of the loop's thread per message, 64 at a time over warm implicit TLS."""
    out = subprocess.run([str(probes.BENCH / "bench_relay"), str(sink.port), str(sink.cert), str(MESSAGES)],
                         capture_output=True, text=True, check=True).stdout
    return float(re.search(r"cpu_us=([0-9.]+)", out)[1])


def bare_us(sink, connections):
    """CPU per message of a bare blocking client that has its warm connections take turns, DATA."""
    messages = 5000 if connections == 1 else MESSAGES
    out = subprocess.run([str(probes.BENCH / "bench_smtp_client"), str(sink.port), str(messages), str(connections)],
                         capture_output=True, text=True, check=True).stdout
    return float(re.search(r"cpu_us=([0-9.]+)", out)[1])


def run(folder, series):
    with parts.Sink(folder, tls="implicit", chunking=False, auth=False) as data, \
         parts.Sink(folder, tls="implicit", chunking=True, auth=False) as chunking, \
         parts.Sink(folder, chunking=False) as bare:
        for _ in range(ROUNDS):
            series.add("bare client", bare_us(bare, 1))
            series.add("bare, 64 connections", bare_us(bare, AT_ONCE))
            series.add("loop, DATA", relay_us(data))
            series.add("loop, CHUNKING", relay_us(chunking))
    series.row("bare blocking client, 2 KB, TLS, DATA", "bare client", None, "us")
    series.row("  the same, 64 connections in turn", "bare, 64 connections", None, "us")
    series.row("loop per message, 64 at a time, 2 KB, TLS, DATA", "loop, DATA", None, "us")
    series.row("  the same / bare client", series.ratio("loop / bare", "loop, DATA", "bare client"), "<= 1.5", "")
    series.row("  the same / bare client, 64 connections",
               series.ratio("loop / bare 64", "loop, DATA", "bare, 64 connections"), None, "")
    series.row("loop per message, 64 at a time, 2 KB, TLS, CHUNKING", "loop, CHUNKING", f"<= {BAR_US}", "us")
