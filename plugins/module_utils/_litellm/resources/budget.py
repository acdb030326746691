# Copyright: Contributors to the Tollgate project
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Budgets to share. Source: litellm/proxy/management_endpoints/budget_management_endpoints.py."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import ClassVar

from ..client import Client, LiteLLMError
from ..field import Clear, Field
from ..kind import Kind
from ..resource import PAGE, Changes, Declared, Resource, Row


class Budget(Resource):
    """Limits that several keys and customers share, each with a spend of its own."""

    kind = "budget"
    identity = "budget"
    options = ()
    calls: ClassVar[Mapping[str, str]] = {
        "create": "POST /budget/new",
        "update": "POST /budget/update",
        "delete": "POST /budget/delete",
        "some": "POST /budget/info",
        "list": "GET /budget/list",
    }
    fields = (
        Field("max_budget", Kind.MONEY),
        Field("soft_budget", Kind.MONEY),
        Field("budget_duration", Kind.DURATION),
        Field("max_parallel_requests", Kind.NUMBER),
        Field("tpm_limit", Kind.NUMBER),
        Field("rpm_limit", Kind.NUMBER),
        Field("tpd_limit", Kind.NUMBER, since="1.103.0"),
        Field("model_max_budget", Kind.DICT, Clear.EMPTY_DICT, enterprise=True),
    )
    left_out: ClassVar[Mapping[str, str]] = {
        "budget_id": "the identity",
        "budget_reset_at": "LiteLLM moves it at the end of each budget_duration",
    }

    def name_of(self, row: Row) -> str:
        return str(row["budget_id"])

    def read(self, client: Client, declared: Sequence[Declared]) -> list[Row]:
        # Names that LiteLLM does not know are left out of its answer.
        names = [entry.name for entry in declared]
        return [
            row
            for start in range(0, len(names), PAGE)
            for row in client.read_by_post(self.path("some"), {"budgets": names[start : start + PAGE]})
        ]

    def every(self, client: Client) -> list[Row]:
        return list(client.get(self.path("list")))

    def create(self, client: Client, declared: Declared) -> None:
        body = {"budget_id": declared.name, **self.body(declared.given(), {})}
        self.make(client, declared, self.path("create"), body)

    def update(self, client: Client, declared: Declared, row: Row, changes: Changes) -> None:
        # Only what differs: budget_duration sent again moves the date of the next reset.
        body = self.body({name: after for name, (before, after) in changes.items()}, row)
        if client.write("POST", self.path("update"), {"budget_id": declared.name, **body}) is None:
            # LiteLLM 1.106 answers 200 and null for a budget that is not there.
            raise LiteLLMError("somebody has deleted it meanwhile. Run again to make it anew")

    def delete(self, client: Client, declared: Declared, row: Row) -> None:  # noqa: ARG002 (a team needs it)
        client.write("POST", self.path("delete"), {"id": declared.name})  # 200 too when it is gone
