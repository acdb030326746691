# Copyright: Contributors to the Tollgate project
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Whether a release's CustomResourceDefinitions are to be installed, beside what a cluster has of them."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from .manifests import MANAGER

VERSION = re.compile(r"v?(\d+)\.(\d+)\.(\d+)")
MANAGED_BY = "app.kubernetes.io/managed-by"
ADDON = "addonmanager.kubernetes.io/mode"  # what GKE writes on what it keeps itself

Metadata = Mapping[str, Any]


class Refused(Exception):
    """What is there can't be kept and must not be replaced; nothing was changed."""


@dataclass(frozen=True)
class Release:
    """One release: its definitions say in annotations which release and channel they are of."""

    name: str
    annotation: str  # the domain of the annotations
    version: str
    channel: str
    definitions: tuple[str, ...]

    @classmethod
    def of(cls, options: Mapping[str, Any]) -> Release:
        """From the module's options."""
        return cls(
            options["name"],
            options["annotation"],
            options["version"],
            options["channel"] or "",
            tuple(options["definitions"]),
        )


@dataclass(frozen=True)
class Installed:
    """One definition that is there."""

    name: str
    version: str
    channel: str
    keeper: str  # who keeps it, as far as it says so

    @classmethod
    def of(cls, metadata: Metadata, release: Release) -> Installed:
        """From its metadata."""
        labels, annotations = metadata.get("labels") or {}, metadata.get("annotations") or {}
        keeper = labels.get(MANAGED_BY) or ("the platform" if ADDON in labels else "")
        return cls(
            str(metadata["name"]),
            str(annotations.get(f"{release.annotation}/bundle-version", "")),
            str(annotations.get(f"{release.annotation}/channel", "")),
            str(keeper),
        )


@dataclass(frozen=True)
class Decision:
    """Whether to install, and why."""

    install: bool
    why: str


def decide(release: Release, metadata: Mapping[str, Metadata], manage: bool) -> Decision:
    """What to do about a release; C(metadata) is of all definitions that the cluster has, by name. Raises Refused."""
    there = [Installed.of(metadata[name], release) for name in release.definitions if name in metadata]
    missing = [name for name in release.definitions if name not in metadata]
    says = f"{release.name} {', '.join(sorted({each.version or 'of no known version' for each in there}))}"
    if not manage:
        if missing:
            raise Refused(
                f"{release.name}: the cluster lacks {', '.join(missing)}, and existing definitions are to be used. "
                f"Install {release.name} {release.version}, or let the role do it (inference_gateway_crds: manage)."
            )
        return Decision(False, f"{says} is there")
    if not there:
        return Decision(True, f"{release.name} {release.version} is not there")
    least, most = min(_parsed(each.version) for each in there), max(_parsed(each.version) for each in there)
    wanted = _parsed(release.version)
    ours = all(each.keeper == MANAGER for each in there)
    if not missing and least >= wanted and not (ours and most == wanted):
        return Decision(False, f"{says} is there{'' if ours else ', and kept by others'}")
    if most > wanted:
        raise Refused(
            f"{says} is there without {', '.join(missing) or 'a single version'}, and {release.version} is older. "
            f"Complete the newer one, or remove it first. {_instead()}"
        )
    experimental = [each.name for each in there if release.channel and each.channel not in ("", release.channel)]
    if experimental:
        raise Refused(
            f"{says} is there of another channel than {release.channel} ({experimental[0]}): one over the other loses "
            f"fields. Upgrade it within its channel. {_instead()}"
        )
    if not ours:
        keeper = next((each.keeper for each in there if each.keeper not in ("", MANAGER)), "somebody else")
        raise Refused(
            f"{says} is there{' in part' if missing else ''}, kept by {keeper}, and {release.version} is wanted. "
            f"Upgrade it where it came from. {_instead()}"
        )
    # Also one that is complete: a run that ended too soon may have left out what comes after the definitions.
    return Decision(True, f"{says} is there, {release.version} is wanted")


def _parsed(version: str) -> tuple[int, ...]:
    found = VERSION.match(version)
    return tuple(int(part) for part in found.groups()) if found else (0, 0, 0)


def _instead() -> str:
    return "Or use what is there: inference_gateway_crds: existing. Nothing was changed."
