# Copyright: Contributors to the Tollgate project
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Puts collections into .venv/collections which come inside the community's bundle, the package `ansible`.

The bundle is hundreds of megabytes once installed. So its wheel is fetched, at the version and with the checksums of
requirements/collections.txt, and only the named collections are taken out. Does nothing when that was done before.

    .venv/bin/python tools/bundled.py kubernetes.core
"""

from __future__ import annotations

import hashlib
import json
import shutil
import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path, PurePosixPath

ROOT = Path(__file__).resolve().parents[1]
LOCK = ROOT / "requirements" / "collections.txt"
COLLECTIONS = ROOT / ".venv" / "collections" / "ansible_collections"
ORIGIN = ".taken-from"  # in each collection: the checksum of the lock file that it came with


def place(collection: str) -> Path:
    """Where a collection belongs."""
    return COLLECTIONS.joinpath(*collection.split("."))


def fetch(directory: Path) -> Path:
    """The bundle's wheel; pip refuses one with another checksum."""
    command = [sys.executable, "-m", "pip", "download", "--quiet", "--disable-pip-version-check", "--no-cache-dir"]
    command += ["--no-deps", "--only-binary", ":all:", "--require-hashes", "--requirement", str(LOCK)]
    subprocess.run([*command, "--dest", str(directory)], check=True)
    return next(directory.glob("ansible-*.whl"))


def take(bundle: zipfile.ZipFile, collection: str, origin: str) -> str:
    """Unpack one collection. Returns its version."""
    prefix = PurePosixPath("ansible_collections", *collection.split("."))
    inside = [entry for entry in bundle.infolist() if PurePosixPath(entry.filename).is_relative_to(prefix)]
    if not inside:
        raise SystemExit(f"tools/bundled.py: the bundle of {LOCK.name} has no collection {collection}.")
    COLLECTIONS.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=COLLECTIONS.parent) as unpacked:
        bundle.extractall(unpacked, inside)
        fresh = Path(unpacked, prefix)
        (fresh / ORIGIN).write_text(origin, encoding="utf-8")
        shutil.rmtree(place(collection), ignore_errors=True)
        place(collection).parent.mkdir(exist_ok=True)
        fresh.rename(place(collection))
    manifest = json.loads((place(collection) / "MANIFEST.json").read_text(encoding="utf-8"))
    return str(manifest["collection_info"]["version"])


def main(collections: list[str]) -> None:
    """Take what is missing."""
    origin = hashlib.sha256(LOCK.read_bytes()).hexdigest()
    marks = {collection: place(collection) / ORIGIN for collection in collections}
    missing = [name for name, mark in marks.items() if not mark.is_file() or mark.read_text(encoding="utf-8") != origin]
    if not missing:
        return
    with tempfile.TemporaryDirectory(prefix="tollgate-bundle-") as directory:
        wheel = fetch(Path(directory))
        with zipfile.ZipFile(wheel) as bundle:
            taken = [f"{collection} {take(bundle, collection, origin)}" for collection in missing]
    print(f"tollgate: took {', '.join(taken)} out of Ansible's bundle", file=sys.stderr)


if __name__ == "__main__":
    main(sys.argv[1:])
