# SPDX-License-Identifier: MIT
"""What a message costs the loop that sends it: the relay object alone, against a bare blocking client."""
import re
import subprocess

from . import parts, probes

ROUNDS = 5
MESSAGES = 20000
BAR_US = 25


def relay_us(sink):
    """CPU of the loop's thread per message, 64 at a time over warm implicit TLS."""
    out = subprocess.run([str(probes.BENCH / "bench_relay"), str(sink.port), str(sink.cert), str(MESSAGES)],
                         capture_output=True, text=True, check=True).stdout
    return float(re.search(r"cpu_us=([0-9.]+)", out)[1])


def bare_us(sink):
    """CPU per message of a blocking client on one warm connection, DATA."""
    out = subprocess.run([str(probes.BENCH / "bench_smtp_client"), str(sink.port), "5000"],
                         capture_output=True, text=True, check=True).stdout
    return float(re.search(r"cpu_us=([0-9.]+)", out)[1])


def run(folder, series):
    with parts.Sink(folder, tls="implicit", chunking=False, auth=False) as data, \
         parts.Sink(folder, tls="implicit", chunking=True, auth=False) as chunking, \
         parts.Sink(folder, chunking=False) as bare:
        for _ in range(ROUNDS):
            series.add("bare client", bare_us(bare))
            series.add("loop, DATA", relay_us(data))
            series.add("loop, CHUNKING", relay_us(chunking))
    series.row("bare blocking client, 2 KB, TLS, DATA", "bare client", None, "us")
    series.row("loop per message, 64 at a time, 2 KB, TLS, DATA", "loop, DATA", None, "us")
    series.row("  the same / bare client", series.ratio("loop / bare", "loop, DATA", "bare client"), "<= 1.5", "")
    series.row("loop per message, 64 at a time, 2 KB, TLS, CHUNKING", "loop, CHUNKING", f"<= {BAR_US}", "us")
