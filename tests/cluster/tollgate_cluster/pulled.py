# Copyright: Contributors to the Tollgate project
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What containerd has pulled: an image that was made anew under the same name is to be pulled anew."""

from __future__ import annotations

from collections.abc import Mapping

from . import namespaces
from .command import read
from .containerd import ADDRESS
from .programs import Tools


def forget_old(tools: Tools, served: Mapping[str, str]) -> list[str]:
    """Remove the images whose digest is not the one in SERVED any more; returns their names.

    A container that runs keeps its files. An image that is not in SERVED may be somebody's own, and stays.
    """
    old = [name for name, digest in pulled(tools).items() if served.get(name, digest) != digest]
    if old:
        _ctr(tools, "remove", *old)
    return sorted(old)


def pulled(tools: Tools) -> dict[str, str]:
    """Name and digest of each image."""
    rows = [line.split() for line in _ctr(tools, "list").splitlines()[1:]]
    return {row[0]: row[2] for row in rows}


def tag(tools: Tools, image: str, name: str) -> None:
    """Let NAME mean what IMAGE means."""
    _ctr(tools, "tag", "--force", image, name)


def _ctr(tools: Tools, *words: str) -> str:
    node = namespaces.node()
    client = [str(tools.host / "usr" / "bin" / "ctr"), "--address", ADDRESS, "--namespace", "k8s.io", "images"]
    command = ["nsenter", "--all", "--target", str(node), *client, *words]
    return read(f"ctr images {' '.join(words)}", command, tools.environment)
