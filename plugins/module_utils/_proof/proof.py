# Copyright: Contributors to the Tollgate project
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""One proof from its keys to its verdict. Whatever happens, its keys are deleted before it returns."""

from __future__ import annotations

import time
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from decimal import Decimal
from http import HTTPStatus

from .._gateway.verdict import Check
from .._litellm.client import LiteLLMError
from . import billing, checks
from .admin import Admin, was_refused
from .answer import TOO_LATE, Answer, clean
from .calls import together, until_refused
from .chat import MAX_TOKENS, Chat
from .interruption import Interruption
from .keys import LIFETIME, ProofKey, key_request, leftovers, new_key, new_value
from .ledger import Account, used
from .money import LEAST_PROMPT_TOKENS, Prices, Tokens
from .run import Run

# Dollars. So much can a proof that goes wrong cost at most, unless the model is very dear; it uses a few calls of it.
HIGH_BUDGET = 1.0
HIGH_BUDGET_CALLS = 100
NO_SUCH_MODEL = "tollgate-proof-another-model"
HIGH, LOW, STREAM, OTHER = "high", "low", "stream", "other"

_POLL_SECONDS = 0.5
_DELETE_TRIES = 5
_NO_ANSWER = Answer(0, TOO_LATE, "none within the time of the proof")


@dataclass(frozen=True)
class Target:
    """The model to prove, its declared prices, and how long LiteLLM may take to write its ledger (seconds)."""

    model: str
    prices: Prices
    batch_write_at: float
    wait: float

    @property
    def ledger_seconds(self) -> float:
        """LiteLLM adds up to 5 s to its interval, and a row may miss one write."""
        return 2 * self.batch_write_at + 15


@dataclass
class Seen:
    """What the calls brought."""

    high: Answer = _NO_ANSWER
    stream: Answer = _NO_ANSWER
    unknown: Answer = _NO_ANSWER
    other: Answer = _NO_ANSWER
    low: list[Answer] = field(default_factory=list)
    low_budget: Decimal = Decimal(0)
    not_tried: str = ""


class Proof:
    """Proves one gateway. C(warnings) tells afterwards what could not be cleaned up."""

    def __init__(self, admin: Admin, chat: Chat, target: Target, interruption: Interruption) -> None:
        self._admin = admin
        self._chat = chat
        self._target = target
        self._interruption = interruption
        self._run = Run.here()
        self._keys: dict[str, ProofKey] = {}
        self._end = time.monotonic() + target.wait
        self.warnings: list[str] = []

    def checks(self) -> list[Check]:
        """Make all checks. Raises Interrupted when told to end."""
        live = self._chat.health("health/liveliness")[0]
        self._interruption.check()
        if not live.served and live.status in (0, HTTPStatus.OK):
            others = (name for name in checks.NAMES if name != checks.READY)
            why = "no LiteLLM proxy answers there"
            return [checks.ready(live, live, ""), *(checks.not_tried(name, why) for name in others)]
        ready = checks.ready(live, *self._chat.health("health/readiness"))
        self._remove_leftovers()
        try:
            seen = self._call()
            accounts, waited = self._settled(seen)
        finally:
            self._delete_keys()
        return [ready, *self._judged(seen, accounts, waited)]

    def _call(self) -> Seen:
        seen, target = Seen(), self._target

        def unknown() -> None:
            seen.unknown = self._chat.complete(new_value())

        def high() -> None:
            seen.high = self._chat.complete(self._keys[HIGH].value)

        def stream() -> None:
            seen.stream = self._chat.stream(self._keys[STREAM].value)

        def other() -> None:
            seen.other = self._chat.complete(self._keys[OTHER].value)

        lanes = [unknown]
        typical = Tokens(LEAST_PROMPT_TOKENS, MAX_TOKENS)
        budget = max(HIGH_BUDGET, float(HIGH_BUDGET_CALLS * target.prices.cost(typical)))
        try:
            self._create(HIGH, target.model, budget)
            self._create(STREAM, target.model, budget)
            self._create(OTHER, NO_SUCH_MODEL, budget)
            lanes += [high, stream, other]
        except LiteLLMError as error:
            seen.not_tried = f"the proof could not make its keys: {clean(str(error))}"
        together(self._interruption, self._end, *lanes)
        if seen.not_tried or target.prices.free:
            return seen
        seen.low_budget = target.prices.low_budget(seen.high.tokens or typical, MAX_TOKENS)
        try:
            low = self._create(LOW, target.model, float(seen.low_budget))
        except LiteLLMError as error:
            seen.low.append(Answer(0, message=f"its key could not be made: {clean(str(error))}"))
            return seen

        def one_after_another() -> None:
            until_refused(lambda: self._chat.complete(low.value), seen.low_budget, target.prices, seen.low)

        together(self._interruption, self._end, one_after_another)
        return seen

    def _create(self, role: str, model: str, budget: float) -> ProofKey:
        self._interruption.check()
        key = new_key(self._run, role)
        self._keys[role] = key
        try:
            self._admin.create_key(key_request(key, self._run, [model], budget))
        except LiteLLMError as error:
            if was_refused(error):
                del self._keys[role]
            raise
        return key

    def _settled(self, seen: Seen) -> tuple[dict[str, Account], float]:
        """The accounts of the keys, read again until they are complete or the time for that is over."""
        began = time.monotonic()
        end = min(began + self._target.ledger_seconds, self._end)
        answers = {HIGH: [seen.high], LOW: list(seen.low), STREAM: [seen.stream]}
        accounts = {role: Account(role, used(those)) for role, those in answers.items()}
        while True:
            for role, account in accounts.items():
                if account.used and not account.complete:
                    accounts[role] = self._read(account)
            pending = any(account.used and not account.complete for account in accounts.values())
            self._interruption.check()
            if not pending or time.monotonic() >= end:
                return accounts, time.monotonic() - began
            self._interruption.wait(_POLL_SECONDS)

    def _read(self, account: Account) -> Account:
        token_id = self._keys[account.role].token_id
        try:
            return replace(account, rows=self._admin.rows(token_id), spend=self._admin.spend(token_id), trouble="")
        except (LiteLLMError, ValueError) as error:
            return replace(account, trouble=clean(str(error)))

    def _judged(self, seen: Seen, accounts: dict[str, Account], waited: float) -> list[Check]:
        model, prices = self._target.model, self._target.prices
        unknown = checks.unknown_key_refused(seen.unknown)
        if seen.not_tried:
            others = (name for name in checks.NAMES if name != checks.READY)
            return [unknown if n == unknown.name else checks.not_tried(n, seen.not_tried) for n in others]
        return [
            checks.high_completes(seen.high, model),
            checks.low_is_stopped(seen.low, seen.low_budget, prices),
            billing.ledger([accounts[HIGH], accounts[LOW]], prices, waited),
            unknown,
            checks.model_not_given_refused(seen.other, model),
            billing.stream_is_billed(seen.stream, seen.high, accounts[STREAM], prices, waited),
        ]

    def _remove_leftovers(self) -> None:
        try:
            found = leftovers(self._admin.proof_keys(), datetime.now(tz=UTC))
            if found:
                self._admin.delete_keys(found)
        except LiteLLMError as error:
            self.warnings.append(f"Keys of killed proofs could not be looked for: {clean(str(error))}")

    def _delete_keys(self) -> None:
        """Delete the keys of this run, those too whose making may have failed only in the answer."""
        token_ids = [key.token_id for key in self._keys.values()]
        for attempt in range(_DELETE_TRIES):
            if not token_ids:
                return
            try:
                self._admin.delete_keys(token_ids)
                return
            except LiteLLMError as error:
                trouble = clean(str(error))
            if attempt + 1 < _DELETE_TRIES:
                time.sleep(_POLL_SECONDS)
        minutes = int(LIFETIME.total_seconds() // 60)
        self.warnings.append(
            f"The proof's keys may not be deleted: {trouble}. They expire within {minutes} minutes, "
            "and the next proof removes them."
        )
