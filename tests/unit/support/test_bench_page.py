# Copyright: Contributors to the Tollgate project
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The page of the bench says what its figures say."""

from __future__ import annotations

import copy
import json
import re
import sys
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parents[3]
sys.path.insert(0, str(ROOT / "tests" / "bench"))

import page
from chart import Line, Panel, svg

DOCS = ROOT / "docs"


@pytest.fixture
def figures() -> dict[str, Any]:
    """Those of the documentation, to change."""
    found: dict[str, Any] = json.loads((DOCS / page.FIGURES).read_text())
    return copy.deepcopy(found)


def test_the_documentation_is_what_a_run_has_written(figures: dict[str, Any]) -> None:
    assert (DOCS / page.PAGE).read_text() == page.text(figures)
    assert (DOCS / page.PLOT).read_text() == page.plot(figures)


@pytest.mark.parametrize(
    ("part", "changed"),
    [
        ("unchanged", {"requests": {"read": 19, "write": 0}}),
        ("unchanged", {"requests": {"read": 16, "write": 1}}),
        ("unchanged", {"module": [1.51], "bare": [1.0]}),
        ("unchanged", {"memory": [165 * page.MIB], "memory_of_few": [100 * page.MIB]}),
        ("creation", {"module": [1.31], "bare": [1.0]}),
        ("change", {"requests": {"read": 16, "write": 11}}),
    ],
)
def test_a_goal_that_was_not_reached_is_called_missed(
    figures: dict[str, Any], part: str, changed: dict[str, Any]
) -> None:
    met = {
        "unchanged": {
            "requests": {"read": 18, "write": 0},
            "module": [1.5],
            "bare": [1.0],
            "memory": [163 * page.MIB],
            "memory_of_few": [100 * page.MIB],
        },
        "creation": {"module": [1.3], "bare": [1.0]},
        "change": {"requests": {"read": 18, "write": 10}},
    }
    for name, values in met.items():
        figures[name] |= values
    assert "missed" not in page.text(figures)
    figures[part] |= changed
    assert page.text(figures).count("**missed**") == 1


@pytest.mark.parametrize(
    ("first", "last", "alone", "said"),
    [
        (0.1, 0.2, 0.1, "bends the curve upwards"),
        (0.2, 0.2, 0.1, "counts them all"),
        (0.1, 0.1, 0.1, "does not bend"),
    ],
)
def test_the_curve_is_explained_by_the_pages(
    figures: dict[str, Any], first: float, last: float, alone: float, said: str
) -> None:
    points = figures["curve"]["points"]
    figures["curve"]["pages"][str(points[0]["count"])] = [[alone]]
    figures["curve"]["pages"][str(points[-1]["count"])] = [[first] * 50 + [last] * 50]
    assert said in page.text(figures)


def test_points_of_a_chart_lie_where_their_values_are() -> None:
    drawn = svg([Panel("a < b", "x", [Line("one", [(0, 0), (1000, 40)]), Line("two", [(500, 20)])])])
    (zero, most), (middle,) = (
        [tuple(map(float, pair.split(","))) for pair in points.split()]
        for points in re.findall('points="(.*?)"', drawn)
    )
    assert "a &lt; b" in drawn
    assert most[0] > zero[0]
    assert most[1] < zero[1]
    assert middle == ((zero[0] + most[0]) / 2, (zero[1] + most[1]) / 2)
