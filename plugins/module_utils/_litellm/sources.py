# Copyright: Contributors to the Tollgate project
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Where the values of keys and the secrets of models come from."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from .._secrets.names import key_secret_name
from .resource import Declared, Resource

SHORTEST_KEY = 16  # LiteLLM 1.97 and newer refuse less
NOT_MADE_YET = "sk-not-made-yet"


class Refused(Exception):
    """The module can't do what was asked; the text says why and what next."""


def read_file(path: Path, what: str) -> str:
    """The text of a secret's file. Raises Refused with the path and the reason."""
    try:
        text = path.read_text(encoding="utf-8").strip()
    except OSError as error:
        raise Refused(f"{what}: {path}: {error.strerror}. Make it first (the wave secrets does).") from error
    except UnicodeDecodeError as error:
        raise Refused(f"{what}: {path} holds something that is no text.") from error
    if not text:
        raise Refused(f"{what}: {path} is empty. Restore its content.")
    return text


@dataclass(frozen=True)
class Sources:
    """Reads secrets of entries. C(predict): in check mode what is not there yet counts as made by then."""

    directory: str | None
    predict: bool

    def declared(self, resource: Resource, entry: Mapping[str, Any]) -> Declared:
        """An entry of the gateway file with its secrets. Raises Refused when one can't be read."""
        named = {line.name for line in resource.fields}
        fields = {name: value for name, value in entry.items() if name in named}
        if entry.get("all_models"):
            fields["models"] = []
        if entry.get("id"):
            fields["model_info"] = {**(fields.get("model_info") or {}), "id": entry["id"]}
        name = str(entry[resource.identity])
        if entry.get("state") == "absent":
            return Declared(name, fields, absent=True, with_keys=bool(entry.get("delete_keys")))
        if resource.kind == "key":
            value = self._key_value(entry)
            return Declared(name, fields, value=value or None, value_to_come=value == "")
        secrets = self._model_secrets(entry) if resource.kind == "model" else {}
        return Declared(name, fields, secrets=secrets)

    def _key_value(self, entry: Mapping[str, Any]) -> str | None:
        """A key's text; empty when it would be made by then, None when nothing says where it is."""
        label = f'key "{entry["alias"]}"'
        if entry.get("value"):
            return _key_text(str(entry["value"]), f"{label}: value")
        if entry.get("value_file"):
            path = Path(entry["value_file"])
        elif self.directory:
            path = Path(self.directory) / key_secret_name(str(entry["alias"]), entry.get("secret"))
        elif entry.get("secret"):
            raise Refused(f"{label}: secrets_directory is needed to find the secret {entry['secret']}.")
        else:
            return None
        if self.predict and not path.exists():
            return ""
        return _key_text(read_file(path, label), f"{label}: {path}")

    def _model_secrets(self, entry: Mapping[str, Any]) -> dict[str, str]:
        sources = {name: dict(source) for name, source in (entry.get("secret_params") or {}).items()}
        for option, kind in (("api_key_secret", "secret"), ("api_key_file", "file"), ("api_key_env", "env")):
            if entry.get(option):
                sources["api_key"] = {kind: entry[option]}
        return {name: self._from(source, f'model "{entry["name"]}": {name}') for name, source in sources.items()}

    def _from(self, source: Mapping[str, str], what: str) -> str:
        """A secret from where it is kept."""
        if "env" in source:
            value = os.environ.get(source["env"], "")
            if not value:
                raise Refused(f"{what}: the environment variable {source['env']} is not set.")
            return value
        if "secret" in source and not self.directory:
            raise Refused(f"{what}: secrets_directory is needed to find the secret {source['secret']}.")
        path = Path(source["file"]) if "file" in source else Path(self.directory or "") / source["secret"]
        return NOT_MADE_YET if self.predict and not path.exists() else read_file(path, what)


def _key_text(text: str, what: str) -> str:
    if not text.startswith("sk-") or len(text) < SHORTEST_KEY or not text.isascii() or not text.isprintable():
        raise Refused(f"{what}: a key begins with sk- and has {SHORTEST_KEY} characters or more.")
    return text
