# SPDX-License-Identifier: MIT
"""curl as a client: one request, and what came back."""
import dataclasses
import json
import subprocess
import tempfile


@dataclasses.dataclass(frozen=True)
class Reply:
    status: int
    version: str    # "1.1" or "2"
    headers: dict   # lower-case name → value; of several, the last
    body: bytes

    def json(self):
        return json.loads(self.body)


def request(url, *options, body=None, timeout=60):
    """@body goes through standard input, so that it is not read as an option; a POST."""
    with tempfile.NamedTemporaryFile() as head:
        command = ["curl", "-sS", "--max-time", str(timeout), "-D", head.name, "-w", "%{stderr}%{http_code} %{http_version}",
                   *options]
        if body is not None:
            command += ["--data-binary", "@-"]
        run = subprocess.run([*command, url], input=body, capture_output=True, timeout=timeout + 10, check=False)
        assert run.returncode == 0, f"curl: exit code {run.returncode}: {run.stderr.decode()}"
        status, version = run.stderr.decode().split()
        lines = head.read().decode("latin-1").split("\r\n")
    fields = (line.split(":", 1) for line in lines if ":" in line)
    return Reply(int(status), version, {n.strip().lower(): v.strip() for n, v in fields}, run.stdout)
