# Copyright: Contributors to the Tollgate project
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Members of a team, each with limits of their own. Source: litellm/proxy/management_endpoints/team_endpoints.py."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from ..client import UNAVAILABLE, Client, LiteLLMError
from ..field import Clear, Field
from ..kind import Kind, listed
from ..resource import PAUSE, Row

CALLS = {
    "add member": "POST /team/member_add",
    "update member": "POST /team/member_update",
    "delete member": "POST /team/member_delete",
}
THERE = "team_member_already_in_team"
ADMIN = "default_user_id"  # whom LiteLLM makes for the master key and a login with it; it puts him into teams he makes
TEMPORARY = ("temp_budget_increase", "temp_budget_expiry")
MEMBERSHIPS = "team_memberships"
REMEMBERED = "tollgate_members"  # in the metadata of a team: the members that its declaration has made
DROPPED = "dropped"  # in an entry that nobody declared
CUSTOM = "custom"  # the budget of a membership is the member's own
STAYS = "LiteLLM deletes the keys of a member with it; declare each member under state: absent"
# Their place is the budget of the membership. member_add drops the two rates in silence.
FIELDS = (
    Field("max_budget", Kind.MONEY, sent="max_budget_in_team"),
    Field("budget_duration", Kind.DURATION),
    Field("tpm_limit", Kind.NUMBER, update_only=True),
    Field("rpm_limit", Kind.NUMBER, update_only=True),
    Field("temp_budget_increase", Kind.MONEY, update_only=True, since="1.103.0"),
    Field("temp_budget_expiry", Kind.TIME, update_only=True, since="1.103.0"),
    # null is an unhandled error of LiteLLM 1.106.
    Field("models", Kind.NAMES, Clear.EMPTY_LIST, at="allowed_models", sent="allowed_models"),
)
NAMED = {line.name: line for line in FIELDS}
LEFT_OUT = {
    "team_id": "the team",
    "member": "the identity",
    "user_id": "the identity",
    "user_email": "LiteLLM would make a user of a random id",
    "model_max_budget": "newer than the default version, which does not have it, since 1.108.0",
    "role": "team admins are a feature of LiteLLM Enterprise; others are members",
}

Entries = Sequence[Mapping[str, Any]]


def problems(members: Any) -> list[str]:
    """What is wrong with the members of an entry."""
    if not listed(members):
        return []
    found: list[str] = []
    seen: set[str] = set()
    for number, entry in enumerate(members, 1):
        user = entry.get("user") if isinstance(entry, Mapping) else None
        if not isinstance(user, str) or not user.strip():
            found.append(f"members: entry {number} must name a user")
            continue
        label = f'members "{user}"'
        if user in seen:
            found.append(f"{label} is declared twice")
        seen.add(user)
        if sum(entry.get(name) is not None for name in TEMPORARY) == 1:
            found.append(f"{label}: {' and '.join(TEMPORARY)} need each other")
        for name, value in entry.items():
            if name == "role" and value == "admin":
                found.append(f"{label}: role admin needs LiteLLM Enterprise")
            elif name == "role":
                found += [] if value == "user" else [f"{label}: role must be user"]
            elif name == "state":
                found += [] if value in ("present", "absent") else [f"{label}: state must be present or absent"]
            elif name in NAMED:
                trouble = NAMED[name].problem(value)
                found += [f"{label}: {name} {trouble}"] if trouble else []
            elif name != "user":
                found.append(f'{label}: unknown field "{name}" (there are: state, {", ".join(NAMED)})')
    return found


def changes(declared: Entries, row: Row) -> tuple[list[dict[str, Any]], list[dict[str, Any]]] | None:
    """The members that differ, before and after; None when none does. Members that are not declared are left alone."""
    # A membership alone says nothing: /team/member_update makes one for anybody.
    there = {str(member.get("user_id")) for member in row.get("members_with_roles") or []}
    limits = _own(row)
    before: list[dict[str, Any]] = []
    after: list[dict[str, Any]] = []
    for entry in declared:
        user = str(entry["user"])
        given = {name: value for name, value in entry.items() if name in NAMED}
        if entry.get("state") == "absent":
            if user in there:
                before.append({"user": user})
                after.append({"user": user, "state": "absent"})
            continue
        if user not in there:
            after.append({"user": user, **{name: value for name, value in given.items() if value is not None}})
            continue
        own = limits.get(user, {})
        differing = {name: NAMED[name].change(value, NAMED[name].actual(own)) for name, value in given.items()}
        found = {name: change for name, change in differing.items() if change}
        if any(name in found for name in TEMPORARY):
            # LiteLLM takes both or none.
            found = {name: (NAMED[name].actual(own), given[name]) for name in TEMPORARY if name in given} | found
        if found:
            before.append({"user": user, **{name: old for name, (old, new) in found.items()}})
            after.append({"user": user, **{name: new for name, (old, new) in found.items()}})
    return (before, after) if after else None


def shown(row: Row) -> list[dict[str, Any]]:
    """The members of a row as entries that declare them."""
    limits = _own(row)
    found = []
    for each in row.get("members_with_roles") or []:
        if each.get("user_id") and each.get("role") != "admin":
            own = {line.name: line.actual(limits.get(each["user_id"], {})) for line in FIELDS}
            found.append({"user": each["user_id"], **{name: v for name, v in own.items() if v not in (None, [])}})
    return found


def sent(after: Entries) -> Iterator[tuple[str, Field]]:
    """The fields that these entries set, each with the beginning of a sentence about it."""
    for entry in after:
        for name in entry:
            if name in NAMED and entry[name] is not None:
                yield f'members "{entry["user"]}": ', NAMED[name]


def others(declared: Entries, row: Row) -> list[str]:
    """The members that are not declared."""
    known = {ADMIN, *(str(entry["user"]) for entry in declared)}
    return sorted({str(one.get("user_id")) for one in row.get("members_with_roles") or []} - known)


def remembered(declared: Entries, row: Row | None) -> list[str]:
    """Whom the metadata of a team calls its declaration's: those declared, and those dropped that are still there."""
    present = {str(entry["user"]) for entry in declared if entry.get("state") != "absent"}
    return sorted(present | set(dropped(declared, row) if row else ()))


def dropped(declared: Entries, row: Row) -> list[str]:
    """The members that were declared, are there, and are not declared any more."""
    named = {str(entry["user"]) for entry in declared}
    there = {str(member.get("user_id")) for member in row.get("members_with_roles") or []}
    before = (row.get("metadata") or {}).get(REMEMBERED) or []
    return sorted(str(user) for user in before if user in there - named)


def leaving(after: Entries) -> list[str]:
    """The users whom a change removes."""
    return [str(entry["user"]) for entry in after if entry.get("state") == "absent"]


def send(client: Client, team: str, before: Entries, after: Entries) -> None:
    """Make the members as they are to be, one after the other: all of them are one column of the team."""
    there = {entry["user"] for entry in before}
    for entry in after:
        user = entry["user"]
        sent = {
            NAMED[name].sent or name: NAMED[name].to_send(value)
            for name, value in entry.items()
            if name in NAMED and not (user not in there and (value is None or NAMED[name].update_only))
        }
        if entry.get("state") == "absent":
            client.write("POST", _path("delete member"), {"team_id": team, "user_id": user})
        elif user in there:
            client.write("POST", _path("update member"), {"team_id": team, "user_id": user, **sent})
        else:
            _add(client, team, user, sent)
            rates = {name: entry[name] for name in entry if name in NAMED and NAMED[name].update_only}
            rates = {name: value for name, value in rates.items() if value is not None}
            if rates:
                client.write("POST", _path("update member"), {"team_id": team, "user_id": user, **rates})


def _add(client: Client, team: str, user: str, limits: Mapping[str, Any]) -> None:
    """Add a member. After a lost answer, or when somebody was faster, it is there: then its limits are sent."""
    body = {"team_id": team, "member": {"role": "user", "user_id": user}, **limits}
    for last in (False, True):
        try:
            client.write("POST", _path("add member"), body, again=False)
        except LiteLLMError as error:
            if error.kind == THERE:
                if limits:
                    client.write("POST", _path("update member"), {"team_id": team, "user_id": user, **limits})
                return
            if (error.status and error.status not in UNAVAILABLE and not error.undone) or last:
                raise
            # One that is there by now is told by C(THERE).
            time.sleep(PAUSE)
        else:
            return


def _path(purpose: str) -> str:
    return CALLS[purpose].partition(" ")[2]


def _own(row: Row) -> dict[str, dict[str, Any]]:
    """The limits of each member's own. Who has none shares the team's default, which is not declared here."""
    default = (row.get("metadata") or {}).get("team_member_budget_id")
    return {
        str(each.get("user_id")): dict(each.get("litellm_budget_table") or {})
        for each in row.get(MEMBERSHIPS) or []
        if each.get("budget_source", _source(each.get("budget_id"), default)) == CUSTOM
    }


def _source(budget: str | None, default: str | None) -> str:
    """What LiteLLM says of a membership's budget; older versions, such as 1.100, leave it to the reader."""
    return CUSTOM if budget and budget != default else ""
