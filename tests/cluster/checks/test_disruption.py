# Copyright: Contributors to the Tollgate project
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Evictions: allowed while enough pods are left, refused when not."""

from __future__ import annotations

import pytest
from kubernetes import client
from tollgate_checks.cluster import Cluster
from tollgate_checks.conditions import available
from tollgate_checks.objects import Object, deployment


def evict(cluster: Cluster, pod: Object) -> None:
    """Ask politely for the end of a pod, as a drain does."""
    metadata = client.V1ObjectMeta(name=pod["metadata"]["name"], namespace=pod["metadata"]["namespace"])
    client.CoreV1Api(cluster.api).create_namespaced_pod_eviction(
        metadata.name, metadata.namespace, client.V1Eviction(metadata=metadata)
    )


def test_a_disruption_budget_refuses_the_eviction_that_would_break_it(cluster: Cluster, namespace: str) -> None:
    cluster.run(deployment(namespace, "web", replicas=2), available)
    budget = cluster.apply(
        {
            "apiVersion": "policy/v1",
            "kind": "PodDisruptionBudget",
            "metadata": {"name": "web", "namespace": namespace},
            "spec": {"minAvailable": 2, "selector": {"matchLabels": {"app": "web"}}},
        }
    )
    cluster.wait(budget, lambda found: found.get("status", {}).get("currentHealthy") == 2, 30, "aware of its pods")
    victim = cluster.all("v1", "Pod", namespace, "app=web")[0]
    with pytest.raises(client.ApiException) as refused:
        evict(cluster, victim)
    assert refused.value.status == 429
    assert "violate the pod's disruption budget" in str(refused.value.body)

    cluster.patch(budget, {"spec": {"minAvailable": 1}})
    cluster.wait(budget, lambda found: found["status"]["disruptionsAllowed"] == 1, 30, "allowing one eviction")
    evict(cluster, victim)
    cluster.wait_gone(victim)
