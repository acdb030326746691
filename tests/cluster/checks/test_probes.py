# Copyright: Contributors to the Tollgate project
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Probes: an unready pod gets no requests, one that hangs is started again."""

from __future__ import annotations

from functools import partial

from tollgate_checks.cluster import Cluster
from tollgate_checks.conditions import ready, restarts, started, unready
from tollgate_checks.objects import container, pod, service
from tollgate_checks.watching import eventually

OFTEN = {"periodSeconds": 1, "failureThreshold": 1}


def sends_to(cluster: Cluster, namespace: str, addresses: list[str]) -> bool:
    """Whether the Service `web` sends requests to just these addresses."""
    slices = cluster.all("discovery.k8s.io/v1", "EndpointSlice", namespace, "kubernetes.io/service-name=web")
    endpoints = [endpoint for found in slices for endpoint in found["endpoints"] or []]
    serving = [endpoint for endpoint in endpoints if endpoint["conditions"]["ready"]]
    return [address for endpoint in serving for address in endpoint["addresses"]] == addresses


def test_an_unready_pod_leaves_its_service_and_comes_back(cluster: Cluster, namespace: str) -> None:
    cluster.apply(service(namespace, "web"))
    probe = {"exec": {"command": ["test", "-e", "/tmp/ready"]}, **OFTEN}
    wanted = pod(namespace, "web", container(readinessProbe=probe))
    running = cluster.run(wanted, started)
    for command, state, addresses in (
        ("touch", ready, [running["status"]["podIP"]]),
        ("rm", unready, []),
        ("touch", ready, [running["status"]["podIP"]]),
    ):
        cluster.output(running, command, "/tmp/ready")
        cluster.wait(running, state, 30)
        eventually(partial(sends_to, cluster, namespace, addresses), 20, f"a Service that sends to {addresses}")


def test_a_pod_that_fails_its_liveness_probe_is_started_again(cluster: Cluster, namespace: str) -> None:
    hangs = container(
        *("sh", "-c", "touch /tmp/alive; exec sleep 600"),
        livenessProbe={"exec": {"command": ["test", "-e", "/tmp/alive"]}, **OFTEN},
        startupProbe={"exec": {"command": ["test", "-e", "/tmp/alive"]}, "periodSeconds": 1, "failureThreshold": 30},
    )
    running = cluster.run(pod(namespace, "hangs", hangs), ready)
    cluster.output(running, "rm", "/tmp/alive")
    cluster.wait(running, restarts(1), 60)
    recovered = cluster.wait(running, ready, 60)
    assert recovered["metadata"]["uid"] == running["metadata"]["uid"]
    assert "Unhealthy" in {event["reason"] for event in cluster.all("v1", "Event", namespace)}
