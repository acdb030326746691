# Copyright: Contributors to the Tollgate project
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Nothing in the project names a developer's machine or a package mirror, and no check is silenced without a reason.

The forbidden texts are put together here from parts, so that this file passes its own check.
"""

from __future__ import annotations

import re
from pathlib import Path

from checkout import ROOT, files

# Paths of one machine, tools of one team, and hosts which are for the user's package managers to know.
TEXTS = [
    "/" + "work/",
    "/" + "root/",
    "/" + "home/[a-z]",
    "helper" + "-",
    "issues" + " show",
    r"\bissue" + r" #?\d",
    *(rf"\b{re.escape('.'.join(host))}" for host in (
        ("pypi", "org"), ("pythonhosted", "org"), ("npmjs", "org"), ("npmjs", "com"), ("yarnpkg", "com"),
        ("proxy", "golang", "org"), ("crates", "io"), ("rubygems", "org"), ("conda", "anaconda", "org"),
    )),
]  # fmt: skip
FORBIDDEN = re.compile("|".join(TEXTS))
# A reason is any text behind the codes, in parentheses or after a dash.
SILENCED = re.compile(r"#\s*(?:noqa|type:\s*ignore|pylint:\s*disable)(?P<codes>[=:\[][\w\-, \]]*?)?\s*$")
CONFLICT = re.compile(r"^(?:<{7} |>{7} |={7}$)")


def problems(path: Path) -> list[str]:
    """What is wrong with one file, as `path:line: sentence`."""
    try:
        text = (ROOT / path).read_text(encoding="utf-8")
    except UnicodeDecodeError:
        return []
    found = []
    for number, line in enumerate(text.splitlines(), start=1):
        if match := FORBIDDEN.search(line):
            found.append(f'{path}:{number}: names "{match.group()}"')
        if path.suffix == ".py" and SILENCED.search(line):
            found.append(f"{path}:{number}: silences a check without saying why: put the reason behind it")
        if CONFLICT.match(line) and path.suffix != ".rst":
            found.append(f"{path}:{number}: a conflict that was not resolved")
    return found


def main() -> None:
    """Look at every file of the project."""
    found = [problem for path in files() for problem in problems(path)]
    print(*found, sep="\n")
    if found:
        raise SystemExit(f"{len(found)} findings")


if __name__ == "__main__":
    main()
