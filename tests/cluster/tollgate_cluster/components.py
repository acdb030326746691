# Copyright: Contributors to the Tollgate project
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The table of all that the cluster is made of: name, version, how it is made, and into which images.

What a component is made from is part of its name in the cache; a change of a row rebuilds it.
"""

from __future__ import annotations

from .component import Component
from .table import bases, cluster, data, gateway, manifests, operators, serving, tools

# In this order things are made: those that share compiled libraries (go.py) follow one another.
_GROUPS = (tools, bases, cluster, data, gateway, operators, serving, manifests)

COMPONENTS = {row.name: row for group in _GROUPS for row in group.ROWS}

# The build knows images by their own names; their versions are those of their components.
IMAGES = {image.name: Component(image.name, row.version, image) for row in COMPONENTS.values() for image in row.images}
