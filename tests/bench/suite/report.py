# SPDX-License-Identifier: MIT
"""Rounds of measurements and the table they end in."""
import json
import statistics
import time


class Series:
    """One value per round, by name, and the rows of the table made of them."""

    def __init__(self):
        self.values = {}
        self.rows = []

    def add(self, name, value):
        self.values.setdefault(name, []).append(value)

    def of(self, name):
        return self.values[name]

    def ratio(self, name, part, whole):
        """A series of quotients, round by round, so that a machine whose speed drifts does no harm."""
        for a, b in zip(self.of(part), self.of(whole), strict=True):
            self.add(name, a / b)
        return name

    def row(self, figure, name, bar, unit="x"):
        """`bar` is "<= 1.5" or ">= 4"; None only informs."""
        values = self.of(name)
        median = statistics.median(values)
        met = None
        if bar is not None:
            word, limit = bar.split()
            met = median <= float(limit) if word == "<=" else median >= float(limit)
        self.rows.append({"figure": figure, "median": median, "min": min(values), "max": max(values), "unit": unit,
                          "bar": bar, "met": met, "runs": len(values)})
        print(line(self.rows[-1]), flush=True)

    def write(self, path):
        path.write_text(json.dumps({"at": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()), "rows": self.rows,
                                    "values": self.values}, indent=1), encoding="utf-8")


def line(row):
    verdict = {None: "", True: "met", False: "MISSED"}[row["met"]]
    return (f"{row['figure']:<64} {row['median']:>10.3f} {row['unit']:<5} {row['min']:>10.3f} to {row['max']:<10.3f} "
            f"{row['bar'] or '':<10} {verdict}")
