# Copyright: Contributors to the Tollgate project
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The image registry: Debian's docker-registry over a directory in the cache, for reading only.

The directory has the layout of that program's file system driver, and its blobs are second names of the files in the
build cache: an image costs its disk space once, and a start after the first has nothing to copy.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterable
from pathlib import Path

from .build import built, built_all, image_names
from .cache import listed, remove
from .components import COMPONENTS
from .lock import alone
from .places import CACHE, REGISTRY
from .progress import Progress

_BLOBS = REGISTRY / "docker" / "registry" / "v2" / "blobs" / "sha256"
_REPOSITORIES = REGISTRY / "docker" / "registry" / "v2" / "repositories"

ALWAYS = ("pause", "coredns", "metrics-server")  # no cluster without them

CONFIGURATION = """\
version: 0.1
log: {{level: warn, accesslog: {{disabled: true}}}}
storage:
  filesystem: {{rootdirectory: {root}}}
  maintenance: {{readonly: {{enabled: true}}, uploadpurging: {{enabled: false}}}}
http: {{addr: "{address}"}}
"""


def serve_command(host: Path, configuration: Path, address: str = "127.0.0.1:5000") -> list[str]:
    """The command that serves the images; writes its configuration. HOST is what built("host") returned."""
    configuration.write_text(CONFIGURATION.format(root=json.dumps(str(REGISTRY)), address=address), encoding="utf-8")
    return [str(host / "usr" / "bin" / "docker-registry"), "serve", str(configuration)]


def fill(images: Iterable[str] | None, progress: Progress) -> dict[str, str]:
    """Make the registry serve exactly these components' images and those that every cluster needs, building what is
    missing (None: all that are made unasked). It may be serving meanwhile. Returns the references, and the digest of
    each."""
    rows = [*ALWAYS, *(images if images is not None else default_images())]
    names = [name for row in dict.fromkeys(rows) for name in image_names(row)]
    built_all(names, progress)
    if old := [name for name in names if _outlived(built(name, progress), progress)]:
        # A layer was damaged and made again, with other bytes: Python's compiled files are never twice the same.
        for name in old:
            remove(built(name, progress))
        built_all(old, progress)
    with alone(CACHE / "locks" / "registry"):
        references: dict[str, str] = {}
        blobs: dict[str, Path] = {}
        for name in names:
            entry = built(name, progress)
            about = json.loads((entry / "image.json").read_text(encoding="utf-8"))
            references.update({reference: str(about["manifest"]) for reference in about["references"]})
            for digest, component in about["blobs"].items():
                blobs[digest] = built(component, progress) / "layer.tar" if component else entry / "blobs" / digest
            for reference in about["references"]:
                _tag(reference, about["manifest"], list(about["blobs"]))
        for digest, path in blobs.items():
            _blob(digest, path)
        _forget(references, blobs)
    return references


def default_images() -> list[str]:
    """The components whose images are made when nobody names any."""
    return [name for name, row in COMPONENTS.items() if row.images and not row.on_request]


def repository(reference: str) -> tuple[str, str]:
    """Repository and tag of a reference; containerd asks a mirror without the name of the registry."""
    name, _separator, tag = reference.rpartition(":")
    return name.partition("/")[2], tag


def _outlived(image: Path, progress: Progress) -> bool:
    """Whether an image names layers that are not there any more."""
    about = json.loads((image / "image.json").read_text(encoding="utf-8"))
    layers = {digest: component for digest, component in about["blobs"].items() if component}
    return any(digest != f"sha256:{listed(built(name, progress), 'layer.tar')}" for digest, name in layers.items())


def serves(reference: str) -> bool:
    """Whether the registry has this image."""
    name, tag = repository(reference)
    return (_REPOSITORIES / name / "_manifests" / "tags" / tag / "current" / "link").exists()


def _tag(reference: str, manifest: str, blobs: Iterable[str]) -> None:
    name, tag = repository(reference)
    place = _REPOSITORIES / name
    for digest in blobs:
        _write(place / "_layers" / "sha256" / digest.partition(":")[2] / "link", digest)
    number = manifest.partition(":")[2]
    _write(place / "_manifests" / "revisions" / "sha256" / number / "link", manifest)
    _write(place / "_manifests" / "tags" / tag / "index" / "sha256" / number / "link", manifest)
    _write(place / "_manifests" / "tags" / tag / "current" / "link", manifest)


def _blob(digest: str, source: Path) -> None:
    number = digest.partition(":")[2]
    target = _BLOBS / number[:2] / number / "data"
    if target.exists() and target.samefile(source):
        return
    target.parent.mkdir(parents=True, exist_ok=True)
    temporary = target.with_name("data.new")
    temporary.unlink(missing_ok=True)
    os.link(source, temporary)
    temporary.replace(target)


def _write(path: Path, text: str) -> None:
    if path.exists() and path.read_text(encoding="utf-8") == text:
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name("link.new")
    temporary.write_text(text, encoding="utf-8")
    temporary.replace(path)


def _forget(references: dict[str, str], blobs: Iterable[str]) -> None:
    """Remove tags and blobs that were not asked for: a missing image has to be missing."""
    wanted = {repository(reference) for reference in references}
    for tags in list(_REPOSITORIES.glob("**/_manifests/tags")):
        name = str(tags.parents[1].relative_to(_REPOSITORIES))
        for tag in tags.iterdir():
            if (name, tag.name) not in wanted:
                remove(tag)
        if not any(tags.iterdir()):
            remove(tags.parents[1])
    numbers = {digest.partition(":")[2] for digest in blobs}
    for blob in _BLOBS.glob("*/*"):
        if blob.name not in numbers:
            remove(blob)
