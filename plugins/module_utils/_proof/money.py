# Copyright: Contributors to the Tollgate project
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Money: what a call costs, whether two amounts are the same, and how small a budget must be to run out soon."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from .._litellm.meaning import close

# A call under a budget reserves its worst case by LiteLLM's own count of the prompt, which may be above the model's.
LEAST_PROMPT_TOKENS = 40

# In worst-case calls: enough for the first one, too little for the fourth.
LOW_BUDGET_CALLS = Decimal("2.5")


@dataclass(frozen=True, order=True)
class Tokens:
    """What a call used, as the model's answer says."""

    prompt: int
    completion: int

    @classmethod
    def from_usage(cls, usage: Any) -> Tokens | None:
        """The tokens of an OpenAI C(usage) object; None when it is missing or empty."""
        if not isinstance(usage, dict):
            return None
        prompt, completion = usage.get("prompt_tokens"), usage.get("completion_tokens")
        if not isinstance(prompt, int) or not isinstance(completion, int) or prompt + completion == 0:
            return None
        return cls(prompt, completion)

    def __str__(self) -> str:
        return f"{self.prompt} + {self.completion} tokens"


@dataclass(frozen=True)
class Prices:
    """Dollars per token."""

    input: Decimal
    output: Decimal

    @classmethod
    def of(cls, input_cost: Any, output_cost: Any) -> Prices:
        """Prices from numbers or text, without the digits that a float would add. Raises ValueError."""
        return cls(amount(input_cost), amount(output_cost))

    @property
    def free(self) -> bool:
        """Whether no call costs anything, so that no budget ever runs out."""
        return self.input == 0 and self.output == 0

    def cost(self, tokens: Tokens) -> Decimal:
        """What a call with these tokens costs, in dollars."""
        return tokens.prompt * self.input + tokens.completion * self.output

    def low_budget(self, typical: Tokens, max_tokens: int) -> Decimal:
        """A budget in dollars that the first call of this kind fits into and that some more calls use up."""
        worst = Tokens(max(typical.prompt, LEAST_PROMPT_TOKENS), max(typical.completion, max_tokens))
        return self.cost(worst) * LOW_BUDGET_CALLS


def amount(value: Any) -> Decimal:
    """Dollars from a JSON number or text. Raises ValueError when it is no finite number of 0 or more."""
    try:
        number = Decimal(str(value))
    except ArithmeticError as error:
        raise ValueError(f"{value!r} is no amount of dollars") from error
    if not number.is_finite() or number < 0:
        raise ValueError(f"{value!r} is no amount of dollars")
    return number


def same_amount(left: Decimal, right: Decimal) -> bool:
    """Whether two amounts differ by no more than the noise of floating point."""
    return close(left, right)


def dollars(value: Decimal) -> str:
    """An amount for people: at most 10 significant digits, never an exponent."""
    rounded = Decimal(f"{value:.10g}")
    text = f"{rounded:f}"
    return "$" + (text.rstrip("0").rstrip(".") if "." in text else text)
