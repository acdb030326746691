# Copyright: Contributors to the Tollgate project
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Teams. Source: litellm/proxy/management_endpoints/team_endpoints.py."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ..client import Client, LiteLLMError
from ..field import Clear, Field
from ..kind import Kind
from ..resource import FEW, Changes, Declared, Resource, Row, gone, unique
from .key import ALL_PARTS, UNLIMITED

MEMBERS = "team_member_budget_table"
MEMBER_FIELDS = {"team_member_budget", "team_member_budget_duration", "team_member_rpm_limit", "team_member_tpm_limit"}


def _meta(name: str, kind: Kind, clear: Clear) -> Field:
    """A field that LiteLLM keeps in metadata. It answers 500 to null for one."""
    return Field(name, kind, clear, at=f"metadata.{name}")


class Team(Resource):
    """A team: its budget and limits hold for the sum of its keys."""

    kind = "team"
    identity = "team"
    options = ("all_models", "delete_keys")
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
        Field("tpd_limit", Kind.NUMBER),
        Field("blocked", Kind.FLAG, Clear.FALSE),
        Field("model_aliases", Kind.DICT, Clear.EMPTY_DICT, at="litellm_model_table.model_aliases"),
        Field("router_settings", Kind.PARTS, Clear.EMPTY_DICT),
        Field("access_group_ids", Kind.NAMES, Clear.EMPTY_LIST),
        Field("object_permission", Kind.PARTS, Clear.REFUSED, why_not_cleared=ALL_PARTS),
        Field("team_member_budget", Kind.MONEY, at=f"{MEMBERS}.max_budget"),
        Field("team_member_budget_duration", Kind.DURATION, at=f"{MEMBERS}.budget_duration"),
        Field("team_member_rpm_limit", Kind.NUMBER, at=f"{MEMBERS}.rpm_limit"),
        Field("team_member_tpm_limit", Kind.NUMBER, at=f"{MEMBERS}.tpm_limit"),
        Field("team_member_permissions", Kind.NAMES, Clear.EMPTY_LIST),
        Field("default_team_member_models", Kind.NAMES, Clear.EMPTY_LIST),
        _meta("model_rpm_limit", Kind.RATES, Clear.EMPTY_DICT),
        _meta("model_tpm_limit", Kind.RATES, Clear.EMPTY_DICT),
        _meta("mcp_rpm_limit", Kind.RATES, Clear.EMPTY_DICT),
        _meta("default_estimated_output_tokens", Kind.POSITIVE, Clear.LEFT_OUT),
        _meta("default_estimated_output_tokens_per_model", Kind.RATES, Clear.EMPTY_DICT),
        _meta("allowed_vector_store_indexes", Kind.RECORDS, Clear.EMPTY_LIST),
        _meta("enforced_batch_output_expires_after", Kind.DICT, Clear.EMPTY_DICT),
        _meta("enforced_file_expires_after", Kind.DICT, Clear.EMPTY_DICT),
        Field("metadata", Kind.PARTS, Clear.EMPTY_DICT),
    )

    def read(self, client: Client, declared: Sequence[Declared]) -> list[Row]:
        query = {"sort_by": "team_id", "sort_order": "asc"}
        queries = [query] if len(declared) > FEW else [{**query, "team_id": entry.name} for entry in declared]
        rows = unique(
            (row for each in queries for row in client.pages("/v2/team/list", each, "teams", "page_size")), "team_id"
        )
        return self._with_permissions(client, declared, self._with_member_budgets(client, declared, rows))

    @staticmethod
    def _with_member_budgets(client: Client, declared: Sequence[Declared], rows: list[Row]) -> list[Row]:
        """The list does not join the default budget of members."""
        asking = {entry.name for entry in declared if MEMBER_FIELDS & set(entry.fields)}
        wanted = {row["team_id"]: (row.get("metadata") or {}).get("team_member_budget_id") for row in rows}
        ids = [budget for team, budget in wanted.items() if budget and team in asking]
        if not ids:
            return rows
        found = client.read_by_post("/budget/info", {"budgets": ids})
        budgets = {budget["budget_id"]: budget for budget in found}
        return [{**row, MEMBERS: budgets.get(wanted[row["team_id"]])} for row in rows]

    @staticmethod
    def _with_permissions(client: Client, declared: Sequence[Declared], rows: list[Row]) -> list[Row]:
        """The list does not join what a team may use beside models."""
        asking = {entry.name for entry in declared if "object_permission" in entry.fields}
        return [
            client.get("/team/info", {"team_id": row["team_id"]})["team_info"] | {MEMBERS: row.get(MEMBERS)}
            if row["team_id"] in asking and row.get("object_permission_id")
            else row
            for row in rows
        ]

    def find(self, declared: Declared, rows: Sequence[Row]) -> Row | None:
        return next((row for row in rows if row["team_id"] == declared.name), None)

    def incomplete(self, declared: Declared) -> str:
        return "" if "models" in declared.fields else UNLIMITED.format(said="models is missing")

    def create(self, client: Client, declared: Declared) -> None:
        body = {"team_id": declared.name, "team_alias": declared.name, **self.body(declared.given(), {})}
        self.make(client, declared, "/team/new", body)

    def update(self, client: Client, declared: Declared, row: Row, changes: Changes) -> None:
        wanted = {name: after for name, (before, after) in changes.items()}
        if "team_member_permissions" in wanted:
            permissions = wanted.pop("team_member_permissions") or []
            path = "/team/permissions_update"
            client.write("POST", path, {"team_id": declared.name, "team_member_permissions": permissions})
        if wanted:
            # Not /team/block, which takes a minute to bind, and not PATCH, which can't reach an id with a slash.
            client.write("POST", "/team/update", {"team_id": declared.name, **self.body(wanted, row)})

    def delete(self, client: Client, declared: Declared, row: Row) -> None:
        if not declared.with_keys and keys_of(client, row["team_id"]):
            raise LiteLLMError("it has keys by now, which LiteLLM would delete with it. Nothing was done to it")
        try:
            client.write("POST", "/team/delete", {"team_ids": [row["team_id"]]})
        except LiteLLMError as error:
            if not gone(error):
                raise


def keys_of(client: Client, team: str) -> list[dict[str, Any]]:
    """The keys that would be deleted with a team."""
    query = {"team_id": team, "return_full_object": "true", "sort_by": "token", "sort_order": "asc"}
    return list(client.pages("/key/list", query, "keys", "size"))
