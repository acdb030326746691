# Copyright: Contributors to the Tollgate project
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Whether CloudNativePG's operator is to be installed, beside what a cluster has of it."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from .manifests import FINGERPRINT, MANAGER
from .standing import Object

# Both the release's manifest and the Helm chart label the Deployment so.
SELECTOR = "app.kubernetes.io/name=cloudnative-pg"
MANAGED_BY = "app.kubernetes.io/managed-by"
VERSION = re.compile(r"v?(\d+)\.(\d+)\.(\d+)")
# The first releases of each minor version without CVE-2026-55765, CVE-2026-55769 and CVE-2026-44477.
FIT = ((1, 28, 4), (1, 29, 2), (1, 30, 0))
REASON = (
    "Earlier ones let the owner of a database become its superuser (CVE-2026-55769, CVE-2026-44477) and show passwords "
    "to what logs statements (CVE-2026-55765)"
)
UNCHANGED = "Nothing was changed."

Version = tuple[int, ...]


class Refused(Exception):
    """What is there can't be used and must not be replaced, or what is wanted must not be installed."""


@dataclass(frozen=True)
class Operator:
    """A Deployment of the operator."""

    name: str
    namespace: str
    image: str
    version: Version | None  # None: its image does not say
    keeper: str
    fingerprint: str = ""

    @classmethod
    def of(cls, found: Object) -> Operator:
        """From the Deployment."""
        metadata = found["metadata"]
        labels, annotations = metadata.get("labels") or {}, metadata.get("annotations") or {}
        containers = found["spec"]["template"]["spec"]["containers"]
        image = next((each["image"] for each in containers if each["name"] == "manager"), containers[0]["image"])
        tag = image.partition("@")[0].rpartition("/")[2].partition(":")[2]
        return cls(
            str(metadata["name"]),
            str(metadata["namespace"]),
            str(image),
            parsed(tag) or parsed(str(labels.get("app.kubernetes.io/version", ""))),
            str(labels.get(MANAGED_BY) or "somebody else"),
            str(annotations.get(FINGERPRINT, "")),
        )

    @property
    def ours(self) -> bool:
        """Whether it was installed from here."""
        return self.keeper == MANAGER

    def __str__(self) -> str:
        version = (
            f"CloudNativePG {shown(self.version)}" if self.version else "CloudNativePG of a version it does not say"
        )
        return f"{version} (Deployment {self.namespace}/{self.name}, kept by {'us' if self.ours else self.keeper})"


@dataclass(frozen=True)
class Wanted:
    """What is asked for."""

    mode: str  # auto, own, existing
    version: str
    namespace: str
    state: str = "present"
    fingerprint: str = ""


@dataclass(frozen=True)
class Decision:
    """What to do, and why."""

    manage: bool  # whether the release's objects are ours to apply or to remove
    why: str
    current: bool = False  # whether all of them were applied already
    used: tuple[Operator, ...] = ()  # those that will serve, as far as they are there
    warnings: tuple[str, ...] = ()


def decide(wanted: Wanted, there: Sequence[Operator], clusters: Sequence[str]) -> Decision:
    """CLUSTERS are all databases that depend on the operator. Raises Refused."""
    ours = [each for each in there if each.ours]
    theirs = [each for each in there if not each.ours]
    if wanted.state == "absent":
        return _absent(wanted, ours, clusters)
    if ours and theirs:
        raise Refused(
            f"there are two operators: {', '.join(map(str, there))}. Both would act on the same databases: remove one. "
            f"{UNCHANGED}"
        )
    if theirs:
        if wanted.mode == "own":
            raise Refused(
                f"{theirs[0]} is there, and one of our own is wanted. Both would act on the same databases: use that "
                f"one (cnpg_operator_existing: auto), or remove it. {UNCHANGED}"
            )
        return _existing(theirs)
    if wanted.mode == "existing":
        if ours:
            return _existing(ours)
        raise Refused(
            "no Deployment of CloudNativePG is there, and an existing one is to be used. Install it, or let the role "
            f"do it (cnpg_operator_existing: auto). {UNCHANGED}"
        )
    return _own(wanted, ours)


def _own(wanted: Wanted, ours: Sequence[Operator]) -> Decision:
    version = parsed(wanted.version)
    if not fit(version):
        raise Refused(
            f"CloudNativePG {wanted.version} is wanted; at least {_least()} is needed. {REASON}. "
            f"Correct cnpg_operator_version. {UNCHANGED}"
        )
    if not ours:
        return Decision(True, f"CloudNativePG {wanted.version} is not there yet")
    found = ours[0]
    if found.namespace != wanted.namespace:
        raise Refused(
            f"{found} is there, and it is wanted in {wanted.namespace}. Two would act on the same databases: set "
            f"cnpg_operator_namespace to {found.namespace}. {UNCHANGED}"
        )
    if found.version and version and found.version > version:
        raise Refused(
            f"{found} is there, and {wanted.version} is older. An operator can't go back: its databases may use what "
            f"the older one does not know. Set cnpg_operator_version to {shown(found.version)}. {UNCHANGED}"
        )
    current = bool(wanted.fingerprint) and found.fingerprint == wanted.fingerprint
    why = f"{found} is there" + ("" if current else ", with other settings or of another release")
    return Decision(True, why, current, (found,))


def _existing(there: Sequence[Operator]) -> Decision:
    unfit = [each for each in there if each.version and not fit(each.version)]
    if unfit:
        raise Refused(f"{unfit[0]} is there; at least {_least()} is needed. {REASON}. Upgrade it first. {UNCHANGED}")
    warnings = [
        f"{each}: its image {each.image} names no version, so nobody checked that it is at least {_least()}"
        for each in there
        if not each.version
    ]
    return Decision(False, f"{', '.join(map(str, there))} is used", True, tuple(there), tuple(warnings))


def _absent(wanted: Wanted, ours: Sequence[Operator], clusters: Sequence[str]) -> Decision:
    if wanted.mode == "existing" or not ours:
        return Decision(False, "no operator of ours is there")
    if clusters:
        raise Refused(
            f"these databases would be removed with the operator's definitions, and their data: {', '.join(clusters)}. "
            f"Remove them first, or keep the operator. {UNCHANGED}"
        )
    return Decision(True, f"{ours[0]} is removed")


def parsed(text: str) -> Version | None:
    """1.30.0 as numbers; None when TEXT begins with none."""
    found = VERSION.match(text)
    return tuple(int(part) for part in found.groups()) if found else None


def shown(version: Version | None) -> str:
    """With dots."""
    return ".".join(map(str, version or ()))


def fit(version: Version | None) -> bool:
    """Whether it has the fixes of its minor version."""
    if version is None:
        return False
    return version >= FIT[-1] or any(version[:2] == least[:2] and version >= least for least in FIT)


def _least() -> str:
    return f"{shown(FIT[-1])}, {shown(FIT[-2])} or {shown(FIT[-3])}"
