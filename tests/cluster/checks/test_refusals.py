# Copyright: Contributors to the Tollgate project
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What can't work is refused in a few lines, and nothing was written."""

from __future__ import annotations

import os
import shlex
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from machine import difference, make, snapshot
from tollgate_cluster.places import SOURCES, STATE

pytestmark = [
    pytest.mark.alone,
    pytest.mark.skipif(bool(os.environ.get("TOLLGATE_KUBECONFIG")), reason="it is about the cluster of `make cluster`"),
    pytest.mark.skipif(os.geteuid() != 0, reason="make cluster needs root"),
]
UP = shlex.join([sys.executable, "-m", "tollgate_cluster", "up"])


@pytest.fixture(scope="module", autouse=True)
def stopped() -> Iterator[None]:
    """No cluster while these run, and one afterwards."""
    assert make("cluster-down").returncode == 0
    yield
    assert make("cluster").returncode == 0


def run(script: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """A shell script in mounts and a network of its own, so that the machine stays as it is."""
    return subprocess.run(
        ["unshare", "--mount", "--net", "sh", "-ec", script],
        env={**os.environ, "PYTHONPATH": str(SOURCES), **environment},
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )


def refused(done: subprocess.CompletedProcess[str], *said: str) -> None:
    """It failed with these words, in a few lines, without a traceback."""
    assert done.returncode == 1, done.stdout + done.stderr
    for words in said:
        assert words in done.stderr
    assert "Traceback" not in done.stderr
    assert len(done.stderr.strip().splitlines()) < 12


def test_a_network_in_use_is_refused_with_the_name_of_its_user() -> None:
    before = snapshot()
    taken = "ip link add other type bridge; ip address add 10.96.4.1/22 dev other; ip link set other up; "
    refused(run(taken + UP), "10.96.0.0/16", "10.96.4.0/22 by the interface other", "ip address")
    assert not STATE.exists()
    assert not difference(before, snapshot())


def test_a_route_into_the_clusters_networks_is_refused() -> None:
    taken = "ip link set lo up; ip route add 10.88.7.0/24 dev lo; "
    refused(run(taken + UP), "10.88.7.0/24 by a route of lo")


def test_an_interface_with_the_cables_name_is_refused() -> None:
    refused(run("ip link add tollgate0 type bridge; " + UP), "ip link delete tollgate0")


def test_too_small_a_disk_for_the_cache_is_refused(tmp_path: Path) -> None:
    small = f"mount -t tmpfs -o size=1G tmpfs {tmp_path}; "
    refused(run(small + UP, TOLLGATE_CACHE=str(tmp_path)), "Too little disk", "TOLLGATE_CACHE=")
    assert not list(tmp_path.iterdir())


def test_missing_control_groups_are_refused() -> None:
    refused(run("mount -t tmpfs tmpfs /sys/fs/cgroup; " + UP), "Control groups can't limit", "memory")


@pytest.mark.parametrize("verb", ["up", "down"])
def test_what_needs_root_says_so(verb: str) -> None:
    command = ["unshare", "--user", sys.executable, "-m", "tollgate_cluster", verb]  # nobody, in a namespace of users
    environment = {**os.environ, "PYTHONPATH": str(SOURCES)}
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=60, check=False)
    refused(done, "needs root", "sudo make cluster", "TOLLGATE_KUBECONFIG")


def test_an_unknown_image_is_refused_with_those_that_there_are() -> None:
    done = make("cluster", IMAGES="coredns nonsense")
    assert done.returncode != 0
    assert 'There is no component "nonsense"' in done.stdout
    assert "litellm" in done.stdout
    assert not STATE.exists()
