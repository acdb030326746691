# Copyright: Contributors to the Tollgate project
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Control groups: made in each hierarchy, found again, removed from the inside out."""

from __future__ import annotations

from pathlib import Path

import pytest
from tollgate_cluster import cgroups


@pytest.fixture
def hierarchies(tmp_path: Path) -> Path:
    for name in ("cpu", "memory", "cpuset"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "cgroup.procs").touch()
    for name in ("cpuset.cpus", "cpuset.mems"):
        (tmp_path / "cpuset" / name).write_text("0-1\n")
    return tmp_path


def test_a_group_is_made_in_each_hierarchy_and_removed_with_all_below(hierarchies: Path) -> None:
    cgroups.make(hierarchies)
    (hierarchies / "memory" / "tollgate" / "kubepods" / "pod1").mkdir(parents=True)
    (hierarchies / "memory" / "somebody").mkdir()
    assert len(cgroups.found(hierarchies)) == 5
    cgroups.remove(hierarchies)
    assert cgroups.found(hierarchies) == []
    assert (hierarchies / "memory" / "somebody").is_dir()


def test_a_second_time_nothing_happens(hierarchies: Path) -> None:
    cgroups.make(hierarchies)
    cgroups.make(hierarchies)
    cgroups.remove(hierarchies)
    cgroups.remove(hierarchies)


def test_version_2_has_one_group_and_hands_its_controllers_down(tmp_path: Path) -> None:
    (tmp_path / "cgroup.controllers").write_text("cpu memory pids cpuset\n")
    (tmp_path / "cgroup.subtree_control").touch()
    cgroups.make(tmp_path)
    assert cgroups.found(tmp_path) == [tmp_path / "tollgate"]
    assert (tmp_path / "cgroup.subtree_control").read_text().startswith("+")
