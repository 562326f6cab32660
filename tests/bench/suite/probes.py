# SPDX-License-Identifier: MIT
"""The physical limits that figures are held against, measured in the same run."""
import os
import re
import sqlite3
import statistics
import subprocess
import time

from . import parts

BENCH = parts.RELEASE / "tests/bench"


def raw_signature_us(algorithm="rsa2048", ms=150):
    """CPU of one signature of a digest with a parsed key, by OpenSSL alone."""
    out = subprocess.run([str(BENCH / "bench_sign"), "--runs", "1", "--ms", str(ms), "--alg", algorithm,
                          "--mode", "raw"], capture_output=True, text=True, check=True).stdout
    return float(re.search(r"raw_us alg=\w+ median=([0-9.]+)", out)[1])


def signing():
    """{algorithm: our rate through libopendkim / OpenSSL's own}, once."""
    out = subprocess.run([str(BENCH / "bench_sign"), "--runs", "1", "--ms", "200"], capture_output=True, text=True,
                         check=True).stdout
    return {name: 1 / float(ratio) for name, ratio in re.findall(r"ours_per_raw alg=(\w+) median=([0-9.]+)", out)}


def bare_transaction_ms(port, n=1000):
    """p50 of a blocking client on one warm TLS connection."""
    out = subprocess.run([str(BENCH / "bench_smtp_client"), str(port), str(n)], capture_output=True, text=True,
                         check=True).stdout
    return float(re.search(r"p50_us=([0-9.]+)", out)[1]) / 1000


def fdatasync_ms(folder, n=200):
    """p50 of appending 4 KB and syncing it."""
    times = []
    fd = os.open(folder / "sync", os.O_CREAT | os.O_WRONLY)
    try:
        for _ in range(n):
            os.write(fd, b"x" * 4096)
            began = time.perf_counter()
            os.fdatasync(fd)
            times.append((time.perf_counter() - began) * 1000)
    finally:
        os.close(fd)
    return statistics.median(times)


def _figures(folder, *args):
    """{name: value} of the lines of bench_store, one run."""
    out = subprocess.run([str(BENCH / "bench_store"), "--runs", "1", *args], capture_output=True, text=True, check=True,
                         cwd=folder).stdout
    return {name: float(value) for name, value in re.findall(r"(\w+)=([0-9.]+)", out)}


def accept_ratio(folder):
    """Durable commits per second, many in hand / the same rows by bare SQLite in groups of the same size."""
    return _figures(folder, "accept", "--messages", "10000")["ratio"]


def lone_commit_ratio(folder):
    """p50 of a commit alone / p50 of one fdatasync of as many bytes."""
    return _figures(folder, "lone")["ratio_p50"]


def sqlite_rows_per_s(folder, rows=6400, group=64):
    """Rows of 4 KB in transactions of 64, each synced."""
    path = folder / "raw.db"
    db = sqlite3.connect(path, isolation_level=None)
    try:
        db.execute("PRAGMA journal_mode = WAL")
        db.execute("PRAGMA synchronous = FULL")
        db.execute("CREATE TABLE t (id INTEGER PRIMARY KEY, body BLOB)")
        body = os.urandom(4096)
        began = time.perf_counter()
        for _ in range(rows // group):
            db.execute("BEGIN IMMEDIATE")
            db.executemany("INSERT INTO t (body) VALUES (?)", [(body,)] * group)
            db.execute("COMMIT")
        return rows / (time.perf_counter() - began)
    finally:
        db.close()
        for file in folder.glob("raw.db*"):
            file.unlink()
