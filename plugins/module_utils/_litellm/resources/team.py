# Copyright: Contributors to the Tollgate project
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Teams. Source: litellm/proxy/management_endpoints/team_endpoints.py."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from ..client import Client
from ..field import Clear, Field, Kind
from ..resource import Declared, Resource, Row


class Team(Resource):
    """A team: its budget and limits hold for the sum of its keys."""

    kind = "team"
    identity = "team"
    options = ("all_models",)
    fields = (
        Field("alias", Kind.TEXT, Clear.REFUSED, at="team_alias", why_not_cleared="a team keeps a name"),
        Field("models", Kind.NAMES, Clear.REFUSED, why_not_cleared="no list means all models; say all_models: true"),
        Field("max_budget", Kind.MONEY),
        Field("soft_budget", Kind.MONEY),
        Field("budget_duration", Kind.DURATION),
        Field("budget_limits", Kind.WINDOWS, Clear.EMPTY_LIST),
        Field("tpm_limit", Kind.NUMBER),
        Field("rpm_limit", Kind.NUMBER),
        Field("blocked", Kind.FLAG, Clear.FALSE),
        Field("model_rpm_limit", Kind.DICT, Clear.EMPTY_DICT, at="metadata.model_rpm_limit"),
        Field("model_tpm_limit", Kind.DICT, Clear.EMPTY_DICT, at="metadata.model_tpm_limit"),
        Field("metadata", Kind.DICT, Clear.EMPTY_DICT),
    )

    def read(self, client: Client) -> list[Row]:
        return list(client.pages("/v2/team/list", {}, "teams", "page_size"))

    def find(self, declared: Declared, rows: Sequence[Row]) -> Row | None:
        return next((row for row in rows if row["team_id"] == declared.name), None)

    def changes(self, declared: Declared, row: Row) -> dict[str, tuple[Any, Any]]:
        return metadata_by_key(super().changes(declared, row), row)

    def create(self, client: Client, declared: Declared) -> None:
        body = {"team_alias": declared.name, **self._body(declared.fields)}
        client.write("POST", "/team/new", {"team_id": declared.name, **body}, again=False)

    def update(self, client: Client, declared: Declared, row: Row, changes: Mapping[str, tuple[Any, Any]]) -> None:
        wanted = self._body({name: after for name, (_, after) in changes.items()})
        # /team/block takes a minute to bind, /team/update binds at once; both metadata and a field of it may be sent.
        client.write("POST", "/team/update", {"team_id": declared.name, **merged(wanted, row)})

    def delete(self, client: Client, row: Row) -> None:
        client.write("POST", "/team/delete", {"team_ids": [row["team_id"]]})

    def _body(self, fields: Mapping[str, Any]) -> dict[str, Any]:
        body = {name: self.field(name).to_send(value) for name, value in fields.items()}
        if "alias" in body:
            body["team_alias"] = body.pop("alias")
        return body


def metadata_by_key(changes: dict[str, tuple[Any, Any]], row: Row) -> dict[str, tuple[Any, Any]]:
    """Only declared keys of metadata count: the server and other tools keep theirs there too."""
    if "metadata" in changes:
        stored = row.get("metadata") or {}
        wanted = changes["metadata"][1]
        if wanted is not None and all(stored.get(key) == value for key, value in wanted.items()):
            del changes["metadata"]
        elif wanted is not None:
            changes["metadata"] = ({key: stored.get(key) for key in wanted}, wanted)
    return changes


def merged(body: dict[str, Any], row: Row) -> dict[str, Any]:
    """LiteLLM replaces metadata wholesale: what is not declared is sent back as it is."""
    if body.get("metadata"):
        body["metadata"] = {**(row.get("metadata") or {}), **body["metadata"]}
    return body
