# Copyright: Contributors to the Tollgate project
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""An image's own root file system, for what only its own programs can do while it is made."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from .cache import remove
from .workshop import Workshop

DEVICES = {"null": 3, "zero": 5, "random": 8, "urandom": 9}


@contextmanager
def root(shop: Workshop, layers: Sequence[str]) -> Iterator[Path]:
    """The unpacked layers, one on top of the other, with the few devices that programs need."""
    place = shop.target / ".root"
    place.mkdir()
    for layer in layers:
        shop.run("unpack the base", ["tar", "-xf", shop.needed[layer] / "layer.tar", "--numeric-owner", "-C", place])
    (place / "dev" / "shm").mkdir(parents=True, exist_ok=True)
    for name, minor in DEVICES.items():
        os.mknod(place / "dev" / name, 0o666 | 0o020000, os.makedev(1, minor))
    yield place
    remove(place)
