# Copyright: Contributors to the Tollgate project
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The role nvidia_gpu: GPUs that a node offers are found, those that it does not are explained."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from role_run import Role
from tollgate_checks.cluster import Cluster
from tollgate_checks.objects import Object

RESOURCE = "tollgate.llm/gpu"  # no other check asks for it
LABEL = "nvidia.com/gpu.present"


@pytest.fixture
def role(cluster: Cluster, namespace: str, tmp_path: Path) -> Role:
    """The role, for a resource of its own."""
    given = {"nvidia_gpu_resource": RESOURCE, "nvidia_gpu_namespace": namespace, "nvidia_gpu_timeout": 3}
    return Role("nvidia_gpu", cluster, tmp_path, given)


def offer(cluster: Cluster, node: Object, count: int | None) -> None:
    """Let a node say that it has GPUs, as a device plugin would; None takes them back."""
    amount = None if count is None else str(count)
    status = {"status": {part: {RESOURCE: amount} for part in ("capacity", "allocatable")}}
    cluster.resource("v1", "Node").status.patch(
        name=node["metadata"]["name"], body=status, content_type="application/merge-patch+json"
    )


@pytest.fixture
def node(cluster: Cluster) -> Iterator[Object]:
    """A node, which ends as it was."""
    (found, *_others) = cluster.all("v1", "Node")
    yield found
    offer(cluster, found, None)
    cluster.patch(found, {"metadata": {"labels": {LABEL: None}}})


def test_nothing_is_done_and_looked_at_without_a_mode(role: Role) -> None:
    assert role.run().changed == 0


def test_gpus_are_found_where_they_are(cluster: Cluster, role: Role, node: Object) -> None:
    name = node["metadata"]["name"]
    refusal = role.run(nvidia_gpu_mode="gke_managed").refusal
    assert f"there are 0 {RESOURCE}, wanted 1" in refusal
    assert f"no sign of a GPU: {name}" in refusal
    assert "gcloud container node-pools create" in refusal
    cluster.patch(node, {"metadata": {"labels": {LABEL: "true"}}})
    labelled = role.run(nvidia_gpu_mode="gke_managed").refusal
    assert f"node {name}: 0 allocatable of 0; labels {LABEL}=true no device plugin runs there" in labelled
    offer(cluster, node, 4)
    found = role.run(nvidia_gpu_mode="gke_managed", nvidia_gpu_count=4)
    assert found.changed == 0
    assert f"4 {RESOURCE} on {name} (4)" in found.output
    assert (
        f"there are 4 {RESOURCE} on {name} (4), wanted 5"
        in role.run(nvidia_gpu_mode="gke_managed", nvidia_gpu_count=5).refusal
    )


def test_the_device_plugin_is_applied_and_its_trouble_is_told(cluster: Cluster, namespace: str, role: Role) -> None:
    found = cluster.get({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": namespace}})
    assert found is not None
    cluster.patch(found, {"metadata": {"labels": {"pod-security.kubernetes.io/enforce": "privileged"}}})
    given: dict[str, Any] = {"nvidia_gpu_mode": "device_plugin", "nvidia_gpu_timeout": 200}
    # Its image is not one of those that `make cluster` makes.
    refusal = role.run(**given).refusal
    assert "the image nvcr.io/nvidia/k8s-device-plugin:v0.20.0 does not exist" in refusal
    gone = role.run(**given, nvidia_gpu_state="absent")
    assert gone.changed == 1
    assert cluster.all("apps/v1", "DaemonSet", namespace) == []


def test_an_operator_that_is_not_there_is_told(role: Role) -> None:
    refusal = role.run(nvidia_gpu_mode="operator").refusal
    assert "ClusterPolicy cluster-policy" in refusal
    assert "the cluster has no kind ClusterPolicy of nvidia.com/v1 yet" in refusal
