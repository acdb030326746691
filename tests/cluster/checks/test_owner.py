# Copyright: Contributors to the Tollgate project
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""One cluster per machine: one that runs is its checkout's, what a stopped one left is nobody's."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from machine import make
from tollgate_cluster import namespaces
from tollgate_cluster.owner import owner
from tollgate_cluster.places import CHECKOUT
from tollgate_cluster.state import OWNER

pytestmark = [
    pytest.mark.alone,
    pytest.mark.skipif(bool(os.environ.get("TOLLGATE_KUBECONFIG")), reason="it is about the cluster of `make cluster`"),
    pytest.mark.skipif(os.geteuid() != 0, reason="make cluster needs root"),
]


@pytest.fixture
def neighbour(tmp_path: Path) -> Iterator[Path]:
    """Another checkout that made the cluster of this machine."""
    assert make("cluster").returncode == 0
    other = tmp_path / "other"
    other.mkdir()
    (other / "Makefile").touch()
    OWNER.write_text(json.dumps({"checkout": str(other)}), encoding="utf-8")
    yield other
    OWNER.write_text(json.dumps({"checkout": str(CHECKOUT)}), encoding="utf-8")


@pytest.mark.parametrize("target", ["cluster", "cluster-down"])
def test_another_checkouts_cluster_is_left_alone_while_it_runs(neighbour: Path, target: str) -> None:
    node = namespaces.node()
    done = make(target)
    assert done.returncode != 0
    assert f"belongs to another checkout: {neighbour}" in done.stdout
    assert f"make -C {neighbour} cluster-down" in done.stdout
    assert namespaces.node() == node


def test_what_another_checkouts_stopped_cluster_left_is_removed(neighbour: Path) -> None:
    namespaces.end()  # as after a start of the machine
    done = make("cluster")
    assert done.returncode == 0, done.stdout
    assert f"made by {neighbour}" in done.stdout
    assert owner() == CHECKOUT
