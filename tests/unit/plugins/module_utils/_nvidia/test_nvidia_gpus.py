# Copyright: Contributors to the Tollgate project
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.tollgate.llm.plugins.module_utils._nvidia.gpus import (
    GKE_WITHOUT_PLUGIN,
    NEXT,
    Node,
    doubled,
    explanation,
    summary,
    total,
)

GPU = "nvidia.com/gpu"
GKE = {"cloud.google.com/gke-accelerator": "nvidia-l4"}


def node(name: str, capacity: int = 0, allocatable: int | None = None, **more: Any) -> Node:
    amounts = {"cpu": "8", **({GPU: str(capacity)} if capacity else {})}
    free = {**amounts, **({GPU: str(allocatable)} if allocatable is not None else {})}
    ready = {"type": "Ready", "status": "True" if more.pop("ready", True) else "False"}
    found = {
        "metadata": {"name": name, "labels": more.pop("labels", {})},
        "spec": more,
        "status": {"capacity": amounts, "allocatable": free, "conditions": [ready]},
    }
    return Node.of(found, GPU)


def plugin(name: str, where: str, ready: bool = True, namespace: str = "kube-system", **waiting: str) -> dict[str, Any]:
    state = {"waiting": waiting} if waiting else {"running": {}}
    return {
        "metadata": {"name": name, "namespace": namespace},
        "spec": {"nodeName": where, "containers": [{"name": "main"}]},
        "status": {
            "phase": "Running",
            "conditions": [{"type": "Ready", "status": "True" if ready else "False"}],
            "containerStatuses": [{"name": "main", "image": "i:1", "state": state, "restartCount": 0}],
        },
    }


def test_gpus_that_pods_may_get_count() -> None:
    nodes = [
        node("a", 4),
        node("b", 8, unschedulable=True),
        node("c", 8, ready=False),
        node("d"),
        node("e", 2, allocatable=1),
    ]
    assert total(nodes) == 5
    assert summary(nodes, GPU) == "5 nvidia.com/gpu on a (4), e (1)"
    assert summary([node("d")], GPU) == "0 nvidia.com/gpu"


def test_a_node_without_its_plugin_is_explained() -> None:
    taint = {"key": "nvidia.com/gpu", "value": "present", "effect": "NoSchedule"}
    lines = explanation([node("a", labels=GKE, taints=[taint]), node("b")], [], "gke_managed")
    assert lines[0] == (
        "node a: 0 allocatable of 0; labels cloud.google.com/gke-accelerator=nvidia-l4; "
        "taints nvidia.com/gpu=present:NoSchedule"
    )
    assert lines[1] == "  no device plugin runs there: does it tolerate nvidia.com/gpu=present:NoSchedule?"
    assert lines[2].startswith("no sign of a GPU: b (")
    assert lines[3] == NEXT["gke_managed"]


def test_a_plugin_that_does_not_run_is_named() -> None:
    pod = plugin("nvidia-x", "a", False, reason="ErrImagePull", message="i:1: not found")
    lines = explanation([node("a", labels=GKE)], [pod], "operator")
    assert "  pod kube-system/nvidia-x: the image i:1 does not exist" in lines
    other = plugin("nvidia-driver-x", "a", False)
    assert "  pod kube-system/nvidia-driver-x is not ready" in explanation([node("a", 1)], [other], "operator")


def test_pods_of_others_are_no_matter() -> None:
    lines = explanation([node("a", labels=GKE)], [plugin("coredns-x", "a", False)], "device_plugin")
    assert not any("coredns" in line for line in lines)


def test_unhealthy_gpus_are_told() -> None:
    lines = explanation([node("a", 4, allocatable=3)], [plugin("nvidia-device-plugin-x", "a")], "device_plugin")
    assert lines[0] == "node a: 3 allocatable of 4"
    assert lines[1].startswith("  GPUs are unhealthy")


def test_many_nodes_without_gpus_are_one_line() -> None:
    lines = explanation([node(f"n{number}") for number in range(20)], [], "device_plugin")
    assert len(lines) == 2
    assert "n7 and 12 more" in lines[0]


@pytest.mark.parametrize("mode", NEXT)
def test_every_mode_has_a_next_step(mode: str) -> None:
    assert explanation([], [], mode) == [NEXT[mode]]


def test_a_second_device_plugin_is_refused() -> None:
    ours = plugin("nvidia-device-plugin-daemonset-x", "a")
    assert not doubled([node("a", 1)], [ours], "kube-system", "nvidia-device-plugin-daemonset")
    operators = plugin("nvidia-device-plugin-daemonset-x", "a", namespace="gpu-operator")
    (said,) = doubled([node("a", 1)], [ours, operators], "kube-system", "nvidia-device-plugin-daemonset")
    assert "gpu-operator/nvidia-device-plugin-daemonset-x" in said


def test_gkes_own_device_plugin_is_respected() -> None:
    (said,) = doubled([node("a", labels=GKE)], [plugin("nvidia-gpu-device-plugin-x", "a")], "kube-system", "ours")
    assert said.startswith("GKE's own device plugin serves a: set nvidia_gpu_mode to gke_managed")
    assert not doubled([node("a", labels={**GKE, GKE_WITHOUT_PLUGIN: "true"})], [], "kube-system", "ours")
