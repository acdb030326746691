# Copyright: Contributors to the Tollgate project
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a killed run left goes; what others use stays."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from ansible_collections.tollgate.llm.plugins.module_utils._gateway import temporary

DEAD = 2**22 + 1  # above the kernel's largest pid


def test_unpacked_modules_and_torn_writes_go(tmp_path: Path) -> None:
    for kept in ("run/lock.json", "run/.lock.json", "verdicts/data.json", "secrets/.key.abcdefgh"):
        (tmp_path / kept).parent.mkdir(exist_ok=True)
        (tmp_path / kept).touch()
    payload = tmp_path / "run" / "tmp" / "ansible_tollgate.llm.file_secret_payload_x" / "module.zip"
    payload.parent.mkdir(parents=True)
    payload.touch()
    for torn in (".gateway.json.abcd_123", "run/.lock.json.abcd1234", "verdicts/.data.json.12345678"):
        (tmp_path / torn).touch()
    temporary.sweep(tmp_path)
    left = sorted(str(path.relative_to(tmp_path)) for path in tmp_path.rglob("*") if path.is_file())
    assert left == ["run/.lock.json", "run/lock.json", "secrets/.key.abcdefgh", "verdicts/data.json"]


def test_a_link_out_of_the_directory_is_not_followed(tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "file").touch()
    (tmp_path / "state" / "run" / "tmp").mkdir(parents=True)
    (tmp_path / "state" / "run" / "tmp" / "link").symlink_to(outside)
    temporary.sweep(tmp_path / "state")
    assert (outside / "file").exists()
    assert list((tmp_path / "state" / "run" / "tmp").iterdir()) == []


@pytest.mark.parametrize(
    ("folder", "dead", "left"),
    [
        pytest.param("tollgate", None, [], id="all dead ones in a place of our own"),
        pytest.param("tmp", DEAD, ["killed_2"], id="only the run's that held the lock in a place of all"),
        pytest.param("tmp", None, ["killed_1", "killed_2"], id="none of others"),
    ],
)
def test_directories_of_killed_controllers(tmp_path: Path, folder: str, dead: int | None, left: list[str]) -> None:
    names = {
        "killed_1": f"ansible-local-{DEAD}abcd_123",
        "killed_2": f"ansible-local-{DEAD + 1}abcd_123",
        "living": f"ansible-local-{os.getpid()}abcd_123",
        "mine": f"ansible-local-{DEAD + 2}abcd_123",
        "foreign": "ansible-local-notes",
    }
    place = tmp_path / folder
    for name in names.values():
        (place / name).mkdir(parents=True)
    temporary.sweep_controller(place / names["mine"], dead)
    expected = {names[name] for name in [*left, "living", "mine", "foreign"]}
    assert {path.name for path in place.iterdir()} == expected
