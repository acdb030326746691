# Copyright: Contributors to the Tollgate project
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The role vllm: models from nothing, again, stopped and started, and what it says when one does not serve."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from ansible_run import ad_hoc
from role_run import Role
from tollgate_checks.cluster import Cluster
from tollgate_checks.conditions import ready
from tollgate_checks.objects import PYTHON, Object, container, pod

KEY = "a-key-that-nobody-else-has"
OTHER = "another-key-that-nobody-has"
MODEL = {"name": "qwen-local", "model": "Qwen/Qwen3-8B", "max_model_len": 4096}
KINDS = (
    ("apps/v1", "Deployment"),
    ("apps/v1", "ReplicaSet"),
    ("v1", "Service"),
    ("v1", "PersistentVolumeClaim"),
    ("policy/v1", "PodDisruptionBudget"),
    ("networking.k8s.io/v1", "NetworkPolicy"),
    ("v1", "Pod"),
)
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
    print(200, urllib.request.urlopen(urllib.request.Request(url, body.encode(), headers), timeout=60).read().decode())
except urllib.error.HTTPError as error:
    print(error.code, error.read().decode())
"""


def key_secret(namespace: str, key: str, name: str = "vllm-api-key") -> Object:
    """The Secret that the servers ask for."""
    metadata = {"name": name, "namespace": namespace}
    return {"apiVersion": "v1", "kind": "Secret", "metadata": metadata, "stringData": {"api-key": key}}


@pytest.fixture
def vllm(cluster: Cluster, namespace: str, tmp_path: Path) -> Role:
    """The role, in a namespace that lets in only restricted pods, with the key in its Secret."""
    found = cluster.get({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": namespace}})
    assert found is not None
    cluster.patch(found, {"metadata": {"labels": {"pod-security.kubernetes.io/enforce": "restricted"}}})
    cluster.apply(key_secret(namespace, KEY))
    given = {
        "vllm_namespace": namespace,
        "vllm_models": [MODEL],
        "vllm_size": "small",
        "vllm_drain_seconds": 1,
        "vllm_generation_seconds": 5,
        "vllm_timeout": 400,
    }
    return Role("vllm", cluster, tmp_path, given, secrets=(KEY, OTHER))


def versions(cluster: Cluster, namespace: str) -> dict[str, str]:
    """The version of every object."""
    return {
        f"{kind} {found['metadata']['name']}": found["metadata"]["resourceVersion"]
        for api, kind in KINDS
        for found in cluster.all(api, kind, namespace)
    }


def deployment(cluster: Cluster, namespace: str, name: str = "vllm-qwen-local") -> Object:
    """The Deployment of a model."""
    metadata = {"name": name, "namespace": namespace}
    found = cluster.get({"apiVersion": "apps/v1", "kind": "Deployment", "metadata": metadata})
    assert found is not None
    return found


def client(cluster: Cluster, namespace: str) -> Object:
    """A pod that asks."""
    asking = container(name="client", image=PYTHON, securityContext=HARDENED)
    return cluster.run(pod(namespace, "client", asking), ready, 60)


def ask(cluster: Cluster, asking: Object, key: str, path: str = "/v1/chat/completions") -> tuple[int, Any]:
    """A short question to the model: status and answer."""
    question = [{"role": "user", "content": "ping"}]
    body = json.dumps({"model": "qwen-local", "messages": question, "max_tokens": 4})
    url = f"http://vllm-qwen-local:8000{path}"
    status, _blank, answer = cluster.output(asking, "python3", "-c", REQUEST, url, key, body).partition(" ")
    return int(status), json.loads(answer)


@pytest.mark.first
def test_a_model_from_nothing_and_again_stopped_and_started(cluster: Cluster, namespace: str, vllm: Role) -> None:
    predicted = vllm.run("--check")
    assert predicted.changed == 1
    assert versions(cluster, namespace) == {}

    assert vllm.run().changed == 1
    asking = client(cluster, namespace)
    status, answer = ask(cluster, asking, KEY)
    assert (status, answer["model"]) == (200, "qwen-local")
    assert answer["usage"]["completion_tokens"] > 0
    assert ask(cluster, asking, "")[0] == 401
    assert ask(cluster, asking, "wrong")[0] == 401

    before = versions(cluster, namespace)
    again = vllm.run()
    assert again.changed == 0
    assert versions(cluster, namespace) == before
    assert vllm.run("--check").changed == 0

    assert vllm.run(vllm_scale="down").changed == 1
    stopped = deployment(cluster, namespace)
    assert stopped["spec"]["replicas"] == 0
    assert stopped["metadata"]["annotations"]["tollgate.llm/stopped"] == "true"
    before = versions(cluster, namespace)
    kept = vllm.run()
    assert kept.changed == 0
    assert "qwen-local stopped. To start: make vllm-up" in kept.output
    assert (
        versions(cluster, namespace).items()
        >= {name: value for name, value in before.items() if not name.startswith("Pod ")}.items()
    )

    assert vllm.run(vllm_scale="up").changed == 1
    started = deployment(cluster, namespace)
    assert started["status"]["readyReplicas"] == 1
    assert "tollgate.llm/stopped" not in started["metadata"].get("annotations", {})
    assert ask(cluster, asking, KEY)[0] == 200

    gone = vllm.run(vllm_state="absent")
    assert gone.changed == 1
    assert [name for name in versions(cluster, namespace) if name != "Pod client"] == []
    assert vllm.run(vllm_state="absent").changed == 0


@pytest.mark.first
def test_a_new_key_starts_the_pods_anew(cluster: Cluster, namespace: str, vllm: Role) -> None:
    vllm.run()
    asking = client(cluster, namespace)
    assert ask(cluster, asking, KEY)[0] == 200
    assert vllm.run().changed == 0
    cluster.apply(key_secret(namespace, OTHER))
    assert vllm.run().changed == 1
    assert ask(cluster, asking, OTHER)[0] == 200
    assert ask(cluster, asking, KEY)[0] == 401


@pytest.mark.first
def test_several_replicas_are_kept_by_a_budget_and_left_to_who_scales_them(
    cluster: Cluster, namespace: str, vllm: Role
) -> None:
    several = [{**MODEL, "replicas": 2, "volume": {"limit": "64Mi"}}]
    assert vllm.run(vllm_models=several, vllm_allow_from=[{"podSelector": {}}]).changed == 1
    assert {"PodDisruptionBudget vllm-qwen-local", "NetworkPolicy vllm-qwen-local"} <= versions(
        cluster, namespace
    ).keys()
    # As `kubectl scale` does it.
    scale = {"spec": {"replicas": 1}}
    found = deployment(cluster, namespace)
    cluster.resource("apps/v1", "Deployment").scale.patch(
        body=scale,
        name=found["metadata"]["name"],
        namespace=namespace,
        field_manager="kubectl",
        content_type="application/merge-patch+json",
    )
    vllm.run(vllm_models=several, vllm_allow_from=[{"podSelector": {}}])
    assert deployment(cluster, namespace)["spec"]["replicas"] == 1
    # With one replica and nobody's policy, what was for more goes.
    assert vllm.run(vllm_scale="up").changed == 2
    left = versions(cluster, namespace)
    assert deployment(cluster, namespace)["spec"]["replicas"] == 1
    assert not [name for name in left if name.startswith(("PodDisruptionBudget", "NetworkPolicy"))]
    assert vllm.run().changed == 0


def test_weights_in_a_claim_that_is_made_and_removed(cluster: Cluster, namespace: str, vllm: Role) -> None:
    claimed = [{**MODEL, "volume": {"size": "64Mi"}}]
    assert vllm.run(vllm_models=claimed).changed == 1
    assert deployment(cluster, namespace)["spec"]["strategy"]["type"] == "Recreate"
    assert "PersistentVolumeClaim vllm-qwen-local-models" in versions(cluster, namespace)
    # From a claim to none: the strategy changes with it.
    assert vllm.run(vllm_models=[MODEL]).changed == 1
    assert deployment(cluster, namespace)["spec"]["strategy"]["type"] == "RollingUpdate"
    assert vllm.run(vllm_models=claimed).changed == 1
    assert vllm.run(vllm_models=[{**claimed[0], "state": "absent"}]).changed == 1
    assert versions(cluster, namespace) == {}


TROUBLES: dict[str, tuple[dict[str, Any], dict[str, Any], list[str]]] = {
    "an image that does not exist": (
        {"image": "docker.io/vllm/vllm-openai:v0.0.1"},
        {},
        ["the image docker.io/vllm/vllm-openai:v0.0.1 does not exist", "Correct its name or tag"],
    ),
    "a Secret that does not exist": (
        {},
        {"vllm_api_key_secret": {"name": "no-such-key", "key": "api-key"}},
        ['secret "no-such-key" not found', "Make it, or correct the reference"],
    ),
    "a key that is not in its Secret": (
        {},
        {"vllm_api_key_secret": {"name": "vllm-api-key", "key": "key"}},
        ["couldn't find key key in Secret", "Make it, or correct the reference"],
    ),
    "a GPU that no node has": (
        {"gpus": 1},
        {"vllm_timeout": 20},
        ["Insufficient nvidia.com/gpu", "Free a GPU (make vllm-down stops models), add a node with one"],
    ),
    "an argument that vLLM does not know": (
        {"extra_args": ["--no-such-argument"]},
        {"vllm_timeout": 45},
        ["unrecognized arguments: --no-such-argument", "ended with exit code 2"],
    ),
}


@pytest.mark.parametrize("name", TROUBLES)
def test_a_model_that_does_not_serve_is_explained(vllm: Role, name: str) -> None:
    model, variables, said = TROUBLES[name]
    refusal = vllm.run(vllm_models=[{**MODEL, **model}], **variables).refusal
    for text in said:
        assert text in refusal, refusal[-4000:]


def test_a_model_that_is_served_under_another_name_is_explained(cluster: Cluster, namespace: str, vllm: Role) -> None:
    assert vllm.run().changed == 1
    # As if qwen-local were declared, and another name in the image or its arguments.
    options = {
        "kubeconfig": str(cluster.kubeconfig),
        "namespace": namespace,
        "key_secret": {"name": "vllm-api-key", "key": "api-key"},
        "servers": [{"service": "vllm-qwen-local", "model": "another"}],
    }
    done = ad_hoc("vllm_served_models", options, seconds=120)
    output = " ".join((done.stdout + done.stderr).split())
    assert done.returncode != 0, output
    assert KEY not in output
    assert f'Service vllm-qwen-local in {namespace}: it serves "qwen-local", and not "another"' in output
    assert "Look into extra_args and the image" in output


def test_what_cannot_work_is_refused_before_anything_is_written(cluster: Cluster, namespace: str, vllm: Role) -> None:
    bad = [{**MODEL, "gpus": 2}, {**MODEL, "env": [{"name": "HF_TOKEN", "value": "x"}]}]
    refusal = vllm.run(vllm_models=bad).refusal
    for text in ('model "qwen-local" is declared 2 times', "but gpus is 2", "use hf_token_secret"):
        assert text in refusal
    assert "gpuz" in vllm.run(vllm_models=[{**MODEL, "gpuz": 1}]).refusal
    assert versions(cluster, namespace) == {}
