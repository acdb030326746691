# Copyright: Contributors to the Tollgate project
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What to do about one secret: a pure decision from what a store holds and what is wanted."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import Enum

from .fingerprint import fingerprint
from .value import Generate


class Mode(Enum):
    """May a new value replace the old one?"""

    WRITE_ONCE = "write_once"
    VERSIONED = "versioned"


class State(Enum):
    """Shall the secret exist?"""

    PRESENT = "present"
    ABSENT = "absent"


class Holds(Enum):
    """What lies in the store under a name."""

    NOTHING = "nothing"
    EMPTY = "empty"  # the container is there, without a value
    VALUE = "value"


class Action(Enum):
    """What a run does; `KEEP` and `REFUSE` write nothing."""

    CREATE = "create"
    ADOPT = "adopt"
    FILL = "fill"
    REPLACE = "replace"
    UPDATE = "update"  # what lies around the value: labels, an expiry
    REMOVE = "remove"
    KEEP = "keep"
    REFUSE = "refuse"

    @property
    def changes(self) -> bool:
        """Does this action write?"""
        return self not in (Action.KEEP, Action.REFUSE)


@dataclass(frozen=True, slots=True)
class Observation:
    """One name as a store shows it. `recorded` is the fingerprint that the store noted when it wrote or adopted the
    value; `unfinished` says that a run of ours wrote the value and was killed before it could note that. `drift` names
    what lies around the value and is not as declared, each as it is and as it shall be; `unreadable` stands for the
    fingerprint of a value that is there, but that nobody here can read."""

    holds: Holds = Holds.NOTHING
    value: str | None = field(default=None, repr=False)
    recorded: str | None = None
    unfinished: bool = False
    obstacle: str | None = None
    drift: tuple[tuple[str, str], ...] = ()
    warnings: tuple[str, ...] = ()
    unreadable: str | None = None

    @property
    def fingerprint(self) -> str | None:
        """The stored value's fingerprint."""
        return self.unreadable if self.value is None else fingerprint(self.value)


@dataclass(frozen=True, slots=True)
class Wanted:
    """One declared secret. With neither `value` nor `generate` it must exist already."""

    name: str
    generate: Generate | None = None
    value: str | None = field(default=None, repr=False)
    mode: Mode = Mode.WRITE_ONCE
    adopt: bool = True
    state: State = State.PRESENT
    allow_loss: bool = False

    @property
    def fingerprint(self) -> str | None:
        """The declared value's fingerprint; none when it is generated or brought by somebody else."""
        return None if self.value is None else fingerprint(self.value)


@dataclass(frozen=True, slots=True)
class Place:
    """A store's words for one secret: where it lies, how to restore it, how to make the store forget what it noted."""

    where: str
    restore: str
    forget: str


@dataclass(frozen=True, slots=True)
class Decision:
    """The action, and for `REFUSE` the reason with the way out."""

    action: Action
    reason: str = ""


KEEP = Decision(Action.KEEP)


def decide(existing: Observation, wanted: Wanted, place: Place) -> Decision:
    """Compare what exists with what is wanted. Nothing is read or written here."""
    decision = _decide(existing, wanted, place)
    if decision.action is Action.KEEP and existing.drift and wanted.state is State.PRESENT:
        return Decision(Action.UPDATE)
    return decision


def _decide(existing: Observation, wanted: Wanted, place: Place) -> Decision:
    if existing.obstacle is not None:
        return Decision(Action.REFUSE, existing.obstacle)
    if wanted.state is State.ABSENT:
        return _absent(existing, wanted, place)
    if existing.holds is Holds.VALUE:
        if wanted.mode is Mode.VERSIONED:
            replace = wanted.fingerprint not in (None, existing.fingerprint)
            return Decision(Action.REPLACE) if replace else KEEP
        return _held(existing, wanted, place)
    return _vacant(existing, wanted, place)


def _absent(existing: Observation, wanted: Wanted, place: Place) -> Decision:
    if existing.holds is Holds.NOTHING and existing.recorded is None:
        return KEEP
    precious = existing.holds is Holds.VALUE or existing.recorded is not None
    if precious and wanted.mode is Mode.WRITE_ONCE and not wanted.allow_loss:
        return _refuse(
            f"state is absent, but a write-once secret can never be made again ({place.where}). "
            "Whoever is sure that nothing needs it any more sets allow_loss: true as well"
        )
    return Decision(Action.REMOVE)


def _vacant(existing: Observation, wanted: Wanted, place: Place) -> Decision:
    empty = existing.holds is Holds.EMPTY
    restored = existing.recorded is not None and existing.recorded == wanted.fingerprint
    if wanted.mode is Mode.WRITE_ONCE and existing.recorded is not None and not restored:
        return _refuse(
            f"{place.where} {'is empty' if empty else 'is gone'}, but held {existing.recorded} before. "
            f"A new value would not fit what was made with the old one. {place.restore}. "
            f"If nothing needs the old value any more: {place.forget}"
        )
    if wanted.generate is None and wanted.value is None:
        return _refuse(
            f"{place.where} {'is empty' if empty else 'does not exist'}, and neither generate nor a value is declared. "
            "Put the value there, or declare how it is made"
        )
    return Decision(Action.FILL if empty else Action.CREATE)


def _held(existing: Observation, wanted: Wanted, place: Place) -> Decision:
    stored = existing.fingerprint
    if changed := changed_since(existing, place):
        return _refuse(changed)
    if wanted.fingerprint not in (None, stored):
        return _refuse(
            f"the declared value is {wanted.fingerprint}, but {place.where} holds {stored}, and a write-once secret is "
            "never overwritten. Declare the stored value, or none, to keep it; to replace it on purpose, first remove "
            "it with state: absent and allow_loss: true"
        )
    if existing.recorded is not None:
        return KEEP
    if wanted.adopt or existing.unfinished or wanted.fingerprint == stored:
        return Decision(Action.ADOPT)
    return _refuse(
        f"{place.where} exists already ({stored}), was not made here, and adopt is false. "
        "Set adopt: true to keep it as it is, or move it away"
    )


def changed_since(existing: Observation, place: Place) -> str:
    """What to say of a value that is not the one which the store noted; nothing when it is, or nothing was noted."""
    if existing.recorded in (None, existing.fingerprint):
        return ""
    return (
        f"{place.where} now holds {existing.fingerprint}, but held {existing.recorded} before: somebody changed a "
        f"write-once secret. {place.restore}. If the new value is right: {place.forget}"
    )


def _refuse(reason: str) -> Decision:
    return Decision(Action.REFUSE, reason)
