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

REFERENCE = "os.environ/"
# The segments of names that LiteLLM 1.106 masks, unless "cost" is one of them
# (litellm/litellm_core_utils/sensitive_data_masker.py).
SECRET_WORDS = frozenset(
    ("key", "token", "secret", "password", "auth", "authorization", "cookie", "credential", "credentials", "private")
)
MASKED_WORDS = SECRET_WORDS | {"access", "certificate", "fingerprint", "tenancy"}
OPEN = ("default_api_key_tpm_limit", "default_api_key_rpm_limit", "litellm_credential_name")
ROUNDS = 10_000  # a provider's key that somebody chose by hand shall not be found by trying


def secret_name(name: str) -> bool:
    """Whether a parameter of this name holds a secret, by what it is called."""
    return bool(SECRET_WORDS & _segments(name)) and name not in OPEN


def _segments(name: str) -> set[str]:
    found = set(str(name).lower().replace("-", "_").split("_"))
    return set() if "cost" in found else found


def hidden(name: str, value: Any) -> bool:
    """Whether LiteLLM does not give a value back as it was sent: masked, removed, or a reference to its environment."""
    if isinstance(value, Mapping):
        return any(hidden(key, item) for key, item in value.items())
    if listed(value):
        return any(hidden(name, item) for item in value)
    if isinstance(value, str) and value.startswith(REFERENCE):
        return True
    return bool(MASKED_WORDS & _segments(name)) and name not in OPEN and value is not None


def fingerprint(model_id: str, name: str, value: Any) -> str:
    """What a hidden parameter is compared by. It is stored in model_info, where every key of the proxy can read it."""
    text = value if isinstance(value, str) else json.dumps(value, sort_keys=True)
    digest = hashlib.pbkdf2_hmac("sha256", text.encode(), f"{model_id}\0{name}".encode(), ROUNDS)
    return f"pbkdf2:{digest.hex()[:16]}"
