# Copyright: Contributors to the Tollgate project
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Runs playbooks on the cluster under test as a user does, and looks at what they leave."""

from __future__ import annotations

import base64
import os
import re
import subprocess
import time
from dataclasses import dataclass

import ansible_run
from ansible_run import BIN
from kubernetes.client.exceptions import ApiException
from searched import listed
from tollgate_checks.cluster import Cluster
from tollgate_checks.objects import Object
from tollgate_cluster.places import CHECKOUT

INVENTORY = CHECKOUT / "inventories" / "cluster-under-test"
STATE = CHECKOUT / ".tollgate" / "cluster" / "gateway"
PROXY, MODELS, STORE = "litellm", "llm", "litellm-store"
OPERATORS = ("cnpg-system", "envoy-ai-gateway-system", "envoy-gateway-system", "external-secrets")
LIMIT = 900  # seconds
RECAP = re.compile(r"^localhost +: +(?P<counts>ok=.*)$", re.M)
# What moves by itself: elections, heartbeats, and what happens.
RESTLESS = ("Lease", "Event", "EndpointSlice", "Endpoints", "PodMetrics", "NodeMetrics")


@dataclass(frozen=True)
class Run:
    """How a playbook ended, and all that it printed."""

    code: int
    output: str
    seconds: float

    @property
    def counts(self) -> dict[str, int]:
        """The recap's numbers."""
        found = RECAP.search(self.output)
        assert found, self.output[-3000:]
        return {name: int(value) for name, value in (part.split("=") for part in found["counts"].split())}

    @property
    def message(self) -> str:
        """The output on one line, to look for words that are broken anywhere."""
        return " ".join(self.output.split())


def command(playbook: str, *words: str) -> list[str]:
    """The command line."""
    return [str(BIN / "ansible-playbook"), playbook, "--inventory", str(INVENTORY), *words]


def environment(cluster: Cluster) -> dict[str, str]:
    """Of a user of this cluster."""
    return ansible_run.environment(
        ANSIBLE_FORCE_COLOR="0",
        TOLLGATE_KUBECONFIG=str(cluster.kubeconfig),
        KUBECONFIG=str(cluster.kubeconfig),
        PATH=f"{CHECKOUT / '.tollgate' / 'cluster'}:{BIN}:{os.environ['PATH']}",
    )


def play(cluster: Cluster, *words: str, playbook: str = "site.yml") -> Run:
    """Run a playbook to its end, well or not."""
    began = time.monotonic()
    done = subprocess.run(
        command(playbook, *words),
        cwd=CHECKOUT,
        env=environment(cluster),
        capture_output=True,
        text=True,
        timeout=LIMIT,
        check=False,
    )
    return Run(done.returncode, done.stdout + done.stderr, time.monotonic() - began)


def well(run: Run) -> Run:
    """The run; fails with its end when it did not go well."""
    assert run.code == 0, run.output[-6000:]
    return run


def shell(cluster: Cluster, script: str, seconds: float = 120) -> str:
    """What a user's shell prints; fails with it when a command fails."""
    done = subprocess.run(
        ["bash", "-euo", "pipefail", "-c", script],
        cwd=CHECKOUT,
        env=environment(cluster),
        capture_output=True,
        text=True,
        timeout=seconds,
        check=False,
    )
    assert done.returncode == 0, f"{script}\n{done.stdout}{done.stderr}"
    return done.stdout


def kinds(cluster: Cluster) -> list[tuple[str, str]]:
    """Every kind whose objects stay as they are, as API version and kind."""
    return [each for each in listed(cluster) if each[1] not in RESTLESS]


def ours(cluster: Cluster, places: tuple[str, ...] = (PROXY, MODELS, STORE)) -> list[Object]:
    """All objects in a gateway's namespaces, and those of the operators that say that they are ours."""
    found: dict[str, Object] = {}
    for api_version, kind in kinds(cluster):
        try:
            listed = cluster.all(api_version, kind)
        except ApiException:
            continue  # a kind that can't be listed after all
        for each in listed:
            metadata = each["metadata"]
            place = metadata.get("namespace") or metadata["name"]
            labelled = (metadata.get("labels") or {}).get("app.kubernetes.io/managed-by") == "tollgate"
            # Others may be at work, in namespaces of their own, with roles that are named after these.
            shared = place in OPERATORS or not (
                "namespace" in metadata or each["kind"] == "Namespace" or "test-" in place
            )
            if place in places or (labelled and shared):
                found[f"{each['kind']} {metadata.get('namespace', '')}/{metadata['name']}"] = each
    return list(found.values())


def versions(cluster: Cluster, places: tuple[str, ...] = (PROXY, MODELS, STORE)) -> dict[str, str]:
    """The resource version of everything that is ours."""
    return {
        f"{each['kind']} {each['metadata'].get('namespace', '')}/{each['metadata']['name']}": each["metadata"][
            "resourceVersion"
        ]
        for each in ours(cluster, places)
    }


def generated(cluster: Cluster) -> dict[str, str]:
    """The values that Tollgate made."""
    return {
        each["metadata"]["name"]: base64.b64decode(each["data"]["value"]).decode()
        for each in cluster.all("v1", "Secret", STORE)
        if "value" in (each.get("data") or {})
    }
