# Copyright: Contributors to the Tollgate project
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Services and names: how pods and the machine reach pods."""

from __future__ import annotations

import socket
import urllib.request
from functools import partial
from http.client import HTTPException
from typing import Any

import psutil
import pytest
from tollgate_checks.cluster import Cluster
from tollgate_checks.conditions import available, ready
from tollgate_checks.objects import SERVE, Object, container, deployment, pod, service
from tollgate_checks.watching import eventually

ASK = "import sys, urllib.request; print(urllib.request.urlopen(sys.argv[1], timeout=3).status)"
RESOLVE = "import socket, sys; print(*sorted({found[4][0] for found in socket.getaddrinfo(sys.argv[1], 80)}))"


def web(namespace: str, replicas: int = 1) -> Object:
    """A Deployment `web` whose pods are ready when they serve."""
    probe = {"httpGet": {"path": "/", "port": 8080}, "periodSeconds": 1}
    return deployment(namespace, "web", container(*SERVE, readinessProbe=probe), replicas=replicas)


def serving(cluster: Cluster, namespace: str, **fields: Any) -> Object:
    """The Service of a Deployment that is available."""
    made = cluster.apply(service(namespace, "web", **fields))
    cluster.run(web(namespace), available)
    return made


def answers(cluster: Cluster, client: Object, url: str) -> bool:
    """Whether a pod gets an answer from the URL."""
    return cluster.execute(client, "python", "-c", ASK, url) == (0, "200\n")


def test_a_pod_reaches_a_service_by_address_and_by_each_of_its_names(cluster: Cluster, namespace: str) -> None:
    address = serving(cluster, namespace)["spec"]["clusterIP"]
    client = cluster.run(pod(namespace, "client"), ready)
    for host in (address, "web", f"web.{namespace}", f"web.{namespace}.svc", f"web.{namespace}.svc.cluster.local"):
        url = f"http://{host}:8080/"
        eventually(partial(answers, cluster, client, url), 20, f"an answer from {url}")


def test_a_pod_reaches_itself_through_its_service(cluster: Cluster, namespace: str) -> None:
    serving(cluster, namespace)
    itself = cluster.all("v1", "Pod", namespace, "app=web")[0]
    eventually(lambda: answers(cluster, itself, "http://web:8080/"), 20, "an answer of the pod to itself")


def test_a_headless_service_names_its_pods(cluster: Cluster, namespace: str) -> None:
    serving(cluster, namespace, clusterIP="None")
    client = cluster.run(pod(namespace, "client"), ready)
    expected = cluster.all("v1", "Pod", namespace, "app=web")[0]["status"]["podIP"]
    eventually(
        lambda: cluster.execute(client, "python", "-c", RESOLVE, "web") == (0, f"{expected}\n"),
        20,
        f"the name web leading to {expected}",
    )


def test_names_of_the_cluster_resolve_and_unknown_ones_do_not(cluster: Cluster, namespace: str) -> None:
    client = cluster.run(pod(namespace, "client"), ready)
    api = cluster.all("v1", "Service", "default")
    expected = next(found["spec"]["clusterIP"] for found in api if found["metadata"]["name"] == "kubernetes")
    assert cluster.output(client, "python", "-c", RESOLVE, "kubernetes.default.svc") == f"{expected}\n"
    code, output = cluster.execute(client, "python", "-c", RESOLVE, f"nobody.{namespace}.svc.cluster.local")
    assert code == 1
    assert "Name or service not known" in output


def test_a_node_port_answers_on_the_node_and_on_no_address_of_this_machine(cluster: Cluster, namespace: str) -> None:
    if not cluster.made_here:
        pytest.skip("where node ports answer, and for whom, is up to the cluster")
    port = serving(cluster, namespace, type="NodePort")["spec"]["ports"][0]["nodePort"]
    addresses = cluster.all("v1", "Node")[0]["status"]["addresses"]
    node = next(entry["address"] for entry in addresses if entry["type"] == "InternalIP")

    def status(host: str) -> int:
        with urllib.request.urlopen(f"http://{host}:{port}/", timeout=3) as answer:
            return int(answer.status)

    assert eventually(lambda: status(node), 20, "an answer of the node port", OSError, HTTPException) == 200
    found = [entry for entries in psutil.net_if_addrs().values() for entry in entries]
    for address in {entry.address for entry in found if entry.family == socket.AF_INET} - {node}:
        with pytest.raises(OSError, match=r"refused|timed out"):
            status(address)
