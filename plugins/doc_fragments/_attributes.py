# Copyright: Contributors to the Tollgate project
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This fragment is private: other collections must not use it.

from __future__ import annotations


class ModuleDocFragment:
    """What the attributes mean; each module says how far it supports them."""

    DOCUMENTATION = r"""
attributes:
  check_mode:
    description: Can run in check mode and says what would change, without changing it.
  diff_mode:
    description: Says in diff mode what has changed, or would.
"""

    ACTION = r"""
attributes:
  action:
    description: Has an action plugin of its own, which runs on the controller.
"""
