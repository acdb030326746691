# Copyright: Contributors to the Tollgate project
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""From a module's options to the list of wanted secrets, with every problem of the list."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from .ensure import SecretsRefusedError
from .value import LARGEST, Generate, problems, without_line_break
from .write_once import Mode, State, Wanted

# Fits a file name, a Kubernetes name (lower case) and an id in Google Secret Manager.
NAME = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9_-]{0,98}[A-Za-z0-9])?")


def declared(options: Mapping[str, Any]) -> list[Wanted]:
    """The secrets of one task; raises SecretsRefusedError with all problems. Reads the files of `value_file`."""
    entries: Sequence[Mapping[str, Any]] = options["secrets"] if options["secrets"] is not None else [options]
    found: list[str] = []
    wanted: list[Wanted] = []
    seen: dict[str, str] = {}
    for entry in entries:
        name = str(entry["name"])
        texts = []
        if not NAME.fullmatch(name):
            texts.append("a name has 1 to 100 letters, digits, - and _, and begins and ends with a letter or a digit")
        if name.casefold() in seen:
            texts.append(f'declared twice (as "{seen[name.casefold()]}"): names may not differ in case alone')
        seen.setdefault(name.casefold(), name)
        secret = _one(name, entry, options, texts)
        found += [f'secret "{name}": {text}.' for text in texts]
        wanted.append(secret)
    if found:
        raise SecretsRefusedError(found)
    return wanted


def _one(name: str, entry: Mapping[str, Any], task: Mapping[str, Any], texts: list[str]) -> Wanted:
    def policy(key: str) -> Any:
        return task[key] if entry[key] is None else entry[key]

    state = State(policy("state"))
    generate = None if entry["generate"] is None else Generate(**entry["generate"])
    value: str | None = entry["value"]
    if generate is not None:
        texts += generate.problems()
    if state is State.PRESENT:
        if entry["value_file"] is not None:
            value = _from_file(Path(entry["value_file"]), texts)
        if value is not None:
            texts += problems(value)
    return Wanted(name, generate, value, Mode(policy("mode")), policy("adopt"), state, policy("allow_loss"))


def _from_file(path: Path, texts: list[str]) -> str | None:
    """The text of a file without its one trailing line break."""
    try:
        with path.open("rb") as stream:
            data = stream.read(LARGEST + 3)
        text = data.decode()
    except OSError as error:
        texts.append(f"value_file {path} can't be read: {error.strerror}")
        return None
    except UnicodeDecodeError:
        texts.append(f"value_file {path} is not UTF-8 text: encode binary values first")
        return None
    return without_line_break(text)
