# Copyright: Contributors to the Tollgate project
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Loads the plugin (a suite elsewhere: `-p tollgate_checks.plugin`); options of the long checks; their figures."""

from __future__ import annotations

import random

import pytest

pytest_plugins = ("tollgate_checks.plugin",)


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--rounds", type=int, default=5, help="how often a long check does what it does")
    parser.addoption("--seed", type=int, default=1, help="of the random moments")


def pytest_sessionstart(session: pytest.Session) -> None:
    """Say once that there is no cluster, when each of several processes would."""
    if getattr(session.config.option, "numprocesses", None):
        from tollgate_checks.plugin import connect  # noqa: PLC0415 (pytest wants to be the first to import its plugins)

        try:
            connect().close()
        except RuntimeError as error:
            pytest.exit(str(error), returncode=2)


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The longest first: the others fill the time."""
    items.sort(key=lambda item: item.get_closest_marker("first") is None)


@pytest.fixture
def soak_rounds(request: pytest.FixtureRequest) -> int:
    """How often a long check does what it does."""
    return int(request.config.getoption("--rounds"))


@pytest.fixture
def chance(request: pytest.FixtureRequest) -> random.Random:
    """Random moments that come again with the same seed."""
    return random.Random(f"{request.config.getoption('--seed')} {request.node.name}")  # noqa: S311 (no secret)


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Print what checks measured."""
    for reports in terminalreporter.stats.values():
        for report in reports:
            for name, value in getattr(report, "user_properties", []):
                if getattr(report, "when", "") == "call":
                    terminalreporter.write_line(f"{report.nodeid.partition('::')[2]}: {name}: {value}")
