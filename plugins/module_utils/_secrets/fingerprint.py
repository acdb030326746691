# Copyright: Contributors to the Tollgate project
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What may be shown of a secret: enough to see that two copies differ, too little to be of use."""

from __future__ import annotations

import hashlib

DIGITS = 12


def fingerprint(value: str | bytes) -> str:
    """`sha256:` and the first 12 hex digits of the SHA-256 of the value's (UTF-8) bytes."""
    data = value.encode() if isinstance(value, str) else value
    return f"sha256:{hashlib.sha256(data).hexdigest()[:DIGITS]}"
