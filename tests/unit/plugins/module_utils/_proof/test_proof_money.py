# Copyright: Contributors to the Tollgate project
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Costs, budgets and the comparison of amounts."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest
from ansible_collections.tollgate.llm.plugins.module_utils._proof.money import (
    Prices,
    Tokens,
    amount,
    dollars,
    same_amount,
)

PRICES = Prices.of("0.000000175", 7e-07)


def test_a_cost_has_no_digit_too_many() -> None:
    assert PRICES.cost(Tokens(10, 20)) == Decimal("0.00001575")


def test_noise_of_floats_is_no_difference() -> None:
    assert same_amount(amount(0.0009599999999999533), Decimal("0.00096"))
    assert same_amount(Decimal(0), Decimal(0))


@pytest.mark.parametrize("other", ["0.000960001", "0.00095", "0"])
def test_a_wrong_price_is_a_difference(other: str) -> None:
    assert not same_amount(Decimal("0.00096"), Decimal(other))


@pytest.mark.parametrize("typical", [Tokens(10, 20), Tokens(31, 16), Tokens(400, 1), Tokens(1, 16)])
def test_the_low_budget_fits_the_first_call_and_ends_soon(typical: Tokens) -> None:
    budget = PRICES.low_budget(typical, 16)
    reserved = PRICES.cost(Tokens(max(typical.prompt, 40), max(typical.completion, 16)))
    assert reserved < budget
    assert budget / PRICES.cost(typical) < 12


@pytest.mark.parametrize("price", ["-1", "nan", "inf", "cheap", "", None])
def test_what_is_no_price_is_refused(price: Any) -> None:
    with pytest.raises(ValueError, match="no amount of dollars"):
        Prices.of(price, "0.1")


def test_prices_of_0_are_free() -> None:
    assert Prices.of("0", 0.0).free
    assert not Prices.of("0", "1e-9").free


@pytest.mark.parametrize(
    ("usage", "tokens"),
    [
        ({"prompt_tokens": 3, "completion_tokens": 0}, Tokens(3, 0)),
        ({"prompt_tokens": 0, "completion_tokens": 0}, None),
        ({"prompt_tokens": 3}, None),
        ({}, None),
        (None, None),
    ],
)
def test_usage_without_tokens_is_none(usage: Any, tokens: Tokens | None) -> None:
    assert Tokens.from_usage(usage) == tokens


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ("0.00001575", "$0.00001575"),
        ("1.0", "$1"),
        ("100", "$100"),
        ("0", "$0"),
        ("0.000047249999999999997", "$0.00004725"),
    ],
)
def test_dollars_are_shown_without_exponent_and_noise(value: str, text: str) -> None:
    assert dollars(Decimal(value)) == text
