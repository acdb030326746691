# Copyright: Contributors to the Tollgate project
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The state directory: what is refused, and that nothing is written before."""

from __future__ import annotations

import json
import os
import stat
from pathlib import Path

import pytest
from ansible_collections.tollgate.llm.plugins.module_utils._gateway.error import GatewayError
from ansible_collections.tollgate.llm.plugins.module_utils._gateway.state_directory import LONGEST, StateDirectory


@pytest.fixture
def place(tmp_path: Path) -> Path:
    folder = tmp_path / "gateway"
    folder.mkdir(mode=0o700)
    return folder


def test_a_new_directory_is_made_for_its_owner_only(tmp_path: Path) -> None:
    state = StateDirectory(tmp_path / "a" / "b")
    state.check("local")
    assert not state.path.exists()
    assert state.create("local") is True
    for folder in (state.path, *(entry for entry in state.path.iterdir() if entry.is_dir())):
        assert stat.S_IMODE(folder.stat().st_mode) == 0o700, folder
    assert state.marker["name"] == "local"


def test_a_second_creation_changes_nothing(place: Path) -> None:
    state = StateDirectory(place)
    state.create("local")
    before = (place / "gateway.json").read_text()
    assert state.create("local") is False
    assert (place / "gateway.json").read_text() == before


@pytest.mark.parametrize("name", ["with blank", 'quo"te', "dol$lar", "semi;colon", "per%cent"])
def test_a_path_that_would_be_mangled_is_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(GatewayError, match="Choose a path of letters"):
        StateDirectory(tmp_path / name).check("local")
    assert not (tmp_path / name).exists()


def test_a_path_too_long_for_a_socket_is_refused() -> None:
    with pytest.raises(GatewayError, match="Choose a shorter path"):
        StateDirectory("/" + "x" * LONGEST).check("local")
    StateDirectory("/" + "x" * (LONGEST - 1)).check("local")


def test_a_directory_that_others_can_read_is_refused_with_the_command(place: Path) -> None:
    StateDirectory(place).create("local")
    place.chmod(0o755)
    with pytest.raises(GatewayError, match=f"chmod 0700 {place}"):
        StateDirectory(place).check("local")


def test_a_directory_of_another_format_is_refused(place: Path) -> None:
    (place / "gateway.json").write_text(json.dumps({"format": 99, "name": "local"}))
    with pytest.raises(GatewayError, match="written in format 99"):
        StateDirectory(place).check("local")


def test_a_directory_of_another_gateway_is_refused(place: Path) -> None:
    StateDirectory(place).create("blue")
    with pytest.raises(GatewayError, match='belongs to the gateway "blue"'):
        StateDirectory(place).check("green")


def test_a_directory_of_somebody_elses_files_is_refused(place: Path) -> None:
    (place / "thesis.tex").touch()
    with pytest.raises(GatewayError, match=r"thesis\.tex"):
        StateDirectory(place).check("local")


def test_a_directory_of_the_clones_other_commands_is_no_somebody_elses(place: Path) -> None:
    for name in ("bench", "cluster", "soak"):  # as their make targets leave them
        (place / name).mkdir()
    StateDirectory(place).check("local")


def test_a_torn_marker_is_named(place: Path) -> None:
    (place / "gateway.json").write_text('{"format": ')
    with pytest.raises(GatewayError, match=r"gateway\.json: can't be read"):
        StateDirectory(place).check("local")


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a directory away")
def test_a_directory_of_another_user_is_refused(place: Path) -> None:
    os.chown(place, 65534, 65534)
    with pytest.raises(GatewayError, match="belongs to user 65534"):
        StateDirectory(place).check("local")


def test_a_lost_marker_is_said(place: Path) -> None:
    state = StateDirectory(place)
    state.check_marker_kept()
    state.create("local")
    state.check_marker_kept()
    (place / "gateway.json").unlink()
    with pytest.raises(GatewayError, match=r"gateway\.json is missing, yet a gateway lies"):
        state.check_marker_kept()
