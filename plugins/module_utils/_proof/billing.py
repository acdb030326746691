# Copyright: Contributors to the Tollgate project
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The checks of the ledger: each served call has its row, and each row costs tokens x price."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from decimal import Decimal

from .._gateway.verdict import Check
from .answer import Answer
from .checks import LEDGER, STREAM_IS_BILLED, next_step
from .ledger import TAG, Account, Row
from .money import Prices, Tokens, dollars, same_amount

NO_PRICE = (
    "The model has no price where LiteLLM looks for it: put input_cost_per_token and output_cost_per_token into its "
    "litellm_params (in model_info they are dropped in silence)."
)


def ledger(accounts: Sequence[Account], prices: Prices, waited: float) -> Check:
    """All calls of all the proof's keys are in the ledger, at their price, and in the spend of their keys."""
    calls = sum(len(account.used) for account in accounts)
    if not calls:
        return Check(
            LEDGER, ok=False, detail="no call of the proof was served, so there is nothing to find in the ledger"
        )
    faults = [fault for account in accounts if (fault := fault_of(account, prices, waited))]
    if faults:
        return Check(LEDGER, ok=False, detail=" ".join(faults))
    total = sum((account.row_spend for account in accounts), Decimal(0))
    detail = f"{calls} calls cost {dollars(total)}, exactly tokens x price in each row and in the spend of their keys"
    return Check(LEDGER, ok=True, detail=f"{detail}, all there {waited:.0f} s after the last call")


def stream_is_billed(answer: Answer, whole: Answer, account: Account, prices: Prices, waited: float) -> Check:
    """A streamed answer ends with the model's own usage and its row costs tokens x price, more than 0."""
    why = _stream_fault(answer, whole) or fault_of(account, prices, waited)
    if not why and account.row_spend == 0:
        why = f"its row costs $0. {NO_PRICE}"
    if why:
        return Check(STREAM_IS_BILLED, ok=False, detail=why)
    detail = f"a streamed answer ended with usage ({answer.tokens}) and was billed {dollars(account.row_spend)}"
    return Check(STREAM_IS_BILLED, ok=True, detail=detail)


def _stream_fault(answer: Answer, whole: Answer) -> str:
    if not answer.served:
        return f"a streamed call {answer}. {next_step(answer)}"
    if answer.tokens is None:
        return "a streamed answer ended without usage although stream_options.include_usage was sent."
    if whole.tokens and whole.tokens.prompt != answer.tokens.prompt:
        return (
            f"the same prompt has {whole.tokens.prompt} tokens without streaming and {answer.tokens.prompt} with it: "
            "LiteLLM guessed them, because the model's stream carries no usage. "
            "Let the model's server send usage in its last chunk (stream_options.include_usage)."
        )
    return ""


def fault_of(account: Account, prices: Prices, waited: float) -> str:
    """What is wrong with the ledger of one key, in words; empty when nothing is."""
    fault = next(_faults(account, prices, waited), "")
    return f"the {account.role} key: {fault}" if fault else ""


def _faults(account: Account, prices: Prices, waited: float) -> Iterator[str]:
    """The faults from the coarse to the fine: each one explains those that come after it."""
    rows, used = account.rows, account.used
    if account.trouble:
        yield f"its ledger can't be read: {account.trouble}"
    if len(rows) < len(used):
        yield (
            f"{len(used)} calls were served but the ledger has {len(rows)} rows after {waited:.0f} s. Look in the "
            "proxy's log for a failed batch write, and whether each answer of the model has an id of its own (rows are "
            "kept by id: a second answer with the same id is not written)."
        )
    if Counter(row.tokens for row in rows) != Counter(used):
        yield f"the ledger's tokens ({_listed(row.tokens for row in rows)}) are not the answers' ({_listed(used)})."
    expected = sum((prices.cost(tokens) for tokens in used), Decimal(0))
    if expected and not account.row_spend:
        yield f"{len(rows)} rows with tokens cost $0 where {dollars(expected)} was expected. {NO_PRICE}"
    for row in rows:
        if not same_amount(row.spend, prices.cost(row.tokens)):
            yield _wrong_price(row, prices)
    if account.spend is None or not same_amount(account.spend, account.row_spend):
        seen = "unknown" if account.spend is None else dollars(account.spend)
        yield f"its rows add up to {dollars(account.row_spend)} but its own spend is {seen} after {waited:.0f} s."
    if not all(row.tagged for row in rows):
        yield f"it has rows without the tag {TAG}, so that the proof can't be told from use."


def _wrong_price(row: Row, prices: Prices) -> str:
    return (
        f"a row with {row.tokens} costs {dollars(row.spend)}, at the declared prices ({dollars(prices.input)} and "
        f"{dollars(prices.output)} per token) it is {dollars(prices.cost(row.tokens))}. Has the proxy another price, a "
        "margin or a discount, or a second deployment of the same name?"
    )


def _listed(tokens: Iterable[Tokens]) -> str:
    return ", ".join(str(each) for each in sorted(tokens))
