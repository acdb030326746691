# Copyright: Contributors to the Tollgate project
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""LiteLLM's configuration: tested defaults, and what is merged over them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

Settings = Mapping[str, Any]
BLOCKS = ("litellm_settings", "general_settings", "router_settings")

# What every target runs with; each adds its own, such as where the master key is and how often spend is written.
TESTED: dict[str, dict[str, Any]] = {
    "litellm_settings": {
        "callbacks": ["prometheus"],
        "num_retries": 2,
        "telemetry": False,
        "set_verbose": False,
        "json_logs": False,
    },
    "general_settings": {
        "database_url": "os.environ/DATABASE_URL",
        "store_model_in_db": True,
        "store_prompts_in_spend_logs": False,
        "maximum_spend_logs_retention_period": "30d",
        "maximum_spend_logs_retention_interval": "1d",
        "database_connection_pool_limit": 10,
        "database_connection_timeout": 60,
        "disable_error_logs": True,
        "disable_auto_add_proxy_admin_to_teams": True,
        # Else any key that starts with sk- is served while the database is away: all models, no budget.
        "allow_requests_on_db_unavailable": False,
    },
    "router_settings": {
        "routing_strategy": "simple-shuffle",
        "enable_pre_call_checks": True,
    },
}


def configuration(layers: Sequence[Settings]) -> dict[str, Any]:
    """The whole configuration: each layer over the ones before, mappings key by key, anything else as a whole.

    Raises ValueError for a block that is none of BLOCKS.
    """
    found: dict[str, Any] = {name: dict(TESTED[name]) for name in BLOCKS}
    for layer in layers:
        unknown = sorted(set(layer).difference(BLOCKS))
        if unknown:
            raise ValueError(f"no block of LiteLLM's configuration: {', '.join(unknown)}")
        found = _merged(found, layer)
    return found


def _merged(below: Settings, above: Settings) -> dict[str, Any]:
    result = dict(below)
    for name, value in above.items():
        known = result.get(name)
        both = isinstance(known, Mapping) and isinstance(value, Mapping)
        result[name] = _merged(known, value) if both and known is not None else value
    return result
