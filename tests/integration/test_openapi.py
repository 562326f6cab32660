# SPDX-License-Identifier: MIT
"""api/openapi.json put to tools that others made: a linter, and a generator of clients."""
import hashlib
import json
import os
import pathlib
import subprocess
import uuid

import mailhatch
import pytest

HERE = pathlib.Path(__file__).parent
DESCRIPTION = HERE.parents[1] / "api/openapi.json"
SECRET = "s3cret-s3cret-s3cret"


def run(*args, **options):
    return subprocess.run(args, capture_output=True, text=True, timeout=300, check=False,
                          env={**os.environ, "REDOCLY_TELEMETRY": "off", "REDOCLY_SUPPRESS_UPDATE_NOTICE": "true"}, **options)


def lint(file):
    """{rule: how often} of what the linter complains about."""
    said = run("node", str(HERE / "node_modules/@redocly/cli/bin/cli.js"), "lint", f"--config={HERE / 'redocly.yaml'}", "--format=json",
               "--max-problems=1000", str(file), cwd=HERE)
    result = json.loads(said.stdout)
    assert said.returncode == (1 if result["totals"]["errors"] else 0), said.stderr
    found = {}
    for problem in result["problems"]:
        found[problem["ruleId"]] = found.get(problem["ruleId"], 0) + 1
    assert sum(found.values()) == result["totals"]["errors"] + result["totals"]["warnings"] + result["totals"]["ignored"]
    return found


def test_a_linter_finds_nothing():
    assert lint(DESCRIPTION) == {}


def test_the_linter_finds_what_is_wrong(tmp_path):
    document = json.loads(DESCRIPTION.read_text(encoding="utf-8"))
    operation = document["paths"]["/v1/messages/{id}"]["get"]
    operation["parameters"] = [p for p in operation["parameters"] if p["name"] != "id"]
    operation["operationId"] = "sendMessage"
    document["components"]["schemas"]["Unused"] = {"type": "strin"}
    file = tmp_path / "openapi.json"
    file.write_text(json.dumps(document))
    assert {"path-parameters-defined", "operation-operationId-unique", "no-unused-components"} <= set(lint(file))


@pytest.fixture(scope="module")
def client(tmp_path_factory):
    """The directory of a client, generated and compiled with every check of the compiler."""
    source, made = tmp_path_factory.mktemp("ts"), tmp_path_factory.mktemp("js")
    document = json.loads(DESCRIPTION.read_text(encoding="utf-8"))
    # this generator gives a header and a parameter of the query one name when they differ in case and hyphens only
    stream = document["paths"]["/v1/events"]["get"]
    stream["parameters"] = [p for p in stream["parameters"] if p.get("name") != "Last-Event-ID"]
    (source / "openapi.json").write_text(json.dumps(document))
    generated = run("node", str(HERE / "node_modules/openapi-typescript-codegen/bin/index.js"), "--input", str(source / "openapi.json"), "--output", str(source),
                    "--client", "fetch", "--useUnionTypes")
    assert generated.returncode == 0, generated.stderr
    options = {"outDir": str(made), "strict": True, "module": "commonjs", "target": "es2022", "lib": ["es2022", "dom"], "types": []}
    (source / "tsconfig.json").write_text(json.dumps({"compilerOptions": options, "files": ["index.ts"]}))
    compiled = run("node", str(HERE / "node_modules/typescript/bin/tsc"), "--project", str(source))
    assert compiled.returncode == 0, compiled.stdout[:3000]
    return made


def test_a_generated_client_sends_gets_and_lists(client):
    key = {"name": "app", "id": "app", "hash": "sha256:" + hashlib.sha256(SECRET.encode()).hexdigest(), "scopes": ["send", "read", "admin"]}
    recipient = f"ann-{uuid.uuid4().hex[:8]}@example.org"
    with mailhatch.running(config={"store": "memory", "relays": {"main": "sandbox:"}, "api_keys": [key], "dns": {"servers": ["127.0.0.1:1"]}}, secrets=[SECRET]) as server:
        said = run("node", str(HERE / "generated_client.cjs"), str(client), f"http://127.0.0.1:{server.port}", f"app.{SECRET}", recipient)
    assert said.returncode == 0, said.stderr
    result = json.loads(said.stdout)
    sent = result["sent"]
    assert sent["status"] == "sent" and [r["email"] for r in sent["recipients"]] == [recipient]
    assert result["again"]["id"] == result["got"]["id"] == sent["id"]
    assert [m["id"] for m in result["listed"]["messages"]] == [sent["id"]]
    assert [m["subject"] for m in result["caught"]["messages"]] == ["Generated"]
    assert result["suppressed"]["reason"] == "unsubscribe" and result["domain"]["domain"] == "example.com"
    assert result["refused"]["native"] is True and result["refused"]["status"] == 422
    assert [e["pointer"] for e in result["refused"]["body"]["errors"]] == ["/from"]
