# Copyright: Contributors to the Tollgate project
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""antsibull-docs on the documentation of plugins, roles and docs/, in a copy at the path that it demands."""

from __future__ import annotations

import tempfile
from pathlib import Path

from checkout import BIN, copy_to, run, unconfigured

OPTIONS = ("--plugin-docs", "--validate-collection-refs=self", "--skip-rstcheck")


def main() -> None:
    """Lint the copy."""
    with tempfile.TemporaryDirectory(prefix="tollgate-docs-") as directory:
        copy = copy_to(Path(directory))
        run(BIN / "antsibull-docs", "lint-collection-docs", *OPTIONS, ".", cwd=copy, env=unconfigured(Path(directory)))


if __name__ == "__main__":
    main()
