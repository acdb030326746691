# Copyright: Contributors to the Tollgate project
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Budgets that would never bind, since calls cost nothing: pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from fnmatch import fnmatchcase
from typing import Any

from .kind import amount

BUDGETS = ("max_budget", "budget_limits", "budget_id", "team_member_budget")
FREE_MARK = "tollgate_free"  # in the model_info of a model that is declared to cost nothing
TOKEN_PRICES = ("input_cost_per_token", "output_cost_per_token")
EVERYTHING = {"all-proxy-models", "all-team-models"}
# Providers whose models LiteLLM's price list can't know. Behind an address of one's own, openai/ is one as well.
SELF_HOSTED = (
    "hosted_vllm", "vllm", "ollama", "ollama_chat", "lm_studio", "llamafile", "openai_like", "custom_openai",
    "xinference", "infinity", "triton", "litellm_proxy", "oobabooga", "docker_model_runner", "lemonade", "custom",
)  # fmt: skip
COMPATIBLE = ("openai", "text-completion-openai")


def unpriced(
    models: Sequence[Mapping[str, Any]],
    teams: Sequence[Mapping[str, Any]],
    keys: Sequence[Mapping[str, Any]],
    users: Sequence[Mapping[str, Any]] = (),
) -> list[tuple[str, str]]:
    """Each team, member, key and user whose budget a model without prices would escape, with a sentence."""
    costless: dict[str, set[str]] = {}
    for entry in models:
        if entry.get("state") != "absent" and _costless(entry):
            groups = (entry.get("model_info") or {}).get("access_groups") or []
            costless.setdefault(entry["name"], set()).update(map(str, groups))
    within_reach = {entry["team"]: reach(entry, costless) for entry in teams}
    found = [
        (f'team "{team["team"]}"', never_binds(model))
        for team in teams
        if _budgeted(team)
        for model in sorted(within_reach[team["team"]])
    ]
    for key in keys:
        # A budget of 0 refuses the first call of a key, whatever it costs.
        if _budgeted(key) and amount(key.get("max_budget")) != 0:
            within = within_reach.get(key.get("team"), costless)
            found += [(f'key "{key["alias"]}"', never_binds(model)) for model in sorted(reach(key, within))]
    for team in teams:
        members = [one for one in team.get("members") or [] if _budgeted(one) and amount(one.get("max_budget")) != 0]
        found += [
            (f'team "{team["team"]}": members "{one["user"]}"', never_binds(model))
            for one in members
            for model in sorted(within_reach[team["team"]])
        ]
    # A user's budget is for keys without a team. Without a list of models a user may use all of them.
    found += [
        (f'user "{user["user"]}"', never_binds(model))
        for user in users
        if _budgeted(user) and amount(user.get("max_budget")) != 0
        for model in sorted(reach(user, costless) if user.get("models") else costless)
    ]
    return found


def never_binds(model: str) -> str:
    """What is wrong with a budget that this model escapes, and what to do."""
    return (
        f'its budget would never bind: model "{model}" has no price. Set input_cost_per_token and output_cost_per_token'
        f' (dollars) of model "{model}", or free: true if it shall cost nothing.'
    )


def reach(entry: Mapping[str, Any], models: Mapping[str, set[str]]) -> Mapping[str, set[str]]:
    """Which of these models, each with its access groups, a team or key may use."""
    named = [str(name) for name in entry.get("models") or []]
    if entry.get("all_models") or EVERYTHING & set(named):
        return models
    return {
        model: groups
        for model, groups in models.items()
        if any(fnmatchcase(model, name) or name in groups for name in named)
    }


def without_price(rows: Sequence[Mapping[str, Any]]) -> dict[str, set[str]]:
    """The models of a proxy whose calls cost nothing, each with its access groups. Of these LiteLLM says no price."""
    found: dict[str, set[str]] = {}
    for row in rows:
        info, parameters = row.get("model_info") or {}, row.get("litellm_params") or {}
        prices = [value for part in (info, parameters) for name, value in part.items() if "cost" in name.split("_")]
        if not info.get(FREE_MARK) and not any(amount(value) for value in prices):
            found.setdefault(str(row.get("model_name")), set()).update(map(str, info.get("access_groups") or []))
    return found


def _budgeted(entry: Mapping[str, Any]) -> bool:
    return entry.get("state") != "absent" and any(entry.get(name) not in (None, []) for name in BUDGETS)


def _costless(entry: Mapping[str, Any]) -> bool:
    """Whether calls cost nothing that nobody said to be free."""
    if entry.get("free") or (entry.get("model_info") or {}).get("base_model"):
        return False
    parameters = {**(entry.get("litellm_params") or {}), **entry}
    tokens = [amount(parameters.get(name)) for name in TOKEN_PRICES]
    if any(tokens) and None not in tokens:
        return False
    others = {name for name in parameters if "cost" in str(name).split("_")} - set(TOKEN_PRICES)
    if any(amount(parameters[name]) for name in others):
        return False
    provider = str(entry.get("model") or "").partition("/")[0]
    if any(price is not None for price in tokens):
        return True  # half a price, or zeros
    return provider in SELF_HOSTED or (provider in COMPATIBLE and bool(entry.get("api_base")))
