# Copyright: Contributors to the Tollgate project
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Root file systems of Debian, for images."""

from __future__ import annotations

import os
import shutil
import tarfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

from .cache import remove
from .failure import ClusterError
from .layer import difference
from .workshop import Workshop

# Documentation is half of a small system; licences stay.
LEFT_OUT = ("path-exclude=/usr/share/doc/*", "path-include=/usr/share/doc/*/copyright", "path-exclude=/usr/share/man/*")
LEFT_OUT_TOO = ("path-exclude=/usr/share/locale/*", "path-exclude=/usr/share/info/*")


@dataclass(frozen=True)
class DebianRoot:
    """A smallest Debian with some packages: layer.tar, and packages.txt with the versions.

    With a `base` it is the layer on top of that one.
    """

    REVISION: ClassVar[int] = 2

    suite: str
    packages: tuple[str, ...]
    base: str = ""
    prepare: tuple[str, ...] = ()  # shell commands before the packages are installed; $1 is the root
    finish: tuple[str, ...] = ()  # and behind it
    sources: tuple[str, ...] = ()

    @property
    def needs(self) -> tuple[str, ...]:
        return (self.base,) if self.base else ()

    def make(self, shop: Workshop) -> None:
        if not shutil.which("mmdebstrap"):
            raise ClusterError(
                f"{shop.name}: mmdebstrap is missing, which unpacks Debian packages into an image.",
                next_step="Install it: apt-get install mmdebstrap",
            )
        whole = shop.target / "root.tar"
        temporary = shop.target / ".tmp"
        temporary.mkdir()
        words: list[str | Path] = ["mmdebstrap", "--mode=root", "--variant=minbase", "--format=tar"]
        words += ["--skip=output/dev", f"--include={','.join(self.packages)}"]
        words += [f"--dpkgopt={option}" for option in (*LEFT_OUT, *LEFT_OUT_TOO)]
        words += [f"--essential-hook={command}" for command in self.prepare]
        words += [f"--customize-hook={command}" for command in self.finish]
        words += [self.suite, whole, *_archives(shop, self.suite)]
        # A fixed time: the same packages give the same bytes.
        environment = {"TMPDIR": str(temporary), "SOURCE_DATE_EPOCH": "1735689600"}
        shop.run(f"install {self.suite} with {', '.join(self.packages)}", words, environment)
        remove(temporary)
        _write_versions(whole, shop.target / "packages.txt")
        if self.base:
            difference(shop.needed[self.base] / "layer.tar", whole, shop.target / "layer.tar")
            whole.unlink()
        else:
            whole.rename(shop.target / "layer.tar")


@dataclass(frozen=True)
class DebianFiles:
    """Some files of a root, links followed."""

    root: str
    paths: tuple[str, ...]
    sources: tuple[str, ...] = ()

    @property
    def needs(self) -> tuple[str, ...]:
        return (self.root,)

    def make(self, shop: Workshop) -> None:
        with tarfile.open(shop.needed[self.root] / "layer.tar") as archive:
            for path in self.paths:
                target = shop.target / path
                target.parent.mkdir(parents=True, exist_ok=True)
                content = archive.extractfile(_find(archive, path))
                assert content
                with target.open("wb") as stream:
                    shutil.copyfileobj(content, stream)
                target.chmod(0o755)


def _find(archive: tarfile.TarFile, path: str) -> tarfile.TarInfo:
    """The file that PATH means, where /lib and /bin are links into /usr."""
    for name in (f"./{path}", f"./usr/{path}"):
        try:
            member = archive.getmember(name)
        except KeyError:
            continue
        if not member.issym():
            return member
        aim = Path(member.linkname)
        found = aim.relative_to("/") if aim.is_absolute() else Path(name).parent / aim
        return _find(archive, os.path.normpath(found))
    raise ClusterError(f"The Debian root has no {path}.")


def _write_versions(root: Path, target: Path) -> None:
    with tarfile.open(root) as archive:
        status = archive.extractfile("./var/lib/dpkg/status")
        assert status
        lines = status.read().decode().splitlines()
    names = [line.partition(": ")[2] for line in lines if line.startswith("Package: ")]
    versions = [line.partition(": ")[2] for line in lines if line.startswith("Version: ")]
    pairs = zip(names, versions, strict=True)
    target.write_text("".join(f"{name} {version}\n" for name, version in pairs), encoding="utf-8")


def _archives(shop: Workshop, suite: str) -> Sequence[str]:
    """The archives that this machine's apt uses, for another release; none where it is not Debian: the usual ones."""
    listed = shop.read(
        "ask apt for its archives", ["apt-get", "indextargets", "--format", "$(REPO_URI) $(CODENAME) $(ORIGIN)"]
    )
    lines = []
    for line in sorted(set(listed.splitlines())):
        address, codename, origin = (*line.split(), "", "", "")[:3]
        ending = codename.partition("-")[1] + codename.partition("-")[2]
        if origin == "Debian" and ending in ("", "-security", "-updates"):
            lines.append(f"deb {address} {suite}{ending} main")
    return lines
