# Copyright: Contributors to the Tollgate project
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""LiteLLM's configuration: tested defaults with layers over them."""

from __future__ import annotations

import pytest
from ansible_collections.tollgate.llm.plugins.module_utils._litellm.settings import TESTED, configuration


def test_without_layers_it_is_what_was_tested() -> None:
    assert configuration([]) == TESTED


def test_later_layers_win_key_by_key_and_lists_as_a_whole() -> None:
    found = configuration(
        [
            {"litellm_settings": {"cache_params": {"type": "redis", "ttl": 1}}},
            {"litellm_settings": {"cache_params": {"ttl": 2}, "callbacks": ["mine"]}, "general_settings": {}},
        ]
    )
    assert found["litellm_settings"]["cache_params"] == {"type": "redis", "ttl": 2}
    assert found["litellm_settings"]["callbacks"] == ["mine"]
    assert found["litellm_settings"]["num_retries"] == TESTED["litellm_settings"]["num_retries"]


def test_the_tested_defaults_are_not_changed_by_what_is_merged_over_them() -> None:
    configuration([{"general_settings": {"proxy_batch_write_at": 60}}])
    assert "proxy_batch_write_at" not in TESTED["general_settings"]


def test_another_block_is_refused_by_name() -> None:
    with pytest.raises(ValueError, match="litellm_setings"):
        configuration([{"litellm_setings": {}}])


def test_a_lost_database_closes_the_proxy_unless_a_layer_says_otherwise() -> None:
    assert configuration([])["general_settings"]["allow_requests_on_db_unavailable"] is False
