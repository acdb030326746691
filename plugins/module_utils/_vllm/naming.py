# Copyright: Contributors to the Tollgate project
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the objects of a model are called."""

from __future__ import annotations

import hashlib
import re

LONGEST = 40  # of an id: the pods' names have 17 characters more than their Deployment's, and 63 are allowed
DIGITS = 10
ID = re.compile(r"[a-z0-9]([a-z0-9-]{0,38}[a-z0-9])?")


def identifier(name: str, chosen: str | None = None) -> str:
    """The id of a model: the chosen one, else its served name when that is one, else a slug with ten digits of its
    SHA-256: two names never share one. Raises ValueError for a chosen id that is no DNS label of 40 characters."""
    if chosen:
        if not ID.fullmatch(chosen):
            raise ValueError(
                f"the id {chosen!r} is not a name for objects: a-z, 0-9 and -, at most {LONGEST} characters, no - "
                "at its ends"
            )
        return chosen
    if ID.fullmatch(name):
        return name
    digest = hashlib.sha256(name.encode()).hexdigest()[:DIGITS]
    slug = re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-")[: LONGEST - DIGITS - 1].strip("-")
    return f"{slug}-{digest}" if slug else f"model-{digest}"


def object_name(name: str, chosen: str | None = None) -> str:
    """Deployment, Service and the label `app` of the pods."""
    return f"vllm-{identifier(name, chosen)}"
