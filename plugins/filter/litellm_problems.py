# Copyright: Contributors to the Tollgate project
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
name: litellm_problems
short_description: What can't work of a proxy that is declared for a cluster
version_added: 1.0.0
description:
  - Looks at the variables of the role C(tollgate.llm.litellm) together and says what they contradict each other in,
    before anything is written.
  - Secrets in settings or in the plain environment are found by their names and forms. The answer holds none of them.
positional: _input, image, env, secret_env, defaults
options:
  _input:
    description: The user's C(litellm_settings), C(general_settings) and C(router_settings).
    type: dict
    required: true
  image:
    description: The proxy's image.
    type: str
    required: true
  env:
    description: Environment variables in clear.
    type: dict
    default: {}
  secret_env:
    description: Environment variables from Secrets, each with C(name), C(secret) and C(key).
    type: list
    elements: dict
    default: []
  defaults:
    description: Environment variables that are there by default.
    type: list
    elements: str
    default: []
author: The Tollgate developers (@tollgate)
"""

EXAMPLES = r"""
- name: Refuse what can't work
  ansible.builtin.assert:
    that: >-
      {'general_settings': litellm_general_settings} | tollgate.llm.litellm_problems(litellm_image, litellm_env)
      | length == 0
"""

RETURN = r"""
_value:
  description: The problems, one sentence or two each.
  type: list
  elements: str
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from ansible_collections.tollgate.llm.plugins.module_utils._litellm.cluster_preflight import Declared, problems


def of(
    blocks: Mapping[str, Any],
    image: str,
    env: Mapping[str, Any] | None = None,
    secret_env: Sequence[Mapping[str, Any]] = (),
    defaults: Sequence[str] = (),
) -> list[str]:
    """The problems."""
    return problems(Declared(image, blocks, frozenset(defaults), env or {}, secret_env))


class FilterModule:
    """Filters of the collection."""

    def filters(self) -> dict[str, Callable[..., list[str]]]:
        return {"litellm_problems": of}
