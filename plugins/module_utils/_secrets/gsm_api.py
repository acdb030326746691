# Copyright: Contributors to the Tollgate project
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the store asks of Secret Manager, without Google's client: that one takes half a second to import."""

from __future__ import annotations

import random
import time
from dataclasses import dataclass
from typing import Any, Protocol

from .gsm_errors import Caller

WORKERS = 16
FIRST_PAUSE, LONGEST_PAUSE = 0.2, 8.0  # seconds


class PayloadDamagedError(Exception):
    """A payload does not fit its checksum."""


@dataclass(frozen=True)
class Payload:
    """A version's number and its bytes, which fit their checksum."""

    number: int
    data: bytes


class Api(Protocol):
    """The part of C(gsm_client.Gsm) that is needed here."""

    caller: Caller
    timeout: float

    def name(self, secret: str, version: int | None = None) -> str: ...
    def get(self, secret: str) -> Any | None: ...
    def versions(self, secret: str) -> list[Any]: ...
    def version(self, secret: str, number: int) -> Any: ...
    def access(self, secret: str, version: int) -> Payload: ...
    def create(self, secret: str, wanted: Any) -> Any: ...
    def add(self, secret: str, data: bytes) -> Any: ...
    def update(self, secret: Any, paths: list[str]) -> Any: ...
    def delete(self, secret: Any) -> None: ...
    def disable(self, secret: str, version: Any) -> Any: ...
    def destroy(self, secret: str, version: Any) -> Any: ...
    def blank(self, like: Any = None) -> Any: ...


class Pauses:
    """Longer and longer, each by chance, so that racing callers come apart."""

    def __init__(self) -> None:
        self.longest = FIRST_PAUSE

    def wait(self, deadline: float) -> bool:
        """Pause; False when the deadline is over."""
        left = deadline - time.monotonic()
        if left <= 0:
            return False
        time.sleep(min(left, random.uniform(0, self.longest)))  # noqa: S311 (a pause is no secret)
        self.longest = min(LONGEST_PAUSE, 2 * self.longest)
        return True


def number_of(version: Any) -> int:
    """The number at the end of a version's name."""
    return int(version.name.rpartition("/")[2])


def id_of(secret: Any) -> str:
    """The last part of a secret's name. Google writes the project's number into names, whatever it was asked by."""
    return str(secret.name.rpartition("/")[2])
