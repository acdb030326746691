# Copyright: Contributors to the Tollgate project
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The role inference_gateway: requests reach the pods of their pool through a Gateway that a picker advises."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from completion import CLIENT
from gates import gate
from role_run import Run, play_role
from tollgate_checks.cluster import Cluster
from tollgate_checks.conditions import available, ready
from tollgate_checks.objects import Object, deployment, pod
from tollgate_checks.watching import eventually
from tollgate_cluster.places import CHECKOUT

MANIFESTS = CHECKOUT / ".tollgate" / "cluster" / "manifests"
SYSTEM = ("envoy-gateway-system", "envoy-ai-gateway-system")
KEY = "not-a-secret"
SLOW = 20  # seconds until the slow model's first token; Envoy's own limit is 15
HARDENED = {
    "runAsNonRoot": True,
    "runAsUser": 65532,
    "allowPrivilegeEscalation": False,
    "capabilities": {"drop": ["ALL"]},
    "seccompProfile": {"type": "RuntimeDefault"},
}
REQUEST = """\
import sys, urllib.request, urllib.error
url, key, body = sys.argv[1:]
headers = {"Content-Type": "application/json"} | ({"Authorization": f"Bearer {key}"} if key else {})
try:
    answer = urllib.request.urlopen(urllib.request.Request(url, body.encode() or None, headers), timeout=60)
    print(answer.status, answer.read().decode())
except urllib.error.HTTPError as error:
    print(error.code, error.read().decode())
"""


@dataclass
class Place:
    """A namespace, and the role in it."""

    cluster: Cluster
    name: str
    directory: Path

    def run(self, entry: str, *words: str, **variables: Any) -> Run:
        """The role's entry point, as in a play."""
        given = {
            "inference_gateway_install": "envoy",
            "inference_gateway_size": "small",
            "inference_gateway_namespace": self.name,
            "inference_gateway_service_name": self.name,
            "inference_gateway_manifests_directory": str(MANIFESTS),
            "inference_gateway_timeout": 600,
            **variables,
        }
        return play_role(self.cluster, self.directory, "inference_gateway", given, *words, entry=entry)

    def serve(self, *words: str, **variables: Any) -> Run:
        """The wave serving, with both models."""
        pools = [{"name": "checked"}, {"name": "slow"}]
        return self.run("main", *words, **{"inference_gateway_pools": pools, **variables})

    def ask(self, path: str, key: str = "", **body: Any) -> tuple[int, str]:
        """Status and body of what the Gateway answers a pod."""
        url = f"http://{self.name}.{SYSTEM[0]}.svc.cluster.local{path}"
        client = self.object("v1", "Pod", "client")
        code, output = self.cluster.execute(
            client, "python3", "-c", REQUEST, url, key, json.dumps(body) if body else "", container="client", seconds=90
        )
        assert code == 0, output
        status, _blank, answer = output.partition(" ")
        return int(status), answer

    def complete(self, model: str, key: str = KEY) -> tuple[int, str]:
        """A short answer of a model."""
        question = [{"role": "user", "content": "ping"}]
        return self.ask(f"/{model}/v1/chat/completions", key, model=model, messages=question, max_tokens=4)

    def object(self, api_version: str, kind: str, name: str) -> Object:
        """An object by name."""
        return {"apiVersion": api_version, "kind": kind, "metadata": {"name": name, "namespace": self.name}}

    def versions(self) -> dict[str, str]:
        """What everything that the role applies is at, and its pods."""
        group = "gateway.networking.k8s.io/v1"
        wanted = [(api, kind, "") for api, kind in ((group, "GatewayClass"), WEBHOOK, DEFINITION)]
        wanted += [(api, kind, namespace) for namespace in (self.name, *SYSTEM) for api, kind in EVERYWHERE]
        wanted += [(api, kind, self.name) for api, kind in SERVING]
        return {
            f"{kind} {namespace}/{each['metadata']['name']}": version(each)
            for api, kind, namespace in wanted
            for each in self.cluster.all(api, kind, namespace or None)
            if (each["metadata"].get("labels") or {}).get(OWNER, self.name) == self.name
        }

    def decisions(self, model: str) -> int:
        """How often the picker of a model has chosen."""
        client = self.object("v1", "Pod", "client")
        url = f"http://{model}-epp.{self.name}:9090/metrics"
        _code, output = self.cluster.execute(client, "python3", "-c", REQUEST, url, "", "", container="client")
        lines = [line for line in output.splitlines() if line.startswith("inference_objective_request_total{")]
        return sum(round(float(line.rpartition(" ")[2])) for line in lines)


OWNER = "gateway.envoyproxy.io/owning-gateway-namespace"  # on what Envoy Gateway makes
WEBHOOK = ("admissionregistration.k8s.io/v1", "MutatingWebhookConfiguration")
DEFINITION = ("apiextensions.k8s.io/v1", "CustomResourceDefinition")
RBAC = "rbac.authorization.k8s.io/v1"
EVERYWHERE = (
    *(("v1", "ConfigMap"), ("v1", "Service"), ("v1", "ServiceAccount"), ("v1", "Secret"), ("v1", "Pod")),
    *(("apps/v1", "Deployment"), (RBAC, "Role"), (RBAC, "RoleBinding")),
)
SERVING = (
    ("gateway.networking.k8s.io/v1", "Gateway"),
    ("gateway.networking.k8s.io/v1", "HTTPRoute"),
    ("inference.networking.k8s.io/v1", "InferencePool"),
    ("gateway.envoyproxy.io/v1alpha1", "EnvoyProxy"),
)
CONTROLLERS = (("envoy-gateway", SYSTEM[0]), ("ai-gateway-controller", SYSTEM[1]))


def version(found: Object) -> str:
    """The resource version; of what notes how ready its containers are, the version of its specification."""
    metadata = found["metadata"]
    if found["kind"] in ("Deployment", "Pod"):
        return f"{metadata['uid']} {metadata.get('generation', '')}"
    return str(metadata["resourceVersion"])


def model(namespace: str, name: str, image: str, *arguments: str, path: str) -> Object:
    """A model server as the role vllm names it."""
    server = {
        "name": "vllm",
        "image": image,
        "args": ["--model", name, "--served-model-name", name, "--port", "8000", *arguments],
        "readinessProbe": {"httpGet": {"path": path, "port": 8000}, "periodSeconds": 1, "timeoutSeconds": 5},
        "securityContext": HARDENED,
    }
    return deployment(namespace, f"vllm-{name}", server)


@pytest.fixture
def place(cluster: Cluster, namespace: str, tmp_path: Path) -> Place:
    """A namespace for hardened pods alone, with two models and a client."""
    found = Place(cluster, namespace, tmp_path)
    label = {"pod-security.kubernetes.io/enforce": "restricted"}
    cluster.patch(
        {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": namespace}}, {"metadata": {"labels": label}}
    )
    simulator, vllm = "ghcr.io/llm-d/llm-d-inference-sim:v0.10.2", "docker.io/vllm/vllm-openai:v0.32.0"
    slowly = ("--mode", "echo", "--force-dummy-tokenizer", "--time-to-first-token", f"{SLOW}s")
    cluster.apply(model(namespace, "checked", vllm, "--api-key", KEY, path="/health"))
    cluster.apply(model(namespace, "slow", simulator, *slowly, path="/health/ready"))
    cluster.apply(pod(namespace, "client", {**CLIENT, "securityContext": HARDENED}))
    return found


@pytest.mark.first
def test_requests_reach_their_models_and_a_second_run_changes_nothing(
    place: Place, record_property: Callable[[str, object], None]
) -> None:
    cluster = place.cluster
    there = all(cluster.get(controller(*each)) for each in CONTROLLERS)
    try:
        began = time.monotonic()
        place.run("operators").changed  # noqa: B018 (fails when the play did)
        record_property("operators, seconds", round(time.monotonic() - began, 1))
        before = place.versions()
        began = time.monotonic()
        assert place.run("operators").changed == 0
        record_property("operators, unchanged, seconds", round(time.monotonic() - began, 1))
        assert place.versions() == before
        life_of_a_gateway(place, record_property)
    finally:
        # While the controllers run: they take finalizers off.
        assert place.serve(inference_gateway_state="absent").code == 0
        if not there:
            assert place.run("operators", inference_gateway_state="absent").changed
    if not there:
        assert not any(cluster.get(controller(*each)) for each in CONTROLLERS)


def controller(name: str, namespace: str) -> Object:
    return {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": name, "namespace": namespace}}


def life_of_a_gateway(place: Place, record_property: Callable[[str, object], None]) -> None:
    """From nothing to answers, unchanged, a lost Service, and nothing again."""
    cluster = place.cluster
    assert place.serve("--check").changed
    assert cluster.get(place.object("gateway.networking.k8s.io/v1", "Gateway", "inference-gateway")) is None
    for name in ("vllm-checked", "vllm-slow"):
        cluster.wait(place.object("apps/v1", "Deployment", name), available, 120)
    cluster.wait(place.object("v1", "Pod", "client"), ready, 60)
    began = time.monotonic()
    assert place.serve().changed
    record_property("serving, seconds", round(time.monotonic() - began, 1))

    status, answer = place.complete("checked")
    assert status == 200, answer
    assert json.loads(answer)["usage"]["completion_tokens"] > 0
    assert place.complete("checked", "wrong")[0] == 401
    assert place.ask("/nobody/v1/models")[0] == 404
    decided = place.decisions("checked")
    assert place.complete("checked")[0] == 200
    assert place.decisions("checked") - decided == 1, "one route asks the picker once"
    assert_slow_answers_are_not_cut(place)

    before = place.versions()
    began = time.monotonic()
    assert place.serve().changed == 0
    record_property("serving, unchanged, seconds", round(time.monotonic() - began, 1))
    assert place.serve("--check").changed == 0
    assert place.versions() == before

    assert_a_lost_service_is_found_and_mended(place)
    assert_a_pool_can_be_removed(place)
    began = time.monotonic()
    assert place.serve(inference_gateway_state="absent").changed
    record_property("removal, seconds", round(time.monotonic() - began, 1))
    for api_version, kind in SERVING:
        assert not cluster.all(api_version, kind, place.name)
    assert place.serve(inference_gateway_state="absent").changed == 0


def assert_slow_answers_are_not_cut(place: Place) -> None:
    began = time.monotonic()
    status, answer = place.complete("slow")
    assert status == 200, answer
    assert time.monotonic() - began > SLOW


def assert_a_lost_service_is_found_and_mended(place: Place) -> None:
    cluster, lost = place.cluster, place.object("v1", "Service", "checked-epp")
    cluster.delete(lost)
    cluster.wait_gone(lost)
    wanted = [
        {"kind": "Service", "name": "checked-epp", "namespace": place.name, "state": "present"},
        {"kind": "InferencePool", "name": "checked", "namespace": place.name},
    ]
    answer = gate(cluster.kubeconfig, name="inference gateway", objects=wanted, timeout=2)
    assert f"Service checked-epp in {place.name}" in answer.message
    assert "it does not exist" in answer.message
    assert place.serve().changed == 1
    eventually(lambda: place.complete("checked")[0] == 200, 30, "an answer with the picker's Service back")


def assert_a_pool_can_be_removed(place: Place) -> None:
    pools = [{"name": "checked"}, {"name": "slow", "state": "absent"}]
    assert place.serve(inference_gateway_pools=pools).changed
    assert place.cluster.get(place.object("inference.networking.k8s.io/v1", "InferencePool", "slow")) is None
    assert place.cluster.get(place.object("apps/v1", "Deployment", "slow-epp")) is None
    assert place.ask("/slow/v1/models")[0] == 404
    assert place.serve(inference_gateway_pools=pools).changed == 0


REFUSED: dict[str, tuple[dict[str, Any], str]] = {
    "a name that is no name": ({"inference_gateway_pools": [{"name": "Qwen/Qwen3"}]}, "That is not so for Qwen/Qwen3."),
    "two of a name": (
        {"inference_gateway_pools": [{"name": "a"}, {"name": "b"}, {"name": "a"}]},
        "two pools have the same name: a, a, b.",
    ),
    "no class": ({"inference_gateway_install": "none"}, "name the GatewayClass of a controller"),
    "an unknown class": (
        {"inference_gateway_install": "none", "inference_gateway_class_name": "nobody"},
        "there is no GatewayClass nobody",
    ),
}


@pytest.mark.parametrize("case", REFUSED)
def test_what_cannot_work_is_refused_before_anything_is_written(
    cluster: Cluster, namespace: str, tmp_path: Path, case: str
) -> None:
    variables, says = REFUSED[case]
    if case == "an unknown class" and not known(cluster, "gateway.networking.k8s.io/v1", "GatewayClass"):
        says = "the cluster has no Gateway API"
    place = Place(cluster, namespace, tmp_path)
    assert says in place.run("main", **{"inference_gateway_pools": [], **variables}).refusal
    assert not cluster.all("v1", "ServiceAccount", namespace, "app.kubernetes.io/managed-by=tollgate")


def known(cluster: Cluster, api_version: str, kind: str) -> bool:
    return bool(cluster.dynamic.resources.search(group_version=api_version, kind=kind))
