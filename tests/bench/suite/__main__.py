# SPDX-License-Identifier: MIT
"""python3 -m suite [NAME...]: run the named parts of the suite, or all; ends with what missed its bar.

Writes build/bench.json. `peers` is only run when it is named.
"""
import pathlib
import sys
import tempfile

from . import content, cost, fairness, large, latency, loop, parts, peers, probes, queue, report, workloads

ROUNDS = 5


def signing(_, series):
    for _ in range(ROUNDS):
        for algorithm, rate in probes.signing().items():
            series.add("signing, " + algorithm, rate)
    series.row("signing through libopendkim / OpenSSL's rate: RSA-2048", "signing, rsa2048", ">= 0.95")
    series.row("signing through libopendkim / OpenSSL's rate: Ed25519", "signing, ed25519", ">= 0.7")


def store(folder, series):
    for _ in range(ROUNDS):
        series.add("store, accept", probes.accept_ratio(folder))
        series.add("store, lone", probes.lone_commit_ratio(folder))
    series.row("durable commits per second / bare SQLite, same rows and groups", "store, accept", ">= 0.7")
    series.row("p50 of a durable commit alone / one fdatasync of as many bytes", "store, lone", "<= 1.5")


ALWAYS = {"signing": signing, "store": store, "cost": cost.run, "latency": latency.run, "loop": loop.run,
          "queue": queue.run, "fairness": fairness.run, "workloads": workloads.run, "base64": content.base64, "batch": content.batch,
          "large": large.run}
PARTS = {**ALWAYS, "peers": peers.run}


def main():
    names = sys.argv[1:] or list(ALWAYS)
    series = report.Series()
    for name in names:
        with tempfile.TemporaryDirectory() as folder:
            PARTS[name](pathlib.Path(folder), series)
    series.write(parts.ROOT / "build" / "bench.json")
    missed = [row for row in series.rows if row["met"] is False]
    print(f"\n{sum(row['met'] is True for row in series.rows)} bars met, {len(missed)} missed")
    for row in missed:
        print(report.line(row))


if __name__ == "__main__":
    main()
