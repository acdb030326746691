# Copyright: Contributors to the Tollgate project
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""`molecule test` of the default scenario against an installed copy of the collection, as users have it."""

from __future__ import annotations

from artifact import installed
from checkout import BIN, run, unconfigured
from gateway import place


def main() -> None:
    """Install, test, end whatever a failed scenario leaves running."""
    with installed() as collections, place("molecule") as where:
        variables = {
            **unconfigured(collections),
            "TOLLGATE_MOLECULE_STATE": str(where.state),
            "TOLLGATE_MOLECULE_PORT": str(where.port),
            "TOLLGATE_MOLECULE_DATABASE_PORT": str(where.database_port),
            "TOLLGATE_MOLECULE_SIMULATOR_PORT": str(where.simulator_port),
        }
        run(BIN / "molecule", "test", "--scenario-name", "default", env=variables)


if __name__ == "__main__":
    main()
