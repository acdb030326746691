# Copyright: Contributors to the Tollgate project
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""One secret of the server: its fields, its versions, and what slow replicas still show of it."""

from __future__ import annotations

import itertools
import re
from copy import deepcopy
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from google.cloud.secretmanager_v1 import types

from . import errors
from .crc32c import crc32c

State = types.SecretVersion.State
LABEL_KEY = re.compile(r"[a-z][a-z0-9_-]{0,62}")
LABEL_VALUE = re.compile(r"[a-z0-9_-]{0,63}")
ANNOTATION_KEY = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9._-]{0,61}[A-Za-z0-9])?")
ALIAS = re.compile(r"[A-Za-z][A-Za-z0-9_-]{0,62}")
TOPIC = re.compile(r"projects/[^/]+/topics/[^/]+")
ANNOTATIONS_BYTES = 16384
PAYLOAD_BYTES = 65536
DESTROY_TTL = timedelta(hours=24), timedelta(days=1000)
MUTABLE = {
    "annotations", "customer_managed_encryption", "expire_time", "labels", "replication", "rotation", "topics", "ttl",
    "version_aliases", "version_destroy_ttl",
}  # fmt: skip
_etags = itertools.count(0x1637FBE13D5140)


def etag() -> str:
    """A new one, with its quotes."""
    return f'"{next(_etags):x}"'


def now() -> datetime:
    return datetime.now(UTC)


@dataclass
class Version:
    """A payload, with its state."""

    message: types.SecretVersion
    payload: bytes

    @property
    def number(self) -> int:
        return int(self.message.name.rpartition("/")[2])

    def readable(self) -> bytes:
        """The payload, if the state lets it be read."""
        self.settle()
        if self.message.state != State.ENABLED:
            raise errors.precondition(f"Secret Version [{self.message.name}] is in {self.message.state.name} state.")
        return self.payload

    def settle(self) -> None:
        """Destroy what was to be destroyed by now."""
        if "scheduled_destroy_time" in self.message and self.message.scheduled_destroy_time <= now():
            self._destroy()

    def turn(self, state: types.SecretVersion.State, wanted_etag: str, delay: timedelta | None) -> types.SecretVersion:
        """Enable, disable or destroy it."""
        self.settle()
        check_etag(wanted_etag, self.message.etag, self.message.name)
        if self.message.state == State.DESTROYED and state != State.DESTROYED:
            raise errors.precondition(f"Secret Version [{self.message.name}] is in DESTROYED state.")
        self.message.etag = etag()
        if state == State.DESTROYED and delay:
            self.message.state = State.DISABLED
            self.message.scheduled_destroy_time = now() + delay
        elif state == State.DESTROYED:
            self._destroy()
        else:
            self.message.state = state
            self.message.scheduled_destroy_time = None
        return self.message

    def _destroy(self) -> None:
        self.payload = b""
        self.message.state = State.DESTROYED
        self.message.scheduled_destroy_time = None
        self.message.destroy_time = now()


@dataclass
class Container:
    """A secret. `behind` is how many more eventually consistent reads see `stale` (None: nothing there yet)."""

    secret: types.Secret
    versions: list[Version] = field(default_factory=list)
    stale: tuple[types.Secret, list[Version]] | None = None
    behind: int = 0

    def written(self, lag: int, before: tuple[types.Secret, list[Version]] | None) -> None:
        """After a change: slow replicas go on to show what was there before."""
        if lag and not self.behind:
            self.stale, self.behind = before, lag

    def copy(self) -> tuple[types.Secret, list[Version]]:
        return deepcopy(self.secret), deepcopy(self.versions)

    def seen(self) -> tuple[types.Secret, list[Version]] | None:
        """As an eventually consistent read sees it."""
        for version in self.versions:
            version.settle()
        if self.behind:
            self.behind -= 1
            return self.stale
        return self.secret, self.versions

    @property
    def expired(self) -> bool:
        return "expire_time" in self.secret and self.secret.expire_time <= now()

    def add(self, payload: types.SecretPayload) -> types.SecretVersion:
        """A new version; its number is given by the one place that counts."""
        if not payload.data:
            raise errors.invalid("Secret Payload cannot be empty.", "payload.data")
        if len(payload.data) > PAYLOAD_BYTES:
            raise errors.invalid(
                f"The secret payload exceeds the maximum size of {PAYLOAD_BYTES} bytes.", "payload.data"
            )
        checked = "data_crc32c" in payload
        if checked and payload.data_crc32c != crc32c(payload.data):
            raise errors.invalid("The checksum of the payload does not match data_crc32c.", "payload.data_crc32c")
        number = len(self.versions) + 1
        message = types.SecretVersion(
            name=f"{self.secret.name}/versions/{number}",
            create_time=now(),
            state=State.ENABLED,
            etag=etag(),
            client_specified_payload_checksum=checked,
        )
        self.versions.append(Version(message, payload.data))
        return message

    def version(self, number: str) -> Version:
        """By its number, by an alias, or the newest."""
        wanted = str(self.secret.version_aliases.get(number, number))
        if wanted == "latest" and self.versions:
            return self.versions[-1]
        for version in self.versions:
            if str(version.number) == wanted:
                return version
        raise errors.not_found("Secret Version", f"{self.secret.name}/versions/{number}")

    def update(self, wanted: types.Secret, paths: list[str]) -> types.Secret:
        """Change the fields that the mask names."""
        check_etag(wanted.etag, self.secret.etag, self.secret.name)
        unknown = sorted(set(paths) - MUTABLE - {"etag"})
        if unknown or not paths:
            raise errors.invalid(f"Invalid update_mask: {', '.join(unknown) or 'it is empty'}.", "update_mask")
        changed = deepcopy(self.secret)
        for path in paths:
            if path == "replication":
                check_replication(self.secret, wanted)
            if path != "etag":
                _take(changed, wanted, path)
        settle_expiry(changed, paths)
        check(changed, [version.number for version in self.versions])
        changed.etag = etag()
        self.secret = changed
        return changed


def _take(secret: types.Secret, wanted: types.Secret, path: str) -> None:
    """One field, which is unset when it is unset in what is wanted."""
    target, source = types.Secret.pb(secret), types.Secret.pb(types.Secret(wanted))
    target.ClearField(path)
    for descriptor, _value in source.ListFields():
        if descriptor.name != path:
            source.ClearField(descriptor.name)
    target.MergeFrom(source)


def destroy_delay(secret: types.Secret) -> timedelta | None:
    """How long a destroyed version can still be had back."""
    delay: Any = secret.version_destroy_ttl
    return delay if "version_destroy_ttl" in secret else None


def check_etag(wanted: str, current: str, name: str) -> None:
    """An etag that was sent must be the current one."""
    if wanted and wanted != current:
        raise errors.precondition(
            f"The etag provided ({wanted}) does not match the current etag ({current}) of [{name}]."
        )


def check_replication(current: types.Secret, wanted: types.Secret) -> None:
    """Only the keys that encrypt may change, not where the secret lies."""

    def places(secret: types.Secret) -> list[str] | None:
        managed = secret.replication.user_managed
        return [each.location for each in managed.replicas] if "user_managed" in secret.replication else None

    if places(current) != places(wanted):
        raise errors.invalid("The replication policy of a secret can't be changed.", "secret.replication")


def settle_expiry(secret: types.Secret, paths: list[str]) -> None:
    """A ttl becomes a time."""
    if "ttl" in secret:
        if "expire_time" in paths:
            raise errors.invalid("Only one of ttl and expire_time can be set.", "secret.expiration")
        secret.expire_time = now() + secret.ttl
    if "expire_time" in secret and secret.expire_time <= now():
        raise errors.invalid("expire_time must be in the future.", "secret.expire_time")


def check(secret: types.Secret, numbers: list[int]) -> None:
    """What the real one refuses."""
    if len(secret.labels) > 64:
        raise errors.invalid("A secret can have at most 64 labels.", "secret.labels")
    for key, value in secret.labels.items():
        if not LABEL_KEY.fullmatch(key) or not LABEL_VALUE.fullmatch(value):
            raise errors.invalid(f"Invalid label: {key}={value}.", "secret.labels")
    if sum(len(key.encode()) + len(value.encode()) for key, value in secret.annotations.items()) > ANNOTATIONS_BYTES:
        raise errors.invalid("The annotations have more than 16 KiB.", "secret.annotations")
    for key in secret.annotations:
        if not ANNOTATION_KEY.fullmatch(key):
            raise errors.invalid(f"Invalid annotation key: {key}.", "secret.annotations")
    if len(secret.topics) > 10 or not all(TOPIC.fullmatch(topic.name) for topic in secret.topics):
        raise errors.invalid("Invalid topics: up to 10 names projects/*/topics/*.", "secret.topics")
    for alias, number in secret.version_aliases.items():
        if not ALIAS.fullmatch(alias) or alias == "latest":
            raise errors.invalid(f"Invalid version alias: {alias}.", "secret.version_aliases")
        if number not in numbers:
            raise errors.invalid(f"Version alias {alias} names version {number}, which does not exist.")
    delay = destroy_delay(secret)
    if delay is not None and not DESTROY_TTL[0] <= delay <= DESTROY_TTL[1]:
        raise errors.invalid(
            "version_destroy_ttl must lie between 24 hours and 1000 days.", "secret.version_destroy_ttl"
        )
