# Copyright: Contributors to the Tollgate project
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is secret by what it is called: pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from .kind import listed

SHORTEST = 8  # a shorter text is no secret and might be a part of any word
HIDDEN = "(hidden)"
# The segments of names that LiteLLM 1.106 masks, unless "cost" is one of them
# (litellm/litellm_core_utils/sensitive_data_masker.py).
SECRET_WORDS = frozenset(
    ("key", "token", "secret", "password", "auth", "authorization", "cookie", "credential", "credentials", "private")
)
OPEN = ("default_api_key_tpm_limit", "default_api_key_rpm_limit", "litellm_credential_name")


def secret_name(name: str) -> bool:
    """Whether a parameter of this name holds a secret, by what it is called."""
    return bool(SECRET_WORDS & segments(name)) and name not in OPEN


def appearing(secrets: Iterable[str], said: Any) -> set[str]:
    """Those of many secrets, each C(SHORTEST) characters long or more, that stand in any text of a result.

    Ansible looks for each secret in each text, which for thousands of both takes minutes.
    """
    beginnings: dict[str, list[str]] = {}
    for secret in secrets:
        beginnings.setdefault(secret[:SHORTEST], []).append(secret)
    if not beginnings:
        return set()
    text = "\n".join(_texts(said))
    return {
        secret
        for place in range(len(text) - SHORTEST + 1)
        for secret in beginnings.get(text[place : place + SHORTEST], ())
        if text.startswith(secret, place)
    }


def _texts(said: Any) -> Iterator[str]:
    if isinstance(said, Mapping):
        for name, value in said.items():
            yield str(name)
            yield from _texts(value)
    elif listed(said):
        for item in said:
            yield from _texts(item)
    else:
        yield str(said)


def segments(name: str) -> set[str]:
    """The words of a name; none of a price's."""
    found = set(str(name).lower().replace("-", "_").split("_"))
    return set() if "cost" in found else found


def opened(value: Any, name: str = "") -> Any:
    """What may be shown of a value that somebody has stored: each text in it that is secret is hidden."""
    if isinstance(value, Mapping):
        return {key: opened(item, str(key)) for key, item in value.items()}
    if listed(value):
        return [opened(item, name) for item in value]
    return HIDDEN if isinstance(value, str) and value and secret_name(name) else value
