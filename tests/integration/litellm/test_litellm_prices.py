# Copyright: Contributors to the Tollgate project
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Budgets that a model without prices would escape, by the prices that the real proxy knows."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from ansible_collections.tollgate.llm.plugins.modules import (
    litellm_customer,
    litellm_key,
    litellm_model,
    litellm_team,
    litellm_tenants,
    litellm_user,
)
from ansible_collections.tollgate.llm.tests.unit.plugins.module_utils._litellm.task import Task
from forward_proxy import Forward
from proxy import Proxy

VALUE = "sk-prices-0123456789abcdef"
BACKEND = {"model": "hosted_vllm/a", "api_base": "http://127.0.0.1:9/v1"}
KEY: dict[str, Any] = {"alias": "thrifty", "value": VALUE, "max_budget": 5}
NEVER = 'its budget would never bind: model "costless" has no price.'


@pytest.fixture
def costless(proxy: Proxy) -> None:
    """A model without prices."""
    proxy.post("/model/new", model_name="costless", litellm_params=BACKEND, model_info={"id": "costless"})


@pytest.mark.usefixtures("costless")
def test_budget_over_a_model_without_prices_is_refused_or_warned_of(task: Task, forward: Forward) -> None:
    for models in ({"models": ["costless"]}, {"models": ["cost*", "qwen-local"]}, {"all_models": True}):
        forward.seen.clear()
        assert f'key "thrifty": {NEVER}' in task(litellm_key, **KEY, **models)["msg"]
        assert forward.writes() == []
    assert task(litellm_key, **{**KEY, "max_budget": 0}, models=["costless"])["changed"]
    assert NEVER in task(litellm_key, **KEY)["msg"]
    warned = task(litellm_key, **KEY, unpriced_budgets="warn")
    assert warned["changed"]
    assert any(NEVER in str(warning) for warning in warned["warnings"])
    forward.seen.clear()
    assert task(litellm_key, **KEY)["changed"] is False
    assert {path for method, path in forward.seen} == {"/key/list"}
    assert task(litellm_key, **{**KEY, "max_budget": 6}, models=["qwen-local"])["changed"]
    assert f'team "thrifty": {NEVER}' in task(litellm_team, team="thrifty", all_models=True, max_budget=5)["msg"]
    assert f'user "thrifty": {NEVER}' in task(litellm_user, user="thrifty", max_budget=5)["msg"]
    assert f'customer "thrifty": {NEVER}' in task(litellm_customer, customer="thrifty", max_budget=5)["msg"]
    # Another list of models lets it out of the budget that it has.
    assert f'key "thrifty": {NEVER}' in task(litellm_key, **{**KEY, "max_budget": 6}, models=["costless"])["msg"]


@pytest.mark.usefixtures("costless")
def test_shared_budget_of_dollars_binds_as_little_and_one_of_rates_does(
    task: Task, forward: Forward, proxy: Proxy, tmp_path: Path
) -> None:
    proxy.post("/budget/new", budget_id="dollars", max_budget=5)
    proxy.post("/budget/new", budget_id="rates", rpm_limit=5)
    (tmp_path / "thrifty").write_text(VALUE)
    key = {"alias": "thrifty", "models": ["costless"]}
    single = {**key, "value": VALUE}
    whole = {"models": [{"name": "costless", **BACKEND}], "secrets_directory": str(tmp_path), "unmanaged": "keep"}
    assert f'key "thrifty": {NEVER}' in task(litellm_key, **single, budget_id="dollars")["msg"]
    message = task(litellm_tenants, **whole, keys=[{**key, "budget_id": "dollars"}])["msg"]
    assert f'key "thrifty": {NEVER}' in message
    assert forward.writes() == []
    assert task(litellm_tenants, **whole, keys=[{**key, "budget_id": "rates"}])["summary"]["created"] == 1
    assert task(litellm_key, **single, budget_id="rates")["changed"] is False


@pytest.mark.usefixtures("costless")
def test_team_keeps_its_keys_from_models_without_prices(task: Task) -> None:
    assert task(litellm_team, team="thrifty", models=["qwen-local"], max_budget=5)["changed"]
    assert task(litellm_key, **KEY, team="thrifty", all_models=True)["changed"]


@pytest.mark.usefixtures("costless")
def test_budget_of_a_declared_set_over_a_model_of_the_proxy_alone_never_binds_either(
    task: Task, forward: Forward, proxy: Proxy, tmp_path: Path
) -> None:
    (tmp_path / "thrifty").write_text(VALUE)
    proxy.post("/team/new", team_id="aliased", models=["qwen-local"], model_aliases={"cheap": "costless"})
    whole: dict[str, Any] = {"secrets_directory": str(tmp_path), "unmanaged": "keep"}
    key = {"alias": "thrifty", "max_budget": 5}
    user = {"user": "thrifty", "models": ["qwen-local"]}
    members = [{"user": "thrifty", "max_budget": 1}]
    priced = {"name": "priced", **BACKEND, "input_cost_per_token": 1e-06, "output_cost_per_token": 1e-06}
    never: list[tuple[str, dict[str, Any]]] = [
        ('key "thrifty"', {"keys": [{**key, "models": ["costless"]}]}),
        ('key "thrifty"', {"keys": [{**key, "all_models": True}], "models": [priced]}),
        ('key "thrifty"', {"keys": [{**key, "models": ["qwen-local"], "team": "aliased"}]}),
        ('key "thrifty"', {"keys": [{**key, "models": ["all-team-models"], "team": "aliased"}]}),
        ('team "thrifty"', {"teams": [{"team": "thrifty", "models": ["cost*"], "max_budget": 5}]}),
        ('team "thrifty": members "thrifty"', {"teams": [{"team": "thrifty", "all_models": True, "members": members}]}),
        ('user "thrifty"', {"users": [{**user, "models": ["costless"], "max_budget": 5}]}),
    ]
    forward.seen.clear()
    for name, wanted in never:
        assert f"{name}: {NEVER}" in task(litellm_tenants, **whole, **wanted)["msg"], wanted
        warned = task(litellm_tenants, check=True, **whole, **wanted, unpriced_budgets="warn")
        assert any(f"{name}: {NEVER}" in str(warning) for warning in warned["warnings"]), wanted
    assert forward.writes() == []
    # A declared model of the same name, with prices, takes its place.
    renamed = {**priced, "name": "costless"}
    good = {"models": [renamed], "keys": [{**key, "models": ["costless"]}]}
    assert task(litellm_tenants, **whole, **good)["summary"] == {
        "created": 1,
        "updated": 1,
        "unchanged": 0,
        "deleted": 0,
    }
    forward.seen.clear()
    assert task(litellm_tenants, **whole, **good)["changed"] is False
    assert forward.seen.count(("GET", "/v2/model/info")) == 1


def test_model_that_is_declared_free_and_one_with_a_price_of_the_list_are_no_trouble(task: Task) -> None:
    assert task(litellm_model, name="costless", **BACKEND, free=True)["changed"]
    assert task(litellm_model, name="costless", **BACKEND, free=True)["changed"] is False
    assert task(litellm_model, name="listed", model="openai/gpt-4o-mini")["changed"]
    assert task(litellm_key, **KEY, models=["costless", "listed"])["changed"]
