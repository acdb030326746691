# Copyright: Contributors to the Tollgate project
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a recipe gets to work with, and what a recipe is."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from . import command
from .places import SOURCES


@dataclass(frozen=True)
class Workshop:
    """Where one thing is made."""

    name: str
    version: str
    target: Path  # what the recipe puts here is the result
    needed: Mapping[str, Path]  # the finished things that the recipe asked for
    log: Path
    held: tuple[int, ...] = ()

    def run(
        self,
        what: str,
        words: Sequence[str | Path],
        environment: Mapping[str, str] | None = None,
        directory: Path | None = None,
    ) -> None:
        """Run a program; its output goes to the log."""
        command.run(
            f"{self.name}: {what}", words, self.log, environment=environment, directory=directory, held=self.held
        )

    def read(
        self,
        what: str,
        words: Sequence[str | Path],
        environment: Mapping[str, str] | None = None,
        directory: Path | None = None,
    ) -> str:
        """What a short program prints, without the line's end."""
        return command.read(f"{self.name}: {what}", words, environment, directory)


class Recipe(Protocol):
    """How a thing is made. A dataclass, so that its fields are part of the thing's key.

    A class variable REVISION, 1 where there is none, is raised when the code changes what it makes.
    """

    @property
    def needs(self) -> tuple[str, ...]:
        """The things that must be made before."""

    @property
    def sources(self) -> tuple[str, ...]:
        """The files and directories below tests/cluster that it is made from."""

    def make(self, shop: Workshop) -> None:
        """Fill shop.target."""


def fingerprint(names: Iterable[str], root: Path = SOURCES) -> str:
    """SHA-256 over the files that NAMES, files and directories below ROOT, hold: paths, modes and contents."""
    digest = hashlib.sha256()
    for name in sorted(names):
        top = root / name
        files = [top] if top.is_file() else sorted(path for path in top.rglob("*") if path.is_file())
        if not files:
            raise FileNotFoundError(f"{top} holds no file")
        for file in files:
            if {"__pycache__", "node_modules"} & set(file.parts) or file.suffix == ".md":
                continue
            executable = bool(file.stat().st_mode & 0o100)
            digest.update(f"{file.relative_to(root)}\0{executable}\0".encode() + file.read_bytes() + b"\0")
    return digest.hexdigest()
