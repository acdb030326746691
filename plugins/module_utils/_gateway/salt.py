# Copyright: Contributors to the Tollgate project
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The salt key against the database: nobody may start a proxy with another one than its rows were encrypted with.

A wrong salt starts a healthy proxy which has lost every stored model, and new rows mix two salts.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from .._secrets.fingerprint import fingerprint
from . import canary as canaries
from . import encrypted_values
from .canary import Canary
from .encrypted_values import Value
from .error import GatewayError

if TYPE_CHECKING:
    from psycopg import Connection

STORE, DELIVERED, MASTER = "store", "delivered", "master"
SAMPLE = 300  # rows of each column, when a canary has told whose salt it is
SHOWN = 5
LOST = "A proxy with another salt would lose every stored model and credential. Nothing was started."


@dataclass(frozen=True)
class Key:
    """A text that may be the database's salt, and where it lies, in words."""

    text: str
    place: str

    @property
    def fingerprint(self) -> str:
        """As the store of secrets shows it."""
        return fingerprint(self.text)

    def __str__(self) -> str:
        return f"{self.place} ({self.fingerprint})"


@dataclass(frozen=True)
class Finding:
    """What the database says of some keys, which have names."""

    keys: Mapping[str, Key]
    canary: Canary | None
    values: Sequence[Value]

    def fits(self, name: str) -> bool:
        """Whether a key is the salt, as far as the database tells. True of any when it holds nothing encrypted."""
        if name not in self.keys:
            return False
        if self.canary is not None:
            return self.canary.opened_by(self.keys[name].text)
        return not self.unreadable(name)

    def readable(self, name: str) -> list[Value]:
        """The values which a key opens."""
        return [value for value in self.values if name in value.opened_by]

    def unreadable(self, name: str) -> list[Value]:
        """The values which it does not."""
        return [value for value in self.values if name not in value.opened_by]

    @property
    def empty(self) -> bool:
        """Whether no salt was ever used here."""
        return self.canary is None and not self.values


@dataclass(frozen=True)
class Verdict:
    """What follows: whether the canary is to be written; values that are lost although the salt is right."""

    write: bool
    lost: Sequence[Value] = ()


def examine(connection: Connection[tuple[Any, ...]], keys: Mapping[str, Key]) -> Finding:
    """Read the canary and the encrypted values; all of them unless the canary has told whose they are."""
    canary = canaries.read(connection)
    told = STORE in keys and canary is not None and canary.opened_by(keys[STORE].text)
    texts = {name: key.text for name, key in keys.items() if name == STORE or not told}
    values = list(encrypted_values.read(connection, texts, SAMPLE if told else None))
    return Finding(keys, canary, values)


def judge(finding: Finding) -> Verdict:
    """Whether the store's salt may be used. Raises GatewayError when it is not the database's, or was not delivered."""
    store, delivered = finding.keys[STORE], finding.keys.get(DELIVERED)
    if not finding.fits(STORE):
        raise _another(finding, store)
    unreadable = finding.unreadable(STORE)
    if unreadable and not finding.readable(STORE):
        raise GatewayError(
            f"salt key: the database's canary was encrypted with {store}, but none of its {len(unreadable)} encrypted "
            f"values was: {listed(unreadable)}.",
            LOST,
            "Those tables came from another gateway: restore its salt, or this database from a backup of its own.",
        )
    if delivered is not None and delivered.text != store.text:
        raise GatewayError(
            f"salt key: {store} is the database's, but the proxy would be given {delivered}.",
            LOST,
            f"Remove {delivered.place}, and let the wave secrets deliver it again.",
        )
    return Verdict(write=finding.canary is None, lost=tuple(unreadable))


def adopted(finding: Finding, store: str) -> Key | None:
    """The key that has to become the salt when STORE, the place in words, has none; none when any new one will do.

    Raises GatewayError when the database's salt is lost.
    """
    if finding.empty:
        return None
    if finding.fits(MASTER):
        return finding.keys[MASTER]
    delivered, master = finding.keys.get(DELIVERED), finding.keys.get(MASTER)
    known = f"its canary has {finding.canary.fingerprint}" if finding.canary else f"it holds {listed(finding.values)}"
    what = f"salt key: {store} does not exist, but the database was encrypted with one: {known}."
    why = "A new one would lose all of that. Nothing was changed."
    if delivered is not None and finding.fits(DELIVERED):
        raise GatewayError(what, why, f"{delivered} is that salt: put its value into {store}.")
    raise GatewayError(
        what,
        f"{why} {master} is not it." if master else why,
        f"Restore {store} from a backup. If no salt was ever set, it is the master key of that time: put that into the "
        "store as the master key, and run again.",
    )


def listed(values: Sequence[Value]) -> str:
    """Some of these rows, and how many more."""
    rows = list(dict.fromkeys(map(str, values)))
    more = f" and {len(rows) - SHOWN} more" if len(rows) > SHOWN else ""
    return "; ".join(rows[:SHOWN]) + more


def _another(finding: Finding, store: Key) -> GatewayError:
    """The refusal of the store's salt, with what to restore."""
    readable, unreadable = finding.readable(STORE), finding.unreadable(STORE)
    what = f"salt key: {store} is not the database's: {_told(finding, unreadable)}."
    if finding.canary is not None and readable and not unreadable:
        return GatewayError(
            what,
            f"Yet all of its {len(readable)} encrypted values were encrypted with this salt, so that canary came from "
            "another database. Nothing was started.",
            f"Remove it: DROP TABLE {canaries.TABLE};",
        )
    for name in (DELIVERED, MASTER):
        key = finding.keys.get(name)
        if key is not None and finding.fits(name):
            filled = " That database was filled without a salt." if name == MASTER else ""
            return GatewayError(
                what,
                f"{key} is the database's.{filled} {LOST}",
                f"Put that value into {store.place}: first remove what is there with state: absent and allow_loss: "
                "true, then declare it once with value_file.",
            )
    if readable and finding.canary is None:
        count = Counter(value.column.table for value in unreadable)
        return GatewayError(
            f"salt key: {store} opens {len(readable)} encrypted values of the database, and {len(unreadable)} not: "
            f"{listed(unreadable)}.",
            f"Two salts were used, or rows are damaged ({', '.join(f'{n} in {table}' for table, n in count.items())}). "
            "Nothing was started.",
            "If this salt is the right one, enter what those rows hold again, or delete them; else restore the other.",
        )
    return GatewayError(
        what,
        LOST,
        f"Restore the former content of {store.place} from a backup. If it is lost for good, the models' secrets have "
        "to be entered again: remove this gateway and make a new one.",
    )


def _told(finding: Finding, values: Sequence[Value]) -> str:
    """By what the database is known to have a salt, and not the one in question."""
    if finding.canary is not None:
        return f"its canary was encrypted with {finding.canary.fingerprint}"
    return f"{len(values)} of its values were encrypted with another one ({listed(values)})"
