# Copyright: Contributors to the Tollgate project
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What lies around a value in Secret Manager, as declared: replication, labels, expiry and the rest."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from .write_once import Mode, State

NEVER = "never"
DAY = 86400
LABEL_KEY = re.compile(r"[a-z][a-z0-9_-]{0,62}")
LABEL_VALUE = re.compile(r"[a-z0-9_-]{0,63}")
ANNOTATION = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9._-]{0,61}[A-Za-z0-9])?")
ALIAS = re.compile(r"[A-Za-z][A-Za-z0-9_-]{0,62}")
TOPIC = re.compile(r"projects/[^/]+/topics/[^/]+")
KMS_KEY = re.compile(r"projects/[^/]+/locations/[^/]+/keyRings/[^/]+/cryptoKeys/[^/]+")
RESERVED = "tollgate-"  # the store's own notes
DESTROY_TTL = DAY, 1000 * DAY
# Options of a secret that belong to this store alone; an entry of the list takes them from the task.
ARGUMENTS: dict[str, Any] = {
    "replication": {
        "type": "dict",
        "options": {
            "regions": {"type": "list", "elements": "str", "default": []},
            "kms_keys": {"type": "list", "elements": "str", "default": [], "no_log": False},
        },
    },
    "labels": {"type": "dict"},
    "annotations": {"type": "dict"},
    "topics": {"type": "list", "elements": "str"},
    "expire_time": {"type": "str"},
    "ttl": {"type": "int"},
    "version_destroy_ttl": {"type": "int"},
    "aliases": {"type": "list", "elements": "str"},
    "version": {"type": "int"},
    "grace": {"type": "int", "default": DAY},
    "retired": {"type": "str", "choices": ["disable", "destroy"], "default": "disable"},
}


@dataclass(frozen=True)
class Settings:
    """The declared surroundings of one secret; what is None is not managed."""

    regions: tuple[str, ...] | None = None
    kms_keys: tuple[str, ...] = ()
    labels: Mapping[str, str] = field(default_factory=dict)
    annotations: Mapping[str, str] = field(default_factory=dict)
    topics: tuple[str, ...] | None = None
    expires: datetime | str | None = None  # or NEVER
    ttl: int | None = None  # seconds, from the creation
    destroy_ttl: int | None = None  # seconds; 0: none
    aliases: tuple[str, ...] = ()
    version: int | None = None
    grace: int = DAY  # seconds
    destroy: bool = False
    regional: bool = False
    mode: Mode = Mode.WRITE_ONCE
    leaving: bool = False


def settings(options: Mapping[str, Any]) -> tuple[dict[str, Settings], list[str]]:
    """Those of every secret of the task by name, and all that is wrong with them."""
    entries: Sequence[Mapping[str, Any]] = options["secrets"] if options["secrets"] is not None else [options]
    found: dict[str, Settings] = {}
    problems: list[str] = []
    for entry in entries:
        own = {
            key: options[key] if entry.get(key) is None else entry[key]
            for key in (*ARGUMENTS, "mode", "state", "allow_loss", "value", "value_file")
        }
        texts: list[str] = []
        found[entry["name"]] = _one(own, bool(options.get("location")), texts)
        problems += [f'secret "{entry["name"]}": {text}.' for text in texts]
    return found, problems


def _one(own: Mapping[str, Any], regional: bool, texts: list[str]) -> Settings:
    replication = own["replication"]
    made = Settings(
        regions=None if replication is None else tuple(replication["regions"]),
        kms_keys=() if replication is None else tuple(replication["kms_keys"]),
        labels={str(key): str(value) for key, value in (own["labels"] or {}).items()},
        annotations={str(key): str(value) for key, value in (own["annotations"] or {}).items()},
        topics=None if own["topics"] is None else tuple(own["topics"]),
        expires=_time(own["expire_time"], texts),
        ttl=own["ttl"],
        destroy_ttl=own["version_destroy_ttl"],
        aliases=tuple(own["aliases"] or ()),
        version=own["version"],
        grace=own["grace"],
        destroy=own["retired"] == "destroy",
        regional=regional,
        mode=Mode(own["mode"]),
        leaving=own["state"] == State.ABSENT.value,
    )
    texts += _problems(made)
    once = made.mode is Mode.WRITE_ONCE
    if once and not own["allow_loss"] and (made.ttl is not None or isinstance(made.expires, datetime)):
        texts.append(
            "a write-once secret that expires is lost for good then. Whoever is sure sets allow_loss: true as well"
        )
    if made.destroy and not own["allow_loss"]:
        texts.append("retired: destroy ends old versions for good. Whoever is sure sets allow_loss: true as well")
    if made.version is not None and not once and (own["value"] is not None or own["value_file"] is not None):
        texts.append("version names the one to use, and a value would make a new one: declare one of the two")
    return made


def _time(text: str | None, texts: list[str]) -> datetime | str | None:
    if text is None or text == NEVER:
        return text
    try:
        found = datetime.fromisoformat(text.replace("Z", "+00:00"))
    except ValueError:
        found = None
    if found is None or found.tzinfo is None:
        texts.append(f"expire_time is {text!r}, and must be like 2031-01-31T12:00:00Z, or {NEVER}")
        return None
    if found <= datetime.now(UTC):
        texts.append(f"expire_time {text} is over already")
    return found.astimezone(UTC)


def _problems(made: Settings) -> list[str]:
    found = []
    if made.regional and made.regions:
        found.append("replication.regions is for secrets without location, which is one region by itself")
    wanted = len(made.regions) if made.regions else 1
    if made.kms_keys and len(made.kms_keys) != wanted:
        found.append(f"replication.kms_keys has {len(made.kms_keys)} keys, and needs {wanted}: one for each region")
    found += [
        f"replication.kms_keys: {key!r} must be projects/*/locations/*/keyRings/*/cryptoKeys/*"
        for key in made.kms_keys
        if not KMS_KEY.fullmatch(key)
    ]
    found += [
        f"label {key}={value}: keys have up to 63 of a-z, 0-9, _ and -, and begin with a letter; values the same"
        for key, value in made.labels.items()
        if not LABEL_KEY.fullmatch(key) or not LABEL_VALUE.fullmatch(value)
    ]
    found += [
        f"annotation {key}: a key has up to 63 letters, digits, -, _ and ., the first and last a letter or digit"
        for key in made.annotations
        if not ANNOTATION.fullmatch(key)
    ]
    found += [f"annotation {key} is the store's own note" for key in made.annotations if key.startswith(RESERVED)]
    found += [
        f"topic {topic!r} must be projects/*/topics/*" for topic in made.topics or () if not TOPIC.fullmatch(topic)
    ]
    found += [
        f"alias {alias!r} must have up to 63 letters, digits, _ and -, begin with a letter, and not be latest"
        for alias in made.aliases
        if not ALIAS.fullmatch(alias) or alias == "latest"
    ]
    if made.ttl is not None and made.expires is not None:
        found.append("ttl and expire_time say the same: declare one")
    if made.ttl is not None and made.ttl < 1:
        found.append(f"ttl is {made.ttl}, and must be 1 second or more")
    if made.destroy_ttl and not DESTROY_TTL[0] <= made.destroy_ttl <= DESTROY_TTL[1]:
        found.append(f"version_destroy_ttl is {made.destroy_ttl}, and must be 0 or 1 to 1000 days, in seconds")
    if made.version is not None and made.version < 1:
        found.append(f"version is {made.version}, and must be 1 or more")
    if made.grace < 0:
        found.append(f"grace is {made.grace}, and must be 0 seconds or more")
    return found
