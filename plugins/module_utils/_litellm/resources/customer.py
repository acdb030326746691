# Copyright: Contributors to the Tollgate project
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Customers, whom requests name as C(user). Source: litellm/proxy/management_endpoints/customer_endpoints.py."""

from __future__ import annotations

import uuid
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

from ..client import Client, LiteLLMError
from ..field import Clear, Field
from ..kind import Kind
from ..resource import FEW, Changes, Conflict, Declared, Resource, Row, gone

OF_BUDGET = "litellm_budget_table."
LIMITS = {
    "max_budget": Kind.MONEY,
    "soft_budget": Kind.MONEY,
    "budget_duration": Kind.DURATION,
    "max_parallel_requests": Kind.NUMBER,
    "tpm_limit": Kind.NUMBER,
    "rpm_limit": Kind.NUMBER,
}
OWN = (*LIMITS, "model_max_budget")  # of a budget that LiteLLM makes for one customer
# POST /customer/update writes neither null nor "" nor 0 for these (_should_update_field, and a region is eu or us).
DROPPED = "LiteLLM drops an empty value of it in an update of a customer"
ANEW = "declare the customer under state: absent once, then anew"


class Customer(Resource):
    """An end user of somebody's application, with limits of their own or those of a budget that is shared."""

    kind = "customer"
    identity = "customer"
    options = ()
    refers: ClassVar[Mapping[str, str]] = {"budget_id": "budget"}
    calls: ClassVar[Mapping[str, str]] = {
        "create": "POST /customer/new",
        "update": "POST /customer/update",
        "delete": "POST /customer/delete",
        "list": "GET /customer/list",
        "info": "GET /customer/info",
        "new limits": "POST /budget/new",
        "limits": "POST /budget/update",
    }
    asks: ClassVar[Mapping[str, Sequence[str]]] = {"info": ("end_user_id",)}
    fields = (
        Field("alias", Kind.TEXT, Clear.EMPTY_TEXT),
        Field("models", Kind.NAMES, Clear.EMPTY_LIST, since="1.106.0"),
        Field("default_model", Kind.TEXT, Clear.EMPTY_TEXT),
        Field("allowed_model_region", Kind.TEXT, Clear.REFUSED, choices=("eu", "us"), why_not_cleared=DROPPED),
        Field("budget_id", Kind.TEXT, Clear.REFUSED, why_not_cleared=f"{DROPPED}; name another budget"),
        *(Field(name, kind, at=f"{OF_BUDGET}{name}", by="limits") for name, kind in LIMITS.items()),
        Field(
            "object_permission",
            Kind.PARTS,
            Clear.REFUSED,
            fixed=f"LiteLLM 1.106 answers 500 to a change of a customer's. To change it, {ANEW}",
            why_not_cleared=f"LiteLLM 1.106 answers 500 to a change of a customer's. To change it, {ANEW}",
        ),
        # Without a licence it is stored, and the customer is served all the same.
        Field("blocked", Kind.FLAG, Clear.FALSE, enterprise=True),
        Field(
            "model_max_budget",
            Kind.DICT,
            Clear.EMPTY_DICT,
            at=f"{OF_BUDGET}model_max_budget",
            by="limits",
            enterprise=True,
        ),
    )
    left_out: ClassVar[Mapping[str, str]] = {
        "user_id": "the identity",
        "spend": "it is counted",
        "tpd_limit": "LiteLLM enforces it for batches of keys only, since 1.103.0",
        "budget_reset_at": "LiteLLM moves it at the end of each budget_duration",
    }

    def name_of(self, row: Row) -> str:
        return str(row["user_id"])

    def objections(self, entry: Mapping[str, Any], *, complete: bool) -> list[str]:
        found = super().objections(entry, complete=complete)
        own = [name for name in OWN if entry.get(name) is not None]
        if entry.get("budget_id") and own:
            found.append(f"budget_id and {own[0]} exclude each other: say {own[0]} of the budget")
        return found

    def shown(self, row: Row) -> dict[str, Any]:
        found = super().shown(row)
        own = private(found.get("budget_id", ""))
        return {name: value for name, value in found.items() if name not in ({"budget_id"} if own else OWN)}

    def read(self, client: Client, declared: Sequence[Declared]) -> list[Row]:
        if len(declared) > FEW:
            return self.every(client)
        rows: list[Row] = []
        for entry in declared:
            try:
                rows.append(client.get(self.path("info"), {"end_user_id": entry.name}))
            except LiteLLMError as error:
                if not gone(error):
                    raise
        return rows

    def every(self, client: Client) -> list[Row]:
        return list(client.get(self.path("list")))  # LiteLLM has no pages of customers

    def changes(self, declared: Declared, row: Row) -> dict[str, tuple[Any, Any]]:
        found = super().changes(declared, row)
        limits = sorted(set(found).intersection(OWN))
        shared = row.get("budget_id")
        if limits and shared and not private(shared):
            raise Conflict(
                f"{', '.join(limits)} would change the budget {shared}, which others may have too. Say it of that "
                "budget, or name another one."
            )
        return found

    def create(self, client: Client, declared: Declared) -> None:
        # A request that names an unknown customer makes a row within seconds: make() finds it, and changes it.
        body = {"user_id": declared.name, **self.body(declared.given(), {})}
        self.make(client, declared, self.path("create"), body)

    def update(self, client: Client, declared: Declared, row: Row, changes: Changes) -> None:
        wanted = {name: after for name, (before, after) in changes.items()}
        limits = {name: wanted.pop(name) for name in OWN if name in wanted}
        sent = self.body(wanted, row)
        if limits:
            # /customer/update drops durations, rates, null and 0: the customer's own budget takes them.
            body = self.body(limits, row)
            if row.get("budget_id"):
                client.write("POST", self.path("limits"), {"budget_id": row["budget_id"], **body})
            else:
                sent["budget_id"] = str(uuid.uuid4())
                new = {name: value for name, value in body.items() if value is not None}
                client.write("POST", self.path("new limits"), {"budget_id": sent["budget_id"], **new})
        # Even without a value: LiteLLM forgets the customer that it holds in memory.
        client.write("POST", self.path("update"), {"user_id": declared.name, **sent})

    def delete(self, client: Client, declared: Declared, row: Row) -> None:  # noqa: ARG002 (a team needs it)
        try:
            client.write("POST", self.path("delete"), {"user_ids": [declared.name]})
        except LiteLLMError as error:
            if not gone(error):
                raise


def private(budget: str) -> bool:
    """Whether LiteLLM, or this module, has made the budget for one customer: such ones are named by a UUID."""
    try:
        return str(uuid.UUID(budget)) == budget
    except ValueError:
        return False
