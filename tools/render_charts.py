# Copyright: Contributors to the Tollgate project
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Renders the charts of Envoy Gateway and Envoy AI Gateway into the templates of the role inference_gateway.

For whoever raises their versions; no run of the collection uses helm. The charts come out of the Go modules which
tests/cluster builds, and helm is built from tests/cluster/go/helm, all of them with checksums.

    .venv/bin/python tools/render_charts.py           # writes the templates
    .venv/bin/python tools/render_charts.py --check   # says whether they are what the charts give
"""

from __future__ import annotations

import argparse
import difflib
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).resolve().parents[1]
MODULES = ROOT / "tests" / "cluster" / "go"
TEMPLATES = ROOT / "roles" / "inference_gateway" / "templates"

Object = dict[str, Any]

RESTRICTED_POD = {"runAsNonRoot": True, "runAsUser": 65532, "seccompProfile": {"type": "RuntimeDefault"}}
RESTRICTED = {"allowPrivilegeEscalation": False, "capabilities": {"drop": ["ALL"]}, "readOnlyRootFilesystem": True}
# Of helm's own bookkeeping; whose an object is, the module that applies it says.
BOOKKEEPING = ("helm.sh/", "app.kubernetes.io/managed-by")
JOB = ("Job", "eg-gateway-helm-certgen")
ANSWER_WITHIN = 5  # seconds; within the default of one, a busy node loses its controllers


@dataclass(frozen=True)
class Chart:
    """One chart: where it lies, how it is rendered, and which texts of the result are the role's variables."""

    name: str
    version: str
    project: str
    module: str  # below tests/cluster/go
    source: str  # "module path:folder"
    release: str
    namespace: str
    values: Object
    variables: Mapping[str, str]
    unset: Mapping[str, str] = field(default_factory=dict)  # placeholders of values.tmpl.yaml


ENVOY_IMAGE = "docker.io/envoyproxy/gateway:v1.8.3"
AI_IMAGE = "docker.io/envoyproxy/ai-gateway-controller:v1.0.0"
EXTPROC_IMAGE = "docker.io/envoyproxy/ai-gateway-extproc:v1.0.0"

CHARTS = (
    Chart(
        name="envoy-gateway",
        version="1.8.3",
        project="Envoy Gateway",
        module="envoy-gateway",
        source="github.com/envoyproxy/gateway:charts/gateway-helm",
        release="eg",
        namespace="envoy-gateway-system",
        values={
            "crds": {"enabled": False},
            # It tells proxies their zone, for a choice among backends which the endpoint picker makes here.
            "topologyInjector": {"enabled": False},
            "deployment": {"envoyGateway": {"resources": {"requests": {"cpu": "50m", "memory": "128Mi"}}}},
            "certgen": {
                "job": {
                    "resources": {"requests": {"cpu": "10m", "memory": "64Mi"}},
                    "ttlSecondsAfterFinished": 600,  # long enough for a gate to see how it ended
                }
            },
            "config": {
                "envoyGateway": {
                    "extensionApis": {"enableBackend": True, "enableEnvoyPatchPolicy": True},
                    "extensionManager": {
                        "backendResources": [
                            {"group": "inference.networking.k8s.io", "kind": "InferencePool", "version": "v1"}
                        ],
                        "hooks": {
                            "xdsTranslator": {
                                "post": ["Translation", "Cluster", "Route"],
                                "translation": {
                                    kind: {"includeAll": True} for kind in ("listener", "route", "cluster", "secret")
                                },
                            }
                        },
                        "service": {
                            "fqdn": {
                                "hostname": "ai-gateway-controller.envoy-ai-gateway-system.svc.cluster.local",
                                "port": 1063,
                            }
                        },
                    },
                }
            },
        },
        variables={ENVOY_IMAGE: "{{ inference_gateway_images.envoy_gateway }}"},
        unset={"${GatewayImage}": ENVOY_IMAGE, "${GatewayImagePullPolicy}": "IfNotPresent"},
    ),
    Chart(
        name="ai-gateway",
        version="1.0.0",
        project="Envoy AI Gateway",
        module="ai-gateway",
        source="github.com/envoyproxy/ai-gateway:manifests/charts/ai-gateway-helm",
        release="aieg",
        namespace="envoy-ai-gateway-system",
        values={
            "controller": {
                "podSecurityContext": RESTRICTED_POD,
                "securityContext": RESTRICTED,
                "resources": {"requests": {"cpu": "20m", "memory": "64Mi"}, "limits": {"memory": "512Mi"}},
                # It takes its authority to the webhook when it starts, so another certificate needs another pod.
                "podAnnotations": {"tollgate.llm/certificate": "CERTIFICATE"},
                # The chart would make the pair anew with each rendering; kubernetes_serving_certificate keeps one.
                "mutatingWebhook": {"tlsCertSecretName": "ai-gateway-webhook"},
            }
        },
        variables={
            AI_IMAGE: "{{ inference_gateway_images.ai_gateway }}",
            EXTPROC_IMAGE: "{{ inference_gateway_images.ai_gateway_extproc }}",
            "CERTIFICATE": "'{{ inference_gateway_certificate.fingerprint }}'",
        },
    ),
)


def edited(body: Object) -> Object:
    """Without helm's bookkeeping, probes with patience; a proxy's pod, which needs no sidecar, waits for no webhook."""
    metadata = {name: value for name, value in body["metadata"].items() if value is not None}
    for part in ("labels", "annotations"):
        kept = {k: v for k, v in (metadata.pop(part, None) or {}).items() if not k.startswith(BOOKKEEPING)}
        if kept:
            metadata[part] = kept
    body = {**body, "metadata": metadata}
    for webhook in body.get("webhooks", ()):
        webhook["failurePolicy"] = "Ignore"
    for container in body.get("spec", {}).get("template", {}).get("spec", {}).get("containers", ()):
        for probe in ("livenessProbe", "readinessProbe"):
            if probe in container:
                container[probe]["timeoutSeconds"] = ANSWER_WITHIN
    return body


def rank(body: Object) -> tuple[int, str, str]:
    """What others need comes first."""
    kinds = ("ServiceAccount", "ClusterRole", "ClusterRoleBinding", "Role", "RoleBinding", "ConfigMap", "Service")
    return (kinds.index(body["kind"]) if body["kind"] in kinds else len(kinds), body["kind"], body["metadata"]["name"])


class Plain(yaml.SafeDumper):
    """Texts of several lines as blocks; lists indented; nothing by reference."""

    def ignore_aliases(self, data: object) -> bool:  # noqa: ARG002 (whatever it is)
        return True

    def increase_indent(self, flow: bool = False, indentless: bool = False) -> None:  # noqa: ARG002 (always indented)
        super().increase_indent(flow, False)


def _text(dumper: yaml.SafeDumper, value: str) -> yaml.ScalarNode:
    return dumper.represent_scalar("tag:yaml.org,2002:str", value, style="|" if "\n" in value else None)


Plain.add_representer(str, _text)


def templates(chart: Chart, rendered: str) -> Iterator[tuple[str, str]]:
    """The role's templates by name: the controller, and apart from it what makes certificates once."""
    objects = [edited(body) for body in yaml.safe_load_all(rendered) if body and body["kind"] != "Secret"]
    once = [body for body in objects if body["metadata"]["name"] == JOB[1]]
    for name, part in (
        (chart.name, [each for each in objects if each not in once]),
        (f"{chart.name}-certificates", once),
    ):
        if part:
            yield f"{name}.yml.j2", _template(chart, sorted(part, key=rank))


def _template(chart: Chart, objects: list[Object]) -> str:
    heading = f"Made by tools/render_charts.py from the chart of {chart.project} {chart.version} (Apache-2.0)."
    text = yaml.dump_all(objects, Dumper=Plain, sort_keys=False, width=1000)
    if "{{" in text:
        raise SystemExit(f"render_charts: {chart.name} renders braces: they would be taken for the role's own")
    for literal, variable in chart.variables.items():
        text = text.replace(literal, variable)
    return f"{{# {heading} #}}\n{text}"


def run(directory: Path, *command: str | Path) -> str:
    """What a command printed; it ends the program with its complaint when it fails."""
    done = subprocess.run(
        command,
        cwd=directory,
        env={**os.environ, "CGO_ENABLED": "0", "GOFLAGS": "-mod=readonly"},
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        raise SystemExit(f"render_charts: {' '.join(map(str, command))}:\n{done.stderr}")
    return done.stdout


def render(chart: Chart, helm: Path, work: Path) -> str:
    """What helm makes of it."""
    module, _separator, folder = chart.source.partition(":")
    run(MODULES / chart.module, "go", "mod", "download", module)
    found = Path(run(MODULES / chart.module, "go", "list", "-m", "-f", "{{.Dir}}", module).strip()) / folder
    place = work / chart.name
    shutil.copytree(found, place, copy_function=shutil.copyfile)
    for each in (place, *(path for path in place.rglob("*") if path.is_dir())):
        each.chmod(0o755)  # the module cache's are read-only
    if chart.unset:
        values = (place / "values.tmpl.yaml").read_text(encoding="utf-8")
        for placeholder, value in chart.unset.items():
            values = values.replace(placeholder, value)
        (place / "values.yaml").write_text(values, encoding="utf-8")
    about = yaml.safe_load((place / "Chart.yaml").read_text(encoding="utf-8"))
    about |= {"version": f"v{chart.version}", "appVersion": f"v{chart.version}"}
    (place / "Chart.yaml").write_text(yaml.safe_dump(about), encoding="utf-8")
    own = work / f"{chart.name}-values.yaml"
    own.write_text(yaml.safe_dump(chart.values), encoding="utf-8")
    return run(
        work, helm, "template", chart.release, place, "--namespace", chart.namespace, "--values", own, "--skip-crds"
    )


def main() -> int:
    """Write the templates, or compare them. Returns 1 when they differ."""
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("--check", action="store_true", help="compare and write nothing")
    arguments.add_argument("--helm", type=Path, help="a helm that is there already")
    options = arguments.parse_args()
    differ = False
    with tempfile.TemporaryDirectory(prefix="render-charts-") as name:
        work = Path(name)
        helm = options.helm or work / "helm"
        if not options.helm:
            run(MODULES / "helm", "go", "build", "-o", helm, "helm.sh/helm/v3/cmd/helm")
        for chart in CHARTS:
            for file, text in templates(chart, render(chart, helm.absolute(), work)):
                path = TEMPLATES / file
                before = path.read_text(encoding="utf-8") if path.is_file() else ""
                if options.check:
                    changes = list(
                        difflib.unified_diff(before.splitlines(), text.splitlines(), file, "chart", "", "", 1)
                    )
                    print("\n".join(changes) if changes else f"{file}: as the chart gives it")
                    differ = differ or bool(changes)
                else:
                    path.write_text(text, encoding="utf-8")
                    print(f"{file}: {'unchanged' if text == before else 'written'}")
    return int(differ)


if __name__ == "__main__":
    sys.exit(main())
