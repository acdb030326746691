# Copyright: Contributors to the Tollgate project
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Documentation of a module that looks for a product's operators."""

from __future__ import annotations


class ModuleDocFragment:
    """Mirrors the options of `plugins/module_utils/_kubernetes/operator_info.py`, but for the namespace's default."""

    DOCUMENTATION = r"""
options:
  mode:
    description:
      - V(auto) uses an operator that somebody else has installed, and else takes one of our own.
      - V(own) refuses when somebody else's is there, V(existing) when none is.
    type: str
    choices: [auto, own, existing]
    default: auto
  version:
    description: The version that would be installed.
    type: str
    required: true
  state:
    description: Whether the operator is wanted.
    type: str
    choices: [present, absent]
    default: present
  fingerprint:
    description: The fingerprint of its manifests, as they are given to M(tollgate.llm.kubernetes_objects).
    type: str
    default: ""
"""
