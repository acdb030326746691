# Copyright: Contributors to the Tollgate project
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Virtual keys. Source: litellm/proxy/management_endpoints/key_management_endpoints.py."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from typing import Any

from ..client import Client, LiteLLMError
from ..field import Clear, Field, Kind
from ..resource import Conflict, Declared, Resource, Row
from .team import merged, metadata_by_key

JSON_LIST, JSON_DICT = Clear.EMPTY_LIST, Clear.EMPTY_DICT


def token_id(value: str) -> str:
    """LiteLLM's name for a key: the SHA-256 of its text."""
    return hashlib.sha256(value.encode()).hexdigest()


class Key(Resource):
    """A virtual key, found by its alias and by the digest of its value."""

    kind = "key"
    identity = "alias"
    options = ("secret", "all_models")
    # null for a JSON column makes a key unusable and breaks /key/list for everybody: lists and dicts clear by empty ones.
    fields = (
        Field("team", Kind.TEXT, at="team_id"),
        Field("user", Kind.TEXT, at="user_id"),
        Field("models", Kind.NAMES, Clear.REFUSED, why_not_cleared="no list means all models; say all_models: true"),
        Field("max_budget", Kind.MONEY),
        Field("soft_budget", Kind.MONEY, at="litellm_budget_table.soft_budget"),
        Field("budget_duration", Kind.DURATION),
        Field("budget_limits", Kind.WINDOWS, JSON_LIST),
        Field("budget_id", Kind.TEXT),
        Field("tpm_limit", Kind.NUMBER),
        Field("rpm_limit", Kind.NUMBER),
        Field("max_parallel_requests", Kind.NUMBER),
        Field("duration", Kind.DURATION, create_only=True),  # re-sending it would move the date of expiry
        Field("blocked", Kind.FLAG, Clear.FALSE),
        Field("allowed_routes", Kind.NAMES, JSON_LIST),
        Field("allowed_cache_controls", Kind.NAMES, JSON_LIST),
        Field("aliases", Kind.DICT, JSON_DICT),
        Field("permissions", Kind.DICT, JSON_DICT),
        Field("model_rpm_limit", Kind.DICT, JSON_DICT, at="metadata.model_rpm_limit"),
        Field("model_tpm_limit", Kind.DICT, JSON_DICT, at="metadata.model_tpm_limit"),
        Field("metadata", Kind.DICT, JSON_DICT),
    )

    def read(self, client: Client) -> list[Row]:
        query = {"return_full_object": "true", "sort_by": "token", "sort_order": "asc"}
        return list(client.pages("/key/list", query, "keys", "size"))

    def find(self, declared: Declared, rows: Sequence[Row]) -> Row | None:
        token = token_id(declared.value) if declared.value else None
        aliased = [row for row in rows if row.get("key_alias") == declared.name]
        if len(aliased) > 1:
            raise Conflict(f"{len(aliased)} keys of the proxy have this alias. Delete all but one in the admin UI.")
        mine = next((row for row in rows if row["token"] == token), None)
        if token and aliased and aliased[0]["token"] != token:
            raise Conflict(
                f"the proxy's key of this alias is {aliased[0]['token'][:12]}, the stored value is {token[:12]}: another "
                "value. Restore the secret, or declare the old key under state: absent once to replace it."
            )
        return mine or (aliased[0] if aliased else None)

    def changes(self, declared: Declared, row: Row) -> dict[str, tuple[Any, Any]]:
        found = metadata_by_key(super().changes(declared, row), row)
        if row.get("key_alias") != declared.name:
            found["alias"] = (row.get("key_alias"), declared.name)
        return found

    def create(self, client: Client, declared: Declared) -> None:
        body = {"key": declared.value, "key_alias": declared.name, **self._body(declared.fields)}
        token = token_id(declared.value or "")
        try:
            client.write("POST", "/key/generate", body, again=False)
        except LiteLLMError as error:
            # A lost answer: the key may be there. Creating with an existing text changes nothing, so once more is safe.
            if error.status or not self._exists(client, token):
                raise
        # The live spend counter outlives a deleted key of the same value.
        client.write("POST", "/key/update", {"key": token, "spend": 0})

    def update(self, client: Client, declared: Declared, row: Row, changes: Mapping[str, tuple[Any, Any]]) -> None:
        body = self._body({name: after for name, (_, after) in changes.items() if name != "alias"})
        if "alias" in changes:
            body["key_alias"] = declared.name
        client.write("POST", "/key/update", {"key": row["token"], **merged(body, row)})

    def delete(self, client: Client, row: Row) -> None:
        client.write("POST", "/key/delete", {"keys": [row["token"]]})

    def result(self, declared: Declared) -> dict[str, Any]:
        return {"token_id": token_id(declared.value)} if declared.value else {}

    @staticmethod
    def _exists(client: Client, token: str) -> bool:
        try:
            answer = client.get("/key/info", {"key": token})
        except LiteLLMError:
            return False
        return bool(answer["info"].get("status") != "deleted")

    def _body(self, fields: Mapping[str, Any]) -> dict[str, Any]:
        renamed = {"team": "team_id", "user": "user_id"}
        return {renamed.get(name, name): self.field(name).to_send(value) for name, value in fields.items()}
