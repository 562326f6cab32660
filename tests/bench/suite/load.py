# SPDX-License-Identifier: MIT
"""The load: h2load with one message over and over."""
import json
import re
import resource
import statistics
import subprocess

LONGEST_S = 120


def message(size=2048, recipients=1):
    """A text and HTML message of about `size` bytes of content."""
    line = "Your invoice for November is ready; it is due within thirty days. "
    text = (line * (size // 2 // len(line) + 1))[:size // 2]
    return {"from": {"email": "billing@example.com", "name": "Billing"},
            "to": [f"ann{i}@example.org" for i in range(recipients)],
            "subject": "Your invoice", "text": text, "html": f"<p>{text}</p>"}


class Result:
    """What a run of h2load saw. Times are milliseconds."""

    def __init__(self, output, log, wanted, cpu_s):
        self.cpu_s = cpu_s  # of h2load
        self.done = sum(1 for line in log if line.split()[1] in wanted)
        self.failed = len(log) - self.done
        self.ms = sorted(int(line.split()[2]) / 1000 for line in log)
        self.wall_s = float(re.search(r"finished in ([0-9.]+)(m?s)", output)[1])
        if re.search(r"finished in [0-9.]+ms", output):
            self.wall_s /= 1000

    def percentile(self, p):
        return self.ms[min(len(self.ms) - 1, int(len(self.ms) * p / 100))]

    @property
    def median(self):
        return statistics.median(self.ms)


def run(folder, url, body, requests, clients=1, streams=1, headers=(), http1=False, wanted=("200", "202")):
    """`requests` POSTs of `body` over `clients` connections with `streams` in hand on each."""
    data, log = folder / "body.json", folder / "h2load.log"
    data.write_text(json.dumps(body), encoding="utf-8")
    log.unlink(missing_ok=True)
    command = ["h2load", "-n", requests, "-c", clients, "-m", streams, "-d", data, "--log-file", log,
               "-H", "content-type: application/json"]
    for header in headers:
        command += ["-H", header]
    if http1:
        command.append("--h1")
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    done = subprocess.run([str(c) for c in command] + [url], capture_output=True, text=True, timeout=LONGEST_S,
                          check=True)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    cpu_s = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    result = Result(done.stdout, log.read_text(encoding="ascii").splitlines(), wanted, cpu_s)
    if result.failed:
        raise RuntimeError(f"{result.failed} of {requests} requests failed: {done.stdout}")
    return result
