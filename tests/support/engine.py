# Copyright: Contributors to the Tollgate project
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The tests of Prisma's WebAssembly engine, by the Node.js that runs it."""

from __future__ import annotations

from checkout import ROOT, environment, run
from runtime import engine_environment


def main() -> None:
    """Run every tests/engine/*.test.js."""
    tests = sorted((ROOT / "tests" / "engine").glob("**/*.test.*js"))
    if not tests:
        raise SystemExit("tests/engine holds no *.test.js")
    with engine_environment() as variables:
        run("node", "--test", *tests, env={**environment(), **variables})


if __name__ == "__main__":
    main()
