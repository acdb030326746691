# Copyright: Contributors to the Tollgate project
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The state directory of a local gateway: what lies in it, and what is refused before anything is written."""

from __future__ import annotations

import json
import os
import re
import secrets
import stat
from datetime import UTC, datetime
from pathlib import Path

from .error import GatewayError
from .files import write_file

FORMAT = 1
MARKER = "gateway.json"
SUBDIRECTORIES = ("secrets", "log", "run", "run/bin", "run/litellm", "run/tmp", "verdicts")
# What else of this project may lie there before a gateway does.
GUESTS = {"bench", "cluster", "soak"}
# The supervisor's socket is the longest name below it; a UNIX socket's path has 107 bytes (unix(7)).
LONGEST = 107 - len("/run/supervisor.sock.4194304")
SAFE = re.compile(r"[A-Za-z0-9._/@+,=-]+")


class StateDirectory:
    """One gateway's directory (0700) with its marker file.

    The marker holds the layout's format, the gateway's name, and a random id which names what has to lie elsewhere.
    """

    def __init__(self, path: str | Path) -> None:
        self.path = Path(path).expanduser().resolve()

    @property
    def marker(self) -> dict[str, object]:
        """The marker's content; empty when there is none yet. Raises GatewayError when it can't be read as ours."""
        try:
            content = json.loads((self.path / MARKER).read_text(encoding="utf-8"))
        except FileNotFoundError:
            return {}
        except (OSError, ValueError) as error:
            raise GatewayError(
                f"{self.path / MARKER}: can't be read ({error}).",
                next_step="Restore it from a backup, or give another gateway_state_dir.",
            ) from error
        return content if isinstance(content, dict) else {}

    def check_marker_kept(self) -> None:
        """Refuse a directory with a gateway's parts and without its marker: nobody could say whose they are."""
        if (self.path / "run").is_dir() and not self.marker:
            raise GatewayError(
                f"{self.path / MARKER} is missing, yet a gateway lies in this directory.",
                next_step="Restore that file, or remove the directory by hand once nothing runs from it.",
            )

    def check(self, name: str) -> None:
        """Refuse what can't work, without writing anything."""
        text = str(self.path)
        if not SAFE.fullmatch(text):
            raise GatewayError(
                f'gateway_state_dir: "{text}" has a blank, a quote or another character that Ansible and '
                "supervisor don't pass on unharmed.",
                next_step="Choose a path of letters, digits and . _ / @ + , = -",
            )
        if len(text.encode()) > LONGEST:
            raise GatewayError(
                f'gateway_state_dir: "{text}" has {len(text.encode())} bytes; a UNIX socket below it allows {LONGEST}.',
                next_step="Choose a shorter path.",
            )
        try:
            found = self.path.lstat()
        except FileNotFoundError:
            return
        except OSError as error:
            raise GatewayError(f"gateway_state_dir: {text}: {error.strerror}.") from error
        self._check_directory(text, found)
        self._check_marker(name)

    def _check_directory(self, text: str, found: os.stat_result) -> None:
        if not stat.S_ISDIR(found.st_mode):
            raise GatewayError(f"gateway_state_dir: {text} is not a directory.", next_step="Move it away.")
        if found.st_uid != os.geteuid():
            raise GatewayError(
                f"gateway_state_dir: {text} belongs to user {found.st_uid}, this run is user {os.geteuid()}.",
                next_step="Run as its owner, or choose another directory.",
            )
        if self.marker and stat.S_IMODE(found.st_mode) & 0o077:
            raise GatewayError(
                f"gateway_state_dir: {text} has mode {stat.S_IMODE(found.st_mode):04o}: others can look into it.",
                next_step=f"Run: chmod 0700 {text}",
            )

    def _check_marker(self, name: str) -> None:
        marker = self.marker
        if not marker:
            names = {entry.name for entry in self.path.iterdir() if not entry.name.startswith(".")}
            foreign = sorted(names - GUESTS)
            if foreign:
                raise GatewayError(
                    f"gateway_state_dir: {self.path} holds {', '.join(foreign[:3])}: it is not empty and no gateway's.",
                    next_step="Choose an empty or new directory.",
                )
            return
        if marker.get("format") != FORMAT:
            raise GatewayError(
                f"gateway_state_dir: {self.path} was written in format {marker.get('format')}, "
                f"this version of tollgate.llm reads format {FORMAT}.",
                next_step="Use the version that wrote it, or another directory.",
            )
        if marker.get("name") != name:
            raise GatewayError(
                f'gateway_state_dir: {self.path} belongs to the gateway "{marker.get("name")}", '
                f'the gateway file says gateway_name "{name}".',
                next_step="Correct gateway_name, or choose another directory.",
            )

    def missing(self) -> list[str]:
        """What L(create) would make: the directory itself, its parts, its marker."""
        parts = [part for part in SUBDIRECTORIES if not (self.path / part).is_dir()]
        return parts if self.marker else [*parts, MARKER]

    def create(self, name: str) -> bool:
        """Make what is missing, each part readable by its owner only. Returns whether anything was made."""
        missing = self.missing()
        try:
            self.path.mkdir(mode=0o700, parents=True, exist_ok=True)
            self.path.chmod(0o700)
            for part in SUBDIRECTORIES:
                (self.path / part).mkdir(mode=0o700, exist_ok=True)
        except OSError as error:
            raise GatewayError(f"gateway_state_dir: {self.path}: {error.strerror}.") from error
        if not self.marker:
            marker = {
                "format": FORMAT,
                "name": name,
                "id": secrets.token_hex(6),
                "created": datetime.now(tz=UTC).isoformat(timespec="seconds"),
            }
            write_file(self.path / MARKER, json.dumps(marker, indent=2) + "\n")
        return bool(missing)
