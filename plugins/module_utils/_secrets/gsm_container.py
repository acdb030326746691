# Copyright: Contributors to the Tollgate project
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""One secret's container in Secret Manager: the store's notes on it, and how it differs from what is declared."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any

from .gsm_settings import NEVER, Settings
from .write_once import Mode

MODE, VERSION, RECORD, RETIRED = "tollgate-mode", "tollgate-version", "tollgate-fingerprint", "tollgate-retired"
FINGERPRINT = re.compile(r"sha256:[0-9a-f]{12}")
OWN = {MODE: "mode", VERSION: "version", RETIRED: "retired"}
OWNER_LABEL, OWNER = "managed-by", "tollgate"
# Labels with which other tools say that they put things back as they want them. Not Terraform's
# goog-terraform-provisioned: since its provider's version 5 it leaves annotations alone that it does not declare.
OWNERS = (OWNER_LABEL, "managed_by")
STAMP = "%Y-%m-%dT%H:%M:%SZ"
Drift = tuple[tuple[str, str], ...]


class DamagedNotesError(Exception):
    """Annotations that this store would not have written."""


@dataclass(frozen=True)
class Notes:
    """What the annotations say: which version is the one, its fingerprint, and which were replaced when."""

    mode: str = ""
    version: int | None = None
    fingerprint: str | None = None
    retired: tuple[tuple[int, datetime], ...] = ()

    @classmethod
    def of(cls, secret: Any) -> Notes:
        """Read them, or raise DamagedNotesError."""
        notes = secret.annotations
        version, record = notes.get(VERSION), notes.get(RECORD)
        if (version is None) != (record is None):
            raise DamagedNotesError(f"has the annotation {VERSION} or {RECORD} without the other one")
        if version is None:
            return cls(notes.get(MODE, ""))
        if not version.isdigit() or not FINGERPRINT.fullmatch(record or ""):
            raise DamagedNotesError(f"has a damaged annotation {VERSION} or {RECORD}")
        try:
            pairs = [entry.split("=") for entry in notes.get(RETIRED, "").split(",") if entry]
            retired = tuple((int(number), datetime.strptime(when, STAMP).replace(tzinfo=UTC)) for number, when in pairs)
        except ValueError:
            raise DamagedNotesError(f"has a damaged annotation {RETIRED}") from None
        return cls(notes.get(MODE, ""), int(version), record, retired)

    @property
    def unfinished(self) -> bool:
        """Did a run of ours make or claim the container, and not get to the end?"""
        return bool(self.mode) and self.version is None

    def pinned(self, mode: Mode, version: int, fingerprint: str) -> Notes:
        """With another version as the one. What it replaces is retired from now on."""
        retired = tuple(pair for pair in self.retired if pair[0] != version)
        if self.version is not None and self.version != version and mode is Mode.VERSIONED:
            retired += ((self.version, datetime.now(UTC)),)
        return Notes(mode.value, version, fingerprint, retired)

    def due(self, grace: int) -> tuple[int, ...]:
        """The retired versions whose grace is over."""
        limit = datetime.now(UTC) - timedelta(seconds=grace)
        return tuple(number for number, when in self.retired if when <= limit)

    def without(self, numbers: tuple[int, ...]) -> Notes:
        """Without these retired versions."""
        return replace(self, retired=tuple(pair for pair in self.retired if pair[0] not in numbers))

    def annotations(self) -> dict[str, str]:
        """As they are written; an empty text stands for none."""
        return {
            MODE: self.mode,
            VERSION: "" if self.version is None else str(self.version),
            RECORD: self.fingerprint or "",
            RETIRED: ",".join(f"{number}={when.strftime(STAMP)}" for number, when in self.retired),
        }


def owner(secret: Any) -> str | None:
    """The label with which another tool says that it owns this secret."""
    return next((key for key in OWNERS if secret.labels.get(key, OWNER) != OWNER), None)


def fresh(blank: Any, declared: Settings) -> Any:
    """A new container, marked as ours and unfinished. BLANK is an empty Secret of the client's."""
    if declared.regional:
        if declared.kms_keys:
            blank.customer_managed_encryption = {"kms_key_name": declared.kms_keys[0]}
    elif declared.regions:
        keys = declared.kms_keys or [None] * len(declared.regions)
        replicas = [
            {"location": region, **_encryption(key)} for region, key in zip(declared.regions, keys, strict=True)
        ]
        blank.replication = {"user_managed": {"replicas": replicas}}
    else:
        blank.replication = {"automatic": _encryption(declared.kms_keys[0] if declared.kms_keys else None)}
    if declared.ttl is not None:
        blank.ttl = timedelta(seconds=declared.ttl)
    _apply(blank, declared, Notes(declared.mode.value))
    return blank


def _encryption(key: str | None) -> dict[str, Any]:
    return {} if key is None else {"customer_managed_encryption": {"kms_key_name": key}}


def wrong_place(secret: Any, declared: Settings) -> str | None:
    """Why no update can give the secret its declared replication."""
    if declared.regional or declared.regions is None:
        return None
    regions = regions_of(secret)
    if sorted(regions) == sorted(declared.regions):
        return None

    def said(names: tuple[str, ...]) -> str:
        return ", ".join(sorted(names)) or "everywhere (automatic)"

    return (
        f"replication is declared as {said(declared.regions)}, but the secret lies in {said(regions)}, and Google "
        "never moves one. Declare where it lies; to move it, make one of another name with value_file"
    )


def regions_of(secret: Any) -> tuple[str, ...]:
    """The declared places of its copies; none when Google chooses."""
    return tuple(replica.location for replica in secret.replication.user_managed.replicas)


def changed(secret: Any, declared: Settings, notes: Notes, copy: Any) -> tuple[Any, list[str], Drift]:
    """The secret as it shall be (COPY, a copy of it), the fields that differ, and the difference in words."""
    _apply(copy, declared, notes)
    _apply_keys(copy, declared)
    drift: list[tuple[str, str]] = []
    paths = []
    for path in ("labels", "annotations", "version_aliases"):
        old, new = dict(getattr(secret, path)), dict(getattr(copy, path))
        if old != new:
            paths.append(path)
            drift += _pairs(path, old, new)
    for path, before, after in (
        ("topics", _topics(secret), _topics(copy)),
        ("expire_time", _expiry(secret), _expiry(copy)),
        ("version_destroy_ttl", _delay(secret), _delay(copy)),
        ("replication", _keys(secret), _keys(copy)),
        ("customer_managed_encryption", _key(secret), _key(copy)),
    ):
        if before != after:
            paths.append(path)
            drift.append((f"{path}: {before}", f"{path}: {after}"))
    return copy, paths, tuple(drift)


def _pairs(path: str, before: Mapping[str, Any], after: Mapping[str, Any]) -> list[tuple[str, str]]:
    """The entries that differ. Of the store's own notes, the fingerprint stands in the line already."""
    keys = [key for key in sorted({*before, *after}) if before.get(key) != after.get(key) and key != RECORD]
    names = {key: OWN.get(key, f"{path}.{key}") for key in keys}
    return [(f"{names[key]}: {before.get(key, 'none')}", f"{names[key]}: {after.get(key, 'none')}") for key in keys]


def _apply(secret: Any, declared: Settings, notes: Notes) -> None:
    for key, value in {OWNER_LABEL: OWNER, **declared.labels}.items():
        secret.labels[key] = value
    for key, value in {**declared.annotations, **notes.annotations()}.items():
        if value:
            secret.annotations[key] = value
        elif key in secret.annotations:
            del secret.annotations[key]
    if declared.topics is not None:
        secret.topics = [{"name": topic} for topic in declared.topics]
    if declared.expires == NEVER:
        secret.expire_time = None
    elif declared.expires is not None:
        secret.expire_time = declared.expires
    if declared.destroy_ttl is not None:
        secret.version_destroy_ttl = timedelta(seconds=declared.destroy_ttl) if declared.destroy_ttl else None
    if notes.version is not None:
        for alias in declared.aliases:
            secret.version_aliases[alias] = notes.version


def _apply_keys(secret: Any, declared: Settings) -> None:
    if not declared.kms_keys:
        return
    if declared.regional:
        secret.customer_managed_encryption = {"kms_key_name": declared.kms_keys[0]}
    elif declared.regions:
        keys = dict(zip(declared.regions, declared.kms_keys, strict=True))
        for replica in secret.replication.user_managed.replicas:
            replica.customer_managed_encryption = {"kms_key_name": keys[replica.location]}
    elif not regions_of(secret):
        secret.replication = {"automatic": _encryption(declared.kms_keys[0])}


def _topics(secret: Any) -> str:
    return ", ".join(sorted(topic.name for topic in secret.topics)) or "none"


def _expiry(secret: Any) -> str:
    return secret.expire_time.strftime(STAMP) if "expire_time" in secret else NEVER


def expires(secret: Any) -> str | None:
    """When Google will destroy the secret, if it will."""
    return _expiry(secret) if "expire_time" in secret else None


def _delay(secret: Any) -> str:
    return f"{int(secret.version_destroy_ttl.total_seconds())} s" if "version_destroy_ttl" in secret else "none"


def _keys(secret: Any) -> str:
    replication = secret.replication
    named = [replica.customer_managed_encryption.kms_key_name for replica in replication.user_managed.replicas]
    return ", ".join(named or [replication.automatic.customer_managed_encryption.kms_key_name]) or "Google's keys"


def _key(secret: Any) -> str:
    return secret.customer_managed_encryption.kms_key_name or "Google's key"
