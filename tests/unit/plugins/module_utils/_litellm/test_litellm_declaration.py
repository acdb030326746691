# Copyright: Contributors to the Tollgate project
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is refused before anything is read or sent."""

from __future__ import annotations

from collections import UserDict, UserList
from typing import Any

import pytest
from ansible_collections.tollgate.llm.plugins.module_utils._litellm.declaration import check_declaration

PRICES = {"input_cost_per_token": 1e-06, "output_cost_per_token": 2e-06}
MODEL = {"name": "qwen", "model": "hosted_vllm/qwen", "api_base": "http://x/v1"}
TEAM = {"team": "research", "models": ["qwen"]}
KEY = {"alias": "batch", "models": ["qwen"], "team": "research"}


def problems(models: Any = (MODEL,), teams: Any = (TEAM,), keys: Any = (KEY,), *, complete: bool = True) -> list[str]:
    """The sentences."""
    entries = [list(each) if isinstance(each, tuple) else each for each in (models, teams, keys)]
    declared = dict(zip(("model", "team", "key"), entries, strict=True))
    return [str(problem) for problem in check_declaration(declared, complete=complete)]


def test_a_sound_declaration_has_no_problems() -> None:
    assert problems() == []
    assert problems(models=[], teams=[], keys=[]) == []


def test_containers_of_other_types_are_taken() -> None:
    class Tagged(str):
        """As Ansible wraps what it has templated."""

    key = UserDict({"alias": Tagged("batch"), "models": UserList([Tagged("qwen")]), "max_budget": 1})
    assert problems(models=UserList([{**MODEL, **PRICES}]), teams=UserList([]), keys=UserList([key])) == []


@pytest.mark.parametrize(
    ("key", "sentence"),
    [
        ({"modles": ["qwen"]}, 'unknown field "modles", did you mean "models"?'),
        ({"zzz": 1}, 'unknown field "zzz"'),
        ({"secret_manager_settings": {}}, 'field "secret_manager_settings" needs LiteLLM Enterprise'),
        ({"metadata": {"guardrails": ["a"]}}, "metadata.guardrails: say guardrails of the key itself"),
        ({"temp_budget_increase": 1}, "temp_budget_increase and temp_budget_expiry need each other"),
        ({"metadata": {"model_rpm_limit": {}}}, "metadata.model_rpm_limit: say model_rpm_limit of the key itself"),
        ({"value": "sk-0123456789abcdef"}, "value would show the key in logs"),
        ({"models": []}, "models is empty; LiteLLM would allow all models"),
        ({"models": ["qwen"], "all_models": True}, "exclude each other"),
        ({"all_models": "yes", "models": ["qwen"]}, "all_models must be true or false"),
        ({"state": "gone"}, "state must be present or absent"),
        ({"secret": 5}, "secret must be a text"),
        ({"secret": "../outside"}, 'secret "../outside" must have 1 to 100 characters of a-z, 0-9 and -'),
        ({"secret": "../outside", "state": "absent"}, 'secret "../outside" must have'),
        ({"secret": "litellm-salt-key"}, "is one of the gateway's own: choose another name"),
        ({"models": ["qwem"]}, 'no model "qwem" is declared, did you mean "qwen"?'),
        ({"team": "reserch"}, 'no team "reserch" is declared, did you mean "research"?'),
        ({"soft_budget": 1, "budget_id": "shared"}, "soft_budget and budget_id exclude each other"),
        ({"object_permission": {"agents": None}}, "object_permission.agents can't be null: say [] for nothing"),
        ({"max_budget": float("nan")}, "max_budget must be dollars"),
        ({"max_budget": True}, "max_budget must be dollars"),
        ({"budget_duration": "1 month"}, '"1 month" is no duration'),
        ({"budget_limits": [{"budget_duration": "1d", "max_budget": -1}]}, "budget_limits max_budget must be dollars"),
        ({"budget_limits": [{"budget_duration": "1d", "max_budget": 1}] * 2}, "two entries of the same"),
    ],
)  # fmt: skip
def test_a_wrong_key_is_explained(key: dict[str, Any], sentence: str) -> None:
    found = problems(models=[{**MODEL, "free": True}], keys=[{**KEY, **key}])
    assert any(sentence in problem and problem.startswith('key "batch": ') for problem in found), found


@pytest.mark.parametrize(
    ("model", "sentence"),
    [
        ({"model": None}, "model can't be cleared"),
        ({"model": ""}, "model must be a text"),
        ({"api_key": "x"}, "use api_key_secret"),
        ({"api_key_env": "A", "api_key_file": "/b"}, "exclude each other"),
        ({"api_key_env": "A", "secret_params": {"api_key": {"env": "B"}}}, "exclude each other"),
        ({"secret_params": {"x": {"vault": "B"}}}, "secret_params.x must be one of"),
        ({"secret_params": ["x"]}, "secret_params must be a dictionary"),
        ({"litellm_params": {"aws_secret_access_key": "x"}}, "use secret_params: {aws_secret_access_key: {env: NAME}}"),
        ({"litellm_params": {"extra_headers": {"X-Auth": "x"}}}, "litellm_params.extra_headers.X-Auth would show"),
        ({"litellm_params": {"rpm": 5}}, "litellm_params.rpm: say rpm of the model itself"),
        ({"litellm_params": {"seed": None}}, "litellm_params.seed can't be cleared"),
        ({"model_info": {"input_cost_per_token": 1}}, "LiteLLM drops prices there"),
        ({"model_info": {"id": "x"}}, "say id of the model itself"),
        ({"id": "a/b"}, "id may hold letters"),
        ({"id": ".."}, "id may hold letters"),
        ({"free": True, **PRICES}, "free: true and input_cost_per_token exclude each other"),
    ],
)
def test_a_wrong_model_is_explained(model: dict[str, Any], sentence: str) -> None:
    found = problems(models=[{**MODEL, **model}])
    assert any(sentence in problem and problem.startswith('model "qwen": ') for problem in found), found


def test_references_to_the_proxys_environment_are_no_secrets() -> None:
    assert problems(models=[{**MODEL, "litellm_params": {"my_token": "os.environ/TOKEN", "max_tokens": 5}}]) == []


@pytest.mark.parametrize(
    ("kind", "entry"),
    [
        ("user", {"user": "u", "models": ["qwem"]}),
        ("customer", {"customer": "u", "models": ["qwem"]}),
        ("customer", {"customer": "u", "default_model": "qwem"}),
        ("team", {"team": "u", "models": ["qwen"], "members": [{"user": "a", "models": ["qwem"]}]}),
        ("team", {"team": "u", "models": ["qwen"], "default_team_member_models": ["qwem"]}),
    ],
)
def test_every_kind_names_models_that_are_declared(kind: str, entry: dict[str, Any]) -> None:
    found = [str(problem) for problem in check_declaration({"model": [MODEL], kind: [entry]})]
    assert found == [f'{kind} "u": no model "qwem" is declared, did you mean "qwen"?']


def test_tags_inside_metadata_are_the_users_choice() -> None:
    assert problems(keys=[{**KEY, "metadata": {"tags": ["a"]}}], models=[{**MODEL, **PRICES}]) == []


def test_one_name_is_declared_once_and_deployments_by_their_ids() -> None:
    assert "is declared twice (entries 1 and 2); give each deployment" in problems(models=[MODEL, MODEL])[0]
    assert "is declared twice" in problems(models=[MODEL, {**MODEL, "name": "other", "id": "qwen"}])[0]
    assert problems(models=[MODEL, {**MODEL, "id": "second"}]) == []
    assert 'key "batch": is declared twice' in problems(keys=[KEY, KEY])[0]


def test_two_keys_do_not_share_a_value() -> None:
    other = {**KEY, "alias": "other", "secret": "batch"}
    assert problems(keys=[KEY, other]) == ['key "other": shares the secret "batch" with key "batch"']
    assert problems(keys=[KEY, {**other, "state": "absent"}]) == []


def test_a_key_does_not_name_models_that_its_team_may_not_use() -> None:
    models = [MODEL, {**MODEL, "name": "second"}]
    beyond = {**KEY, "models": ["qwen", "second"]}
    assert 'its team "research" may not use model "second"' in problems(models=models, keys=[beyond])[0]
    assert problems(models=models, teams=[{"team": "research", "all_models": True}], keys=[beyond]) == []
    assert problems(models=models, teams=[{"team": "research", "models": ["*"]}], keys=[beyond]) == []


def test_a_budget_on_an_access_group_binds_only_when_its_models_have_prices() -> None:
    grouped = {**MODEL, "model_info": {"access_groups": ["local"]}}
    key = {"alias": "batch", "models": ["local"], "max_budget": 1}
    found = problems(models=[grouped], teams=[], keys=[key])
    assert ["its budget would never bind" in problem for problem in found] == [True]
    assert problems(models=[{**grouped, **PRICES}], teams=[], keys=[key]) == []


def test_what_is_no_list_and_what_has_no_name_is_refused() -> None:
    assert problems(models={"name": "x"}) == ["models: must be a list"]
    assert problems(keys="batch") == ["keys: must be a list"]
    assert problems(keys=[None]) == ["key 1: must be a dictionary"]
    for name in (None, "", " ", 5, "a\nb", "a\x7f"):
        assert problems(keys=[{**KEY, "alias": name}]) == ["key 1: alias must be a text without control characters"]


@pytest.mark.parametrize(
    ("model", "team", "key"),
    [
        ({}, {}, {"max_budget": 5}),
        ({}, {"max_budget": 5}, {}),
        ({}, {"models": [], "all_models": True, "max_budget": 5}, {"models": [], "all_models": True}),
        ({}, {"team_member_budget": 5}, {}),
        ({}, {}, {"budget_limits": [{"budget_duration": "1d", "max_budget": 1}]}),
        ({}, {}, {"models": ["all-team-models"], "max_budget": 5}),
        ({"input_cost_per_token": 1e-06}, {}, {"max_budget": 5}),
        ({"input_cost_per_token": 0, "output_cost_per_token": 0}, {}, {"max_budget": 5}),
    ],
)
def test_a_budget_that_would_never_bind_is_refused(model: Any, team: Any, key: Any) -> None:
    found = problems(models=[{**MODEL, **model}], teams=[{**TEAM, **team}], keys=[{**KEY, **key}])
    assert found
    assert all('its budget would never bind: model "qwen" has no price' in problem for problem in found)


@pytest.mark.parametrize(
    "model",
    [
        PRICES,
        {"free": True},
        {"model": "anthropic/claude-haiku-4-5", "api_base": None},
        {"model_info": {"base_model": "openai/gpt-4o"}},
        {"litellm_params": {"input_cost_per_second": 0.001}},
    ],
)
def test_a_budget_on_a_model_that_costs_something_is_taken(model: dict[str, Any]) -> None:
    declared = {name: value for name, value in {**MODEL, **model}.items() if value is not None}
    assert problems(models=[declared], keys=[{**KEY, "max_budget": 5}]) == []


def test_a_key_reaches_no_further_than_its_team() -> None:
    models = [{**MODEL, **PRICES}, {**MODEL, "name": "costless"}]
    key = {"alias": "batch", "team": "research", "all_models": True, "max_budget": 5}
    assert problems(models=models, keys=[key]) == []
    assert len(problems(models=models, keys=[{**key, "team": None}])) == 1


def test_an_absent_entry_needs_its_name_only() -> None:
    assert (
        problems(keys=[{"alias": "old", "state": "absent"}], teams=[], models=[{"name": "old", "state": "absent"}])
        == []
    )


def test_one_object_alone_may_name_what_is_declared_elsewhere_and_leave_out_what_it_has() -> None:
    assert problems([], [], [{"alias": "batch", "models": ["elsewhere"], "team": "far"}], complete=False) == []
    assert problems([], [], [{"alias": "batch", "rpm_limit": 5}], complete=False) == []
    assert problems([], [], [{"alias": "batch", "models": []}], complete=False)
    assert problems([{"name": "qwen", "rpm": 5}], [], [], complete=False) == []


def test_budgets_of_users_and_members_are_looked_at_too() -> None:
    costless = {"name": "costless", "model": "hosted_vllm/x", "api_base": "http://x/v1"}
    priced = {**costless, "name": "priced", "input_cost_per_token": 1e-06, "output_cost_per_token": 1e-06}
    team = {"team": "a", "models": ["costless"], "members": [{"user": "one", "max_budget": 5}, {"user": "two"}]}
    declared = {
        "model": [costless, priced],
        "team": [team],
        "user": [
            {"user": "all", "max_budget": 5},
            {"user": "some", "max_budget": 5, "models": ["priced"]},
            {"user": "none", "max_budget": 0},
            {"user": "unbound"},
        ],
    }
    names = [problem.name for problem in check_declaration(declared)]
    assert names == ['team "a": members "one"', 'user "all"']
    assert check_declaration(declared, priced=False) == []


def test_budgets_of_customers_and_those_that_are_shared_count_when_they_are_dollars() -> None:
    costless = {"name": "costless", "model": "hosted_vllm/x", "api_base": "http://x/v1"}
    priced = {**costless, "name": "priced", "input_cost_per_token": 1e-06, "output_cost_per_token": 1e-06}
    declared = {
        "model": [costless, priced],
        "budget": [{"budget": "dollars", "max_budget": 5}, {"budget": "rates", "rpm_limit": 5}],
        "team": [{"team": "a", "all_models": True, "members": [{"user": "m", "max_budget": 5, "models": ["priced"]}]}],
        "key": [{"alias": name, "models": ["costless"], "budget_id": name} for name in ("dollars", "rates", "unknown")],
        "customer": [
            {"customer": "own", "max_budget": 5},
            {"customer": "priced", "max_budget": 5, "models": ["priced"]},
            {"customer": "shared", "budget_id": "dollars"},
            {"customer": "slow", "budget_id": "rates"},
            {"customer": "gone", "state": "absent"},
        ],
    }
    names = [problem.name for problem in check_declaration(declared)]
    assert names == ['key "dollars"', 'customer "own"', 'customer "shared"']


def test_names_are_looked_up_only_among_kinds_that_are_given() -> None:
    key = {"alias": "a", "models": ["any"], "team": "any"}
    assert check_declaration({"key": [key]}) == []
    assert len(check_declaration({"key": [key], "model": [], "team": []})) == 2
