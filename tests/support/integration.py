# Copyright: Contributors to the Tollgate project
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""tests/integration against a real gateway, which is made for it and removed afterwards.

Arguments go to pytest: `.venv/bin/python tests/support/integration.py -k streaming`. The tests get TOLLGATE_TEST_URL
(the proxy's address), TOLLGATE_TEST_STATE (its state directory) and TOLLGATE_TEST_PLACE (a JSON object: its name, state
directory and ports), and may import what lies in tests/support.
"""

from __future__ import annotations

import json
import sys
from dataclasses import asdict
from pathlib import Path

from checkout import BIN, COLLECTIONS, environment, run
from gateway import Place, running


def test(gateway: Place, *arguments: str) -> None:
    """Run pytest with what its tests want to know of a gateway."""
    variables = {
        **environment(),
        "PYTHONPATH": f"{COLLECTIONS}:{Path(__file__).resolve().parent}",
        "TOLLGATE_TEST_URL": gateway.url,
        "TOLLGATE_TEST_STATE": str(gateway.state),
        "TOLLGATE_TEST_PLACE": json.dumps(asdict(gateway), default=str),
    }
    run(BIN / "pytest", "-q", "-p", "no:cacheprovider", *arguments, env=variables)


def main() -> None:
    """Start, test, remove."""
    chosen = sys.argv[1:] or ["tests/integration"]
    if not any(argument.startswith("tests/") for argument in chosen):
        chosen.append("tests/integration")
    # Two of these may run side by side, each with a gateway of its own.
    part = next((Path(each).parts[2] for each in chosen if each.startswith("tests/integration/")), "integration")
    with running(part) as gateway:
        test(gateway, "--durations=10", *chosen)


if __name__ == "__main__":
    main()
