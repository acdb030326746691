# Copyright: Contributors to the Tollgate project
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Where the values of keys and the secrets of models come from."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from .._secrets.names import first_name, key_secret_name
from .prices import FREE_MARK
from .resource import Declared, Resource
from .resources.model import model_id
from .resources.rotation import seconds
from .secret_store import NEEDED, Refused, Store, read_file

SHORTEST_KEY = 16  # LiteLLM 1.97 and newer refuse less
NOT_MADE_YET = "sk-not-made-yet"
SECRET_OPTIONS = ("secret_params", "secret_values")

Wanted = Sequence[tuple[Resource, Sequence[Mapping[str, Any]]]]


@dataclass(frozen=True)
class Sources:
    """Reads secrets of entries. C(predict): in check mode what is not there yet counts as made by then."""

    store: Store | None
    predict: bool

    def all_declared(self, wanted: Wanted, others: Iterable[str] = ()) -> list[tuple[Resource, list[Declared]]]:
        """Entries of the gateway file with their secrets, which are read at once, together with C(others).

        Raises Refused when one can't be read.
        """
        if self.store:
            names = {name for resource, entries in wanted for entry in entries for name in _names(resource, entry)}
            self.store.load(sorted(names | set(others)))
        ids = _renamed_teams(wanted)
        found = [
            (resource, [self.declared(resource, _with_id_of_team(resource, entry, ids)) for entry in entries])
            for resource, entries in wanted
        ]
        for _resource, declared in found:
            _only_values(declared)
        return found

    def declared(self, resource: Resource, entry: Mapping[str, Any]) -> Declared:
        """An entry of the gateway file with its secrets. Raises Refused when one can't be read."""
        named = {line.name for line in resource.fields}
        fields = {name: value for name, value in entry.items() if name in named}
        if entry.get("all_models"):
            fields["models"] = []
        if entry.get("free") and entry.get("state") != "absent":
            fields["model_info"] = {**(fields.get("model_info") or {}), FREE_MARK: True}
        settles = entry.get("state") in ("blocked", "unblocked")
        if settles:
            fields["blocked"] = entry["state"] == "blocked"
        if entry.get("id"):
            fields["model_info"] = {**(fields.get("model_info") or {}), "id": entry["id"]}
        shown = name = str(entry[resource.identity])
        was = str(entry.get("renamed_from") or "")
        # An id stays what it was; what others read is another field.
        if was and resource.kind == "team":
            name = was
            fields.setdefault("alias", shown)
        elif was and resource.kind == "model" and not entry.get("id"):
            fields["model_info"] = {**(fields.get("model_info") or {}), "id": model_id(was)}
        if entry.get("state") == "absent":
            with_keys = bool(entry.get("delete_keys"))
            return Declared(name, fields, absent=True, with_keys=with_keys, was=was, shown=shown)
        if resource.kind == "key":
            value = self._key_value(entry)
            grace = seconds(entry["grace"]) if entry.get("grace") else 0
            to_come = value == ""
            return Declared(
                name, fields, value=value or None, value_to_come=to_come, was=was, grace=grace, settles=settles
            )
        sources = _sources_of(resource, entry)
        secrets = {of: self._from(source, f'{resource.kind} "{shown}": {of}') for of, source in sources.items()}
        with_keys = bool(entry.get("delete_keys"))
        return Declared(name, fields, secrets=secrets, with_keys=with_keys, was=was, shown=shown, settles=settles)

    def _key_value(self, entry: Mapping[str, Any]) -> str | None:
        """A key's text; empty when it would be made by then, None when nothing says where it is."""
        label = f'key "{entry["alias"]}"'
        if entry.get("value"):
            return _key_text(str(entry["value"]), f"{label}: value")
        if entry.get("value_file"):
            path = Path(entry["value_file"])
            if self.predict and not path.exists():
                return ""
            return _key_text(read_file(path, label), f"{label}: {path}")
        if self.store:
            name = _secret_of_key(entry)
            if self.predict and not self.store.has(name):
                return ""
            return _key_text(self.store.text(name, label), f"{label}: {self.store.place(name)}")
        if entry.get("secret"):
            raise Refused(f"{label}: {NEEDED.format(entry['secret'])}")
        return None

    def _from(self, source: Mapping[str, str], what: str) -> str:
        """A secret from where it is kept."""
        if "env" in source:
            value = os.environ.get(source["env"], "")
            if not value:
                raise Refused(f"{what}: the environment variable {source['env']} is not set.")
            return value
        if "file" in source:
            path = Path(source["file"])
            return NOT_MADE_YET if self.predict and not path.exists() else read_file(path, what)
        if not self.store:
            raise Refused(f"{what}: {NEEDED.format(source['secret'])}")
        name = str(source["secret"])
        return NOT_MADE_YET if self.predict and not self.store.has(name) else self.store.text(name, what)


def _only_values(declared: Sequence[Declared]) -> None:
    """Raises Refused when two keys have one value: it is one key, whose alias would change in each run."""
    first: dict[str, str] = {}
    for entry in declared:
        if entry.value and first.setdefault(entry.value, entry.name) != entry.name:
            raise Refused(
                f'key "{entry.name}": has the same value as key "{first[entry.value]}". Store another one for it. '
                "Nothing was changed."
            )


def _renamed_teams(wanted: Wanted) -> dict[str, str]:
    """The ids of teams that were renamed, by the names that entries of keys have for them."""
    return {
        str(entry["team"]): str(entry["renamed_from"])
        for resource, entries in wanted
        if resource.kind == "team"
        for entry in entries
        if entry.get("renamed_from")
    }


def _with_id_of_team(resource: Resource, entry: Mapping[str, Any], ids: Mapping[str, str]) -> Mapping[str, Any]:
    renamed = resource.kind == "key" and entry.get("team") in ids
    return {**entry, "team": ids[entry["team"]]} if renamed else entry


def _names(resource: Resource, entry: Mapping[str, Any]) -> Iterator[str]:
    """The names of the secrets of the store that an entry needs."""
    if entry.get("state") == "absent":
        return
    if resource.kind == "key" and not entry.get("value") and not entry.get("value_file"):
        yield _secret_of_key(entry)
    else:
        sources = _sources_of(resource, entry).values()
        yield from (str(source["secret"]) for source in sources if not {"env", "file"} & source.keys())


def _secret_of_key(entry: Mapping[str, Any]) -> str:
    return key_secret_name(first_name(entry), entry.get("secret"))


def _sources_of(resource: Resource, entry: Mapping[str, Any]) -> dict[str, dict[str, str]]:
    """Where each secret of a model or a credential is kept."""
    option = next((name for name in SECRET_OPTIONS if name in resource.options), "")
    sources = {name: dict(source) for name, source in (entry.get(option) or {}).items()}
    if resource.kind != "model":
        return sources
    for option, kind in (("api_key_secret", "secret"), ("api_key_file", "file"), ("api_key_env", "env")):
        if entry.get(option):
            sources["api_key"] = {kind: entry[option]}
    return sources


def _key_text(text: str, what: str) -> str:
    if not text.startswith("sk-") or len(text) < SHORTEST_KEY or not text.isascii() or not text.isprintable():
        raise Refused(f"{what}: a key begins with sk- and has {SHORTEST_KEY} characters or more.")
    return text
