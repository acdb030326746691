# Copyright: Contributors to the Tollgate project
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What Secret Manager holds of one secret: which version is the one, its value, and why it can't be used."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from .fingerprint import fingerprint
from .gsm_api import Api, Payload, PayloadDamagedError, id_of, number_of
from .gsm_container import DamagedNotesError, Drift, Notes, changed, expires, owner, wrong_place
from .gsm_errors import Refusal, explained
from .gsm_settings import Settings
from .write_once import Holds, Mode, Observation, Place

ENABLED = 1  # SecretVersion.State
STATES = {1: "enabled", 2: "disabled", 3: "destroyed"}
FIRST = 1


class UnusableSecretError(Exception):
    """What lies under this name can't be used as it is; the text says what to run."""


@dataclass(frozen=True)
class Seen:
    """A secret as it was found."""

    existing: Observation
    secret: Any = None
    notes: Notes = field(default_factory=Notes)
    version: int | None = None


class Viewer:
    """Looks at secrets, and keeps in mind which version is the one."""

    def __init__(self, api: Api, declared: Mapping[str, Settings]) -> None:
        self.api = api
        self.declared = declared
        self.versions: dict[str, int | None] = {}

    def place(self, name: str) -> Place:
        notes = "tollgate-version,tollgate-fingerprint"
        return Place(
            self._where(name, self.versions.get(name)),
            f"Enable or name (version) the one that holds the old value: {self._gcloud('versions list')} {name}",
            f"{self._gcloud('update', name)} --remove-annotations={notes}",
        )

    def observed(self, name: str) -> Seen:
        try:
            return self.look(name)
        except Refusal as refusal:
            return Seen(Observation(obstacle=explained(refusal, self.api.caller, name)))
        except (UnusableSecretError, PayloadDamagedError) as error:
            return Seen(Observation(obstacle=str(error)))

    def look(self, name: str) -> Seen:
        secret = self.api.get(name)
        if secret is None:
            self.versions[name] = None if self.declared[name].leaving else FIRST
            return Seen(Observation())
        try:
            return self._look_into(name, secret)
        except UnusableSecretError:
            if not self.declared[name].leaving:
                raise
            # What is to be removed need not be of use.
            return Seen(Observation(Holds.VALUE), secret)

    def _look_into(self, name: str, secret: Any) -> Seen:
        declared = self.declared[name]
        try:
            notes = Notes.of(secret)
        except DamagedNotesError as error:
            raise UnusableSecretError(
                f"{self.api.name(name)} {error}. If the oldest enabled version is right: {self.place(name).forget}"
            ) from None
        foreign = owner(secret)
        if foreign and notes.version is None and declared.version is None:
            raise UnusableSecretError(
                f"{self.api.name(name)} belongs to another tool (label {foreign}={secret.labels[foreign]}), which "
                "would undo this store's notes. To use it as it is, without a write, name the version that holds the "
                f"value (version: NUMBER, see {self._gcloud('versions list')} {name}). To take it over: "
                f"{self._gcloud('update', name)} --remove-labels={foreign}"
            )
        misplaced = wrong_place(secret, declared)
        if misplaced:
            raise UnusableSecretError(misplaced)
        number, payload = self._chosen(name, notes, declared)
        self.versions[name] = number or FIRST
        if payload is None or number is None:
            return Seen(Observation(Holds.EMPTY, drift=self._drift(secret, notes)), secret, notes)
        return self._held(name, secret, notes, number, self._text(name, payload))

    def _held(self, name: str, secret: Any, notes: Notes, number: int, value: str) -> Seen:
        declared = self.declared[name]
        if owner(secret) and notes.version is None:
            # Named: used as it is, without a write.
            return Seen(Observation(Holds.VALUE, value, fingerprint(value)), secret, notes, number)
        due = notes.due(declared.grace)
        expiry = expires(secret) if declared.expires is None and declared.ttl is None else None
        warnings = [f"will be destroyed by Google on {expiry}: set expire_time: never to keep it"] if expiry else []
        existing = Observation(
            Holds.VALUE,
            value,
            notes.fingerprint if notes.mode == Mode.WRITE_ONCE.value else None,
            unfinished=notes.unfinished,
            drift=self._drift(secret, notes.pinned(declared.mode, number, fingerprint(value)).without(due)),
            warnings=tuple(warnings),
        )
        return Seen(existing, secret, notes, number)

    def _drift(self, secret: Any, notes: Notes) -> Drift:
        return changed(secret, self.declared[id_of(secret)], notes, self.api.blank(secret))[2]

    def _chosen(self, name: str, notes: Notes, declared: Settings) -> tuple[int | None, Payload | None]:
        """The version that is the one, with its payload; nothing for an empty container."""
        number = declared.version or notes.version
        if number is not None:
            return number, self._payload(name, number)
        if notes.unfinished:
            found = self._first(name)
            return (FIRST, found) if found else (None, None)
        versions = self.api.versions(name)
        if not versions:
            # Lists may be behind, access by number never is.
            found = self._first(name)
            return (FIRST, found) if found else (None, None)
        payloads = self.enabled(name, versions)
        if not payloads:
            disabled = [number_of(version) for version in versions if STATES.get(int(version.state)) == "disabled"]
            enable = f"{self._gcloud('versions enable', *disabled[:1])} --secret={name}"
            states = ", ".join(f"{number_of(each)} {STATES.get(int(each.state), 'unknown')}" for each in versions)
            raise UnusableSecretError(
                f"{self.api.name(name)} has no enabled version ({states}). {f'Run: {enable}; a' if disabled else 'A'} "
                f"destroyed value can only be had from a backup: {self._gcloud('versions add', name)} --data-file=FILE"
            )
        if len({payload.data for payload in payloads.values()}) > 1:
            values = ", ".join(f"{each} {fingerprint(payload.data)}" for each, payload in payloads.items())
            raise UnusableSecretError(
                f"{self.api.name(name)} has several enabled versions with different values ({values}). Name the right "
                f"one (version: NUMBER), or run: {self._gcloud('versions disable NUMBER')} --secret={name}"
            )
        oldest = min(payloads)
        return oldest, payloads[oldest]

    def enabled(self, name: str, versions: Sequence[Any]) -> dict[int, Payload]:
        """The payloads of those that are enabled, and still are when they are read."""
        found: dict[int, Payload] = {}
        for version in versions:
            if int(version.state) == ENABLED:
                try:
                    found[number_of(version)] = self.api.access(name, number_of(version))
                except Refusal as refusal:
                    if refusal.code not in ("FAILED_PRECONDITION", "NOT_FOUND"):
                        raise
        return found

    def _first(self, name: str) -> Payload | None:
        try:
            return self.api.access(name, FIRST)
        except Refusal as refusal:
            if refusal.code == "NOT_FOUND":
                return None
            return self._unreadable(name, FIRST, refusal)

    def _payload(self, name: str, number: int) -> Payload:
        try:
            return self.api.access(name, number)
        except Refusal as refusal:
            return self._unreadable(name, number, refusal)

    def _unreadable(self, name: str, number: int, refusal: Refusal) -> Payload:
        where = self._where(name, number)
        if refusal.code == "NOT_FOUND":
            raise UnusableSecretError(
                f"{where} does not exist. Name one that does ({self._gcloud('versions list')} {name}); if it was the "
                f"pinned one: {self.place(name).forget}"
            ) from None
        if "DESTROYED" in refusal.message:
            raise UnusableSecretError(
                f"{where} is destroyed, for good. Add its value from a backup ({self._gcloud('versions add', name)} "
                "--data-file=FILE) and name that one (version: NUMBER). If nothing needs the value any more: state: "
                "absent and allow_loss: true, then declare it anew"
            ) from None
        if "DISABLED" in refusal.message:
            raise UnusableSecretError(
                f"{where} is disabled. Run: {self._gcloud('versions enable', number)} --secret={name}"
            ) from None
        raise refusal

    def _text(self, name: str, payload: Payload) -> str:
        try:
            return payload.data.decode()
        except UnicodeDecodeError:
            raise UnusableSecretError(
                f"{self._where(name, payload.number)} is not UTF-8 text: store binary values encoded "
                f"(base64 FILE | {self._gcloud('versions add', name)} --data-file=-), and name that version"
            ) from None

    def _where(self, name: str, number: int | None = None) -> str:
        return self.api.name(name, number)

    def _gcloud(self, verb: str, *names: object) -> str:
        place = self.api.name("x").split("/")
        location = f" --location={place[3]}" if place[2] == "locations" else ""
        return " ".join(["gcloud secrets", verb, *map(str, names), f"--project={self.api.caller.project}{location}"])
