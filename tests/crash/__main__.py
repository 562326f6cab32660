# SPDX-License-Identifier: MIT
"""Kills the program thousands of times and looks whether anything that it acknowledged was lost.

    python3 tests/crash [--rounds N] [--seed S] [--jobs N] [--binary FILE]

Every round loads the program, ends it (kill -9 at a random instant or at a named failpoint, SIGTERM,
SIGTERM twice, kill -9 in the drain) and reads what is left with SQLite. The last line is the verdict."""
import argparse
import collections
import multiprocessing
import os
import pathlib
import random
import sys
import time

TOP = pathlib.Path(__file__).resolve().parents[2]
sys.path += [str(TOP / "tests/lib"), str(TOP / "tests/crash")]

import campaign  # noqa: E402 pylint: disable=wrong-import-position

# How rounds that are not for a failpoint end, with weights.
ENDS = {"kill": 80, "term": 8, "term twice": 4, "kill in drain": 8}
POINT_SHARE = 0.5    # of the rounds
PROGRESS = 25          # campaigns between two lines that tell how far it is
PASSES_OF_POINTS = 3  # at least, when there are rounds enough


def plans(rounds, rng):
    """Campaigns of rounds; every failpoint comes before any comes again."""
    points = []
    n_for_points = min(rounds, max(int(rounds * POINT_SHARE), PASSES_OF_POINTS * len(campaign.failpoints())))
    while len(points) < n_for_points:
        more = campaign.failpoints()
        rng.shuffle(more)
        points += more
    ends = points[:n_for_points] + rng.choices(list(ENDS), list(ENDS.values()), k=rounds - n_for_points)
    rng.shuffle(ends)
    return [ends[i:i + campaign.ROUNDS] for i in range(0, rounds, campaign.ROUNDS)]


def run(job):
    seed, plan, binary = job
    c = campaign.Campaign(seed, plan, binary)
    c.run()
    return c.seed, plan, c.counts, c.wrong


def summary(total, start):
    return (f"{total['rounds']} rounds in {time.monotonic() - start:.0f} s, {total['messages']} messages acknowledged, "
            f"{total['sent']} of {total['recipients']} recipients sent, {total['uncertain']} uncertain, "
            f"{total['duplicates']} duplicates (all marked), {total['quarantined']} quarantined, {total['events']} events told"
            f" ({total['events refused']} refused at first)")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=300)
    parser.add_argument("--seed", type=int, default=random.SystemRandom().getrandbits(32))
    parser.add_argument("--jobs", type=int, default=2 * (os.cpu_count() or 1))
    parser.add_argument("--binary", default=os.environ.get("MAILHATCH_CRASH_BIN", str(TOP / "build/clang/mailhatch")))
    options = parser.parse_args()
    rng = random.Random(options.seed)
    print(f"seed {options.seed}, {options.rounds} rounds, {len(campaign.failpoints())} failpoints", flush=True)
    jobs = [(rng.getrandbits(32), plan, options.binary) for plan in plans(options.rounds, rng)]
    total, failed, n_done, start = collections.Counter(), 0, 0, time.monotonic()
    with multiprocessing.Pool(options.jobs) as pool:
        for seed, plan, counts, wrong in pool.imap_unordered(run, jobs):
            total += counts
            n_done += 1
            if n_done % PROGRESS == 0:
                print(f"... {summary(total, start)}", flush=True)
            if wrong:
                failed += 1
                print(f"campaign {seed} {plan}:\n  " + "\n  ".join(wrong[:20]), flush=True)
    print(f"{summary(total, start)}: {f'{failed} campaigns FAILED' if failed else 'nothing lost'}", flush=True)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
