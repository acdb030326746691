# Copyright: Contributors to the Tollgate project
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A row of the table."""

from __future__ import annotations

from dataclasses import dataclass

from .image import Image
from .workshop import Recipe


@dataclass(frozen=True)
class Component:
    """Something that is made, and the images that it goes into."""

    name: str
    version: str
    recipe: Recipe
    images: tuple[Image, ...] = ()
    on_request: bool = False  # made only when it is named
