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

# Images have Debian trixie's C library, and what we run ourselves is linked statically.
PLATFORM = "x86_64-manylinux_2_40"


@dataclass(frozen=True)
class Wheels:
    """The packages of one lock file, side by side in one directory."""

    requirements: str  # below tests/cluster
    python: str = "3.13"
    needs: tuple[str, ...] = ()

    @property
    def sources(self) -> tuple[str, ...]:
        return (self.requirements,)

    def make(self, shop: Workshop) -> None:
        install(shop, SOURCES / self.requirements, shop.target, self.python)


@dataclass(frozen=True)
class VirtualEnvironment:
    """The packages of one lock file as a virtual environment of an image's Python, which lies at `path` there."""

    requirements: str
    path: str = "/venv"
    python: str = "3.13"
    needs: tuple[str, ...] = ()

    @property
    def sources(self) -> tuple[str, ...]:
        return (self.requirements,)

    def make(self, shop: Workshop) -> None:
        environment = shop.target / self.path.strip("/")
        make_environment(shop, SOURCES / self.requirements, environment, self.path, self.python)


def make_environment(shop: Workshop, requirements: Path, target: Path, path: str, python: str) -> None:
    """Make at TARGET the virtual environment that an image has at PATH."""
    packages = target / "lib" / f"python{python}" / "site-packages"
    packages.mkdir(parents=True)
    install(shop, requirements, packages, python)
    programs = target / "bin"
    if (packages / "bin").is_dir():
        (packages / "bin").rename(programs)
    programs.mkdir(exist_ok=True)
    for program in programs.iterdir():
        _point(program, f"{path}/bin/python")
    (programs / f"python{python}").symlink_to(f"/usr/bin/python{python}")
    for name in ("python", "python3"):
        (programs / name).symlink_to(f"python{python}")
    settings = f"home = /usr/bin\ninclude-system-site-packages = false\nversion = {python}\n"
    (target / "pyvenv.cfg").write_text(settings, encoding="utf-8")


def install(shop: Workshop, requirements: Path, target: Path, python: str) -> None:
    """Unpack the packages of a lock file, made for that version of CPython, into TARGET."""
    words: list[str | Path] = [TOOLS / "uv", "pip", "install", "--quiet", "--target", target]
    words += ["--require-hashes", "--no-deps", "--only-binary", ":all:", "--link-mode", "copy"]
    words += ["--python-version", python, "--python-platform", PLATFORM, "--requirement", requirements]
    environment = {"UV_CACHE_DIR": str(TOLLGATE_CACHE / "uv"), "UV_NO_PROGRESS": "1"}
    environment["UV_SYSTEM_CERTS"] = os.environ.get("UV_SYSTEM_CERTS", "1")  # as pip does
    shop.run("unpack wheels", words, environment)


def _point(program: Path, interpreter: str) -> None:
    """Make a script start with the image's interpreter instead of the one that unpacked it."""
    content = program.read_bytes()
    first, _separator, rest = content.partition(b"\n")
    if first.startswith(b"#!") and b"python" in first:
        program.write_bytes(b"#!" + interpreter.encode() + b"\n" + rest)
    elif first == b"#!/bin/sh" and rest.startswith(b"'''exec'"):  # where the path was too long for a first line
        program.write_bytes(b"#!" + interpreter.encode() + b"\n" + rest.split(b"\n", 2)[2])
