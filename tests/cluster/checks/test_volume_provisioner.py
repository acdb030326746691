# Copyright: Contributors to the Tollgate project
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The volume provisioner may be killed at any moment, and the machine may restart: nothing is lost, nothing is left."""

from __future__ import annotations

import contextlib
import os
import random
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from tollgate_checks.cluster import Cluster
from tollgate_checks.conditions import bound
from tollgate_checks.objects import Object, claim
from tollgate_checks.watching import eventually

LONGEST = 0.4  # seconds from a start to the kill; making ten volumes takes about that


class Provisioner:
    """A second provisioner beside the cluster's own, with its own StorageClass and directory."""

    def __init__(self, cluster: Cluster, directory: Path, name: str) -> None:
        from tollgate_cluster.build import built  # noqa: PLC0415 (only where `make cluster` ran)
        from tollgate_cluster.progress import Progress  # noqa: PLC0415 (as above)

        self.cluster, self.directory = cluster, directory
        program = built("volume-provisioner", Progress()) / "volume-provisioner"
        self.command = [str(program), "--kubeconfig", str(cluster.kubeconfig), "--name", f"tollgate.llm/{name}"]
        self.command += ["--directory", str(directory)]
        self.log = directory.with_suffix(".log").open("wb")
        self.process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start it."""
        self.process = subprocess.Popen(self.command, stdout=self.log, stderr=subprocess.STDOUT)

    def kill_after(self, seconds: float) -> None:
        """End it as a crash does."""
        assert self.process is not None
        with contextlib.suppress(subprocess.TimeoutExpired):
            code = self.process.wait(seconds)
            raise AssertionError(f"it ended by itself with code {code}, see {self.log.name}")
        self.process.kill()
        self.process.wait()

    def unmount(self) -> None:
        """What a restart of the machine does to mounts."""
        for place in self.mounts():
            subprocess.run(["umount", place], check=True)

    def mounts(self) -> list[str]:
        """Mount points below its directory."""
        places = (line.split()[1] for line in Path("/proc/mounts").read_text(encoding="utf-8").splitlines())
        return [place for place in places if place.startswith(f"{self.directory}/")]

    def left(self) -> list[str]:
        """Files, volumes, mounts and loop devices that it holds."""
        command = ["losetup", "--list", "--noheadings", "--output", "BACK-FILE"]
        loops = subprocess.run(command, capture_output=True, text=True, check=True).stdout.splitlines()
        files = [path.name for path in self.directory.iterdir() if path.name != ".lock"]
        volumes = self.cluster.all("v1", "PersistentVolume")
        objects = [
            each["metadata"]["name"]
            for each in volumes
            if each["spec"]["local"]["path"].startswith(f"{self.directory}/")
        ]
        return [*files, *objects, *self.mounts(), *(line for line in loops if str(self.directory) in line)]


@pytest.fixture
def provisioner(cluster: Cluster, namespace: str, tmp_path: Path) -> Iterator[Provisioner]:
    """A provisioner that does not run yet; its StorageClass has the namespace's name."""
    if not cluster.made_here or os.geteuid() != 0:
        pytest.skip("needs root on the node, as on the cluster of `make cluster`")
    place = {"apiVersion": "storage.k8s.io/v1", "kind": "StorageClass", "metadata": {"name": namespace}}
    made = cluster.apply(
        {**place, "provisioner": f"tollgate.llm/{namespace}", "volumeBindingMode": "WaitForFirstConsumer"}
    )
    found = Provisioner(cluster, tmp_path / "volumes", namespace)
    found.directory.mkdir()
    try:
        yield found
    finally:
        if found.process and found.process.poll() is None:
            found.kill_after(0.0)
        for left in cluster.all("v1", "PersistentVolumeClaim", namespace):
            cluster.delete(left)
        found.start()
        eventually(lambda: not found.left(), 60, f"nothing left of {found.directory}, see {found.log.name}")
        found.kill_after(0.0)
        cluster.delete(made)


def wanted(namespace: str, node: str, number: int) -> Object:
    """A claim that looks as if the scheduler had chosen the node for its first pod."""
    made = claim(namespace, f"claim-{number}", "32Mi", storageClassName=namespace)
    made["metadata"]["annotations"] = {"volume.kubernetes.io/selected-node": node}
    return made


def marks(place: Path) -> list[str]:
    """What was written into a volume."""
    return sorted(path.name for path in place.iterdir() if path.name.startswith("mark-"))


def rounds_of_bad_luck(cluster: Cluster, namespace: str, it: Provisioner, chance: random.Random, rounds: int) -> None:
    """Claims come and go while the provisioner is killed again and again."""
    node = cluster.all("v1", "Node")[0]["metadata"]["name"]
    alive: dict[str, list[str]] = {}  # claims and the marks in their volumes
    number = 0
    for turn in range(rounds):
        it.start()
        fresh = [wanted(namespace, node, number + more) for more in range(chance.randint(1, 4))]
        number += len(fresh)
        for each in fresh:
            cluster.apply(each)
            alive[each["metadata"]["name"]] = []
        gone = chance.sample(sorted(alive), len(alive) // 3)
        late = chance.random() < 0.5  # half of them go while nobody is there to notice
        for name in gone if not late else []:
            cluster.delete(_named(namespace, name))
        it.kill_after(chance.uniform(0.0, LONGEST))
        for name in gone if late else []:
            cluster.delete(_named(namespace, name))
        for name in gone:
            del alive[name]
        if chance.random() < 0.3:  # some crashes are those of the machine
            it.unmount()
        it.start()
        for name, written in alive.items():
            place = Path(_volume(cluster, namespace, name)["spec"]["local"]["path"])
            eventually(place.is_dir, 20, f"{name} mounted")
            assert marks(place) == written, f"round {turn}: {name} has lost or gained something"
            (place / f"mark-{turn:03}").touch()
            written.append(f"mark-{turn:03}")
        it.kill_after(0.0)


def _named(namespace: str, name: str) -> Object:
    metadata = {"name": name, "namespace": namespace}
    return {"apiVersion": "v1", "kind": "PersistentVolumeClaim", "metadata": metadata}


def _volume(cluster: Cluster, namespace: str, name: str) -> Object:
    found = cluster.wait(_named(namespace, name), bound, 30)
    volume = {"apiVersion": "v1", "kind": "PersistentVolume", "metadata": {"name": found["spec"]["volumeName"]}}
    return cluster.wait(volume, bound, 30)


def test_a_killed_provisioner_loses_nothing_and_leaves_nothing(
    cluster: Cluster, namespace: str, provisioner: Provisioner, chance: random.Random
) -> None:
    rounds_of_bad_luck(cluster, namespace, provisioner, chance, 3)


@pytest.mark.soak
def test_a_provisioner_killed_very_often_loses_nothing_and_leaves_nothing(
    cluster: Cluster, namespace: str, provisioner: Provisioner, chance: random.Random, soak_rounds: int
) -> None:
    rounds_of_bad_luck(cluster, namespace, provisioner, chance, soak_rounds * 10)
