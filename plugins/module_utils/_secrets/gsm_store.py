# Copyright: Contributors to the Tollgate project
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Secrets in Google Secret Manager: a container with versions each, of which one is pinned by number.

Annotations note the mode, the pinned version and its fingerprint. A container is marked before its first version is
written: in a marked one version 1 is the one, since the service counts versions at one place. Whoever wrote a later
number disables it and takes version 1. So racing and killed runs end with one value, and the next run notes it.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from typing import Any

from .fingerprint import fingerprint
from .gsm_api import WORKERS, Api, Pauses, PayloadDamagedError, number_of
from .gsm_container import Notes, changed, fresh
from .gsm_errors import Refusal, failure
from .gsm_look import ENABLED, FIRST, STATES, Seen, UnusableSecretError, Viewer
from .gsm_settings import Settings
from .side_by_side import side_by_side
from .store import Outcome, StoreError
from .write_once import Action, Holds, Mode, Observation, Place, State, Wanted, decide


@dataclass
class Attempt:
    """What one run wrote for one secret so far."""

    new: str | None
    wrote: int | None = None  # the version with the new value
    made: Action | None = None  # how it came to be
    doubtful: bool = False  # an answer was lost: there may be a version that nobody knows of
    changed: bool = False


class GsmStore:
    """A project's secrets, or those of one of its locations."""

    def __init__(self, api: Api, declared: Mapping[str, Settings]) -> None:
        self.api = api
        self.declared = declared
        self.view = Viewer(api, declared)

    def problems(self) -> list[str]:
        return []  # each secret's own obstacles say what is wrong, with its name

    def place(self, name: str) -> Place:
        return self.view.place(name)

    def location(self, name: str) -> dict[str, Any]:
        number = self.view.versions.get(name)
        return {"resource": self.api.name(name, number), "version": number}

    def observe(self, names: Sequence[str]) -> dict[str, Observation]:
        if not names:
            return {}
        with ThreadPoolExecutor(min(WORKERS, len(names))) as pool:
            return dict(zip(names, (seen.existing for seen in pool.map(self.view.observed, names)), strict=True))

    def apply(self, wanted: Sequence[Wanted]) -> Iterator[Outcome]:
        """Side by side; when one fails, those that were not begun are left as they were."""
        return side_by_side(wanted, self._make_true, WORKERS)

    def _make_true(self, wanted: Wanted) -> Outcome:
        new = wanted.value
        if new is None and wanted.generate is not None and wanted.state is State.PRESENT:
            new = wanted.generate.new()
        attempt, deadline, pauses = Attempt(new), time.monotonic() + self.api.timeout, Pauses()
        while True:
            try:
                outcome = self._step(wanted, attempt)
                if outcome is not None:
                    self._tidy(wanted.name, attempt)
                    return outcome
                if not pauses.wait(deadline):
                    raise StoreError(
                        f'secret "{wanted.name}": {self.api.name(wanted.name)} comes and goes: another program is '
                        "changing it. Run again when that one is done.",
                        changed=attempt.changed,
                    )
            except PayloadDamagedError as error:
                raise StoreError(f'secret "{wanted.name}": {error}. Run again.', changed=attempt.changed) from None
            except Refusal as refusal:
                attempt.doubtful |= not refusal.undone
                if not (refusal.overtaken or refusal.busy) or not pauses.wait(deadline):
                    values = [value for value in (attempt.new,) if value]
                    raise failure(
                        wanted.name, refusal, self.api.caller, values, changed=attempt.changed or attempt.doubtful
                    ) from None

    def _step(self, wanted: Wanted, attempt: Attempt) -> Outcome | None:
        """Look, decide, write. None: look again, since somebody else was at work."""
        try:
            seen = self.view.look(wanted.name)
            decision = decide(seen.existing, wanted, self.place(wanted.name))
            reason = decision.reason
        except UnusableSecretError as error:
            seen, decision, reason = Seen(Observation()), None, str(error)
        if decision is None or decision.action is Action.REFUSE:
            self._tidy(wanted.name, attempt)
            raise StoreError(f'secret "{wanted.name}": {reason}.', changed=attempt.changed)
        match decision.action:
            case Action.CREATE:
                blank = fresh(self.api.blank(), self.declared[wanted.name])
                made = self.api.create(wanted.name, blank)
                attempt.changed, attempt.made = True, Action.CREATE
                return self._fill(wanted, attempt, made)
            case Action.FILL:
                return self._fill(wanted, attempt, self._claimed(wanted, attempt, seen))
            case Action.REPLACE:
                return self._replace(wanted, attempt, seen)
            case Action.ADOPT | Action.UPDATE:
                self._pin(wanted, attempt, seen)
            case Action.REMOVE:
                self.api.delete(seen.secret)
                self.view.versions[wanted.name] = None
                return Outcome(wanted, Action.REMOVE)
        value = seen.existing.value
        if attempt.made and attempt.wrote in (FIRST, None) and value == attempt.new:
            return Outcome(wanted, attempt.made, value)  # somebody noted it before this run could
        late = decision.action is Action.KEEP and attempt.changed
        return Outcome(wanted, Action.ADOPT if late else decision.action, value)

    def _claimed(self, wanted: Wanted, attempt: Attempt, seen: Seen) -> Any:
        """An empty container, marked: from now on its version 1 is the one."""
        attempt.made = attempt.made or Action.FILL
        if seen.notes.unfinished:
            return seen.secret
        copy = self.api.blank(seen.secret)
        for key, value in Notes(wanted.mode.value).annotations().items():
            if value:
                copy.annotations[key] = value
        marked = self.api.update(copy, ["annotations"])
        attempt.changed = True
        return marked

    def _fill(self, wanted: Wanted, attempt: Attempt, secret: Any) -> Outcome | None:
        if attempt.new is None:
            return None
        number = self._added(wanted.name, attempt)
        if number != FIRST:
            return None  # somebody else was first; what is here now decides
        self.view.versions[wanted.name] = number
        self._read_back(wanted.name, attempt, number)
        self._pin(
            wanted, attempt, Seen(Observation(Holds.VALUE, attempt.new), secret, Notes(wanted.mode.value), number)
        )
        return Outcome(wanted, attempt.made or Action.FILL, attempt.new)

    def _added(self, name: str, attempt: Attempt) -> int:
        """The number of the version with the new value, which is written once, however often it is tried."""
        if attempt.wrote is None:
            added = self.api.add(name, (attempt.new or "").encode())
            attempt.wrote, attempt.changed = number_of(added), True
        return attempt.wrote

    def _read_back(self, name: str, attempt: Attempt, number: int) -> None:
        if self.api.access(name, number).data != (attempt.new or "").encode():
            raise PayloadDamagedError(f"{self.api.name(name, number)} does not hold what was written")

    def _replace(self, wanted: Wanted, attempt: Attempt, seen: Seen) -> Outcome:
        if attempt.wrote is None:
            attempt.wrote = self._left_behind(wanted.name, attempt, seen)
        number = self._added(wanted.name, attempt)
        self._read_back(wanted.name, attempt, number)
        self.view.versions[wanted.name] = number
        value = attempt.new or ""
        self._pin(wanted, attempt, replace(seen, existing=Observation(Holds.VALUE, value), version=number))
        return Outcome(wanted, Action.REPLACE, value)

    def _left_behind(self, name: str, attempt: Attempt, seen: Seen) -> int | None:
        """A version with the new value that a killed run wrote and did not note."""
        later = [version for version in self.api.versions(name) if number_of(version) > (seen.version or 0)]
        return next(iter(self._holding(name, attempt, later)), None)

    def _holding(self, name: str, attempt: Attempt, versions: Sequence[Any]) -> list[int]:
        """Those with the new value that are enabled."""
        data = (attempt.new or "").encode()
        return [number for number, payload in self.view.enabled(name, versions).items() if payload.data == data]

    def _pin(self, wanted: Wanted, attempt: Attempt, seen: Seen) -> None:
        """Note the version, with the declared surroundings; then end what was retired long enough ago."""
        if seen.version is None or seen.existing.value is None:
            return
        declared = self.declared[wanted.name]
        notes = seen.notes.pinned(wanted.mode, seen.version, fingerprint(seen.existing.value))
        due = notes.due(declared.grace)
        for number in due:
            self._end(wanted.name, number, declared)
        copy, paths, _drift = changed(seen.secret, declared, notes.without(due), self.api.blank(seen.secret))
        if paths:
            self.api.update(copy, paths)
            attempt.changed = True
        if seen.notes.unfinished and wanted.mode is Mode.WRITE_ONCE:
            self._end_losers(wanted.name, seen.version)

    def _end_losers(self, name: str, pinned: int) -> None:
        """Disable what racing runs wrote beside it, of which some may have been killed before they could."""
        for version in self.api.versions(name):
            if int(version.state) == ENABLED and number_of(version) != pinned:
                try:
                    self.api.disable(name, version)
                except Refusal as refusal:
                    if not refusal.overtaken:
                        raise

    def _end(self, name: str, number: int, declared: Settings) -> None:
        """Disable or destroy a retired version, unless somebody did."""
        version = self.api.version(name, number)
        if declared.destroy and STATES.get(int(version.state)) != "destroyed":
            self.api.destroy(name, version)
        elif int(version.state) == ENABLED:
            self.api.disable(name, version)

    def _tidy(self, name: str, attempt: Attempt) -> None:
        """Disable what this run wrote and is not the one; also what it may have written when an answer was lost."""
        kept = (None, self.view.versions.get(name))
        surplus = {attempt.wrote} - set(kept)
        if attempt.doubtful and attempt.new is not None:
            surplus |= set(self._holding(name, attempt, self.api.versions(name))) - set(kept)
        for number in surplus:
            version = self.api.version(name, number or 0)
            if int(version.state) == ENABLED:
                self.api.disable(name, version)
