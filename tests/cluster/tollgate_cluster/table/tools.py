# Copyright: Contributors to the Tollgate project
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What builds and runs the cluster itself."""

from __future__ import annotations

from .. import debian
from ..component import Component
from ..debian import HostTools
from ..go import GoPrograms
from ..pypi import Wheels

KUBERNETES = "1.34.10"


def _kubernetes_version(version: str) -> dict[str, str]:
    """What clients and admission compare; without it Kubernetes calls itself v0.0.0-master."""
    major, minor = version.split(".")[:2]
    values = {"gitVersion": f"v{version}", "gitMajor": major, "gitMinor": minor, "gitTreeState": "clean"}
    packages = ("k8s.io/component-base/version", "k8s.io/client-go/pkg/version")
    return {f"{package}.{name}": value for package in packages for name, value in values.items()}


ROWS = (
    Component("go", "1.26.6", Wheels("go/toolchain.txt")),
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
    ),
    Component(
        "kubernetes",
        KUBERNETES,
        GoPrograms("kubernetes", {"kubernetes": "."}, _kubernetes_version(KUBERNETES)),
    ),
    Component("volume-provisioner", "1", GoPrograms("volume-provisioner", {"volume-provisioner": "."})),
)
