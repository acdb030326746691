# Copyright: Contributors to the Tollgate project
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# For speed: plugins/plugin_utils/in_worker.py.

from __future__ import annotations

from ansible_collections.tollgate.llm.plugins.modules import sealed_secrets_keys
from ansible_collections.tollgate.llm.plugins.plugin_utils.in_worker import InWorker


class ActionModule(InWorker):
    """M(tollgate.llm.sealed_secrets_keys)."""

    module = sealed_secrets_keys
