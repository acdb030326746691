# Copyright: Contributors to the Tollgate project
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
name: litellm_configuration
short_description: LiteLLM's configuration from tested defaults and what is merged over them
version_added: 1.0.0
description:
  - The roles of this collection make LiteLLM's C(config.yaml) with it, on every target.
  - Mappings are merged key by key, anything else is replaced.
positional: _input
options:
  _input:
    description: Mappings with C(litellm_settings), C(general_settings) and C(router_settings). Later ones win.
    type: list
    elements: dict
    required: true
author: The Tollgate developers (@tollgate)
"""

EXAMPLES = r"""
- name: Show the configuration
  ansible.builtin.debug:
    msg: "{{ [{'general_settings': {'proxy_batch_write_at': 60}}] | tollgate.llm.litellm_configuration }}"
"""

RETURN = r"""
_value:
  description: The configuration.
  type: dict
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from ansible.errors import AnsibleFilterError
from ansible_collections.tollgate.llm.plugins.module_utils._litellm.settings import configuration


def merged(layers: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """The configuration; AnsibleFilterError for a block that LiteLLM's configuration does not have."""
    try:
        return configuration(layers)
    except ValueError as error:
        raise AnsibleFilterError(f"litellm_configuration: {error}") from error


class FilterModule:
    """Filters of the collection."""

    def filters(self) -> dict[str, Callable[..., dict[str, Any]]]:
        return {"litellm_configuration": merged}
