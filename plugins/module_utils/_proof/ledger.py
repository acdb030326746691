# Copyright: Contributors to the Tollgate project
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The ledger: what LiteLLM wrote about the calls of a key, and whether all of it has arrived."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from .answer import Answer
from .money import Tokens, amount, same_amount

TAG = "tollgate-proof"


@dataclass(frozen=True)
class Row:
    """One billed call. A refused call has a row too, with no cost; it is left out."""

    request_id: str
    tokens: Tokens
    spend: Decimal
    tagged: bool


@dataclass(frozen=True)
class Account:
    """One key of the proof: what its served calls used, the rows of the ledger, and the spend of the key itself.

    C(trouble) says why the last two could not be read.
    """

    role: str
    used: tuple[Tokens, ...]
    rows: tuple[Row, ...] = ()
    spend: Decimal | None = None
    trouble: str = ""

    @property
    def row_spend(self) -> Decimal:
        """What the rows add up to, in dollars."""
        return sum((row.spend for row in self.rows), Decimal(0))

    @property
    def complete(self) -> bool:
        """Whether every served call has its row and the key's own spend agrees with them: then waiting may end."""
        arrived = len(self.rows) >= len(self.used)
        return arrived and self.spend is not None and same_amount(self.spend, self.row_spend)


def used(answers: Iterable[Answer]) -> tuple[Tokens, ...]:
    """What the served calls used. One without usage counts with 0 tokens: it must have a row all the same."""
    return tuple(answer.tokens or Tokens(0, 0) for answer in answers if answer.served)


def rows_of(page: Any) -> tuple[Row, ...]:
    """The billed calls in an answer of C(GET /spend/logs/v2)."""
    entries = page.get("data") if isinstance(page, dict) else None
    return tuple(_row(entry) for entry in entries or () if isinstance(entry, dict) and not _failed(entry))


def _row(entry: dict[str, Any]) -> Row:
    tags = entry.get("request_tags")
    return Row(
        request_id=str(entry.get("request_id") or ""),
        tokens=Tokens(int(entry.get("prompt_tokens") or 0), int(entry.get("completion_tokens") or 0)),
        spend=amount(entry.get("spend") or 0),
        tagged=isinstance(tags, (list, str)) and TAG in tags,
    )


def _failed(entry: dict[str, Any]) -> bool:
    metadata = entry.get("metadata")
    status = entry.get("status") or (metadata.get("status") if isinstance(metadata, dict) else None)
    return bool(status == "failure")
