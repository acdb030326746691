# Copyright: Contributors to the Tollgate project
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
name: key_secrets
short_description: The secrets that the values of virtual keys are kept in
version_added: 1.0.0
description:
  - For each entry of C(gateway_keys) that is wanted, a secret to be generated (C(sk-) and 192 random bits), as an
    entry of O(tollgate.llm.file_secret#module:secrets).
positional: _input
options:
  _input:
    description: The list C(gateway_keys).
    type: list
    elements: dict
    required: true
author: The Tollgate developers (@tollgate)
"""

EXAMPLES = r"""
- name: Keep the values of the declared keys
  tollgate.llm.file_secret:
    directory: /var/lib/gateway/secrets
    secrets: "{{ gateway_keys | tollgate.llm.key_secrets }}"
"""

RETURN = r"""
_value:
  description: The secrets.
  type: list
  elements: dict
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from ansible_collections.tollgate.llm.plugins.filter.key_secret_name import stored_under


def secrets_of(entries: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """A secret for each key that is wanted."""
    return [
        {"name": stored_under(entry), "generate": {"format": "hex", "bytes": 24, "prefix": "sk-"}}
        for entry in entries
        if entry.get("state", "present") != "absent"
    ]


class FilterModule:
    """Filters of the collection."""

    def filters(self) -> dict[str, Callable[..., list[dict[str, Any]]]]:
        return {"key_secrets": secrets_of}
