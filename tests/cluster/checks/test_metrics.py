# Copyright: Contributors to the Tollgate project
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Metrics: what uses how much, and an autoscaler that acts on it."""

from __future__ import annotations

import re

import pytest
from tollgate_checks.cluster import Cluster
from tollgate_checks.conditions import available, condition
from tollgate_checks.kubectl import kubectl
from tollgate_checks.objects import Object, container, deployment
from tollgate_checks.watching import eventually

# Burns what it may use as long as a file is there, so that a test can end the load.
BURN = "import os, time\nwhile True:\n    os.path.exists('/tmp/idle') and time.sleep(1)"
PATIENCE = 120  # seconds until numbers that are taken every 10 or 15 s have shown something


def scaled(found: Object, least: int) -> bool:
    """Whether an autoscaler has asked for so many pods."""
    return int(found.get("status", {}).get("desiredReplicas", 0)) >= least


def busy(namespace: str) -> Object:
    """A Deployment whose pods use all they may."""
    resources = {"requests": {"cpu": "20m"}, "limits": {"cpu": "100m"}}
    return deployment(namespace, "busy", container("python", "-c", BURN, resources=resources), replicas=None)


def autoscaler(namespace: str) -> Object:
    """One to three pods for it. It takes pods away at once, where five minutes are usual."""
    target = {"type": "Utilization", "averageUtilization": 60}
    return {
        "apiVersion": "autoscaling/v2",
        "kind": "HorizontalPodAutoscaler",
        "metadata": {"name": "busy", "namespace": namespace},
        "spec": {
            "scaleTargetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": "busy"},
            "minReplicas": 1,
            "maxReplicas": 3,
            "metrics": [{"type": "Resource", "resource": {"name": "cpu", "target": target}}],
            "behavior": {"scaleDown": {"stabilizationWindowSeconds": 0}},
        },
    }


def test_kubectl_top_shows_nodes_and_pods(cluster: Cluster) -> None:
    nodes = eventually(lambda: kubectl(cluster, "top", "node", "--no-headers"), 60, "kubectl top node", AssertionError)
    # Name, cores, percent, memory, percent.
    assert all(re.fullmatch(r"\S+\s+\d+m\s+\d+%\s+\d+Mi\s+\d+%\s*", line) for line in nodes.splitlines()), nodes
    # A pod may be missing for one interval of the kubelet's: what it used since the last one is not known yet.
    row = re.compile(r"^coredns-\S+\s+\d+m\s+[1-9]\d*Mi\s*$", re.MULTILINE)
    eventually(
        lambda: row.search(kubectl(cluster, "top", "pod", "--no-headers", "--namespace", "kube-system")),
        *(60, "kubectl top pod with coredns", AssertionError),
    )


@pytest.mark.first
def test_an_autoscaler_adds_pods_under_load(cluster: Cluster, namespace: str) -> None:
    load = cluster.run(busy(namespace), available)
    made = cluster.apply(autoscaler(namespace))
    cluster.wait(made, condition("ScalingActive"), PATIENCE)
    cluster.wait(made, lambda found: scaled(found, 2), PATIENCE, "asking for more pods")
    cluster.wait(load, lambda found: found["status"].get("availableReplicas", 0) >= 2, PATIENCE, "scaled up")


@pytest.mark.soak
def test_an_autoscaler_follows_the_load_up_and_down(cluster: Cluster, namespace: str, soak_rounds: int) -> None:
    load = cluster.run(busy(namespace), available)
    made = cluster.apply(autoscaler(namespace))
    for turn in range(soak_rounds):
        cluster.wait(load, lambda found: found["status"].get("readyReplicas") == 3, PATIENCE, f"up in round {turn}")
        for pod in cluster.all("v1", "Pod", namespace, "app=busy"):
            cluster.output(pod, "touch", "/tmp/idle")
        cluster.wait(made, lambda found: found["status"].get("desiredReplicas") == 1, PATIENCE, "asking for one pod")
        cluster.wait(load, lambda found: found["status"].get("replicas") == 1, PATIENCE, f"down in round {turn}")
        left = [pod for pod in cluster.all("v1", "Pod", namespace, "app=busy") if not _ending(pod)]
        for pod in left:
            cluster.output(pod, "rm", "-f", "/tmp/idle")


def _ending(pod: Object) -> bool:
    return "deletionTimestamp" in pod["metadata"]
