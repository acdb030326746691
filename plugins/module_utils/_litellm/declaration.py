# Copyright: Contributors to the Tollgate project
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Check a declared set of models, teams and keys: pure, before anything is read or written."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from difflib import get_close_matches
from typing import Any

from .resource import Resource
from .resources.key import Key
from .resources.model import Model
from .resources.team import Team

# Fields that LiteLLM takes only with a licence: it refuses them late, or swallows them.
ENTERPRISE = {
    "tags", "guardrails", "policies", "prompts", "disable_global_guardrails", "model_max_budget", "enforced_params",
    "allowed_passthrough_routes", "denied_passthrough_routes", "organization_id", "project_id", "auto_rotate",
    "rotation_interval", "team_member_key_duration", "secret_manager_settings",
}  # fmt: skip
SPECIAL = {"all-team-models", "all-proxy-models", "no-default-models"}
BUDGETS = ("max_budget", "budget_limits")
SOURCES = ("api_key_secret", "api_key_file", "api_key_env")
# Parameters of a provider that are secret: they may not travel through variables, logs and diffs.
SECRET_WORDS = {"key", "token", "secret", "password", "credential", "credentials"}


@dataclass(frozen=True)
class Problem:
    """Something that can't work, and what to do."""

    name: str  # the object: key "batch"
    message: str

    def __str__(self) -> str:
        return f"{self.name}: {self.message}"


def check_declaration(
    models: Sequence[Any], teams: Sequence[Any], keys: Sequence[Any], *, complete: bool = True
) -> list[Problem]:
    """Everything that is wrong, at once. C(complete): the set is all there is, so that names must be declared in it."""
    problems: list[Problem] = []
    for resource, entries in ((Model(), models), (Team(), teams), (Key(), keys)):
        problems += _shape(resource, entries)
    if problems:
        return problems
    problems += [problem for entry in models for problem in _model(entry)]
    problems += [problem for entry in teams for problem in _reach("team", entry, entry["team"])]
    problems += [problem for entry in keys for problem in _reach("key", entry, entry["alias"])]
    if complete:
        problems += _references(models, teams, keys)
        problems += _unpriced(models, teams, keys)
    return problems


def _shape(resource: Resource, entries: Sequence[Any]) -> list[Problem]:
    """Names, types, identities."""
    problems: list[Problem] = []
    seen: dict[str, int] = {}
    if not isinstance(entries, list):
        return [Problem(f"{resource.kind}s", "must be a list")]
    for number, entry in enumerate(entries, 1):
        label = f"{resource.kind} {number}"
        if not isinstance(entry, Mapping):
            problems.append(Problem(label, "must be a dictionary"))
            continue
        name = entry.get(resource.identity)
        if not isinstance(name, str) or not name or any(ord(char) < ord(" ") for char in name):
            problems.append(Problem(label, f"{resource.identity} must be a text without control characters"))
            continue
        label = f'{resource.kind} "{name}"'
        identity = str(entry.get("id") or name)
        if identity in seen:
            hint = "; give each deployment of one model an id" if resource.kind == "model" else ""
            problems.append(Problem(label, f"is declared twice (entries {seen[identity]} and {number}){hint}"))
        seen[identity] = number
        problems += [Problem(label, text) for text in _fields(resource, entry)]
    return problems


def _fields(resource: Resource, entry: Mapping[str, Any]) -> list[str]:
    known = resource.named()
    found = []
    for name, value in entry.items():
        if name in ENTERPRISE and name not in known:
            found.append(f'field "{name}" needs LiteLLM Enterprise')
        elif name == "api_key":
            found.append("api_key would show the key in logs: use api_key_secret, api_key_file or api_key_env")
        elif name not in known:
            near = get_close_matches(str(name), known, n=1, cutoff=0.6)
            found.append(f'unknown field "{name}"' + (f', did you mean "{near[0]}"?' if near else ""))
        elif name == "state":
            if value not in ("present", "absent"):
                found.append("state must be present or absent")
        elif name in ("all_models", "free"):
            if not isinstance(value, bool):
                found.append(f"{name} must be true or false")
        elif name != resource.identity and name not in resource.options:
            trouble = resource.field(name).problem(value)
            if trouble:
                found.append(f"{name} {trouble}" + (f", not {value!r}" if value is not None else ""))
    return found


def _absent(entry: Mapping[str, Any]) -> bool:
    return entry.get("state") == "absent"


def _model(entry: Mapping[str, Any]) -> list[Problem]:
    label = f'model "{entry["name"]}"'
    found = []
    if not _absent(entry) and not entry.get("model"):
        found.append(
            Problem(label, "model is missing: the provider and its name of the model, such as hosted_vllm/qwen")
        )
    given = [name for name in SOURCES if entry.get(name)]
    if len(given) > 1:
        found.append(Problem(label, f"{' and '.join(given)} exclude each other"))
    found += [Problem(label, text) for text in _secret_params(entry)]
    info = entry.get("model_info") or {}
    wrong = sorted(name for name in info if "cost_per" in str(name))
    if wrong:
        found.append(
            Problem(label, f"model_info.{wrong[0]}: LiteLLM drops prices there. Set {wrong[0]} of the model itself")
        )
    if not all(char.isalnum() or char in "._-" for char in str(entry.get("id") or "")):
        found.append(Problem(label, "id may hold letters, digits and . _ - only"))
    return found


def _secret_params(entry: Mapping[str, Any]) -> list[str]:
    found = [
        f"litellm_params.{name} would show a secret in logs: use secret_params: {{{name}: {{env: NAME}}}}, or file, or secret"
        for name, value in (entry.get("litellm_params") or {}).items()
        if SECRET_WORDS & set(str(name).lower().split("_"))
        and not str(value).startswith("os.environ/")
        and isinstance(value, str)
    ]
    sources = entry.get("secret_params") or {}
    if not isinstance(sources, Mapping):
        return [*found, "secret_params must be a dictionary"]
    for name, source in sources.items():
        if not isinstance(source, Mapping) or len(source) != 1 or not set(source) <= {"secret", "file", "env"}:
            found.append(f"secret_params.{name} must be one of {{secret: NAME}}, {{file: PATH}}, {{env: NAME}}")
    return found


def _reach(kind: str, entry: Mapping[str, Any], name: str) -> list[Problem]:
    """LiteLLM takes an empty list of models for all models."""
    if _absent(entry) or entry.get("all_models"):
        if entry.get("models") and not _absent(entry):
            return [Problem(f'{kind} "{name}"', "models and all_models: true exclude each other")]
        return []
    if entry.get("models"):
        return []
    said = "models is empty" if "models" in entry else "models is missing"
    return [
        Problem(
            f'{kind} "{name}"',
            f"{said}; LiteLLM would allow all models. Name the models, or say all_models: true. Nothing was changed.",
        )
    ]


def _references(models: Sequence[Any], teams: Sequence[Any], keys: Sequence[Any]) -> list[Problem]:
    """LiteLLM stores names of models and teams unchecked; a key of an unknown team is refused when it is used."""
    served = {entry["name"] for entry in models if not _absent(entry)}
    gathered = {entry["team"] for entry in teams if not _absent(entry)}
    found = []
    for kind, entries, identity in (("team", teams, "team"), ("key", keys, "alias")):
        for entry in entries:
            if _absent(entry):
                continue
            label = f'{kind} "{entry[identity]}"'
            for model in entry.get("models") or []:
                if model not in served | SPECIAL and "*" not in model:
                    found.append(Problem(label, f'no model "{model}" is declared{_nearest(model, served)}'))
            if kind == "key" and entry.get("team") and entry["team"] not in gathered:
                found.append(
                    Problem(label, f'no team "{entry["team"]}" is declared{_nearest(entry["team"], gathered)}')
                )
    return found


def _nearest(name: str, known: set[str]) -> str:
    near = get_close_matches(name, known, n=1)
    return f', did you mean "{near[0]}"?' if near else f" (there are: {', '.join(sorted(known)) or 'none'})"


def _unpriced(models: Sequence[Any], teams: Sequence[Any], keys: Sequence[Any]) -> list[Problem]:
    """A call to a model without prices costs $0: no budget on it would ever bind."""
    free = {entry["name"] for entry in models if not _absent(entry) and not entry.get("free") and not _priced(entry)}
    budgets = {entry["team"]: entry for entry in teams if _budgeted(entry)}
    found = []
    for kind, entries, identity in (("team", teams, "team"), ("key", keys, "alias")):
        for entry in entries:
            team = budgets.get(entry.get("team")) if kind == "key" else None
            if not (_budgeted(entry) or team):
                continue
            reached = free if entry.get("all_models") else free & {str(model) for model in entry.get("models") or []}
            if {"all-proxy-models", "all-team-models"} & set(entry.get("models") or []):
                reached = free
            for model in sorted(reached):
                found.append(
                    Problem(
                        f'{kind} "{entry[identity]}"',
                        f'its budget would never bind: model "{model}" has no price. Set input_cost_per_token and '
                        f'output_cost_per_token (dollars) of model "{model}", or free: true if it shall cost nothing.',
                    )
                )
    return found


def _budgeted(entry: Mapping[str, Any]) -> bool:
    return not _absent(entry) and any(entry.get(name) not in (None, []) for name in BUDGETS)


def _priced(entry: Mapping[str, Any]) -> bool:
    parameters = {**(entry.get("litellm_params") or {}), **entry}
    prices = [parameters.get(name) for name in ("input_cost_per_token", "output_cost_per_token")]
    return all(price is not None for price in prices) and any(Decimal(str(price)) > 0 for price in prices)
