# Copyright: Contributors to the Tollgate project
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Bad input: a clear message before anything is written."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from conftest import Gateway

KEY = {"alias": "default", "team": "product", "models": ["qwen-local"], "max_budget": 1}

WRONG: dict[str, tuple[dict[str, Any], str]] = {
    "a misspelt variable": ({"gateway_modles": []}, 'did you mean "gateway_models"'),
    "a misspelt field of a key": ({"gateway_keys": [{**KEY, "max_buget": 1}]}, 'did you mean "max_budget"'),
    "a key without models": ({"gateway_keys": [{"alias": "default", "team": "product"}]}, "all_models"),
    "an empty list of models": ({"gateway_keys": [{**KEY, "models": []}]}, "all_models"),
    "two keys of one alias": ({"gateway_keys": [KEY, KEY]}, "default"),
    "a negative budget": ({"gateway_keys": [{**KEY, "max_budget": -1}]}, "max_budget"),
    "a budget on a model without a price": (
        {"gateway_models": [{"name": "qwen-local", "model": "hosted_vllm/qwen-local"}]},
        "input_cost_per_token",
    ),
    "a LiteLLM version with a known hole": ({"gateway_litellm_version": "1.82.7"}, "1.82.7 is refused"),
    "failing open to the network": (
        {"gateway_host": "0.0.0.0", "gateway_general_settings": {"allow_requests_on_db_unavailable": True}},  # noqa: S104 (what is refused)
        "allow_requests_on_db_unavailable",
    ),
    "a state directory with a blank": ({"gateway_state_dir": "/tmp/with blank"}, "Choose a path of letters"),
}


@pytest.mark.parametrize("case", WRONG)
def test_it_is_refused_before_anything_is_written(gateway: Gateway, case: str) -> None:
    variables, message = WRONG[case]
    rows, files = gateway.rows(), gateway.files()
    ran = gateway.play("site.yml", "-e", json.dumps(variables), fails=True)
    assert message in " ".join(ran.output.split())
    assert "Traceback" not in ran.output
    assert gateway.files() == files
    assert gateway.rows() == rows


def test_another_gateways_name_removes_nothing(gateway: Gateway) -> None:
    """The name is the one in the state directory, whatever the gateway file of this run says."""
    files = gateway.files()
    wrong = ("-e", "gateway_name=other", "-e", "gateway_remove=other")
    refused = gateway.play("playbooks/teardown.yml", *wrong, fails=True).output
    assert f'is "{gateway.place["name"]}"' in " ".join(refused.split())
    assert gateway.files() == files


def test_a_malformed_database_url_is_refused_without_its_password(gateway: Gateway) -> None:
    url = json.dumps({"gateway_database_url": "mysql://a:hunter2hunter2@127.0.0.1/x"})
    refused = gateway.play("site.yml", "-e", url, fails=True).output
    assert "gateway_database_url: must begin with postgresql://" in refused
    assert "hunter2hunter2" not in refused
    assert "hunter2hunter2" not in (gateway.state / "run" / "lock.json").read_text()
