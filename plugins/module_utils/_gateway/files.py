# Copyright: Contributors to the Tollgate project
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Files that are whole or absent: written beside the target, flushed, then renamed."""

from __future__ import annotations

import errno
import os
import stat
import tempfile
from pathlib import Path

from .error import GatewayError


def write_file(path: Path, text: str, mode: int = 0o600) -> None:
    """Replace C(path) by C(text) in one step.

    Raises GatewayError when the disk is full, the directory is missing or may not be written; the old file then stands.
    """
    descriptor, temporary = -1, ""
    try:
        descriptor, temporary = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)
        with os.fdopen(descriptor, "w", encoding="utf-8") as stream:
            os.fchmod(stream.fileno(), mode)
            stream.write(text)
            stream.flush()
            os.fsync(stream.fileno())
        Path(temporary).replace(path)
    except OSError as error:
        if temporary:
            Path(temporary).unlink(missing_ok=True)
        step = "Free some space and run again." if error.errno in (errno.ENOSPC, errno.EDQUOT) else ""
        raise GatewayError(f"{path}: can't be written: {error.strerror}.", next_step=step) from error


def read_text(path: Path) -> str | None:
    """What C(path) holds; None when it is not there or no text."""
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError):
        return None


def has_mode(path: Path, mode: int) -> bool:
    """Whether the file has exactly these permissions."""
    return stat.S_IMODE(path.stat().st_mode) == mode
