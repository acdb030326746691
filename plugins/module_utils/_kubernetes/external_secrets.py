# Copyright: Contributors to the Tollgate project
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Whether the operator of External Secrets is to be installed, beside what a cluster has of it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from .cnpg_operator import MANAGED_BY, UNCHANGED, Refused, Version, Wanted, parsed, shown
from .manifests import FINGERPRINT, MANAGER
from .standing import Object

# The Helm chart labels the controller's Deployment so; its webhook and cert-controller have other names.
SELECTOR = "app.kubernetes.io/name=external-secrets"
CONTAINER = "external-secrets"
FIT = (0, 16, 0)  # the first with external-secrets.io/v1
SAFE = (1, 2, 0)
HOLE = (
    "who may write an ExternalSecret in any namespace reads Secrets of all of them (GHSA-77v3-r3jw-j2v2, mended in "
    f"{'.'.join(map(str, SAFE))})"
)


@dataclass(frozen=True)
class Operator:
    """A Deployment of the controller."""

    name: str
    namespace: str
    account: str
    image: str
    version: Version | None  # None: its image does not say
    keeper: str
    fingerprint: str = ""

    @classmethod
    def of(cls, found: Object) -> Operator:
        """From the Deployment."""
        metadata, pod = found["metadata"], found["spec"]["template"]["spec"]
        labels, annotations = metadata.get("labels") or {}, metadata.get("annotations") or {}
        containers = pod["containers"]
        image = next((each["image"] for each in containers if each["name"] == CONTAINER), containers[0]["image"])
        tag = image.partition("@")[0].rpartition("/")[2].partition(":")[2]
        return cls(
            str(metadata["name"]),
            str(metadata["namespace"]),
            str(pod.get("serviceAccountName") or "default"),
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
        version = shown(self.version) if self.version else "of a version it does not say"
        keeper = "us" if self.ours else self.keeper
        return f"External Secrets {version} (Deployment {self.namespace}/{self.name}, kept by {keeper})"


@dataclass(frozen=True)
class Decision:
    """What to do, and why."""

    manage: bool  # whether the operator's objects are ours to apply or to remove
    why: str
    current: bool = False  # whether all of them were applied already
    used: tuple[Operator, ...] = ()  # those that will serve, as far as they are there
    warnings: tuple[str, ...] = ()


def decide(wanted: Wanted, there: Sequence[Operator], dependents: Sequence[str]) -> Decision:
    """DEPENDENTS are all objects that only an operator can let go of. Raises Refused."""
    ours = [each for each in there if each.ours]
    theirs = [each for each in there if not each.ours]
    if wanted.state == "absent":
        return _absent(wanted, ours, dependents)
    if ours and theirs:
        raise Refused(
            f"there are two operators: {', '.join(map(str, there))}. Both would write the same Secrets: remove one. "
            f"{UNCHANGED}"
        )
    if theirs:
        if wanted.mode == "own":
            raise Refused(
                f"{theirs[0]} is there, and one of our own is wanted. Both would write the same Secrets: use that one "
                f"(external_secrets_existing: auto), or remove it. {UNCHANGED}"
            )
        return _existing(theirs)
    if wanted.mode == "existing":
        if ours:
            return _existing(ours)
        raise Refused(
            "no Deployment of External Secrets is there (label app.kubernetes.io/name=external-secrets), and an "
            "existing one is to be used. Install it, or run the operators' wave with external_secrets_existing: auto. "
            "Nothing was installed or delivered."
        )
    return _own(wanted, ours)


def _own(wanted: Wanted, ours: Sequence[Operator]) -> Decision:
    version = parsed(wanted.version)
    if version is None or version < FIT:
        raise Refused(
            f"External Secrets {wanted.version} is wanted; at least {shown(FIT)} is needed. Correct "
            f"external_secrets_version. {UNCHANGED}"
        )
    if not ours:
        why = f"External Secrets {wanted.version} is not there yet"
        return Decision(True, why, warnings=_holes(f"External Secrets {wanted.version}", version))
    found = ours[0]
    if found.namespace != wanted.namespace:
        raise Refused(
            f"{found} is there, and it is wanted in {wanted.namespace}. Two would write the same Secrets: set "
            f"external_secrets_namespace to {found.namespace}. {UNCHANGED}"
        )
    if found.version and found.version > version:
        raise Refused(
            f"{found} is there, and {wanted.version} is older. An operator can't go back: its definitions may have "
            f"what the older one does not know. Set external_secrets_version to {shown(found.version)}. {UNCHANGED}"
        )
    current = bool(wanted.fingerprint) and found.fingerprint == wanted.fingerprint
    why = f"{found} is there" + ("" if current else ", with other settings or of another release")
    return Decision(True, why, current, (found,), () if current else _holes(str(found), version))


def _existing(there: Sequence[Operator]) -> Decision:
    unfit = [each for each in there if each.version and each.version < FIT]
    if unfit:
        raise Refused(f"{unfit[0]} is there; at least {shown(FIT)} is needed. Upgrade it first. {UNCHANGED}")
    unknown = [
        f"{each}: its image {each.image} names no version, so nobody checked that it is at least {shown(FIT)}"
        for each in there
        if not each.version
    ]
    # Of our own it was said when it was installed.
    holes = [text for each in there if each.version and not each.ours for text in _holes(str(each), each.version)]
    return Decision(False, f"{', '.join(map(str, there))} is used", True, tuple(there), (*unknown, *holes))


def _absent(wanted: Wanted, ours: Sequence[Operator], dependents: Sequence[str]) -> Decision:
    if wanted.mode == "existing" or not ours:
        return Decision(False, "no operator of ours is there")
    if dependents:
        raise Refused(
            f"these would be removed with the operator's definitions: {', '.join(dependents)}. Remove them first, or "
            f"keep the operator. {UNCHANGED}"
        )
    return Decision(True, f"{ours[0]} is removed")


def _holes(name: str, version: Version) -> tuple[str, ...]:
    return (f"{name}: {HOLE}. Take a later one",) if version < SAFE else ()
