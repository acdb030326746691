# Copyright: Contributors to the Tollgate project
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What LiteLLM shows, hides and keeps of a model's parameters: pure."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from typing import Any

from ..kind import listed
from ..secrecy import OPEN, SECRET_WORDS, segments

REFERENCE = "os.environ/"
# The segments of names that LiteLLM 1.106 masks.
MASKED_WORDS = SECRET_WORDS | {"access", "certificate", "fingerprint", "tenancy"}
ROUNDS = 10_000  # a provider's key that somebody chose by hand shall not be found by trying


def hidden(name: str, value: Any) -> bool:
    """Whether LiteLLM does not give a value back as it was sent: masked, removed, or a reference to its environment."""
    if isinstance(value, Mapping):
        return any(hidden(key, item) for key, item in value.items())
    if listed(value):
        return any(hidden(name, item) for item in value)
    if isinstance(value, str) and value.startswith(REFERENCE):
        return True
    return bool(MASKED_WORDS & segments(name)) and name not in OPEN and value is not None


def fingerprint(model_id: str, name: str, value: Any) -> str:
    """What a hidden parameter is compared by. It is stored in model_info, where every key of the proxy can read it."""
    text = value if isinstance(value, str) else json.dumps(value, sort_keys=True)
    digest = hashlib.pbkdf2_hmac("sha256", text.encode(), f"{model_id}\0{name}".encode(), ROUNDS)
    return f"pbkdf2:{digest.hex()[:16]}"
