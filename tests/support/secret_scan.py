# Copyright: Contributors to the Tollgate project
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Search for a gateway's secrets where none may be.

    python tests/support/secret_scan.py --state DIR [--output FILE ...] [--roots DIR ...] [--allow PATH ...]

The secrets are the texts of DIR/secrets. They may lie there and in DIR/client.env, closed to other users, and in the
environments of processes. They may not be in any other file of DIR or below the roots, in a file's name, in the given
outputs, or in any process's command line; neither as they are nor in base64, URL-quoted or as JSON writes them.
Exit status: 0 nothing found, 1 findings, 2 nothing could be proven. No finding shows a secret.
"""

from __future__ import annotations

import argparse
import base64
import json
import os
import stat
import sys
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import quote, quote_plus

SHORTEST = 8  # shorter texts occur by chance
CHUNK = 4 * 1024 * 1024
PSEUDO = (Path("/proc"), Path("/sys"), Path("/dev"))


@dataclass(frozen=True, slots=True)
class Needle:
    """One form of one secret."""

    secret: str
    form: str
    text: bytes = field(repr=False)


@dataclass(frozen=True, slots=True, order=True)
class Finding:
    """Where a secret was seen: a path with an offset, or a process."""

    where: str
    what: str

    def __str__(self) -> str:
        return f"{self.where}: {self.what}"


class NothingToProveError(Exception):
    """There are no secrets to search for."""


def forms(value: str) -> dict[str, bytes]:
    """The ways in which a text may be written, by name."""
    data = value.encode()
    found = {
        "as it is": data,
        "URL-quoted": quote(value, safe="").encode(),
        "URL-quoted with +": quote_plus(value).encode(),
        "JSON": json.dumps(value)[1:-1].encode(),
        "JSON in UTF-8": json.dumps(value, ensure_ascii=False)[1:-1].encode(),
    }
    # In base64 a text looks different at each place modulo 3, and its ends mix with its neighbours.
    for offset, skipped in ((0, 0), (1, 2), (2, 3)):
        whole = base64.b64encode(b"\0" * offset + data)[skipped : (offset + len(data)) * 8 // 6]
        found[f"base64 at {offset}"] = whole
        found[f"base64url at {offset}"] = whole.translate(bytes.maketrans(b"+/", b"-_"))
    return found


def needles(state: Path) -> list[Needle]:
    """What to search for: every form of every text below the state directory's secrets, each form once."""
    found: dict[bytes, Needle] = {}
    directory = state / "secrets"
    for path in sorted(directory.iterdir()) if directory.is_dir() else []:
        if not path.is_file():
            continue
        value = path.read_text(errors="surrogateescape").strip()
        if len(value) < SHORTEST:
            if value:
                print(f"{path.name}: too short to be searched for", file=sys.stderr)
            continue
        for form, text in forms(value).items():
            found.setdefault(text, Needle(path.name, form, text))
    if not found:
        raise NothingToProveError(f"{directory} holds no secret to search for")
    return list(found.values())


def scan(
    state: Path,
    outputs: Iterable[Path] = (),
    roots: Iterable[Path] = (),
    allowed: Iterable[Path] = (),
    *,
    processes: Path = Path("/proc"),
) -> list[Finding]:
    """Search everywhere; sorted findings."""
    wanted = needles(state)
    own = {state / "client.env", *allowed}
    found: set[Finding] = set()
    for path in outputs:
        found.update(_in_file(path, wanted))
    for root in _outermost([state, *roots]):
        for path in _files(root):
            found.update(_in_name(path, wanted))
            if path in own or state / "secrets" in path.parents:
                found.update(_open_to_others(path))
            else:
                found.update(_in_file(path, wanted))
    found.update(_in_command_lines(processes, wanted))
    return sorted(found)


def _outermost(roots: Iterable[Path]) -> list[Path]:
    """The directories that are not inside another one of them."""
    distinct = set(roots)
    return sorted(root for root in distinct if not distinct & set(root.parents))


def _files(root: Path) -> Iterator[Path]:
    """Every regular file; links are not followed, what vanishes or is closed to us is left out."""
    for directory, names, files in os.walk(root):
        here = Path(directory)
        names[:] = [name for name in names if here / name not in PSEUDO]
        for name in files:
            path = here / name
            try:
                if stat.S_ISREG(path.lstat().st_mode):
                    yield path
            except OSError:
                continue


def _in_file(path: Path, wanted: list[Needle]) -> Iterator[Finding]:
    """The first place of each needle in a file."""
    left = list(wanted)
    overlap = max(len(needle.text) for needle in wanted) - 1
    tail, start = b"", 0
    try:
        mode = stat.S_IMODE(path.stat().st_mode)
        with path.open("rb") as stream:
            while left and (piece := stream.read(CHUNK)):
                window = tail + piece
                for needle in [needle for needle in left if needle.text in window]:
                    left.remove(needle)
                    position = start - len(tail) + window.index(needle.text)
                    note = ", and others can read the file" if mode & 0o077 else ""
                    yield Finding(
                        f"{_masked(path, wanted)}:{position}", f'secret "{needle.secret}" {needle.form}{note}'
                    )
                start += len(piece)
                tail = window[-overlap:]
    except FileNotFoundError:
        return
    except OSError as error:
        print(f"{_masked(path, wanted)}: not searched: {error.strerror}", file=sys.stderr)


def _in_name(path: Path, wanted: list[Needle]) -> Iterator[Finding]:
    for needle in wanted:
        if needle.text in os.fsencode(path):
            yield Finding(_masked(path, wanted), f'secret "{needle.secret}" {needle.form} in the name')


def _open_to_others(path: Path) -> Iterator[Finding]:
    try:
        mode = stat.S_IMODE(path.lstat().st_mode)
    except OSError:
        return
    if mode & 0o077:
        yield Finding(str(path), f"may hold secrets, but others can read it (mode {mode:04o})")


def _in_command_lines(processes: Path, wanted: list[Needle]) -> Iterator[Finding]:
    for directory in processes.glob("[0-9]*"):
        try:
            line = (directory / "cmdline").read_bytes()
            name = (directory / "comm").read_text(errors="replace").strip()
        except OSError:
            continue  # it has ended
        for needle in wanted:
            if needle.text in line:
                yield Finding(
                    f"process {directory.name} ({_masked(Path(name), wanted)})",
                    f'secret "{needle.secret}" {needle.form} in the command line',
                )


def _masked(path: Path, wanted: list[Needle]) -> str:
    name = os.fsencode(path)
    for needle in sorted(wanted, key=lambda needle: -len(needle.text)):
        name = name.replace(needle.text, b"***")
    return name.decode(errors="replace")


def main(given: list[str] | None = None) -> int:
    """The command."""
    parser = argparse.ArgumentParser(description="Search for a gateway's secrets where none may be.")
    parser.add_argument("--state", type=Path, required=True, metavar="DIR")
    parser.add_argument("--output", type=Path, nargs="*", action="extend", default=[], metavar="FILE")
    parser.add_argument("--roots", type=Path, nargs="*", action="extend", default=[], metavar="DIR")
    parser.add_argument("--allow", type=Path, nargs="*", action="extend", default=[], metavar="PATH")
    options = parser.parse_args(given)

    def real(paths: list[Path]) -> list[Path]:
        return [path.resolve() for path in paths]

    missing = [str(path) for path in [*options.output, *options.roots] if not path.exists()]
    if missing:
        print(f"does not exist: {', '.join(missing)}", file=sys.stderr)
        return 2
    try:
        found = scan(options.state.resolve(), options.output, real(options.roots), real(options.allow))
    except (NothingToProveError, OSError) as error:
        print(error, file=sys.stderr)
        return 2
    for finding in found:
        print(finding)
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
