# Copyright: Contributors to the Tollgate project
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Whether an operator is to be installed, reused, refused, upgraded or removed, beside what a cluster has of it."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar, Self

from .manifests import FINGERPRINT, MANAGER
from .standing import Object

MANAGED_BY = "app.kubernetes.io/managed-by"
VERSION = re.compile(r"v?(\d+)\.(\d+)\.(\d+)")
UNCHANGED = "Nothing was changed."

Version = tuple[int, ...]


class Refused(Exception):
    """What is there can't be used and must not be replaced, or what is wanted must not be installed."""


@dataclass(frozen=True)
class Hole:
    """What is known of versions that are fit all the same."""

    what: str
    number: str
    mended: Version


@dataclass(frozen=True)
class Wanted:
    """What is asked for."""

    mode: str  # auto, own, existing
    version: str
    namespace: str
    state: str = "present"
    fingerprint: str = ""


@dataclass(frozen=True)
class Operator:
    """A Deployment of an operator. Each product has its own class."""

    product: ClassVar[Product]

    name: str
    namespace: str
    image: str
    version: Version | None  # None: its image does not say
    keeper: str
    fingerprint: str = ""

    @classmethod
    def of(cls, found: Object) -> Self:
        """From the Deployment."""
        metadata = found["metadata"]
        labels, annotations = metadata.get("labels") or {}, metadata.get("annotations") or {}
        containers = found["spec"]["template"]["spec"]["containers"]
        named = (each["image"] for each in containers if each["name"] == cls.product.container)
        image = next(named, containers[0]["image"])
        tag = image.partition("@")[0].rpartition("/")[2].partition(":")[2]
        return cls(
            name=str(metadata["name"]),
            namespace=str(metadata["namespace"]),
            image=str(image),
            version=parsed(tag) or parsed(str(labels.get("app.kubernetes.io/version", ""))),
            keeper=str(labels.get(MANAGED_BY) or "somebody else"),
            fingerprint=str(annotations.get(FINGERPRINT, "")),
        )

    @property
    def ours(self) -> bool:
        """Whether it was installed from here."""
        return self.keeper == MANAGER

    @property
    def result(self) -> dict[str, str | bool]:
        """What a module returns of it."""
        return {"name": self.name, "namespace": self.namespace, "version": shown(self.version), "ours": self.ours}

    def __str__(self) -> str:
        version = shown(self.version) if self.version else "of a version it does not say"
        keeper = "us" if self.ours else self.keeper
        return f"{self.product.name} {version} (Deployment {self.namespace}/{self.name}, kept by {keeper})"


@dataclass(frozen=True)
class Decision:
    """What to do, and why."""

    manage: bool  # whether the release's objects are ours to apply or to remove
    why: str
    current: bool = False  # whether all of them were applied already
    used: tuple[Operator, ...] = ()  # those that will serve, as far as they are there
    warnings: tuple[str, ...] = ()


@dataclass(frozen=True)
class Product:
    """What is to know of an operator. The texts are parts of messages."""

    name: str
    selector: str  # the label of its Deployments
    container: str  # whose image says the version
    prefix: str  # of the options of its role
    least: tuple[Version, ...]  # the first fit release of each minor version, upwards: the last and all later ones are
    conflict: str  # what two of them would do
    missing: str  # when an existing one is to be used, and none is there
    newer: str  # who may need what an older one does not know
    dependents: tuple[tuple[str, str], ...]  # API version and kind of what is lost with it, or can't go without it
    lost: str  # what happens to those when it is removed
    reason: str = ""  # why earlier ones are unfit
    others: tuple[str, ...] = ()  # labels of Deployments that were installed in another way
    holes: tuple[Hole, ...] = ()

    def fit(self, version: Version | None) -> bool:
        """Whether it has what its minor version needs."""
        if version is None:
            return False
        return version >= self.least[-1] or any(version[:2] == least[:2] and version >= least for least in self.least)

    def decide(self, wanted: Wanted, there: Sequence[Operator], dependents: Sequence[str]) -> Decision:
        """DEPENDENTS are the names of all objects that depend on the operator. Raises Refused."""
        ours = [each for each in there if each.ours]
        theirs = [each for each in there if not each.ours]
        if wanted.state == "absent":
            return self._absent(wanted, ours, dependents)
        if ours and theirs:
            raise Refused(
                f"there are two operators: {', '.join(map(str, there))}. Both would {self.conflict}: remove one. "
                f"{UNCHANGED}"
            )
        if theirs:
            if wanted.mode == "own":
                raise Refused(
                    f"{theirs[0]} is there, and one of our own is wanted. Both would {self.conflict}: use that one "
                    f"({self.prefix}_existing: auto), or remove it. {UNCHANGED}"
                )
            return self._existing(theirs)
        if wanted.mode == "existing":
            if ours:
                return self._existing(ours)
            raise Refused(self.missing)
        return self._own(wanted, ours)

    def _own(self, wanted: Wanted, ours: Sequence[Operator]) -> Decision:
        version = parsed(wanted.version)
        if version is None or not self.fit(version):
            raise Refused(
                f"{self.name} {wanted.version} is wanted; {self._needed} Correct {self.prefix}_version. {UNCHANGED}"
            )
        if not ours:
            named = f"{self.name} {wanted.version}"
            return Decision(True, f"{named} is not there yet", warnings=self._warnings(named, version))
        found = ours[0]
        if found.namespace != wanted.namespace:
            raise Refused(
                f"{found} is there, and it is wanted in {wanted.namespace}. Two would {self.conflict}: set "
                f"{self.prefix}_namespace to {found.namespace}. {UNCHANGED}"
            )
        if found.version and found.version > version:
            raise Refused(
                f"{found} is there, and {wanted.version} is older. An operator can't go back: {self.newer} what the "
                f"older one does not know. Set {self.prefix}_version to {shown(found.version)}. {UNCHANGED}"
            )
        current = bool(wanted.fingerprint) and found.fingerprint == wanted.fingerprint
        why = f"{found} is there" + ("" if current else ", with other settings or of another release")
        return Decision(True, why, current, (found,), () if current else self._warnings(str(found), version))

    def _existing(self, there: Sequence[Operator]) -> Decision:
        unfit = [each for each in there if each.version and not self.fit(each.version)]
        if unfit:
            raise Refused(f"{unfit[0]} is there; {self._needed} Upgrade it first. {UNCHANGED}")
        unknown = [
            f"{each}: its image {each.image} names no version, so nobody checked that it is at least {self._least}"
            for each in there
            if not each.version
        ]
        # Of our own it was said when it was installed.
        holes = [
            text for each in there if each.version and not each.ours for text in self._warnings(str(each), each.version)
        ]
        return Decision(False, f"{', '.join(map(str, there))} is used", True, tuple(there), (*unknown, *holes))

    def _absent(self, wanted: Wanted, ours: Sequence[Operator], dependents: Sequence[str]) -> Decision:
        if wanted.mode == "existing" or not ours:
            return Decision(False, "no operator of ours is there")
        if dependents:
            raise Refused(f"{self.lost}: {', '.join(dependents)}. Remove them first, or keep the operator. {UNCHANGED}")
        return Decision(True, f"{ours[0]} is removed")

    @property
    def _needed(self) -> str:
        return f"at least {self._least} is needed." + (f" {self.reason}." if self.reason else "")

    @property
    def _least(self) -> str:
        *others, oldest = map(shown, reversed(self.least))
        return f"{', '.join(others)} or {oldest}" if others else oldest

    def _warnings(self, named: str, version: Version) -> tuple[str, ...]:
        return tuple(
            f"{named}: {hole.what} ({hole.number}, mended in {shown(hole.mended)}). Take a later one"
            for hole in self.holes
            if version < hole.mended
        )


def parsed(text: str) -> Version | None:
    """1.30.0 as numbers; None when TEXT begins with none."""
    found = VERSION.match(text)
    return tuple(int(part) for part in found.groups()) if found else None


def shown(version: Version | None) -> str:
    """With dots."""
    return ".".join(map(str, version or ()))
