# Copyright: Contributors to the Tollgate project
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What can't work is refused: what, why, and what to do."""

from __future__ import annotations

from pathlib import Path

import pytest
from tollgate_cluster import kernel, preflight
from tollgate_cluster.cgroups import NEEDED
from tollgate_cluster.failure import ClusterError
from tollgate_cluster.kernel import Feature
from tollgate_cluster.preflight import GIBIBYTE, Machine


def refused(error: pytest.ExceptionInfo[ClusterError]) -> str:
    assert error.value.what
    assert error.value.next_step
    return str(error.value)


@pytest.mark.parametrize(
    ("machine", "named"),
    [
        (Machine("Darwin", "arm64", 501), "Darwin"),
        (Machine("Linux", "aarch64", 0), "aarch64"),
        (Machine("Linux", "x86_64", 1000), "user 1000"),
    ],
)
def test_other_systems_processors_and_users_are_refused(machine: Machine, named: str) -> None:
    with pytest.raises(ClusterError) as error:
        preflight.check_kind(machine)
    assert named in refused(error)


def test_root_on_linux_is_fine() -> None:
    preflight.check_kind(Machine("Linux", "x86_64", 0))


def version_1(root: Path, *hierarchies: str) -> Path:
    for name in hierarchies:
        (root / name).mkdir()
        (root / name / "cgroup.procs").touch()
    return root


def test_control_groups_of_version_1_are_found_mounted_alone_or_together(tmp_path: Path) -> None:
    preflight.check_cgroups(version_1(tmp_path, "cpu,cpuacct", "cpuset", "memory", "pids", "systemd"))


def test_a_missing_controller_of_version_1_is_named(tmp_path: Path) -> None:
    with pytest.raises(ClusterError) as error:
        preflight.check_cgroups(version_1(tmp_path, "cpu", "cpuset", "pids"))
    assert "can't limit memory here" in refused(error)


def test_control_groups_of_version_2_are_found(tmp_path: Path) -> None:
    (tmp_path / "cgroup.controllers").write_text("cpuset cpu io memory hugetlb pids\n")
    preflight.check_cgroups(tmp_path)


def test_a_missing_controller_of_version_2_is_named(tmp_path: Path) -> None:
    (tmp_path / "cgroup.controllers").write_text("cpu io\n")
    with pytest.raises(ClusterError) as error:
        preflight.check_cgroups(tmp_path)
    assert "cpuset, memory, pids" in refused(error)


def test_no_control_groups_at_all_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ClusterError) as error:
        preflight.check_cgroups(tmp_path / "nothing")
    assert all(name in refused(error) for name in NEEDED)


@pytest.mark.parametrize("taken", ["10.87.0.0/16", "10.87.0.128/25", "10.88.3.0/24", "10.96.0.10/32", "10.0.0.0/8"])
def test_a_network_in_use_is_named_with_its_user(taken: str) -> None:
    with pytest.raises(ClusterError) as error:
        preflight.check_addresses({"192.168.0.0/24": "the interface eth0", taken: "a route of vpn0"})
    assert f"{taken} by a route of vpn0" in refused(error)


def test_other_networks_are_left_alone() -> None:
    preflight.check_addresses({"192.168.0.0/24": "the interface eth0", "10.89.0.0/16": "a route", "fd00::/8": "x"})


def test_this_machines_networks_can_be_read() -> None:
    assert "127.0.0.0/8" in preflight.taken_networks()


def test_an_interface_with_the_cables_name_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(preflight, "VANISHING", 0)
    with pytest.raises(ClusterError) as error:
        preflight.check_interface("lo")
    assert "ip link delete lo" in refused(error)
    preflight.check_interface("tollgate-none")


def test_too_little_memory_is_refused_with_both_sizes() -> None:
    with pytest.raises(ClusterError) as error:
        preflight.check_memory(GIBIBYTE)
    assert "1.0 GiB are available, and 3.0 GiB are needed" in refused(error)
    preflight.check_memory(8 * GIBIBYTE)


def test_too_little_disk_is_refused_with_the_way_out(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(preflight, "STATE_SPACE", 1 << 60)
    with pytest.raises(ClusterError) as error:
        preflight.check_space(True, tmp_path / "state", tmp_path / "cache" / "cluster")
    assert "TOLLGATE_CACHE=" in refused(error)
    assert not list(tmp_path.iterdir())


def test_a_complete_cache_needs_no_more_space(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(preflight, "STATE_SPACE", 1)
    monkeypatch.setattr(preflight, "CACHE_SPACE", 1 << 60)
    preflight.check_space(True, tmp_path, tmp_path)
    with pytest.raises(ClusterError):
        preflight.check_space(False, tmp_path, tmp_path)


@pytest.mark.skipif(preflight.Machine().user != 0, reason="namespaces are made by root")
def test_every_missing_kernel_feature_is_named_with_the_kernels_word() -> None:
    features = (
        Feature("a thing that works", "true", "FINE"),
        Feature("walking on water", "echo sinks >&2; false", "WATER_WALKING"),
        Feature("flying", "echo falls >&2; false", "FLYING"),
    )
    with pytest.raises(ClusterError) as error:
        kernel.probe(features)
    assert "walking on water, flying" in refused(error)
    assert "walking on water: sinks" in str(error.value)
    assert "CONFIG_WATER_WALKING, CONFIG_FLYING" in str(error.value)
    assert "thing that works" not in str(error.value)
