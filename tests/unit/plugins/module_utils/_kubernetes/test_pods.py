# Copyright: Contributors to the Tollgate project
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import pytest
from ansible_collections.tollgate.llm.plugins.module_utils._kubernetes.diagnosis import forecast, troubled
from ansible_collections.tollgate.llm.plugins.module_utils._kubernetes.pods import belongs, selector, troubles
from ansible_collections.tollgate.llm.plugins.module_utils._kubernetes.standing import Outlook, pending
from objects import TEMPLATE, Object, container, deployment, obj, pod, row

OWNER = deployment({})
STATES = {
    "no such image": (
        container("waiting", reason="ErrImagePull", message='failed to resolve "a:1": a:1: not found'),
        Outlook.HOPELESS,
        "the image registry.example/app:1 does not exist",
    ),
    "not allowed to pull": (
        container("waiting", reason="ErrImagePull", message="401 unauthorized"),
        Outlook.HOPELESS,
        "the registry refuses registry.example/app:1",
    ),
    "registry away": (
        container("waiting", reason="ErrImagePull", message="dial tcp: i/o timeout"),
        Outlook.PENDING,
        "can't be pulled yet: dial tcp: i/o timeout",
    ),
    "backing off": (
        container("waiting", reason="ImagePullBackOff", message="Back-off pulling image"),
        Outlook.PENDING,
        "can't be pulled yet",
    ),
    "no such secret": (
        container("waiting", reason="CreateContainerConfigError", message='secret "keys" not found'),
        Outlook.HOPELESS,
        'secret "keys" not found',
    ),
    "no such key": (
        container("waiting", reason="CreateContainerConfigError", message="couldn't find key A in Secret n/keys"),
        Outlook.HOPELESS,
        "couldn't find key A",
    ),
    "crashing": (
        container("waiting", reason="CrashLoopBackOff", last={"terminated": {"exitCode": 1, "reason": "Error"}}),
        Outlook.PENDING,
        "ended with exit code 1, 3 restarts",
    ),
    "out of memory": (
        container("terminated", exitCode=137, reason="OOMKilled"),
        Outlook.PENDING,
        "ended with exit code 137 (OOMKilled)",
    ),
}


@pytest.mark.parametrize("name", STATES)
def test_a_container_that_does_not_run_says_why(name: str) -> None:
    status, outlook, why = STATES[name]
    (found,) = troubles(pod(status))
    assert found.standing.outlook is outlook
    assert why in found.standing.why


@pytest.mark.parametrize("state", ["running", "waiting"])
def test_what_is_on_its_way_is_no_trouble(state: str) -> None:
    assert not list(troubles(pod(container(state, reason="ContainerCreating"))))


@pytest.mark.parametrize(
    ("why", "next_step"),
    [
        ("0/1 nodes are available: 1 Insufficient nvidia.com/gpu.", "Free a GPU (make vllm-down"),
        ("0/2 nodes are available: 1 Insufficient cpu, 1 Insufficient nvidia.com/gpu.", "Free a GPU"),
        ("0/1 nodes are available: 1 Insufficient memory.", "Add a node, free some"),
        ("0/1 nodes are available: 1 node(s) had untolerated taint {nvidia.com/gpu: present}.", "Declare a toleration"),
        ("0/1 nodes are available: 1 node(s) didn't match Pod's node affinity/selector.", "Correct the node selector"),
        ("0/1 nodes are available: 1 node(s) were unschedulable.", ""),
    ],
)
def test_a_pod_that_no_node_takes_says_what_lacks_and_what_to_do(why: str, next_step: str) -> None:
    (found,) = troubles(pod(conditions=[row("PodScheduled", "False", "Unschedulable", why)]))
    assert (found.standing.outlook, found.standing.why) == (Outlook.PENDING, why)
    assert found.standing.next_step.startswith(next_step)
    assert bool(found.standing.next_step) == bool(next_step)


def test_the_pods_of_an_earlier_template_do_not_count() -> None:
    old = {"containers": [{"name": "main", "image": "registry.example/app:0"}]}
    assert belongs(pod(), OWNER)
    assert not belongs(pod(spec=old), OWNER)
    assert not belongs(obj("v1", "Pod", spec=TEMPLATE, labels={"app": "other"}), OWNER)


@pytest.mark.parametrize(
    ("owner", "labels"),
    [
        (OWNER, {"app": "x"}),
        (obj("batch/v1", "Job"), {"batch.kubernetes.io/job-name": "x"}),
        (obj("postgresql.cnpg.io/v1", "Cluster"), {"cnpg.io/cluster": "x"}),
        (obj("v1", "ConfigMap"), {}),
    ],
)
def test_the_pods_of_a_workload(owner: Object, labels: dict[str, str]) -> None:
    assert selector(owner) == labels


def event(reason: str, message: str, uid: str) -> dict[str, Object]:
    return {"e": {"reason": reason, "message": message, "involvedObject": {"uid": uid}}}


def test_a_volume_that_cannot_be_mounted_is_told_by_an_event() -> None:
    waiting = pod(container("waiting", reason="ContainerCreating"))
    told = event("FailedMount", 'MountVolume.SetUp failed for volume "v": secret "keys" not found', "x-1")
    (found,) = troubled(OWNER, {"x-1": waiting}, told)
    assert found.trouble.standing.outlook is Outlook.HOPELESS
    assert str(found).startswith("pod x-1: MountVolume.SetUp failed")
    # It was mounted meanwhile.
    assert not troubled(OWNER, {"x-1": pod(container("running"))}, told)


def test_pods_that_may_not_be_made_are_told_by_an_event() -> None:
    owner = obj("batch/v1", "Job")
    told = event("FailedCreate", "pods is forbidden: exceeded quota: q", "Job-x")
    (found,) = troubled(owner, {}, told)
    assert "exceeded quota" in found.trouble.standing.why


def test_a_hopeless_pod_makes_its_workload_hopeless() -> None:
    bad = pod(container("waiting", reason="ErrImagePull", message="not found"), name="x-2")
    found = troubled(OWNER, {"x-2": bad}, {})
    standing = forecast(pending("0 of 2 pods are available"), found)
    assert standing.outlook is Outlook.HOPELESS
    assert standing.why.startswith("0 of 2 pods are available; pod x-2, container main: the image")
    assert standing.next_step
