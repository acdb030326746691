# Copyright: Contributors to the Tollgate project
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Makes images, in the format of the OCI image specification, out of layers and files."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from .layer import Folder, digest, pack
from .places import SOURCES
from .workshop import Workshop

MANIFEST = "application/vnd.oci.image.manifest.v1+json"
CONFIGURATION = "application/vnd.oci.image.config.v1+json"
LAYER = "application/vnd.oci.image.layer.v1.tar"  # not compressed: packing and pulling take less time than zipping
SEARCHED = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
NONROOT = "65532"

# What an image without a base has, as the "distroless" images which it stands for.
STATIC_FILES = {
    "/etc/passwd": "images/static/passwd",
    "/etc/group": "images/static/group",
    "/etc/ssl/certs/ca-certificates.crt": "certificates/etc/ssl/certs/ca-certificates.crt",
}
STATIC_FOLDERS = {"/tmp": Folder(0o1777)}


@dataclass(frozen=True)
class Image:
    """One image. `files` maps paths in it to "COMPONENT/path" or, in tests/cluster, "images/path"."""

    references: tuple[str, ...]  # production names; {package} is the version of that Debian package of the base
    base: tuple[str, ...] = ()  # the components whose layers lie below, the lowest first
    files: Mapping[str, str] = field(default_factory=dict)
    folders: Mapping[str, Folder] = field(default_factory=dict)
    links: Mapping[str, str] = field(default_factory=dict)
    entrypoint: tuple[str, ...] = ()
    command: tuple[str, ...] = ()
    user: str = NONROOT
    environment: Mapping[str, str] = field(default_factory=dict)
    environment_from: str = ""  # a JSON file of a component with more
    directory: str = "/"
    real: str = ""  # what in it is the real thing ...
    differs: str = ""  # ... and what is not as in the official image

    @property
    def name(self) -> str:
        """What the build calls it: the last part of its first reference, without the tag."""
        return f"image-{self.references[0].rpartition('/')[2].partition(':')[0]}"

    @property
    def all_files(self) -> dict[str, str]:
        """With those that every image without a base has."""
        return {**({} if self.base else STATIC_FILES), **self.files}

    @property
    def needs(self) -> tuple[str, ...]:
        """The components that it is made of."""
        files = [*self.all_files.values(), *filter(None, [self.environment_from])]
        origins = (origin.split("/")[0] for origin in files)
        return tuple(dict.fromkeys([*self.base, *(origin for origin in origins if origin != "images")]))

    @property
    def sources(self) -> tuple[str, ...]:
        """The files of tests/cluster that it is made of."""
        return tuple(origin for origin in self.all_files.values() if origin.startswith("images/"))

    def make(self, shop: Workshop) -> None:
        """Write blobs/ and image.json, which names the blobs and where those of the base lie."""
        blobs = shop.target / "blobs"
        blobs.mkdir()
        layers = [_described(shop.needed[name] / "layer.tar", name) for name in self.base]
        if self.all_files or self.folders or self.links:
            packed = blobs / "layer.tar"
            files = {path: _origin(shop, origin) for path, origin in self.all_files.items()}
            pack(packed, files, {**({} if self.base else STATIC_FOLDERS), **self.folders}, self.links)
            own = _described(packed, "")
            packed.rename(blobs / str(own["digest"]))
            layers.append(own)
        environment = {"PATH": SEARCHED, **self.environment}
        if self.environment_from:
            environment |= json.loads(_origin(shop, self.environment_from).read_text(encoding="utf-8"))
        digests = [str(layer["digest"]) for layer in layers]
        configuration = _blob(blobs, CONFIGURATION, self._configuration(digests, environment))
        described = [{name: layer[name] for name in ("mediaType", "digest", "size")} for layer in layers]
        manifest = _blob(
            blobs,
            MANIFEST,
            {"schemaVersion": 2, "mediaType": MANIFEST, "config": configuration, "layers": described},
        )
        packages = _packages([shop.needed[name] for name in self.base])
        about = {
            "references": [reference.format_map(packages) for reference in self.references],
            "manifest": manifest["digest"],
            "blobs": {
                str(configuration["digest"]): "",
                str(manifest["digest"]): "",
                **{str(layer["digest"]): layer["component"] for layer in layers},
            },
        }
        (shop.target / "image.json").write_text(json.dumps(about, indent=2), encoding="utf-8")

    def _configuration(self, layers: list[str], environment: Mapping[str, str]) -> dict[str, object]:
        run: dict[str, object] = {
            "User": self.user,
            "WorkingDir": self.directory,
            "Env": [f"{name}={value}" for name, value in environment.items()],
        }
        if self.entrypoint:
            run["Entrypoint"] = list(self.entrypoint)
        if self.command:
            run["Cmd"] = list(self.command)
        return {
            "architecture": "amd64",
            "os": "linux",
            "config": run,
            "rootfs": {"type": "layers", "diff_ids": layers},
            "history": [{"created_by": "tests/cluster"} for each in layers],
        }


def _origin(shop: Workshop, origin: str) -> Path:
    component, _separator, path = origin.partition("/")
    return SOURCES / origin if component == "images" else shop.needed[component] / path


def _described(layer: Path, component: str) -> dict[str, object]:
    size = layer.stat().st_size
    return {"mediaType": LAYER, "digest": digest(layer), "size": size, "component": component}


def _blob(blobs: Path, kind: str, content: Mapping[str, object]) -> dict[str, object]:
    raw = json.dumps(content, sort_keys=True).encode()
    name = f"sha256:{hashlib.sha256(raw).hexdigest()}"
    (blobs / name).write_bytes(raw)
    return {"mediaType": kind, "digest": name, "size": len(raw)}


def _packages(bases: list[Path]) -> dict[str, str]:
    """Debian packages of the layers and their upstream versions."""
    versions = {}
    for listing in [base / "packages.txt" for base in bases if (base / "packages.txt").exists()]:
        for line in listing.read_text(encoding="utf-8").splitlines():
            name, version = line.split()
            versions[name] = version.partition(":")[2] or version
    return {name: version.partition("-")[0].partition("+")[0] for name, version in versions.items()}
