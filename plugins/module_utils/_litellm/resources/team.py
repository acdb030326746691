# Copyright: Contributors to the Tollgate project
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Teams. Source: litellm/proxy/management_endpoints/team_endpoints.py."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import Any, ClassVar

from ..client import Client, LiteLLMError
from ..field import Clear, Field
from ..kind import Kind
from ..prices import INHERITED
from ..resource import FEW, Changes, Declared, Resource, Row, gone, unique
from . import member
from .key import ALL_PARTS, UNLIMITED, keys_with

MEMBERS = "team_member_budget_table"
ALIASES = "litellm_model_table"
SORTED = {"sort_by": "team_id", "sort_order": "asc"}
LIMIT_TYPES = ("guaranteed_throughput", "best_effort_throughput")
MEMBER_FIELDS = {"team_member_budget", "team_member_budget_duration", "team_member_rpm_limit", "team_member_tpm_limit"}


def _meta(name: str, kind: Kind, clear: Clear, **more: Any) -> Field:
    """A field that LiteLLM keeps in metadata. It answers 500 to null for one."""
    return Field(name, kind, clear, at=f"metadata.{name}", **more)


class Team(Resource):
    """A team: its budget and limits hold for the sum of its keys."""

    kind = "team"
    identity = "team"
    marked_in = "metadata"
    states = ("present", "absent", "blocked", "unblocked")
    options = ("all_models", "delete_keys", "renamed_from")
    calls: ClassVar[Mapping[str, str]] = {
        "create": "POST /team/new",
        "update": "POST /team/update",
        "permissions": "POST /team/permissions_update",
        "delete": "POST /team/delete",
        "list": "GET /v2/team/list",
        "info": "GET /team/info",
        "budgets": "POST /budget/info",
        **member.CALLS,
    }
    asks: ClassVar[Mapping[str, Sequence[str]]] = {
        "list": ("team_id", "page", "page_size", "sort_by", "sort_order"),
        "info": ("team_id", "key_limit"),
    }
    fields = (
        Field(
            "alias", Kind.TEXT, Clear.REFUSED, at="team_alias", sent="team_alias", why_not_cleared="a team keeps a name"
        ),
        Field("models", Kind.NAMES, Clear.REFUSED, why_not_cleared="no list means all models; say all_models: true"),
        Field("max_budget", Kind.MONEY),
        Field("soft_budget", Kind.MONEY),
        Field("budget_duration", Kind.DURATION),
        Field("budget_limits", Kind.WINDOWS, Clear.EMPTY_LIST),
        Field("tpm_limit", Kind.NUMBER),
        Field("rpm_limit", Kind.NUMBER),
        Field("tpd_limit", Kind.NUMBER, since="1.103.0"),
        Field("blocked", Kind.FLAG, Clear.FALSE),
        Field("model_aliases", Kind.DICT, Clear.EMPTY_DICT, at=f"{ALIASES}.model_aliases"),
        Field("router_settings", Kind.PARTS, Clear.EMPTY_DICT),
        Field("access_group_ids", Kind.NAMES, Clear.EMPTY_LIST),
        Field("object_permission", Kind.PARTS, Clear.REFUSED, why_not_cleared=ALL_PARTS),
        Field("team_member_budget", Kind.MONEY, at=f"{MEMBERS}.max_budget"),
        Field("team_member_budget_duration", Kind.DURATION, at=f"{MEMBERS}.budget_duration"),
        Field("team_member_rpm_limit", Kind.NUMBER, at=f"{MEMBERS}.rpm_limit"),
        Field("team_member_tpm_limit", Kind.NUMBER, at=f"{MEMBERS}.tpm_limit"),
        Field("team_member_permissions", Kind.NAMES, Clear.EMPTY_LIST, by="permissions"),
        Field("default_team_member_models", Kind.NAMES, Clear.EMPTY_LIST),
        _meta("model_rpm_limit", Kind.RATES, Clear.EMPTY_DICT),
        _meta("model_tpm_limit", Kind.RATES, Clear.EMPTY_DICT),
        _meta("mcp_rpm_limit", Kind.RATES, Clear.EMPTY_DICT),
        _meta("default_estimated_output_tokens", Kind.POSITIVE, Clear.LEFT_OUT),
        _meta("default_estimated_output_tokens_per_model", Kind.RATES, Clear.EMPTY_DICT),
        _meta("allowed_vector_store_indexes", Kind.RECORDS, Clear.EMPTY_LIST),
        _meta("enforced_batch_output_expires_after", Kind.DICT, Clear.EMPTY_DICT),
        _meta("enforced_file_expires_after", Kind.DICT, Clear.EMPTY_DICT),
        _meta("rpm_limit_type", Kind.TEXT, Clear.LEFT_OUT, choices=LIMIT_TYPES, inside=True),
        _meta("tpm_limit_type", Kind.TEXT, Clear.LEFT_OUT, choices=LIMIT_TYPES, inside=True),
        _meta("tags", Kind.NAMES, Clear.EMPTY_LIST, enterprise=True),
        _meta("guardrails", Kind.NAMES, Clear.EMPTY_LIST, enterprise=True),
        _meta("policies", Kind.NAMES, Clear.EMPTY_LIST, enterprise=True),
        _meta("prompts", Kind.NAMES, Clear.EMPTY_LIST, enterprise=True),
        _meta("disable_global_guardrails", Kind.FLAG, Clear.FALSE, enterprise=True),
        _meta("allowed_passthrough_routes", Kind.NAMES, Clear.EMPTY_LIST, enterprise=True),
        _meta("denied_passthrough_routes", Kind.NAMES, Clear.EMPTY_LIST, enterprise=True, since="1.106.0"),
        _meta("secret_manager_settings", Kind.DICT, Clear.EMPTY_DICT, enterprise=True),
        _meta("team_member_key_duration", Kind.DURATION, Clear.LEFT_OUT, enterprise=True),
        Field("model_max_budget", Kind.DICT, Clear.EMPTY_DICT, enterprise=True, since="1.103.0"),
        Field("organization_id", Kind.TEXT, Clear.EMPTY_TEXT, enterprise=True),
        Field("members", Kind.MEMBERS, Clear.REFUSED, why_not_cleared=member.STAYS),
        Field("metadata", Kind.PARTS, Clear.EMPTY_DICT),
    )
    left_out: ClassVar[Mapping[str, str]] = {
        "team_id": "the identity",
        "admins": "members have roles",
        "members_with_roles": "members",
        "require_trace_id": "newer than the default version, which does not have it, since 1.108.0",
        "team_member_model_max_budget": "newer than the default version, which does not have it, since 1.108.0",
    }

    def name_of(self, row: Row) -> str:
        return str(row["team_id"])

    def objections(self, entry: Mapping[str, Any], *, complete: bool) -> list[str]:
        found = [*super().objections(entry, complete=complete), *member.problems(entry.get("members"))]
        if INHERITED in (entry.get("models") or []):
            found.append(
                f"models names {INHERITED}, which LiteLLM takes for all models here: say all_models: true instead"
            )
        return found

    def every(self, client: Client) -> list[Row]:
        return unique(client.pages(self.path("list"), SORTED, "teams", "page_size"), "team_id")

    def read(self, client: Client, declared: Sequence[Declared]) -> list[Row]:
        if len(declared) > FEW:
            return self.read_whole(client, declared)
        queries = [{**SORTED, "team_id": entry.name} for entry in declared]
        found = (row for each in queries for row in client.pages(self.path("list"), each, "teams", "page_size"))
        return self._joined(client, declared, unique(found, "team_id"))

    def read_whole(self, client: Client, declared: Sequence[Declared]) -> list[Row]:
        return self._joined(client, declared, self.every(client))

    def _joined(self, client: Client, declared: Sequence[Declared], rows: list[Row]) -> list[Row]:
        return self._with_details(client, declared, self._with_member_budgets(client, declared, rows))

    def _with_member_budgets(self, client: Client, declared: Sequence[Declared], rows: list[Row]) -> list[Row]:
        """The list does not join the default budget of members."""
        asking = {entry.name for entry in declared if MEMBER_FIELDS & set(entry.fields)}
        wanted = {row["team_id"]: (row.get("metadata") or {}).get("team_member_budget_id") for row in rows}
        ids = [budget for team, budget in wanted.items() if budget and team in asking]
        if not ids:
            return rows
        found = client.read_by_post(self.path("budgets"), {"budgets": ids})
        budgets = {budget["budget_id"]: budget for budget in found}
        return [{**row, MEMBERS: budgets.get(wanted[row["team_id"]])} for row in rows]

    def _with_details(self, client: Client, declared: Sequence[Declared], rows: list[Row]) -> list[Row]:
        """The list joins neither what a team may use beside models nor the limits of members; in 1.100 no aliases."""
        permitted = {entry.name for entry in declared if "object_permission" in entry.fields}
        aliased = {entry.name for entry in declared if "model_aliases" in entry.fields}
        peopled = {entry.name for entry in declared if entry.fields.get("members") and not entry.absent}

        def detailed(row: Row) -> Row:
            name = row["team_id"]
            unnamed = name in aliased and row.get("model_id") and not row.get(ALIASES)
            if name not in peopled and not (name in permitted and row.get("object_permission_id")) and not unnamed:
                return row
            answer = client.get(self.path("info"), {"team_id": name, "key_limit": 1})
            joined = {part: answer["team_info"].get(part) for part in ("object_permission", ALIASES)}
            return {**row, **joined, member.MEMBERSHIPS: answer["team_memberships"]}

        with ThreadPoolExecutor(client.connections) as pool:
            return list(pool.map(detailed, rows))

    def detailed(self, client: Client, rows: Sequence[Row]) -> list[Row]:
        everything = {"members": [{}], "object_permission": {}, "team_member_budget": 0}
        declared = [Declared(row["team_id"], everything) for row in rows]
        return self._with_details(client, declared, self._with_member_budgets(client, declared, list(rows)))

    def shown(self, row: Row) -> dict[str, Any]:
        found = super().shown(row)
        members = member.shown(row)
        found |= {"members": members} if members else {}
        return found if found.get("models") else {**found, "all_models": True}

    def changes(self, declared: Declared, row: Row) -> dict[str, tuple[Any, Any]]:
        fields = {name: value for name, value in declared.fields.items() if name != "members"}
        found = super().changes(Declared(declared.name, fields), row)
        differing = member.changes(declared.fields.get("members") or [], row)
        return {**found, "members": differing} if differing else found

    def marks(self, declared: Declared, row: Row | None) -> Mapping[str, Any]:
        if declared.fields.get("members") is None:
            return {}
        found = member.remembered(declared.fields["members"], row)
        stored = ((row or {}).get("metadata") or {}).get(member.REMEMBERED)
        return {member.REMEMBERED: found} if found or stored else {}

    def without_dropped(self, declared: Declared, row: Row) -> Declared:
        entries = declared.fields.get("members")
        if entries is None:
            return declared
        leaving = [{"user": user, "state": "absent", member.DROPPED: True} for user in member.dropped(entries, row)]
        return replace(declared, fields={**declared.fields, "members": [*entries, *leaving]})

    def sent(self, wanted: Mapping[str, Any]) -> Iterator[tuple[str, Field]]:
        yield from super().sent(wanted)
        yield from member.sent(wanted.get("members") or [])

    def beside(self, declared: Declared, row: Row) -> dict[str, Any]:
        found = member.others(declared.fields.get("members") or [], row)
        return {"members": found} if found else {}

    def incomplete(self, declared: Declared) -> str:
        return "" if "models" in declared.fields else UNLIMITED.format(said="models is missing")

    def create(self, client: Client, declared: Declared) -> None:
        fields = {name: value for name, value in declared.given().items() if name != "members"}
        body = {"team_id": declared.name, "team_alias": declared.name, **self.body(fields, {})}
        self.make(client, declared, self.path("create"), body)
        members = [entry for entry in declared.fields.get("members") or [] if entry.get("state") != "absent"]
        member.send(client, declared.name, [], members)

    def update(self, client: Client, declared: Declared, row: Row, changes: Changes) -> None:
        wanted = {name: after for name, (before, after) in changes.items()}
        if "team_member_permissions" in wanted:
            permissions = wanted.pop("team_member_permissions") or []
            body = {"team_id": declared.name, "team_member_permissions": permissions}
            client.write("POST", self.path("permissions"), body)
        if "members" in wanted:
            member.send(client, declared.name, changes["members"][0], wanted.pop("members"))
        if wanted:
            # Not /team/block, which takes a minute to bind, and not PATCH, which can't reach an id with a slash.
            client.write("POST", self.path("update"), {"team_id": declared.name, **self.body(wanted, row)})

    def delete(self, client: Client, declared: Declared, row: Row) -> None:
        if not declared.with_keys and keys_of(client, row["team_id"]):
            raise LiteLLMError("it has keys by now, which LiteLLM would delete with it. Nothing was done to it")
        try:
            client.write("POST", self.path("delete"), {"team_ids": [row["team_id"]]})
        except LiteLLMError as error:
            if not gone(error):
                raise


def keys_of(client: Client, team: str) -> list[dict[str, Any]]:
    """The keys that would be deleted with a team."""
    return keys_with(client, team_id=team)
