# Copyright: Contributors to the Tollgate project
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The collection as users install it: built, its content judged, installed offline, read back by Ansible."""

from __future__ import annotations

import json
import re
import subprocess
import tarfile
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path, PurePosixPath

from checkout import BIN, ROOT, copy_to, run, unconfigured

LARGEST = 3_000_000  # bytes; a cache that slips in is larger
NEEDED = ("README.md", "CHANGELOG.md", "COPYING", "meta/runtime.yml", "playbooks/site.yml")
UNWANTED = re.compile(
    r"(?:^|/)(?:\.|__pycache__/|node_modules/)|^(?:collections|build|secrets|tests/output)/|\.(?:pyc|tar\.gz|log)$"
)
SECRET = re.compile(rb"\bsk-(?:[0-9a-f]{24,}|[A-Za-z0-9]{32,})|BEGIN (?:[A-Z]+ )?PRIVATE KEY|AKIA[A-Z0-9]{16}")


def build(source: Path, output: Path) -> Path:
    """Build the collection that lies at SOURCE. Returns the artifact."""
    output.mkdir(parents=True)
    run(BIN / "ansible-galaxy", "collection", "build", "--output-path", output, cwd=source)
    return next(output.glob("*.tar.gz"))


def contents(artifact: Path) -> dict[str, bytes]:
    """The files in an artifact."""
    with tarfile.open(artifact) as archive:
        readers = {member.name: archive.extractfile(member) for member in archive if not member.isdir()}
        return {name: reader.read() if reader else b"" for name, reader in readers.items()}


def judge(artifact: Path) -> list[str]:
    """What is wrong with an artifact."""
    inside = contents(artifact)
    found = [f"{name} is missing" for name in NEEDED if name not in inside]
    found += [f"{name} does not belong in it" for name in inside if UNWANTED.search(name)]
    found += [f"{name} holds a secret" for name, text in inside.items() if SECRET.search(text)]
    if artifact.stat().st_size > LARGEST:
        found.append(f"it has {artifact.stat().st_size} bytes, more than {LARGEST}")
    return found


@contextmanager
def installed() -> Iterator[Path]:
    """A collections path that holds nothing but an installed copy of this checkout, without a network."""
    with tempfile.TemporaryDirectory(prefix="tollgate-install-") as directory:
        place = Path(directory)
        artifact = build(copy_to(place / "source"), place / "artifact")
        install = ("collection", "install", "--offline", "--collections-path", place / "collections", artifact)
        run(BIN / "ansible-galaxy", *install, cwd=place, env=unconfigured(place / "collections"))
        yield place / "collections"


def _document(kind: str, names: list[str], variables: dict[str, str], cwd: Path) -> list[str]:
    """Names that ansible-doc does not know or that document nothing."""
    if not names:
        return [f"the collection has no {kind}"]
    command = [str(BIN / "ansible-doc"), "--type", kind, "--json", *names]
    done = subprocess.run(command, cwd=cwd, env=variables, capture_output=True, text=True, check=False)
    if done.returncode:
        return [f"ansible-doc --type {kind}: {done.stderr.strip()}"]
    known = json.loads(done.stdout)
    return [f"ansible-doc --type {kind} does not know {name}" for name in names if not known.get(name)]


def _unread(collections: Path) -> list[str]:
    """Modules and roles of the installed copy without readable documentation."""
    root = collections / "ansible_collections" / "tollgate" / "llm"
    variables = unconfigured(collections)
    modules = [f"tollgate.llm.{path.stem}" for path in sorted((root / "plugins" / "modules").glob("[!_]*.py"))]
    roles = [f"tollgate.llm.{path.name}" for path in sorted((root / "roles").iterdir())]
    return [
        *_document("module", modules, variables, collections),
        *_document("role", roles, variables, collections),
    ]


def _playbook(collections: Path) -> list[str]:
    """What Ansible says against the site playbook of the installed copy."""
    inventory = collections / "ansible_collections" / "tollgate" / "llm" / "inventories" / "local"
    command = [str(BIN / "ansible-playbook"), "tollgate.llm.site", "--syntax-check", "--inventory", str(inventory)]
    variables = unconfigured(collections)
    done = subprocess.run(command, cwd=collections, env=variables, capture_output=True, text=True, check=False)
    return [f"tollgate.llm.site: {done.stderr.strip()}"] if done.returncode else []


def main() -> None:
    """Judge, install, read."""
    with tempfile.TemporaryDirectory(prefix="tollgate-build-") as directory:
        place = Path(directory)
        clean = build(copy_to(place / "source"), place / "clean")
        worked_in = build(ROOT, place / "worked-in")
        found = judge(clean)
        # A build in a checkout that was worked in must not take caches or a gateway's state along.
        extra = contents(worked_in).keys() - contents(clean).keys()
        found += [f"{name}: add {PurePosixPath(name).parts[0]} to build_ignore in galaxy.yml" for name in sorted(extra)]
    with installed() as collections:
        found += [*_unread(collections), *_playbook(collections)]
    print(*found, sep="\n")
    if found:
        raise SystemExit(f"{len(found)} findings")


if __name__ == "__main__":
    main()
