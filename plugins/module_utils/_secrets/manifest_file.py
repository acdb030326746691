# Copyright: Contributors to the Tollgate project
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Files of manifests: public ones, which other tools read and keep in version control."""

from __future__ import annotations

import os
import secrets
import stat
from pathlib import Path

MODE = 0o644


def read(path: Path, limit: int) -> bytes | None:
    """A file's bytes, none when there is none. Raises OSError; for what is no file or too large, with a reason."""
    try:
        status = path.lstat()
    except FileNotFoundError:
        return None
    if not stat.S_ISREG(status.st_mode):
        raise OSError(0, "it is not a file", str(path))
    if status.st_size > limit:
        raise OSError(0, f"it has more than {limit} bytes", str(path))
    return path.read_bytes()


def publish(path: Path, data: bytes, *, over: bool) -> bool:
    """Write a file as a whole; unless OVER, False when somebody else was first."""
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.{secrets.token_hex(8)}.new")
    try:
        with temporary.open("xb") as stream:
            os.fchmod(stream.fileno(), MODE)
            stream.write(data)
            stream.flush()
            os.fsync(stream.fileno())
        if over:
            temporary.replace(path)
            return True
        try:
            path.hardlink_to(temporary)
        except FileExistsError:
            return False
        return True
    finally:
        temporary.unlink(missing_ok=True)
