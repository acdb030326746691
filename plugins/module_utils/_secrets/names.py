# Copyright: Contributors to the Tollgate project
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The name under which a virtual key's value is stored."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from typing import Any

SAFE = re.compile(r"[a-z0-9](?:[a-z0-9-]{0,38}[a-z0-9])?")
# The same, as long as a user may want it.
CHOSEN = re.compile(r"[a-z0-9](?:[a-z0-9-]{0,98}[a-z0-9])?")
# What a made name looks like: an alias of that form is given one of its own.
MADE = re.compile(r"key-(?:.*-)?[0-9a-f]{10}")
# Names of the gateway's own secrets, which no key may take.
RESERVED = {"litellm-master-key", "litellm-salt-key", "litellm-db-password", "vllm-api-key", "database-url"}


def chosen_name_problem(secret: str) -> str | None:
    """Why no key's value may be stored under this name; None when it may."""
    if secret in RESERVED:
        return f'secret "{secret}" is one of the gateway\'s own: choose another name'
    if not CHOSEN.fullmatch(secret):
        return f'secret "{secret}" must have 1 to 100 characters of a-z, 0-9 and -, and no - at its ends'
    return None


def first_name(entry: Mapping[str, Any]) -> str:
    """The alias under which a key was declared first: its value stays stored under that."""
    return str(entry.get("renamed_from") or entry["alias"])


def key_secret_name(alias: str, secret: str | None = None) -> str:
    """The entry's C(secret), else its alias where that is a safe name, else a name made of a slug and a digest.

    Injective, and safe as a file name, a Kubernetes object's and a Google Secret Manager id.
    """
    if secret:
        return secret
    if SAFE.fullmatch(alias) and alias not in RESERVED and not MADE.fullmatch(alias):
        return alias
    slug = re.sub(r"[^a-z0-9]+", "-", alias.lower()).strip("-")[:24].strip("-")
    digest = hashlib.sha256(alias.encode()).hexdigest()[:10]
    return f"key-{slug}-{digest}" if slug else f"key-{digest}"
