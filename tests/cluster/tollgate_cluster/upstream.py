# Copyright: Contributors to the Tollgate project
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Upstream's manifests, where roles find them (table/manifests.py says which)."""

from __future__ import annotations

from pathlib import Path

from .cache import remove


def lay_out(built: Path, target: Path) -> None:
    """Make TARGET hold exactly the files of BUILT; one that is as it should be stays as it is."""
    wanted = {path.name: path for path in built.iterdir() if not path.name.startswith(".")}
    target.mkdir(mode=0o755, parents=True, exist_ok=True)
    for found in target.iterdir():
        if found.name not in wanted:
            remove(found)
    for name, source in wanted.items():
        content, place = source.read_bytes(), target / name
        if place.is_file() and place.read_bytes() == content:
            continue
        temporary = target / f".{name}.new"
        temporary.write_bytes(content)
        temporary.replace(place)
