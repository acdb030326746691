# Copyright: Contributors to the Tollgate project
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Budgets that would never bind, since calls cost nothing: pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from fnmatch import fnmatchcase
from typing import Any

from .kind import amount

BUDGETS = ("max_budget", "budget_limits", "team_member_budget")
SHARED = "budget_id"  # a budget that is shared may limit rates alone
FREE_MARK = "tollgate_free"  # in the model_info of a model that is declared to cost nothing
TOKEN_PRICES = ("input_cost_per_token", "output_cost_per_token")
INHERITED = "all-team-models"
EVERYTHING = {"all-proxy-models", INHERITED}
# Providers whose models LiteLLM's price list can't know. Behind an address of one's own, openai/ is one as well.
SELF_HOSTED = (
    "hosted_vllm", "vllm", "ollama", "ollama_chat", "lm_studio", "llamafile", "openai_like", "custom_openai",
    "xinference", "infinity", "triton", "litellm_proxy", "oobabooga", "docker_model_runner", "lemonade", "custom",
)  # fmt: skip
COMPATIBLE = ("openai", "text-completion-openai")


def unpriced(
    declared: Mapping[str, Sequence[Mapping[str, Any]]], others: Mapping[str, set[str]] | None = None
) -> list[tuple[str, str]]:
    """Each team, member, key, user and customer whose budget a model without prices would escape, with a sentence.

    C(declared) are entries by their kind. Of a shared budget that is not among them nothing is known. C(others) are
    models without prices that are not among them, each with its access groups.
    """
    models, teams, keys, users, customers = (
        [entry for entry in declared.get(kind) or [] if entry.get("state") != "absent"]
        for kind in ("model", "team", "key", "user", "customer")
    )
    dollars = shared_dollars(declared.get("budget") or [])
    costless: dict[str, set[str]] = {name: set(groups) for name, groups in (others or {}).items()}
    for entry in models:
        if _costless(entry):
            groups = (entry.get("model_info") or {}).get("access_groups") or []
            costless.setdefault(entry["name"], set()).update(map(str, groups))
    aliased = {entry["team"]: _through_aliases(entry, costless) for entry in teams}
    within_reach = {entry["team"]: {**reach(entry, costless), **aliased[entry["team"]]} for entry in teams}
    found = [
        (f'team "{team["team"]}"', never_binds(model))
        for team in teams
        if _any_budget(team)
        for model in sorted(within_reach[team["team"]])
    ]
    for key in keys:
        if budgeted(key, dollars):
            within = within_reach.get(key.get("team"), costless)
            within_its_reach = {*reach(key, within), *aliased.get(key.get("team"), {})}
            found += [(f'key "{key["alias"]}"', never_binds(model)) for model in sorted(within_its_reach)]
    found += [
        (f'team "{team["team"]}": members "{one["user"]}"', never_binds(model))
        for team in teams
        for one in team.get("members") or []
        if one.get("state") != "absent" and budgeted(one, dollars)
        for model in sorted(_reach_of_own(one, within_reach[team["team"]]))
    ]
    # A user's budget is for keys without a team.
    found += [
        (f'{kind} "{entry[kind]}"', never_binds(model))
        for kind, entries in (("user", users), ("customer", customers))
        for entry in entries
        if budgeted(entry, dollars)
        for model in sorted(_reach_of_own(entry, costless))
    ]
    return found


def shared_dollars(budgets: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """What each shared budget allows, by its name, as an entry or a row of LiteLLM's tells it."""
    return {str(one.get("budget") or one.get(SHARED)): one.get("max_budget") for one in budgets}


def any_budgeted(entry: Mapping[str, Any], dollars: Mapping[str, Any]) -> bool:
    """Whether an entry, or a member in it, has a budget in dollars."""
    return any(budgeted(each, dollars) for each in (entry, *(entry.get("members") or ())))


def budgeted(entry: Mapping[str, Any], dollars: Mapping[str, Any]) -> bool:
    """Whether an entry has a budget in dollars, of its own or shared. One of 0 refuses the first call, at no cost."""
    if entry.get("max_budget") is not None:
        return amount(entry["max_budget"]) != 0
    shared = dollars.get(str(entry.get(SHARED)))
    return _any_budget(entry) or (shared is not None and amount(shared) != 0)


def _any_budget(entry: Mapping[str, Any]) -> bool:
    return any(entry.get(name) not in (None, []) for name in BUDGETS)


def _reach_of_own(entry: Mapping[str, Any], models: Mapping[str, set[str]]) -> Mapping[str, set[str]]:
    """Who has no list of models may use all that others allow."""
    return reach(entry, models) if entry.get("models") else models


def _through_aliases(team: Mapping[str, Any], models: Mapping[str, set[str]]) -> dict[str, set[str]]:
    """What a team's aliases stand for. LiteLLM looks for it in no list of models, the team's or a key's."""
    targets = set(map(str, (team.get("model_aliases") or {}).values()))
    return {model: groups for model, groups in models.items() if model in targets}


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
