# Copyright: Contributors to the Tollgate project
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
name: key_secret_name
short_description: The name under which a virtual key's value is stored
version_added: 1.0.0
description:
  - The entry's C(secret), else its alias when that is made of C([a-z0-9-]) and has at most 40 characters, else a name
    built from the alias and its digest. Two aliases never share a name, and the name is safe as a file, a Kubernetes
    object and a Google Secret Manager id.
positional: _input
options:
  _input:
    description: An entry of C(gateway_keys).
    type: dict
    required: true
author: The Tollgate developers (@tollgate)
"""

EXAMPLES = r"""
- name: Say where the keys lie
  ansible.builtin.debug:
    msg: "{{ gateway_keys | map('tollgate.llm.key_secret_name') }}"
"""

RETURN = r"""
_value:
  description: The name.
  type: str
"""

from collections.abc import Callable, Mapping
from typing import Any

from ansible.errors import AnsibleFilterError
from ansible_collections.tollgate.llm.plugins.module_utils._secrets.names import first_name, key_secret_name


def stored_under(entry: Mapping[str, Any]) -> str:
    """The store name of a key's entry; AnsibleFilterError when it has no alias."""
    if not isinstance(entry, Mapping) or not isinstance(entry.get("alias"), str):
        raise AnsibleFilterError(f"key_secret_name: an entry of gateway_keys with an alias is needed, not {entry!r}")
    return key_secret_name(first_name(entry), entry.get("secret"))


class FilterModule:
    """Filters of the collection."""

    def filters(self) -> dict[str, Callable[..., str]]:
        return {"key_secret_name": stored_under}
