# Copyright: Contributors to the Tollgate project
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The table of all that the cluster is made of: name, version, and how it is made.

What a component is made from is part of its name in the cache; a change here rebuilds it.
"""

from __future__ import annotations

from dataclasses import dataclass

from . import debian
from .debian import HostTools
from .go import GoPrograms
from .pypi import Wheels
from .workshop import Recipe


@dataclass(frozen=True)
class Component:
    """One row."""

    name: str
    version: str
    recipe: Recipe
    seconds: int = 5  # about, on two cores without a cache


KUBERNETES = "1.34.10"


def _kubernetes_version(version: str) -> dict[str, str]:
    """What clients and admission compare; without it Kubernetes calls itself v0.0.0-master."""
    major, minor, _ = version.split(".")
    values = {"gitVersion": f"v{version}", "gitMajor": major, "gitMinor": minor, "gitTreeState": "clean"}
    packages = ("k8s.io/component-base/version", "k8s.io/client-go/pkg/version")
    return {f"{package}.{name}": value for package in packages for name, value in values.items()}


_ROWS = (
    Component("go", "1.26.6", Wheels("go/toolchain.txt"), 5),
    Component(
        "host",
        debian.release(),
        HostTools(
            (
                *("containerd", "runc", "libseccomp2", "containernetworking-plugins", "docker-registry"),
                *("socat", "libwrap0", "conntrack", "libnetfilter-conntrack3", "libnfnetlink0", "libmnl0", "ethtool"),
            ),
            debian.release(),
        ),
        5,
    ),
    Component(
        "kubernetes",
        KUBERNETES,
        GoPrograms("kubernetes", {"kubernetes": "."}, _kubernetes_version(KUBERNETES)),
        240,
    ),
)

COMPONENTS = {row.name: row for row in _ROWS}
