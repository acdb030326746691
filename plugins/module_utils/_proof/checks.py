# Copyright: Contributors to the Tollgate project
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The seven checks: what was seen goes in, a verdict in plain words comes out. Nothing here talks to the gateway."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from http import HTTPStatus

from .._gateway.verdict import Check
from .answer import KEY_MODEL_ACCESS_DENIED, NO_DATABASE, TOO_LATE, Answer
from .money import Prices, dollars

READY = "ready"
HIGH_COMPLETES = "high_completes"
LOW_IS_STOPPED = "low_is_stopped"
LEDGER = "ledger"
UNKNOWN_KEY_REFUSED = "unknown_key_refused"
MODEL_NOT_GIVEN_REFUSED = "model_not_given_refused"
STREAM_IS_BILLED = "stream_is_billed"

# In the order in which they are shown.
NAMES = (
    READY,
    HIGH_COMPLETES,
    LOW_IS_STOPPED,
    LEDGER,
    UNKNOWN_KEY_REFUSED,
    MODEL_NOT_GIVEN_REFUSED,
    STREAM_IS_BILLED,
)


def ready(live: Answer, readiness: Answer, database: str) -> Check:
    """The proxy lives and has its database."""
    if not live.served:
        why = f"/health/liveliness {live}. Is the proxy running, and is this its address?"
        return Check(READY, ok=False, detail=why)
    if not readiness.served or database != "connected":
        seen = f"/health/readiness answered {readiness.status or 'nothing'}, database {database or 'unknown'}"
        why = f"{seen}; expected 200 and connected. Look at the database and at the end of the proxy's log."
        return Check(READY, ok=False, detail=why)
    return Check(READY, ok=True, detail="the proxy is live and ready, its database is connected")


def high_completes(answer: Answer, model: str) -> Check:
    """A key with money left gets an answer with content and usage."""
    if not answer.served:
        return Check(
            HIGH_COMPLETES, ok=False, detail=f'a call of "{model}" with a large budget {answer}. {next_step(answer)}'
        )
    if not answer.content:
        why = f'"{model}" answered without content ({answer.tokens or "no usage"}). Ask the model behind it directly.'
        return Check(HIGH_COMPLETES, ok=False, detail=why)
    if answer.tokens is None:
        why = f'"{model}" answered without usage, so nothing can be billed. The model behind it must report its tokens.'
        return Check(HIGH_COMPLETES, ok=False, detail=why)
    return Check(HIGH_COMPLETES, ok=True, detail=f'"{model}" answered, {answer.tokens}')


def low_is_stopped(answers: Sequence[Answer], budget: Decimal, prices: Prices) -> Check:
    """A key with a tiny budget gets some calls, then C(budget_exceeded)."""
    if prices.free:
        why = "the model's declared prices are 0: no budget can ever stop a key. Prove a model with a price."
        return Check(LOW_IS_STOPPED, ok=False, detail=why)
    served = [answer for answer in answers if answer.served]
    spent = sum((prices.cost(answer.tokens) for answer in served if answer.tokens), Decimal(0))
    last = answers[-1] if answers else Answer(0, TOO_LATE, "there was no time left for a call")
    calls = f"call {len(answers)}" if answers else "the first call"
    if last.stopped_by_budget and served:
        passed = f"a budget of {dollars(budget)} let {_calls(len(served))} through ({dollars(spent)})"
        return Check(LOW_IS_STOPPED, ok=True, detail=f"{passed}, then {calls} was stopped with budget_exceeded")
    if last.stopped_by_budget:
        why = (
            f"a fresh key with {dollars(budget)} was stopped on its first call: {last.message}. LiteLLM reserves a "
            "call's worst case. Has the proxy a higher price for this model than the declared one?"
        )
    elif last.served:
        why = (
            f"{_calls(len(served))} worth {dollars(spent)} went through on a budget of {dollars(budget)}, none was "
            "stopped. Either the model has no price in its litellm_params (see the ledger check), or several workers "
            "or replicas count on their own because they share no Redis."
        )
    else:
        why = f"{calls} on a budget of {dollars(budget)} {last}; expected budget_exceeded. {next_step(last)}"
    return Check(LOW_IS_STOPPED, ok=False, detail=why)


def unknown_key_refused(answer: Answer) -> Check:
    """A key that nobody made gets 401."""
    if answer.status == HTTPStatus.UNAUTHORIZED:
        return Check(UNKNOWN_KEY_REFUSED, ok=True, detail=f"a made-up key got 401 {answer.error_type}".rstrip())
    if answer.served:
        why = (
            "a made-up key was served: anybody can use this gateway, without a budget. LiteLLM does this without a "
            "master key, and with allow_requests_on_db_unavailable when it has lost its database. Look at the database."
        )
    else:
        why = f"a made-up key {answer}; expected 401. {next_step(answer)}"
    return Check(UNKNOWN_KEY_REFUSED, ok=False, detail=why)


def model_not_given_refused(answer: Answer, model: str) -> Check:
    """A key for other models doesn't get this one. The status was 401 in old versions, so the type decides."""
    if answer.error_type == KEY_MODEL_ACCESS_DENIED:
        detail = f'a key without "{model}" in its models got {answer.status} {KEY_MODEL_ACCESS_DENIED}'
        return Check(MODEL_NOT_GIVEN_REFUSED, ok=True, detail=detail)
    if answer.served:
        why = f'a key without "{model}" in its models was served by it. Lists of models on keys are not enforced here.'
    else:
        why = f'a key without "{model}" in its models {answer}; expected {KEY_MODEL_ACCESS_DENIED}. {next_step(answer)}'
    return Check(MODEL_NOT_GIVEN_REFUSED, ok=False, detail=why)


def not_tried(name: str, why: str) -> Check:
    """A check that could not even begin."""
    return Check(name, ok=False, detail=f"not tried: {why}")


def next_step(answer: Answer) -> str:
    """What to look at after an answer that nobody expected."""
    steps = (
        (
            answer.error_type == TOO_LATE,
            "The model is slow or its backend hangs: look at the backend, or give it more time (wait, timeout).",
        ),
        (answer.status == 0, "Is the proxy running and reachable?"),
        (answer.error_type == NO_DATABASE, "Look at the database."),
        (answer.stopped_by_budget, "A budget above the key's own is used up: look at max_budget of the whole proxy."),
        (
            answer.status == HTTPStatus.NOT_FOUND or "Invalid model name" in answer.message,
            "The proxy doesn't serve this model: look at /v1/models, and at the salt key if it was declared before.",
        ),
        (
            answer.status == HTTPStatus.TOO_MANY_REQUESTS,
            "Too many calls, or no healthy deployment of the model: look at the model's limits and at its backend.",
        ),
        (
            answer.status >= HTTPStatus.INTERNAL_SERVER_ERROR,
            "Look at the model's backend (its address, its API key, its log), then at the end of the proxy's log.",
        ),
    )
    return next((step for holds, step in steps if holds), "Look at the end of the proxy's log.")


def _calls(number: int) -> str:
    return f"{number} call{'' if number == 1 else 's'}"
