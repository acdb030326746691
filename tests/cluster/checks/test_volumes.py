# Copyright: Contributors to the Tollgate project
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Volumes: kept as long as their claim, as large as they say, and their group's."""

from __future__ import annotations

import subprocess
from pathlib import Path
from typing import Any

import pytest
from tollgate_checks.cluster import Cluster
from tollgate_checks.conditions import bound, ready, succeeded
from tollgate_checks.objects import Object, claim, container, mounted, pod, volume_of

MEBIBYTE = 1024 * 1024


def user(namespace: str, name: str, script: str = "", **fields: Any) -> Object:
    """A pod that has the volume of the claim `data` at /data."""
    command = ("sh", "-c", script) if script else ()
    restart = "Never" if script else "Always"
    main = container(*command, **mounted("/data"))
    return pod(namespace, name, main, volumes=[volume_of("data")], restartPolicy=restart, **fields)


def volume(cluster: Cluster, namespace: str) -> Object:
    """The PersistentVolume of the claim `data`."""
    name = cluster.wait(claim(namespace, "data"), bound)["spec"]["volumeName"]
    found = cluster.get({"apiVersion": "v1", "kind": "PersistentVolume", "metadata": {"name": name}})
    assert found is not None
    return found


def test_what_a_pod_wrote_is_there_for_the_next_one(cluster: Cluster, namespace: str) -> None:
    cluster.apply(claim(namespace, "data"))
    writer = cluster.run(user(namespace, "writer", "echo kept >/data/file; sync"), succeeded)
    cluster.delete(writer)
    cluster.wait_gone(writer)
    reader = cluster.run(user(namespace, "reader", "cat /data/file"), succeeded)
    assert cluster.logs(reader) == "kept\n"


def test_a_claim_waits_for_its_first_pod(cluster: Cluster, namespace: str) -> None:
    waiting = cluster.apply(claim(namespace, "data"))
    assert cluster.event(waiting, "WaitForFirstConsumer") == "waiting for first consumer to be created before binding"
    running = cluster.run(user(namespace, "user"), ready)
    chosen = cluster.wait(waiting, bound)["metadata"]["annotations"]["volume.kubernetes.io/selected-node"]
    assert chosen == running["spec"]["nodeName"]


def test_a_volume_goes_with_its_claim(cluster: Cluster, namespace: str) -> None:
    wanted = cluster.apply(claim(namespace, "data"))
    running = cluster.run(user(namespace, "user"), ready)
    made = volume(cluster, namespace)
    cluster.delete(running)
    cluster.wait_gone(running)
    cluster.delete(wanted)
    cluster.wait_gone(made)
    if cluster.made_here:
        place = Path(made["spec"]["local"]["path"]).parent
        image = place.with_name(f"{place.name}.img")
        assert not place.exists()
        assert not image.exists()
        used = subprocess.run(
            ["losetup", "--list", "--output", "BACK-FILE"], capture_output=True, text=True, check=True
        )
        assert image.name not in used.stdout


def test_a_claim_in_use_is_not_deleted(cluster: Cluster, namespace: str) -> None:
    wanted = cluster.apply(claim(namespace, "data"))
    running = cluster.run(user(namespace, "user"), ready)
    cluster.delete(wanted)
    cluster.wait(wanted, lambda found: found["metadata"].get("deletionTimestamp"), 20, "marked for deletion")
    assert cluster.output(running, "sh", "-c", "echo still here >/data/file; cat /data/file") == "still here\n"
    cluster.delete(running)
    cluster.wait_gone(wanted)


def test_a_full_volume_has_no_space_left_and_recovers(cluster: Cluster, namespace: str) -> None:
    if not cluster.made_here:
        pytest.skip("not every provisioner limits the size of a volume")
    cluster.apply(claim(namespace, "data", "64Mi"))
    running = cluster.run(user(namespace, "user"), ready)
    code, output = cluster.execute(running, "dd", "if=/dev/zero", "of=/data/big", "bs=1M", "count=100")
    assert code == 1
    assert "No space left on device" in output
    size = int(cluster.output(running, "stat", "-c", "%s", "/data/big"))
    assert 40 * MEBIBYTE < size < 64 * MEBIBYTE
    cluster.output(running, "sh", "-c", "rm /data/big && echo works >/data/small && sync")


def test_a_claim_gets_at_least_the_size_it_asked_for(cluster: Cluster, namespace: str) -> None:
    cluster.apply(claim(namespace, "data", "1Gi"))
    running = cluster.run(user(namespace, "user"), ready)
    assert volume(cluster, namespace)["spec"]["capacity"]["storage"] == "1Gi"
    free = int(cluster.output(running, "stat", "-f", "-c", "%a", "/data"))
    block = int(cluster.output(running, "stat", "-f", "-c", "%S", "/data"))
    assert free * block > 900 * MEBIBYTE


def test_an_ordinary_user_writes_through_the_group_of_the_pod(cluster: Cluster, namespace: str) -> None:
    cluster.apply(claim(namespace, "data"))
    script = "echo mine >/data/file && stat -c %u:%g /data/file && stat -c %g:%A /data"
    security = {"runAsUser": 26, "runAsGroup": 26, "fsGroup": 2600, "runAsNonRoot": True}
    ended = cluster.run(user(namespace, "ordinary", script, securityContext=security), succeeded)
    assert cluster.logs(ended).splitlines() == ["26:2600", "2600:drwxrwsr-x"]


def test_a_claim_that_no_disk_can_answer_says_why(cluster: Cluster, namespace: str) -> None:
    if not cluster.made_here:
        pytest.skip("other clusters may well have shared volumes")
    wanted = cluster.apply(claim(namespace, "data", accessModes=["ReadWriteMany"]))
    cluster.apply(user(namespace, "user"))
    assert cluster.event(wanted, "ProvisioningFailed").endswith(
        "access mode ReadWriteMany is not supported: a disk belongs to one node, use ReadWriteOnce"
    )
