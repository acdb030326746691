# Copyright: Contributors to the Tollgate project
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""kubernetes_gate waits for many objects at once, and says what keeps one from being ready."""

from __future__ import annotations

import base64
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from gates import gate
from tollgate_checks.cluster import Cluster
from tollgate_checks.objects import SERVE, Object, claim, container, deployment, mounted, pod, service, volume_of

PATIENCE = 300  # seconds, for what should be noticed long before


def web(namespace: str) -> list[Object]:
    """A Deployment with a volume, behind a Service."""
    probe = {"httpGet": {"path": "/", "port": 8080}, "periodSeconds": 1}
    main = container(*SERVE, readinessProbe=probe, **mounted("/data"))
    return [
        claim(namespace, "web"),
        service(namespace, "web"),
        deployment(namespace, "web", main, volumes=[volume_of("web")]),
    ]


def ask(cluster: Cluster, *wanted: Object, **options: Any) -> dict[str, Any]:
    """The options of a gate for these objects."""
    rows = [
        {"kind": each["kind"], "name": each["metadata"]["name"], "namespace": each["metadata"].get("namespace")}
        for each in wanted
    ]
    return {"kubeconfig": cluster.kubeconfig, "objects": rows, **options}


def test_it_opens_when_all_is_ready_and_answers(cluster: Cluster, namespace: str) -> None:
    applied = [cluster.apply(each) for each in web(namespace)]
    http = {"service": "web", "namespace": namespace, "port": "8080", "contains": "Directory listing"}
    first = gate(**ask(cluster, *applied, http=[http], timeout=PATIENCE)).result
    assert first["ok"], first
    assert not first["changed"]
    assert [check["ok"] for check in first["checks"]] == [True] * 4
    again = gate(**ask(cluster, *applied, http=[http], timeout=PATIENCE)).result
    assert again["ok"]
    wrong = gate(**ask(cluster, *applied, http=[{**http, "contains": "nothing"}], timeout=6)).message
    assert "web" in wrong
    assert "answered 200" in wrong
    assert "without 'nothing' in it" in wrong


TROUBLES: dict[str, tuple[Object, list[str]]] = {
    "an image that does not exist": (
        {"image": "docker.io/library/nowhere:1", "command": ["true"]},
        ["the image docker.io/library/nowhere:1 does not exist", "Correct its name or tag, or push it."],
    ),
    "a Secret that is not there": (
        {"env": [{"name": "KEY", "valueFrom": {"secretKeyRef": {"name": "keys", "key": "a"}}}]},
        ['secret "keys" not found', "Make it, or correct the reference"],
    ),
    "a volume that is not there": (
        {"volumeMounts": [{"name": "data", "mountPath": "/data"}]},
        ['secret "absent" not found', "Make it, or correct the reference"],
    ),
}


@pytest.mark.parametrize("name", TROUBLES)
def test_it_gives_up_on_what_cannot_heal(cluster: Cluster, namespace: str, name: str) -> None:
    change, said = TROUBLES[name]
    volumes = [{"name": "data", "secret": {"secretName": "absent"}}] if "volumeMounts" in change else []
    applied = cluster.apply(deployment(namespace, "bad", {**container(), **change}, volumes=volumes))
    answer = gate(**ask(cluster, applied, timeout=PATIENCE))
    assert answer.result["hopeless"]
    assert answer.result["seconds"] < PATIENCE
    assert answer.message.startswith("gate can't become ready.")
    for text in (f"Deployment bad in {namespace}", "pod bad-", *said):
        assert text in answer.message


def test_it_gives_up_on_a_quota_that_is_used_up(cluster: Cluster, namespace: str) -> None:
    quota = {"apiVersion": "v1", "kind": "ResourceQuota", "metadata": {"name": "few", "namespace": namespace}}
    cluster.apply({**quota, "spec": {"hard": {"pods": "0"}}})
    applied = cluster.apply(deployment(namespace, "many"))
    message = gate(**ask(cluster, applied, timeout=PATIENCE)).message
    assert "exceeded quota: few" in message
    assert "Raise the quota" in message


def test_it_gives_up_on_a_job_that_failed_with_its_last_words(cluster: Cluster, namespace: str) -> None:
    template = {
        "spec": pod(namespace, "x", container("sh", "-c", "echo P3009 >&2; exit 1"), restartPolicy="Never")["spec"]
    }
    job = {"apiVersion": "batch/v1", "kind": "Job", "metadata": {"name": "migrate", "namespace": namespace}}
    applied = cluster.apply({**job, "spec": {"backoffLimit": 0, "template": template}})
    message = gate(**ask(cluster, applied, timeout=PATIENCE)).message
    assert "BackoffLimitExceeded" in message
    assert "main| P3009" in message


def test_it_shows_what_it_waits_for_and_the_last_words_of_what_crashes(cluster: Cluster, namespace: str) -> None:
    # Between its start and its end a container without a probe is ready.
    never = {"exec": {"command": ["false"]}, "periodSeconds": 1}
    crash = container("sh", "-c", "echo no database >&2; exit 3", readinessProbe=never)
    applied = cluster.apply(deployment(namespace, "crash", crash))
    answer = gate(**ask(cluster, applied, timeout=45, name="proxy"))
    assert answer.message.startswith("proxy is not ready after ")
    assert "ended with exit code 3" in answer.message
    assert "main| no database" in answer.message
    assert f"s] Deployment crash in {namespace}: 0 of 1 pods are available" in answer.output


def test_a_pod_that_no_node_takes_says_what_lacks(cluster: Cluster, namespace: str) -> None:
    hungry = {**container(), "resources": {"requests": {"nvidia.com/gpu": "1"}, "limits": {"nvidia.com/gpu": "1"}}}
    applied = cluster.apply(deployment(namespace, "gpu", hungry))
    message = gate(**ask(cluster, applied, timeout=20)).message
    assert "Insufficient nvidia.com/gpu" in message


def test_a_kind_that_the_cluster_does_not_know_yet_is_waited_for(cluster: Cluster, namespace: str) -> None:
    row = {"kind": "Thing", "api_version": "example.org/v1", "name": "x", "namespace": namespace}
    message = gate(cluster.kubeconfig, objects=[row], timeout=4).message
    assert "the cluster has no kind Thing of example.org/v1 yet" in message
    assert gate(cluster.kubeconfig, objects=[{**row, "state": "absent"}], timeout=4).result["ok"]


def test_check_mode_looks_once(cluster: Cluster, namespace: str) -> None:
    row = {"kind": "Deployment", "name": "later", "namespace": namespace}
    answer = gate(cluster.kubeconfig, "--check", objects=[row], timeout=PATIENCE).result
    assert (answer["ok"], answer["failed"]) == (False, False)
    assert answer["seconds"] < 20


@pytest.fixture
def stranger(cluster: Cluster, namespace: str, tmp_path: Path) -> Iterator[Path]:
    """The kubeconfig of somebody who may do nothing."""
    cluster.apply(
        {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": "nobody", "namespace": namespace}}
    )
    secret = {
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": {
            "name": "nobody",
            "namespace": namespace,
            "annotations": {"kubernetes.io/service-account.name": "nobody"},
        },
        "type": "kubernetes.io/service-account-token",
    }
    cluster.apply(secret)
    filled = cluster.wait(secret, lambda found: found.get("data", {}).get("token"), 20, "filled")
    given = yaml.safe_load(Path(cluster.kubeconfig).read_text(encoding="utf-8"))
    given["users"][0]["user"] = {"token": base64.b64decode(filled["data"]["token"]).decode()}
    path = tmp_path / "kubeconfig"
    path.write_text(yaml.safe_dump(given), encoding="utf-8")
    path.chmod(0o600)
    yield path


def test_who_is_not_allowed_hears_the_verb_and_the_resource(namespace: str, stranger: Path) -> None:
    row = {"kind": "Deployment", "name": "x", "namespace": namespace}
    message = gate(stranger, objects=[row], timeout=PATIENCE).message
    assert "not allowed to list Deployments" in message
    assert 'cannot list resource "deployments"' in message


def test_a_cluster_that_is_not_there_is_named(cluster: Cluster, tmp_path: Path) -> None:
    given = yaml.safe_load(Path(cluster.kubeconfig).read_text(encoding="utf-8"))
    given["clusters"][0]["cluster"]["server"] = "https://127.0.0.1:9"
    path = tmp_path / "kubeconfig"
    path.write_text(yaml.safe_dump(given), encoding="utf-8")
    path.chmod(0o600)
    message = gate(path, objects=[{"kind": "Pod", "name": "x", "namespace": "y"}], timeout=5).message
    assert "the cluster at https://127.0.0.1:9 does not answer" in message
    missing = gate(tmp_path / "nothing", objects=[{"kind": "Pod", "name": "x", "namespace": "y"}], timeout=5).message
    assert "can't be used" in missing
