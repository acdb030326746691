# Copyright: Contributors to the Tollgate project
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the proof asks of the gateway as its administrator: keys, rows of the ledger, spend, declared prices."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from http import HTTPStatus
from typing import Any, Protocol

from .keys import ALIAS_PREFIX
from .ledger import Row, rows_of
from .money import Prices, amount

LEDGER_TIME = "%Y-%m-%d %H:%M:%S"


class AdminError(Exception):
    """The gateway refused an administrator's request (C(status)), or did not answer (0).

    C(sent) says whether the request may have been carried out although the answer says otherwise or never came.
    """

    def __init__(self, message: str, status: int = 0, sent: bool = False) -> None:
        super().__init__(message)
        self.status = status
        self.sent = sent


class Management(Protocol):
    """A client of LiteLLM's management API. Both raise AdminError."""

    def get(self, path: str, query: Mapping[str, str]) -> Any:
        """The JSON answer of a GET."""

    def post(self, path: str, body: Mapping[str, Any]) -> Any:
        """The JSON answer of a POST."""


class Admin:
    """The few management requests of a proof."""

    def __init__(self, management: Management) -> None:
        self._management = management

    def create_key(self, request: Mapping[str, Any]) -> None:
        """Make a key whose text the request brings along."""
        self._management.post("/key/generate", request)

    def delete_keys(self, token_ids: list[str]) -> None:
        """Delete keys, or find that none of them is there; the rows of their calls stay."""
        try:
            self._management.post("/key/delete", {"keys": token_ids})
        except AdminError as error:
            if error.status != HTTPStatus.NOT_FOUND:
                raise

    def proof_keys(self) -> Iterator[Any]:
        """All keys whose alias looks like a proof's, whoever made them. Other filters than ours may match more."""
        page, pages = 1, 1
        while page <= pages:
            query = {
                "key_alias": ALIAS_PREFIX,
                "substring_matching": "true",
                "return_full_object": "true",
                "sort_by": "token",
                "sort_order": "asc",
                "size": "100",
                "page": str(page),
            }
            answer = self._management.get("/key/list", query)
            yield from answer.get("keys") or ()
            pages = int(answer.get("total_pages") or 0)
            page += 1

    def rows(self, token_id: str) -> tuple[Row, ...]:
        """The billed calls of a key made within the last hour."""
        now = datetime.now(tz=UTC)
        query = {
            "api_key": token_id,
            "start_date": (now - timedelta(hours=1)).strftime(LEDGER_TIME),
            "end_date": (now + timedelta(hours=1)).strftime(LEDGER_TIME),
            "page_size": "100",
        }
        return rows_of(self._management.get("/spend/logs/v2", query))

    def spend(self, token_id: str) -> Decimal | None:
        """The spend of a key as its own row has it; None when LiteLLM doesn't say."""
        info = self._management.get("/key/info", {"key": token_id}).get("info") or {}
        return amount(info["spend"]) if info.get("spend") is not None else None

    def prices(self, model: str) -> Prices:
        """The prices that the proxy has for a model. Raises AdminError when it has none, or several that differ."""
        found: set[tuple[str, str]] = set()
        page, pages = 1, 1
        while page <= pages:
            answer = self._management.get("/v2/model/info", {"size": "100", "page": str(page)})
            found |= {_prices(entry) for entry in answer.get("data") or () if entry.get("model_name") == model}
            pages = int(answer.get("total_pages") or 0)
            page += 1
        if not found:
            raise AdminError(f'the proxy serves no model named "{model}"')
        if len(found) > 1:
            raise AdminError(
                f'the deployments of "{model}" have different prices: {sorted(found)}. Declare what is right.'
            )
        return Prices.of(*found.pop())


def _prices(entry: Mapping[str, Any]) -> tuple[str, str]:
    parameters = entry.get("litellm_params") or {}
    return str(parameters.get("input_cost_per_token") or 0), str(parameters.get("output_cost_per_token") or 0)
