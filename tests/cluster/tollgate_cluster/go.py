# Copyright: Contributors to the Tollgate project
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Builds Go programs from the modules in tests/cluster/go, with a toolchain from PyPI and checksums on."""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import ClassVar

from .cache import disk_use, remove
from .failure import ClusterError
from .lock import alone
from .places import CACHE, SOURCES
from .workshop import Workshop

HOME = CACHE / "go"
MODULES = HOME / "mod"
OBJECTS = HOME / "build"
# Bytes. Modules with the same versions of the Kubernetes libraries share what was compiled of those, so they are built
# one after the other; what nobody needs any more goes before the next ones.
MOST_KEPT = {OBJECTS: 3 << 30, MODULES: 1 << 30}
WORK = ".work"
GO_LOCK = CACHE / "locks" / "go-build"


@dataclass(frozen=True)
class GoPrograms:
    """Programs of one module."""

    REVISION: ClassVar[int] = 2

    module: str  # the directory below tests/cluster/go
    programs: Mapping[str, str]  # name of the program: its package
    variables: Mapping[str, str] = field(default_factory=dict)  # set at link time
    files: Mapping[str, str] = field(default_factory=dict)  # result: "module path:file or directory" in its sources
    patched: Mapping[str, str] = field(default_factory=dict)  # "module path:file": our file below `module`

    @property
    def needs(self) -> tuple[str, ...]:
        return ("go",)

    @property
    def sources(self) -> tuple[str, ...]:
        return (f"go/{self.module}",)

    def make(self, shop: Workshop) -> None:
        directory = SOURCES / "go" / self.module
        go = shop.needed["go"] / "go" / "bin" / "go"
        links = " ".join(["-s", "-w", "-buildid=", *(f"-X={name}={value}" for name, value in self.variables.items())])
        work = shop.target / WORK
        work.mkdir()
        # A build uses every core by itself: two at a time would only need twice the memory.
        with alone(GO_LOCK):
            options = self._patch(shop, go, directory, work)
            for program, package in self.programs.items():
                words: list[str | Path] = [go, "build", "-trimpath", "-buildvcs=false", "-ldflags", links, *options]
                # What -s and -w leave out at the end need not be made.
                words += ["-gcflags", "all=-dwarf=false", "-o", shop.target / program, package]
                shop.run(f"build {program}", words, {**environment(go), "GOTMPDIR": str(work)}, directory)
            for result, origin in self.files.items():
                _copy(shop, go, directory, origin, shop.target / result)
            remove(work)
            for kept, most in MOST_KEPT.items():
                if disk_use(kept) > most:
                    remove(kept)

    def _patch(self, shop: Workshop, go: Path, directory: Path, place: Path) -> list[str]:
        """Copies of the modules with our files in them, and the option that makes Go take those. The originals were
        verified when they were downloaded."""
        if not self.patched:
            return []
        for name in ("go.mod", "go.sum"):
            shutil.copyfile(directory / name, place / name)
        shop.run("download the modules", [go, "mod", "download"], environment(go), directory)
        for origin, ours in self.patched.items():
            module, _separator, file = origin.partition(":")
            copy = place / module
            if not copy.exists():
                _copy(shop, go, directory, f"{module}:.", copy)
                words: list[str | Path] = [go, "mod", "edit", f"-replace={module}={copy}", place / "go.mod"]
                shop.run("replace a module", words, environment(go), directory)
            shutil.copyfile(directory / ours, copy / file)
        return [f"-modfile={place / 'go.mod'}"]


@dataclass(frozen=True)
class GoSources:
    """Files out of the sources of Go modules, of which nothing is built."""

    module: str  # the directory below tests/cluster/go
    files: Mapping[str, str]  # result: "module path:file or directory" in its sources

    @property
    def needs(self) -> tuple[str, ...]:
        return ("go",)

    @property
    def sources(self) -> tuple[str, ...]:
        return (f"go/{self.module}",)

    def make(self, shop: Workshop) -> None:
        directory = SOURCES / "go" / self.module
        go = shop.needed["go"] / "go" / "bin" / "go"
        modules = sorted({origin.partition(":")[0] for origin in self.files.values()})
        with alone(GO_LOCK):
            # Without their names Go takes none: no package of ours needs them.
            shop.run("download the modules", [go, "mod", "download", *modules], environment(go), directory)
            for result, origin in self.files.items():
                _copy(shop, go, directory, origin, shop.target / result)


def _copy(shop: Workshop, go: Path, directory: Path, origin: str, result: Path) -> None:
    module, _separator, path = origin.partition(":")
    words: list[str | Path] = [go, "list", "-m", "-f", "{{.Dir}}", module]
    source = Path(shop.read(f"find the sources of {module}", words, environment(go), directory)) / path
    result.parent.mkdir(parents=True, exist_ok=True)
    if source.is_dir():
        shutil.copytree(source, result, copy_function=shutil.copyfile)
        for folder in [result, *(each for each in result.rglob("*") if each.is_dir())]:
            folder.chmod(0o755)  # the module cache's are read-only
    elif source.is_file():
        shutil.copyfile(source, result)
    else:
        raise ClusterError(f"{shop.name}: {module} has no {path}.", f"It was looked for at {source}.")


def environment(go: Path) -> dict[str, str]:
    """Go's settings; where modules and their checksums come from stays as this machine has it."""
    return {
        "GOROOT": str(go.parents[1]),
        "GOTOOLCHAIN": "auto",  # a module whose go.mod names a newer one gets that, by its checksum
        "GOFLAGS": "-mod=readonly",
        "GOWORK": "off",
        "GOMODCACHE": str(MODULES),
        "GOCACHE": str(OBJECTS),
        "GOTELEMETRY": "off",
        "CGO_ENABLED": "0",
        "GOOS": "linux",
    }
