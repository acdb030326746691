# Copyright: Contributors to the Tollgate project
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import hashlib
import io
import json
import tarfile
from pathlib import Path

import pytest
from tollgate_cluster.image import LAYER, Image
from tollgate_cluster.layer import Folder, difference, pack
from tollgate_cluster.workshop import Workshop


def members(layer: Path) -> dict[str, tarfile.TarInfo]:
    with tarfile.open(layer) as archive:
        return {member.name: member for member in archive}


def root(path: Path, files: dict[str, str]) -> Path:
    with tarfile.open(path, "w") as archive:
        for name, content in files.items():
            member = tarfile.TarInfo(name)
            member.size = len(content)
            archive.addfile(member, io.BytesIO(content.encode()))
    return path


def test_the_same_files_make_the_same_layer(tmp_path: Path) -> None:
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "program").write_text("#!/bin/sh\n")
        (tmp_path / name / "program").chmod(0o700)
        pack(tmp_path / f"{name}.tar", {"/bin/program": tmp_path / name / "program"}, {}, {})
    assert (tmp_path / "one.tar").read_bytes() == (tmp_path / "two.tar").read_bytes()
    program = members(tmp_path / "one.tar")["bin/program"]
    assert (program.mode, program.uid, program.mtime) == (0o755, 0, 0)


def test_a_layer_has_directories_owners_and_links(tmp_path: Path) -> None:
    (tmp_path / "tree" / "sub").mkdir(parents=True)
    (tmp_path / "tree" / "sub" / "file").write_text("x")
    (tmp_path / "tree" / "link").symlink_to("sub/file")
    layer = tmp_path / "layer.tar"
    pack(layer, {"/opt/tree": tmp_path / "tree"}, {"/data": Folder(0o700, 999)}, {"/manager": "operator/manager"})
    found = members(layer)
    assert set(found) == {"opt/tree", "opt/tree/sub", "opt/tree/sub/file", "opt/tree/link", "data", "manager"}
    assert (found["data"].mode, found["data"].uid, found["data"].gid) == (0o700, 999, 999)
    assert found["opt/tree/link"].linkname == "sub/file"
    assert found["manager"].linkname == "operator/manager"


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match="nothing that goes into the image as bin/program"):
        pack(tmp_path / "layer.tar", {"/bin/program": tmp_path / "missing"}, {}, {})


def test_a_difference_has_what_is_new_changed_and_gone(tmp_path: Path) -> None:
    below = {"./same": "1", "./changed": "1", "./gone/a": "1", "./gone/b/c": "1"}
    with tarfile.open(root(tmp_path / "lower.tar", below), "a") as archive:
        for name in ("./gone", "./gone/b"):
            member = tarfile.TarInfo(name)
            member.type = tarfile.DIRTYPE
            archive.addfile(member)
    lower = tmp_path / "lower.tar"
    upper = root(tmp_path / "upper.tar", {"./same": "1", "./changed": "2", "./new": "1"})
    difference(lower, upper, tmp_path / "layer.tar")
    assert {name.removeprefix("./") for name in members(tmp_path / "layer.tar")} == {"changed", "new", ".wh.gone"}


def test_an_image_names_its_layers_by_their_contents(tmp_path: Path) -> None:
    base, program, target = tmp_path / "base", tmp_path / "program", tmp_path / "target"
    for folder in (base, program, target):
        folder.mkdir()
    root(base / "layer.tar", {"./etc/os-release": "x"})
    (base / "packages.txt").write_text("server 2:17.6-1+deb13u1\n")
    (program / "run").write_text("x")
    image = Image(
        ("example.org/server:{server}",),
        base=("base",),
        files={"/run": "program/run"},
        entrypoint=("/run",),
        environment={"HOME": "/"},
    )
    assert image.needs == ("base", "program")
    assert image.name == "image-server"
    image.make(Workshop("image-server", "1", target, {"base": base, "program": program}, tmp_path / "log"))
    about = json.loads((target / "image.json").read_text())
    assert about["references"] == ["example.org/server:17.6"]
    manifest = json.loads((target / "blobs" / about["manifest"]).read_text())
    configuration = json.loads((target / "blobs" / manifest["config"]["digest"]).read_text())
    assert configuration["rootfs"]["diff_ids"] == [layer["digest"] for layer in manifest["layers"]]
    assert configuration["config"]["Entrypoint"] == ["/run"]
    assert "HOME=/" in configuration["config"]["Env"]
    for layer in manifest["layers"]:
        component = about["blobs"][layer["digest"]]
        blob = base / "layer.tar" if component else target / "blobs" / layer["digest"]
        assert layer["mediaType"] == LAYER
        assert f"sha256:{hashlib.sha256(blob.read_bytes()).hexdigest()}" == layer["digest"]
        assert blob.stat().st_size == layer["size"]
