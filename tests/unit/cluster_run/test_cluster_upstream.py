# Copyright: Contributors to the Tollgate project
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

from pathlib import Path

import pytest
from tollgate_cluster.upstream import lay_out


@pytest.fixture
def built(tmp_path: Path) -> Path:
    """What the cache has: an entry with its list."""
    place = tmp_path / "manifests-1"
    place.mkdir()
    (place / ".entry.json").write_text("{}")
    (place / "cnpg-1.30.0.yaml").write_text("kind: Namespace\n")
    (place / "pools.yaml").write_text("kind: CustomResourceDefinition\n")
    return place


def test_the_manifests_lie_where_roles_look_for_them(built: Path, tmp_path: Path) -> None:
    lay_out(built, tmp_path / "state" / "manifests")
    assert {path.name: path.read_text() for path in (tmp_path / "state" / "manifests").iterdir()} == {
        "cnpg-1.30.0.yaml": "kind: Namespace\n",
        "pools.yaml": "kind: CustomResourceDefinition\n",
    }


def test_a_second_start_writes_nothing(built: Path, tmp_path: Path) -> None:
    target = tmp_path / "manifests"
    lay_out(built, target)
    before = {path.name: path.stat().st_ino for path in target.iterdir()}
    lay_out(built, target)
    assert {path.name: path.stat().st_ino for path in target.iterdir()} == before


def test_what_was_changed_or_belongs_to_another_version_goes(built: Path, tmp_path: Path) -> None:
    target = tmp_path / "manifests"
    target.mkdir()
    (target / "cnpg-1.29.0.yaml").write_text("kind: Namespace\n")
    (target / "pools.yaml").write_text("broken")
    lay_out(built, target)
    assert sorted(path.name for path in target.iterdir()) == ["cnpg-1.30.0.yaml", "pools.yaml"]
    assert (target / "pools.yaml").read_text() == "kind: CustomResourceDefinition\n"
