# Copyright: Contributors to the Tollgate project
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Internal users. Source: litellm/proxy/management_endpoints/internal_user_endpoints.py."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any, ClassVar

from ..client import Client, LiteLLMError
from ..field import Clear, Field
from ..kind import Kind
from ..resource import FEW, Changes, Conflict, Declared, Resource, Row, gone, part, unique
from .key import ALL_PARTS, keys_with
from .member import ADMIN

# /user/update drops null and empty values of all but five fields (_update_internal_user_params).
DROPPED = "LiteLLM drops an empty value of it in an update of a user"
ROLES = ("proxy_admin", "proxy_admin_viewer", "internal_user", "internal_user_viewer")
UNUSED = "LiteLLM does not use it for a user"
KEYS_OWN = "it is for the key that LiteLLM could make together with the user"


class User(Resource):
    """A user of the admin UI, who may own keys and be a member of teams."""

    kind = "user"
    identity = "user"
    marked_in = "metadata"
    # /user/delete reads the members of each of the user's teams, and writes them back without that one.
    deleted_one_by_one = True
    options = ("delete_keys",)
    calls: ClassVar[Mapping[str, str]] = {
        "create": "POST /user/new",
        "update": "POST /user/update",
        "delete": "POST /user/delete",
        "list": "GET /user/list",
        "info": "GET /v2/user/info",
    }
    asks: ClassVar[Mapping[str, Sequence[str]]] = {
        "list": ("search since 1.101.0", "sort_by", "page", "page_size"),
        "info": ("user_id",),
    }
    fields = (
        Field("email", Kind.TEXT, Clear.EMPTY_TEXT, at="user_email", sent="user_email"),
        Field("alias", Kind.TEXT, Clear.EMPTY_TEXT, at="user_alias", sent="user_alias"),
        Field(
            "role", Kind.TEXT, Clear.REFUSED, at="user_role", sent="user_role", choices=ROLES, why_not_cleared=DROPPED
        ),
        Field(
            "models",
            Kind.NAMES,
            Clear.REFUSED,
            why_not_cleared=f"{DROPPED}; name the models, or no-default-models for none",
        ),
        Field("max_budget", Kind.MONEY),
        Field("budget_duration", Kind.DURATION, clear_since="1.103.0"),
        Field("tpm_limit", Kind.NUMBER, clear_since="1.106.0"),
        Field("rpm_limit", Kind.NUMBER, clear_since="1.106.0"),
        Field("max_parallel_requests", Kind.NUMBER, Clear.REFUSED, why_not_cleared=DROPPED),
        Field("allowed_cache_controls", Kind.NAMES, Clear.REFUSED, why_not_cleared=DROPPED),
        Field("object_permission", Kind.PARTS, Clear.REFUSED, why_not_cleared=ALL_PARTS),
        Field("model_rpm_limit", Kind.RATES, Clear.EMPTY_DICT, at="metadata.model_rpm_limit"),
        Field("model_tpm_limit", Kind.RATES, Clear.EMPTY_DICT, at="metadata.model_tpm_limit"),
        Field(
            "sso_user_id",
            Kind.TEXT,
            Clear.REFUSED,
            fixed="LiteLLM takes it for a new user only",
            why_not_cleared="LiteLLM takes it for a new user only",
        ),
        Field("model_max_budget", Kind.DICT, Clear.EMPTY_DICT, enterprise=True),
        Field("metadata", Kind.PARTS, Clear.REFUSED, why_not_cleared=f"{DROPPED}; its entries are cleared one by one"),
    )
    left_out: ClassVar[Mapping[str, str]] = {
        "user_id": "the identity",
        "auto_create_key": "always false: keys are declared",
        "teams": "members are declared with the team",
        "spend": "it is counted",
        "send_invite_email": "it is an action",
        "password": "users choose it by an invitation",
        "organizations": "LiteLLM Enterprise",
        "policies": "LiteLLM Enterprise",
        "guardrails": UNUSED,
        "prompts": UNUSED,
        "blocked": UNUSED,
        "permissions": UNUSED,
        "config": UNUSED,
        "budget_limits": UNUSED,
        "mcp_rpm_limit": UNUSED,
        "tag_rpm_limit": UNUSED,
        "budget_fallbacks": UNUSED,
        "aliases": KEYS_OWN,
        "duration": KEYS_OWN,
        "key_alias": KEYS_OWN,
        "team_id": KEYS_OWN,
        "agent_id": KEYS_OWN,
    }

    def name_of(self, row: Row) -> str:
        return str(row["user_id"])

    def objections(self, entry: Mapping[str, Any], *, complete: bool) -> list[str]:
        found = super().objections(entry, complete=complete)
        if entry.get("models") == [] and entry.get("state") != "absent":
            found.append(
                f"models is empty, which would allow all of them, and {DROPPED}. Name the models, or leave it out"
            )
        return found

    def read(self, client: Client, declared: Sequence[Declared]) -> list[Row]:
        if len(declared) > FEW:
            return self.read_whole(client, declared)
        # By a part of the id, in any case: find() compares the whole. user_ids would split it at commas.
        queries = [{"search": part(entry.name), "sort_by": "user_id"} for entry in declared]
        rows = unique((row for query in queries for row in self._pages(client, query)), "user_id")
        return self._permitted(client, declared, rows)

    def read_whole(self, client: Client, declared: Sequence[Declared]) -> list[Row]:
        return self._permitted(client, declared, self.every(client))

    def lasting(self, row: Row) -> bool:
        return bool(row["user_id"] != ADMIN)

    def _permitted(self, client: Client, declared: Sequence[Declared], rows: list[Row]) -> list[Row]:
        asking = {entry.name for entry in declared if "object_permission" in entry.fields}
        return [self._joined(client, row) if row["user_id"] in asking else row for row in rows]

    def every(self, client: Client) -> list[Row]:
        return unique(self._pages(client, {"sort_by": "user_id"}), "user_id")

    def _pages(self, client: Client, query: Mapping[str, Any]) -> list[Row]:
        return list(client.pages(self.path("list"), query, "users", "page_size"))

    def _joined(self, client: Client, row: Row) -> Row:
        """The list does not join what a user may use beside models; the object has no max_parallel_requests."""
        if not row.get("object_permission_id"):
            return row
        found = client.get(self.path("info"), {"user_id": row["user_id"]})
        return {**row, "object_permission": found.get("object_permission")}

    def detailed(self, client: Client, rows: Sequence[Row]) -> list[Row]:
        with ThreadPoolExecutor(client.connections) as pool:
            return list(pool.map(lambda row: self._joined(client, row), rows))

    def changes(self, declared: Declared, row: Row) -> dict[str, tuple[Any, Any]]:
        found = super().changes(declared, row)
        if (
            "metadata" in found
            and row.get("metadata")
            and self.body({"metadata": found["metadata"][1]}, row) == {"metadata": {}}
        ):
            raise Conflict(f"the last entry of metadata can't be cleared: {DROPPED}. Keep one.")
        return found

    def create(self, client: Client, declared: Declared) -> None:
        body = {"user_id": declared.name, "auto_create_key": False, **self.body(declared.given(), {})}
        self.make(client, declared, self.path("create"), body)
        if declared.fields.get("max_budget") is not None:
            # The live spend counter outlives a deleted user of the same id: it would refuse the new one's calls.
            client.write("POST", self.path("update"), {"user_id": declared.name, "spend": 0})

    def update(self, client: Client, declared: Declared, row: Row, changes: Changes) -> None:
        body = self.body({name: after for name, (before, after) in changes.items()}, row)
        client.write("POST", self.path("update"), {"user_id": declared.name, **body})

    def delete(self, client: Client, declared: Declared, row: Row) -> None:
        if not declared.with_keys and keys_with(client, user_id=row["user_id"]):
            raise LiteLLMError("it has keys by now, which LiteLLM would delete with it. Nothing was done to it")
        try:
            client.write("POST", self.path("delete"), {"user_ids": [declared.name]})
        except LiteLLMError as error:
            if not gone(error):
                raise
