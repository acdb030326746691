# Copyright: Contributors to the Tollgate project
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Layers of images: tar files whose bytes depend on nothing but what is in them."""

from __future__ import annotations

import hashlib
import io
import tarfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

WHITEOUT = ".wh."  # OCI image specification, "Whiteouts": a name with this in front removes what lower layers have


@dataclass(frozen=True)
class Folder:
    """An empty directory of an image."""

    mode: int = 0o755
    owner: int = 0


def pack(layer: Path, files: Mapping[str, Path], folders: Mapping[str, Folder], links: Mapping[str, str]) -> None:
    """Write the layer: destination path in the image -> file or directory, or where it points; root's own.

    Parents of these are not in it: whoever unpacks it makes those which lower layers don't have.
    """
    members: dict[str, tuple[tarfile.TarInfo, Path | None]] = {}
    for destination, source in files.items():
        for name, path in _walk(PurePosixPath(destination.strip("/")), source):
            members[str(name)] = (_member(name, path), path if path.is_file() and not path.is_symlink() else None)
    for destination, folder in folders.items():
        name = PurePosixPath(destination.strip("/"))
        member = tarfile.TarInfo(str(name))
        member.type, member.mode = tarfile.DIRTYPE, folder.mode
        member.uid = member.gid = folder.owner
        members[str(name)] = (member, None)
    for destination, aim in links.items():
        name = PurePosixPath(destination.strip("/"))
        member = tarfile.TarInfo(str(name))
        member.type, member.linkname, member.mode = tarfile.SYMTYPE, aim, 0o777
        members[str(name)] = (member, None)
    with tarfile.open(layer, "w", format=tarfile.PAX_FORMAT) as archive:
        for member, content in (members[key] for key in sorted(members)):
            if content:
                with content.open("rb") as stream:
                    archive.addfile(member, stream)
            else:
                archive.addfile(member)


def difference(lower: Path, upper: Path, layer: Path) -> None:
    """Write the layer that makes the tree in the tar UPPER out of the one in the tar LOWER."""
    with tarfile.open(lower) as below, tarfile.open(upper) as above, tarfile.open(layer, "w") as archive:
        known = {member.name: _identity(below, member) for member in below}
        for member in above:
            if known.pop(member.name, None) == _identity(above, member) and not member.isdir():
                continue
            member.mtime = 0
            content = above.extractfile(member) if member.isreg() else None
            archive.addfile(member, content)
        gone: set[str] = set()
        for path in sorted(map(PurePosixPath, known)):
            if not gone & {str(parent) for parent in path.parents}:
                archive.addfile(tarfile.TarInfo(str(path.parent / f"{WHITEOUT}{path.name}")), io.BytesIO())
                gone.add(str(path))


def digest(path: Path) -> str:
    """As OCI writes it."""
    with path.open("rb") as stream:
        return f"sha256:{hashlib.file_digest(stream, 'sha256').hexdigest()}"


def _walk(name: PurePosixPath, source: Path) -> Iterator[tuple[PurePosixPath, Path]]:
    yield name, source
    if source.is_dir() and not source.is_symlink():
        for path in sorted(source.rglob("*")):
            if path.name != ".entry.json":
                yield name / path.relative_to(source), path


def _member(name: PurePosixPath, path: Path) -> tarfile.TarInfo:
    member = tarfile.TarInfo(str(name))
    if path.is_symlink():
        member.type, member.linkname, member.mode = tarfile.SYMTYPE, str(path.readlink()), 0o777
    elif path.is_dir():
        member.type, member.mode = tarfile.DIRTYPE, 0o755
    elif path.is_file():
        found = path.stat()
        member.size, member.mode = found.st_size, 0o755 if found.st_mode & 0o111 else 0o644
    else:
        raise FileNotFoundError(f"{path}: nothing that goes into the image as {name}")
    return member


def _identity(archive: tarfile.TarFile, member: tarfile.TarInfo) -> tuple[object, ...]:
    content = archive.extractfile(member) if member.isreg() else None
    summed = hashlib.sha256()
    while content and (part := content.read(1 << 20)):
        summed.update(part)
    return (member.type, member.mode, member.uid, member.gid, member.linkname, summed.digest())
