# Copyright: Contributors to the Tollgate project
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the proof asks of the gateway as its administrator: keys, rows of the ledger, spend, declared prices."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from http import HTTPStatus
from typing import Any

from .._litellm.client import Client, LiteLLMError
from .keys import ALIAS_PREFIX
from .ledger import Row, rows_of
from .money import Prices, amount

with contextlib.suppress(ImportError):  # the module reports it
    import httpx

LEDGER_TIME = "%Y-%m-%d %H:%M:%S"


class Admin:
    """The few management requests of a proof. All raise LiteLLMError."""

    def __init__(self, client: Client) -> None:
        self._client = client

    def create_key(self, request: Mapping[str, Any]) -> None:
        """Make a key whose text the request brings along. After a failure L(was_refused) tells whether it is there."""
        self._client.write("POST", "/key/generate", request, again=False)

    def delete_keys(self, token_ids: list[str]) -> None:
        """Delete keys, or find that none of them is there; the rows of their calls stay."""
        try:
            self._client.write("POST", "/key/delete", {"keys": token_ids})
        except LiteLLMError as error:
            if error.status != HTTPStatus.NOT_FOUND:
                raise

    def proof_keys(self) -> Iterator[Any]:
        """All keys whose alias looks like a proof's, whoever made them. Other versions' filters may match more."""
        query = {
            "key_alias": ALIAS_PREFIX,
            "substring_matching": "true",
            "return_full_object": "true",
            "sort_by": "token",
            "sort_order": "asc",
        }
        return self._client.pages("/key/list", query, rows="keys", size="size")

    def rows(self, token_id: str) -> tuple[Row, ...]:
        """The billed calls of a key made within the last hour."""
        now = datetime.now(tz=UTC)
        query = {
            "api_key": token_id,
            "start_date": (now - timedelta(hours=1)).strftime(LEDGER_TIME),
            "end_date": (now + timedelta(hours=1)).strftime(LEDGER_TIME),
            "page_size": "100",
        }
        return rows_of(self._client.get("/spend/logs/v2", query))

    def spend(self, token_id: str) -> Decimal | None:
        """The spend of a key as its own row has it; None when LiteLLM doesn't say."""
        info = self._client.get("/key/info", {"key": token_id}).get("info") or {}
        return amount(info["spend"]) if info.get("spend") is not None else None

    def prices(self, model: str) -> Prices:
        """The prices that the proxy has for a model. Raises LiteLLMError when it has none, or several that differ."""
        entries = self._client.pages("/v2/model/info", {}, rows="data", size="size")
        found = {_prices(entry) for entry in entries if entry.get("model_name") == model}
        if not found:
            raise LiteLLMError(f'the proxy serves no model named "{model}"')
        if len(found) > 1:
            raise LiteLLMError(
                f'the deployments of "{model}" have different prices: {sorted(found)}. Declare what is right.'
            )
        return Prices.of(*found.pop())


def _prices(entry: Mapping[str, Any]) -> tuple[str, str]:
    parameters = entry.get("litellm_params") or {}
    return str(parameters.get("input_cost_per_token") or 0), str(parameters.get("output_cost_per_token") or 0)


def was_refused(error: LiteLLMError) -> bool:
    """Whether a request was surely not carried out: LiteLLM said no, or was never reached."""
    unreached = isinstance(error.__cause__, httpx.ConnectError)
    return unreached or HTTPStatus.BAD_REQUEST <= error.status < HTTPStatus.INTERNAL_SERVER_ERROR
