# Copyright: Contributors to the Tollgate project
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Small line charts as SVG, side by side: pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from html import escape

WIDTH, HEIGHT = 330, 260
LEFT, RIGHT, TOP, BOTTOM = 52, 12, 44, 40
COLOURS = ("#0b62a4", "#c2571a")
TICKS = 4


@dataclass(frozen=True)
class Line:
    """A name and its points."""

    name: str
    points: Sequence[tuple[float, float]]


@dataclass(frozen=True)
class Panel:
    """Lines over the same axes, which begin at 0."""

    title: str
    across: str
    lines: Sequence[Line]


def svg(panels: Sequence[Panel]) -> str:
    """The charts as one picture."""
    parts = [_panel(panel, number * WIDTH) for number, panel in enumerate(panels)]
    size = f'width="{WIDTH * len(panels)}" height="{HEIGHT}" viewBox="0 0 {WIDTH * len(panels)} {HEIGHT}"'
    style = "font-family: sans-serif; font-size: 11px; fill: #333"
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" {size} style="{style}">\n'
        f'<rect width="100%" height="100%" fill="#fff"/>\n{"".join(parts)}</svg>\n'
    )


def _panel(panel: Panel, left: float) -> str:
    most_x = _rounded(max(x for line in panel.lines for x, _y in line.points))
    most_y = _rounded(max(y for line in panel.lines for _x, y in line.points))
    wide, high = WIDTH - LEFT - RIGHT, HEIGHT - TOP - BOTTOM

    def place(x: float, y: float) -> tuple[float, float]:
        return round(left + LEFT + x / most_x * wide, 1), round(TOP + high - y / most_y * high, 1)

    parts = [_text(left + LEFT, 16, panel.title, weight="bold")]
    for step in range(TICKS + 1):
        x, y = most_x * step / TICKS, most_y * step / TICKS
        (start, height), (end, _same) = place(0, y), place(most_x, y)
        parts.append(f'<path d="M{start} {height}H{end}" stroke="#ddd"/>\n')
        parts.append(_text(start - 6, height + 4, f"{y:,g}", anchor="end"))
        parts.append(_text(place(x, 0)[0], TOP + high + 16, f"{x:,g}", anchor="middle"))
    parts.append(_text(left + LEFT + wide / 2, HEIGHT - 8, panel.across, anchor="middle"))
    for number, line in enumerate(panel.lines):
        colour = COLOURS[number % len(COLOURS)]
        places = [place(x, y) for x, y in line.points]
        track = " ".join(f"{x},{y}" for x, y in places)
        parts.append(f'<polyline points="{track}" fill="none" stroke="{colour}" stroke-width="1.5"/>\n')
        if len(places) <= 2 * TICKS:
            parts += [f'<circle cx="{x}" cy="{y}" r="2.5" fill="{colour}"/>\n' for x, y in places]
        key = left + LEFT + number * wide / len(COLOURS)
        parts.append(f'<path d="M{round(key, 1)} 30h14" stroke="{colour}" stroke-width="2"/>\n')
        parts.append(_text(key + 18, 34, line.name))
    return "".join(parts)


def _text(x: float, y: float, text: str, anchor: str = "start", weight: str = "normal") -> str:
    where = f'x="{round(x, 1)}" y="{round(y, 1)}" text-anchor="{anchor}" font-weight="{weight}"'
    return f"<text {where}>{escape(text)}</text>\n"


def _rounded(most: float) -> float:
    """The end of an axis: a number that four steps divide well."""
    size = 10.0 ** (len(str(int(most))) - 1) if most >= 1 else 0.1
    return next(size * factor for factor in (1, 2, 3, 4, 6, 8, 10, 12) if size * factor >= most)
