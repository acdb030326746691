# Copyright: Contributors to the Tollgate project
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""LiteLLM versions that are not run, and why."""

from __future__ import annotations

import re

# Sources: LiteLLM's security advisories and release notes.
COMPROMISED = {(1, 82, 7), (1, 82, 8)}  # uploaded to the package index by somebody else
BROKEN = {(1, 89, 3): "models in the database that name os.environ/ variables don't work"}
OLDEST = (1, 84, 0)
FORM = re.compile(r"v?(\d+)\.(\d+)\.(\d+)(?:[.+-].*|(?:rc|a|b|dev)\d+)?")


def refusal(version: str) -> str | None:
    """Why a version is refused; None when it is not."""
    match = FORM.fullmatch(version)
    if not match:
        return "it is no version such as 1.106.2"
    numbers = (int(match.group(1)), int(match.group(2)), int(match.group(3)))
    if numbers in COMPROMISED:
        return "its package was compromised. Use the default, or 1.84.0 or newer"
    if numbers in BROKEN:
        return f"{BROKEN[numbers]}. Use the default"
    if numbers < OLDEST:
        return "versions before 1.84.0 have known security holes. Use the default"
    return None
