# Copyright: Contributors to the Tollgate project
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Check a declared set of models, teams and keys: pure, before anything is read or written."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Any

from .._secrets.names import chosen_name_problem, first_name, key_secret_name
from .kind import listed
from .kinds import RESOURCES
from .prices import INHERITED, unpriced
from .resource import OURS, Resource
from .resources.key import UNLIMITED
from .resources.model import CLEARABLE, NO_BACKEND, SAFE_ID, STAYS, Model, model_id
from .resources.parameters import REFERENCE
from .resources.rotation import seconds
from .secrecy import secret_name
from .sources import SECRET_OPTIONS

Entries = Sequence[Any]
KINDS = {resource.kind: resource for resource in RESOURCES}
# Fields of one kind that another kind does not even have with a licence.
ENTERPRISE = {line.name for resource in RESOURCES for line in resource.fields if line.enterprise}
SPECIAL = {INHERITED, "all-proxy-models", "no-default-models"}
SOURCES = ("api_key_secret", "api_key_file", "api_key_env")
BLOCKS = {"blocked": True, "unblocked": False}
FLAGS = ("all_models", "free", "delete_keys")
CONTROL = frozenset(map(chr, (*range(32), 127)))
# Options that would carry a secret through variables, logs and diffs.
IN_CLEAR = {
    "api_key": "use api_key_secret, api_key_file or api_key_env",
    "value": "name its secret, or use value_file",
}


@dataclass(frozen=True)
class Problem:
    """Something that can't work, and what to do."""

    name: str  # the object: key "batch"
    message: str

    def __str__(self) -> str:
        return f"{self.name}: {self.message}"


def check_declaration(declared: Mapping[str, Entries], *, complete: bool = True, priced: bool = True) -> list[Problem]:
    """Everything that is wrong, at once. C(declared) are entries by their kind; C(complete): they are all there is of
    these kinds, so that names of models and teams must be among them; C(priced): no budget may be one that never binds.
    """
    problems: list[Problem] = []
    for kind, entries in declared.items():
        problems += _shape(KINDS[kind], entries, complete)
    if problems:
        return problems
    models, teams, keys = (declared.get(kind) or [] for kind in ("model", "team", "key"))
    problems += [problem for entry in models for problem in _model(entry, complete)]
    for kind, entries in (("team", teams), ("key", keys)):
        problems += [problem for entry in entries for problem in _tenant(kind, entry, complete)]
    for kind, entries in declared.items():
        for entry in entries:
            if not _absent(entry):
                found = [*KINDS[kind].objections(entry, complete=complete), *_object_permission(entry)]
                found += _metadata(kind, entry.get("metadata") or {})
                problems += [Problem(label(kind, entry), text) for text in found]
    if complete:
        problems += _references(declared)
        problems += _shared_values(keys)
        problems += unbound(declared) if priced else []
    return problems


def unbound(declared: Mapping[str, Entries]) -> list[Problem]:
    """Budgets that would never bind, of a declaration without any other problem."""
    return [Problem(name, message) for name, message in unpriced(declared)]


def label(kind: str, entry: Mapping[str, Any]) -> str:
    """An entry in a sentence."""
    return f'{kind} "{entry[KINDS[kind].identity]}"'


def _shape(resource: Resource, entries: Sequence[Any], complete: bool) -> list[Problem]:
    """Names, types, identities."""
    problems: list[Problem] = []
    seen: dict[str, int] = {}
    if not listed(entries):
        return [Problem(f"{resource.kind}s", "must be a list")]
    for number, entry in enumerate(entries, 1):
        place = f"{resource.kind} {number}"
        if not isinstance(entry, Mapping):
            problems.append(Problem(place, "must be a dictionary"))
            continue
        name = entry.get(resource.identity)
        if not isinstance(name, str) or not name.strip() or not CONTROL.isdisjoint(name):
            problems.append(Problem(place, f"{resource.identity} must be a text without control characters"))
            continue
        if resource.kind == "credential" and name in (".", ".."):
            problems.append(Problem(place, f"{resource.identity} can't be {name}, which no URL can end with"))
            continue
        first = str(entry.get("renamed_from") or name)
        identity = model_id(first, str(entry.get("id") or "")) if resource.kind == "model" else first
        if identity in seen:
            hint = "; give each deployment of one model an id" if resource.kind == "model" else ""
            twice = f"is declared twice (entries {seen[identity]} and {number}){hint}"
            problems.append(Problem(label(resource.kind, entry), twice))
        seen[identity] = number
        problems += [Problem(label(resource.kind, entry), text) for text in _fields(resource, entry, complete)]
    return problems


def _fields(resource: Resource, entry: Mapping[str, Any], complete: bool) -> list[str]:
    known = resource.named()
    found = []
    for name, value in entry.items():
        if name in ENTERPRISE and name not in known:
            found.append(f'field "{name}" needs LiteLLM Enterprise')
        elif name in IN_CLEAR and (complete or name not in known):
            found.append(f"{name} would show the key in logs: {IN_CLEAR[name]}")
        elif name not in known:
            near = get_close_matches(str(name), known, n=1, cutoff=0.6)
            found.append(f'unknown field "{name}"' + (f', did you mean "{near[0]}"?' if near else ""))
        elif name == "state":
            if value not in resource.states:
                found.append(f"state must be {' or '.join(resource.states)}")
            elif value in BLOCKS and entry.get("blocked") not in (None, BLOCKS[value]):
                found.append(f"state: {value} and blocked: {entry['blocked']} contradict each other")
        elif name in FLAGS:
            if not isinstance(value, bool):
                found.append(f"{name} must be true or false")
        elif name in SECRET_OPTIONS:
            found += _secret_sources(name, value)
        elif name in resource.options:
            found += _option(name, value)
        elif name != resource.identity:
            trouble = resource.field(name).problem(value)
            found += [f"{name} {trouble}"] if trouble else []
    return found


def _option(name: str, value: Any) -> list[str]:
    if value is None:
        return []
    if not isinstance(value, str) or not value or (name == "renamed_from" and not CONTROL.isdisjoint(value)):
        return [f"{name} must be a text"]
    if name == "grace":
        try:
            seconds(value)
        except ValueError as error:
            return [f"grace is wrong: {error}"]
    trouble = chosen_name_problem(value) if name == "secret" else None
    return [trouble] if trouble else []


def _secret_sources(option: str, sources: Any) -> list[str]:
    if sources is not None and not isinstance(sources, Mapping):
        return [f"{option} must be a dictionary"]
    return [
        f"{option}.{name} must be one of {{secret: NAME}}, {{file: PATH}}, {{env: NAME}}"
        for name, source in (sources or {}).items()
        if not isinstance(source, Mapping)
        or len(source) != 1
        or not set(source) <= {"secret", "file", "env"}
        or not all(isinstance(value, str) and value for value in source.values())
    ]


def _absent(entry: Mapping[str, Any]) -> bool:
    return entry.get("state") == "absent"


def _model(entry: Mapping[str, Any], complete: bool) -> list[Problem]:
    found = []
    if complete and not _absent(entry) and not entry.get("model"):
        found.append(NO_BACKEND)
    given = [name for name in SOURCES if entry.get(name)]
    if "api_key" in (entry.get("secret_params") or {}):
        given.append("secret_params.api_key")
    if len(given) > 1:
        found.append(f"{' and '.join(given)} exclude each other")
    for name, value in (entry.get("litellm_params") or {}).items():
        found += _free_parameter(entry, str(name), value)
    info = entry.get("model_info") or {}
    found += [
        f"model_info.{name}: LiteLLM drops prices there. Set {name} of the model itself"
        for name in sorted(map(str, info))
        if "cost_per" in name or name.endswith("_token_cost")
    ]
    found += [f"model_info.{name} is Tollgate's own" for name in info if str(name).startswith(OURS)]
    found += [f"model_info.{name} can't be cleared: {STAYS}" for name, value in info.items() if value is None]
    if "id" in info:
        found.append("model_info.id: say id of the model itself")
    if entry.get("id") and not SAFE_ID.fullmatch(str(entry["id"])):
        found.append("id may hold letters, digits and . _ - only, and begins with a letter or digit")
    prices = [name for name in entry if "cost" in name and entry[name]]
    if entry.get("free") and prices:
        found.append(f"free: true and {prices[0]} exclude each other")
    return [Problem(label("model", entry), text) for text in found]


def _free_parameter(entry: Mapping[str, Any], name: str, value: Any) -> list[str]:
    typed = {line.name for line in Model.fields} - {"litellm_params", "model_info"}
    if name in typed:
        return [f"litellm_params.{name}: say {name} of the model itself"]
    if name in (entry.get("secret_params") or {}):
        return [f"litellm_params.{name} and secret_params.{name} exclude each other"]
    if value is None and name not in CLEARABLE:
        return [f"litellm_params.{name} can't be cleared: {STAYS}"]
    return [
        f"litellm_params.{place} would show a secret in logs: "
        + (
            f"use secret_params: {{{name}: {{env: NAME}}}}, or file, or secret"
            if place == name
            else "LiteLLM keeps it unencrypted there. Use os.environ/NAME, or a credential of LiteLLM"
        )
        for place in _secrets_in(name, name, value)
    ]


def _secrets_in(place: str, name: str, value: Any) -> list[str]:
    """The places of texts that are secret, by their names."""
    if isinstance(value, Mapping):
        return [found for key, item in value.items() for found in _secrets_in(f"{place}.{key}", str(key), item)]
    if listed(value):
        return list(dict.fromkeys(found for item in value for found in _secrets_in(place, name, item)))
    plain = isinstance(value, str) and bool(value) and not value.startswith(REFERENCE)
    return [place] if plain and secret_name(name) else []


def _tenant(kind: str, entry: Mapping[str, Any], complete: bool) -> list[Problem]:
    """What teams and keys have in common."""
    if _absent(entry):
        return []
    found = []
    # LiteLLM takes an empty list of models for all models.
    if entry.get("all_models"):
        if entry.get("models"):
            found.append("models and all_models: true exclude each other")
    elif not entry.get("models") and (complete or "models" in entry):
        said = "models is empty" if "models" in entry else "models is missing"
        found.append(UNLIMITED.format(said=said))
    soft, most = entry.get("soft_budget"), entry.get("max_budget")
    if kind == "team" and soft is not None and most is not None and float(soft) >= float(most):
        found.append(f"soft_budget {soft} must be less than max_budget {most}")
    if kind == "key" and soft is not None and entry.get("budget_id"):
        found.append("soft_budget and budget_id exclude each other: a soft budget is a budget of the key's own")
    return [Problem(label(kind, entry), text) for text in found]


def _object_permission(entry: Mapping[str, Any]) -> list[str]:
    return [
        f"object_permission.{part} can't be null: say [] for nothing"
        for part, value in (entry.get("object_permission") or {}).items()
        if value is None
    ]


def _metadata(kind: str, metadata: Mapping[str, Any]) -> list[str]:
    fields = {line.at.removeprefix("metadata.") for line in KINDS[kind].fields if line.at.startswith("metadata.")}
    found = []
    for name in metadata:
        # Without a licence LiteLLM refuses the field tags, but takes them here, and counts what they cost.
        if name in fields and name != "tags":
            found.append(f"metadata.{name}: say {name} of the {kind} itself")
        elif name in ("service_account_id", "team_member_budget_id"):
            found.append(f"metadata.{name} is LiteLLM's own")
        elif str(name).startswith(OURS):
            found.append(f"metadata.{name} is Tollgate's own")
    return found


def _references(declared: Mapping[str, Entries]) -> list[Problem]:
    """LiteLLM stores names of models and teams unchecked; a key of an unknown team is refused when it is used.

    Of a kind that is not declared at all the proxy may have any.
    """
    models, teams, keys = (declared.get(kind) or [] for kind in ("model", "team", "key"))
    served = {entry["name"] for entry in models if not _absent(entry)}
    groups = {group for entry in models for group in (entry.get("model_info") or {}).get("access_groups") or []}
    gathered = {entry["team"] for entry in teams if not _absent(entry)}
    found = []
    for kind in ("user", "team", "key", "customer"):
        for entry in declared.get(kind) or []:
            if _absent(entry):
                continue
            for model in _models_of(entry):
                if "model" in declared and model not in served | SPECIAL | groups and "*" not in model:
                    found.append(
                        Problem(label(kind, entry), f'no model "{model}" is declared{_nearest(model, served)}')
                    )
            team = entry.get("team") if kind == "key" else None
            if "team" in declared and team and team not in gathered:
                found.append(Problem(label(kind, entry), f'no team "{team}" is declared{_nearest(team, gathered)}'))
    by_name = {entry["team"]: entry for entry in teams if not _absent(entry)}
    for entry in keys:
        if not _absent(entry) and entry.get("team") in by_name:
            found += _beyond_its_team(entry, by_name[entry["team"]], served)
    return found


def _models_of(entry: Mapping[str, Any]) -> list[str]:
    """The names of models in an entry, also those of the members of a team."""
    named = [*(entry.get("models") or []), *(entry.get("default_team_member_models") or [])]
    named += [model for person in entry.get("members") or [] for model in person.get("models") or []]
    return list(dict.fromkeys(named + ([entry["default_model"]] if entry.get("default_model") else [])))


def _beyond_its_team(key: Mapping[str, Any], team: Mapping[str, Any], served: set[str]) -> list[Problem]:
    """LiteLLM takes such a key and refuses the calls, but does not let an existing key move into such a team."""
    allowed = set(map(str, team.get("models") or []))
    if team.get("all_models") or not allowed <= served:
        return []  # everything, or names such as wildcards and groups, which LiteLLM resolves
    return [
        Problem(
            label("key", key), f'its team "{team["team"]}" may not use model "{model}". Add it there, or drop it here.'
        )
        for model in key.get("models") or []
        if model in served - allowed
    ]


def _nearest(name: str, known: set[str]) -> str:
    near = get_close_matches(name, known, n=1)
    return f', did you mean "{near[0]}"?' if near else f" (there are: {', '.join(sorted(known)) or 'none'})"


def _shared_values(keys: Sequence[Any]) -> list[Problem]:
    """One value is one key: the second alias would rename the first one's."""
    first: dict[str, str] = {}
    found = []
    for entry in keys:
        if _absent(entry) or entry.get("value_file"):
            continue
        secret = key_secret_name(first_name(entry), entry.get("secret"))
        if secret in first:
            found.append(Problem(label("key", entry), f'shares the secret "{secret}" with key "{first[secret]}"'))
        first.setdefault(secret, str(entry["alias"]))
    return found
