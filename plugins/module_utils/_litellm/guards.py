# Copyright: Contributors to the Tollgate project
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a plan would do that nobody has declared: refused before the first write. Asks the proxy, but never writes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from .client import NOT_FOUND, Client, LiteLLMError
from .declaration import label
from .field import Field
from .plan import Action
from .prices import BUDGETS, SHARED, any_budgeted, shared_dollars, unpriced, without_price
from .resource import Declared, Resource, Row
from .resources import member
from .resources.budget import Budget
from .resources.credential import Credential
from .resources.customer import OWN, Customer
from .resources.key import Key, keys_with
from .resources.model import Model
from .resources.team import Team

SHOWN = 5
LIMITED = ("key", "team", "user", "customer")  # kinds that may have a budget in dollars
TELLING = {*BUDGETS, SHARED, "models", "team", "members", "model_aliases"}  # what says whether it binds
LICENCE = "/health/license"
VERSION = "/health/readiness/details"
# LiteLLM takes a key of a team that is not there and refuses every call of it, and a model of a credential that is not
# there, whose calls end in 500. A budget that is not there is an error 500 without a word. A user need not be there.
ASKED: Mapping[str, Resource] = {"team": Team(), "budget": Budget(), "credential": Credential()}


def unlicensed(client: Client, actions: Sequence[Action]) -> list[str]:
    """Fields that LiteLLM honours with a licence only. The proxy is asked only when there is one."""
    wanted = [
        (action.label, line.name)
        for action in actions
        if action.writes and action.what != "deleted"
        for line in action.resource.fields
        if line.enterprise and action.after().get(line.name) not in (None, [], {}, False)
    ]
    if not wanted or _licensed(client):
        return []
    return [
        f'{label}: field "{name}" needs LiteLLM Enterprise, and this proxy has no licence. Leave it out.'
        for label, name in wanted
    ]


def too_old(client: Client, actions: Sequence[Action]) -> list[str]:
    """Fields that the proxy's version does not have: it would take them with 200 and drop them."""
    wanted = [
        (f"{action.label}: {place}", line)
        for action in actions
        if action.writes and action.what != "deleted"
        for place, line in action.resource.sent(action.after())
        if line.since or line.until
    ]
    if not wanted:
        return []
    version = _version(client)
    return [
        f'{label}field "{line.name}" needs LiteLLM {_range(line)}, and this proxy is {version}. Leave it out.'
        for label, line in wanted
        if not line.of(version)
    ]


def _version(client: Client) -> str:
    try:
        return str(client.get(VERSION).get("litellm_version") or "")
    except LiteLLMError as error:
        if error.status != NOT_FOUND:
            raise
        return str(client.get(VERSION.removesuffix("/details")).get("litellm_version") or "")


def _range(line: Field) -> str:
    return f"{line.since} or newer" if line.since else f"{line.until} or older"


def _licensed(client: Client) -> bool:
    try:
        return bool(client.get(LICENCE).get("has_license"))
    except LiteLLMError as error:
        if error.status != NOT_FOUND:
            raise
        return False


def unknown_references(client: Client, actions: Sequence[Action], *, complete: bool) -> list[str]:
    """Names of objects that neither the plan makes nor the proxy has. Of a complete set, teams were checked before."""
    present = {(a.resource.kind, a.declared.name) for a in actions if not a.declared.absent}
    named = [
        (action.label, kind, str(action.after()[field]))
        for action in actions
        if action.writes and not action.declared.absent
        for field, kind in action.resource.refers.items()
        if kind in ASKED and action.after().get(field) and not (complete and kind == "team")
    ]
    asked: dict[str, set[str]] = {}
    for _label, kind, name in named:
        if (kind, name) not in present:
            asked.setdefault(kind, set()).add(name)
    missing = {kind: _missing(client, ASKED[kind], names) for kind, names in asked.items()}
    return [
        f'{label}: there is no {kind} "{name}", so LiteLLM would refuse every call of it. Make the {kind} first.'
        for label, kind, name in named
        if name in missing.get(kind, ())
    ]


def unbound_in_proxy(
    client: Client,
    actions: Sequence[Action],
    declared: Mapping[str, Sequence[Any]],
    models: Sequence[Row] | None,
) -> list[str]:
    """Budgets of what is written that would never bind, by what the proxy has beside the declared entries.

    C(models) are those of the proxy, if somebody has read them.
    """
    as_declared = {label(kind, entry): entry for kind, some in declared.items() for entry in some}
    written: dict[str, dict[str, Any]] = {}
    entries: dict[str, list[Mapping[str, Any]]] = {kind: [] for kind in {*declared, *LIMITED, "budget"}}
    for action in actions:
        if action.what in ("created", "updated") and TELLING & set(action.after()) and action.resource.kind in LIMITED:
            written[action.label] = {**_as_it_will_be(action), **as_declared.get(action.label, {})}
            entries[action.resource.kind].append(written[action.label])
    for kind, some in declared.items():
        entries[kind] += [entry for entry in some if label(kind, entry) not in written]
    named = {str(entry[SHARED]) for entry in written.values() if entry.get(SHARED)}
    entries["budget"] += _rows(client, Budget(), named - {entry["budget"] for entry in entries["budget"]})
    dollars = shared_dollars(entries["budget"])
    limited = [entry for entry in written.values() if any_budgeted(entry, dollars)]
    if not limited:
        return []
    known = {entry["name"] for entry in declared.get("model") or [] if entry.get("state") != "absent"}
    rows = Model().every(client) if models is None else models
    costless = without_price([row for row in rows if row.get("model_name") not in known])
    teams = {str(entry["team"]) for entry in limited if entry.get("alias") and entry.get("team")}
    there = _rows(client, Team(), teams - {entry["team"] for entry in entries["team"]}) if costless else []
    entries["team"] += [Team().shown(row) for row in there]
    before = set(unpriced(declared))
    found = [one for one in unpriced(entries, costless) if one not in before]
    # Of a member the name begins with that of the team.
    return [f"{name}: {message}" for name, message in found if name.startswith(tuple(written))]


def _as_it_will_be(action: Action) -> dict[str, Any]:
    """An object as an entry that declares it, once the plan is carried out."""
    resource, given = action.resource, action.declared.given()
    entry = {**(resource.shown(action.row) if action.row else {}), **given, resource.identity: action.declared.called}
    cleared = {name for name, value in action.declared.fields.items() if value is None}
    return {
        **{name: value for name, value in entry.items() if name not in cleared},
        **({"all_models": not given["models"]} if "models" in given else {}),
    }


def _rows(client: Client, resource: Resource, names: set[str]) -> list[Row]:
    return resource.read(client, [Declared(name, {}) for name in sorted(names)]) if names else []


def _missing(client: Client, resource: Resource, names: set[str]) -> set[str]:
    return names - {resource.name_of(row) for row in _rows(client, resource, names)}


def lost_with(client: Client, actions: Sequence[Action]) -> list[str]:
    """What LiteLLM would delete together with what is to go, or would leave without its limits or its credential."""
    problems: list[str] = []
    for action in actions:
        if action.what == "deleted" and not action.declared.with_keys:
            problems += _lost_with(client, action, actions)
        elif action.resource.kind == "team" and "members" in action.changes and not action.declared.with_keys:
            problems += _lost_with_members(client, action, actions)
    return problems


def limits_of_others(client: Client, actions: Sequence[Action]) -> list[str]:
    """Limits of a customer whose budget looks like one that LiteLLM made for it alone, but others have it too."""
    customers = [action for action in actions if action.resource.kind == "customer" and action.row]
    changed = [each for each in customers if (each.row or {}).get("budget_id") and set(OWN) & set(each.changes)]
    rows = Customer().every(client) if changed else []
    problems = []
    for action in changed:
        shared = (action.row or {})["budget_id"]
        others = [f'customer "{row["user_id"]}"' for row in rows if row.get("budget_id") == shared]
        others = [other for other in others if other != action.label]
        limits = ", ".join(sorted(set(OWN) & set(action.changes)))
        if others:
            problems.append(
                f"{action.label}: {limits} would change the budget {shared}, which {some(others)} has too. Say it of "
                "that budget, or name another one."
            )
    return problems


def _lost_with(client: Client, action: Action, actions: Sequence[Action]) -> list[str]:
    name, kind = action.declared.name, action.resource.kind
    if kind == "team" and (action.row or {}).get("keys_count") != 0:
        return _keys_lost(action.label, keys_with(client, team_id=name), _moving(actions, "team"), "in another team")
    if kind == "user" and (action.row or {}).get("key_count") != 0:
        return _keys_lost(action.label, keys_with(client, user_id=name), _moving(actions, "user"), "of another user")
    if kind == "budget":
        holders = _holders(Key(), Key().every(client), "budget_id", name, _moving(actions, "budget_id"))
        moving = {a.declared.name for a in actions if a.what == "deleted" or "budget_id" in a.changes}
        holders += [
            f'customer "{row["user_id"]}"'
            for row in Customer().every(client)
            if row.get("budget_id") == name and row["user_id"] not in moving
        ]
        return _still_named(action.label, holders, "they would have no limit any more. Give them another budget first")
    if kind == "credential":
        moving = {a.declared.name for a in actions if a.what == "deleted" or "litellm_credential_name" in a.changes}
        holders = [
            f'model "{row["model_name"]}"'
            for row in Model().every(client)
            if (row.get("litellm_params") or {}).get("litellm_credential_name") == name
            and row["model_name"] not in moving
        ]
        return _still_named(action.label, holders, "each call of them would fail. Give them another credential first")
    return []


def _lost_with_members(client: Client, action: Action, actions: Sequence[Action]) -> list[str]:
    after = action.changes["members"][1]
    problems: list[str] = []
    for user in member.leaving(after):
        keys = keys_with(client, team_id=action.declared.name, user_id=user)
        label = f'{action.label}: members "{user}"'
        problems += _keys_lost(label, keys, _moving(actions, "team"), "of another user")
    return problems


def _moving(actions: Sequence[Action], field: str) -> set[str]:
    """The keys that are planned to go, or to get another value of a field."""
    return {
        a.row["token"]
        for a in actions
        if a.resource.kind == "key" and a.row and (a.what == "deleted" or field in a.changes)
    }


def _keys_lost(label: str, keys: Sequence[Row], moving: set[str], elsewhere: str) -> list[str]:
    staying = [str(row.get("key_alias") or row["token"][:12]) for row in keys if row["token"] not in moving]
    if not staying:
        return []
    return [
        f"{label}: LiteLLM would delete its {len(staying)} keys with it ({some(staying)}). Declare them under "
        f"state: absent or {elsewhere}, or set delete_keys: true."
    ]


def _holders(resource: Resource, rows: Sequence[Row], field: str, name: str, moving: set[str]) -> list[str]:
    return [
        f'{resource.kind} "{resource.name_of(row) or row["token"][:12]}"'
        for row in rows
        if row.get(field) == name and row["token"] not in moving
    ]


def _still_named(label: str, holders: Sequence[str], next_step: str) -> list[str]:
    return [f"{label}: {some(holders)} name it, and {next_step}."] if holders else []


def some(names: Sequence[Any]) -> str:
    """Names in a sentence."""
    more = f" and {len(names) - SHOWN} more" if len(names) > SHOWN else ""
    return ", ".join(sorted(map(str, names))[:SHOWN]) + more
