# SPDX-License-Identifier: MIT
"""Prometheus and promtool, unpacked by script/setup."""
import contextlib
import json
import pathlib
import subprocess
import tempfile
import urllib.error
import urllib.parse
import urllib.request

from waiting import accepts, free_port, until

_BIN = pathlib.Path(__file__).parents[2] / "build/monitor/usr/bin"
_STARTS = 3  # another port each, should the one that was free be taken


def promtool(*args, stdin=b""):
    """What it says; it must be content."""
    run = subprocess.run([_BIN / "promtool", *args], input=stdin, capture_output=True, timeout=60, check=False)
    said = (run.stdout + run.stderr).decode()
    assert run.returncode == 0, said
    return said


def _is_ready(port):
    try:
        return urllib.request.urlopen(f"http://127.0.0.1:{port}/-/ready", timeout=10).status == 200
    except urllib.error.HTTPError:
        return False


class Prometheus:
    def __init__(self, port):
        self.port = port

    def query(self, expression):
        """[(labels, value)] of an instant query."""
        query = urllib.parse.urlencode({"query": expression})
        with urllib.request.urlopen(f"http://127.0.0.1:{self.port}/api/v1/query?{query}", timeout=10) as answer:
            result = json.load(answer)
        assert result["status"] == "success", result
        return [(one["metric"], float(one["value"][1])) for one in result["data"]["result"]]

    def rules(self):
        with urllib.request.urlopen(f"http://127.0.0.1:{self.port}/api/v1/rules", timeout=10) as answer:
            return [rule for group in json.load(answer)["data"]["groups"] for rule in group["rules"]]


@contextlib.contextmanager
def scraping(target, rules=None):
    """A server that asks `target` (host:port) every 250 ms."""
    config = {"global": {"scrape_interval": "250ms", "evaluation_interval": "250ms"},
              "rule_files": [str(rules)] if rules else [],
              "scrape_configs": [{"job_name": "mailhatch", "static_configs": [{"targets": [target]}]}]}
    with tempfile.TemporaryDirectory(prefix="prometheus-") as directory, contextlib.ExitStack() as stack:
        file = pathlib.Path(directory, "prometheus.yml")
        file.write_text(json.dumps(config))
        log = stack.enter_context(open(pathlib.Path(directory, "log"), "wb"))
        for _ in range(_STARTS):
            port = free_port()
            process = subprocess.Popen([_BIN / "prometheus", f"--config.file={file}", f"--storage.tsdb.path={directory}/data",
                                        f"--web.listen-address=127.0.0.1:{port}", "--log.level=warn"],
                                       cwd=directory, stdout=log, stderr=log)
            until("Prometheus listens or has ended", lambda: accepts(port) or process.poll() is not None, 60)
            if process.poll() is None:
                break
        assert process.poll() is None, pathlib.Path(directory, "log").read_text()
        try:
            until("Prometheus is ready", lambda: _is_ready(port), 60)
            yield Prometheus(port)
        finally:
            process.terminate()
            process.wait(60)
