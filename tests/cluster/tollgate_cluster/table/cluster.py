# Copyright: Contributors to the Tollgate project
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What every cluster has: names, metrics, the pods' first process."""

from __future__ import annotations

from ..component import Component
from ..go import GoPrograms
from ..image import Image

COREDNS = "1.12.4"
METRICS_SERVER = "0.9.0"

ROWS = (
    Component(
        "pause",
        "3.10",
        GoPrograms("pause", {"pause": "."}),
        (
            Image(
                ("registry.k8s.io/pause:3.10",),
                files={"/pause": "pause/pause"},
                entrypoint=("/pause",),
                user="65535:65535",
                differs="a program of ours that does the same",
            ),
        ),
    ),
    Component(
        "coredns",
        COREDNS,
        GoPrograms("coredns", {"coredns": "."}),
        (
            Image(
                (f"registry.k8s.io/coredns/coredns:v{COREDNS}", f"docker.io/coredns/coredns:{COREDNS}"),
                files={"/coredns": "coredns/coredns"},
                entrypoint=("/coredns",),
                user="0:0",
                real="CoreDNS",
                differs="the plugins that a cluster's name service needs; runs as root: the official file has the "
                "capability to bind port 53",
            ),
        ),
    ),
    Component(
        "metrics-server",
        METRICS_SERVER,
        GoPrograms(
            "metrics-server",
            {"metrics-server": "sigs.k8s.io/metrics-server/cmd/metrics-server"},
            {"k8s.io/client-go/pkg/version.gitVersion": f"v{METRICS_SERVER}"},
        ),
        (
            Image(
                (f"registry.k8s.io/metrics-server/metrics-server:v{METRICS_SERVER}",),
                files={"/metrics-server": "metrics-server/metrics-server"},
                entrypoint=("/metrics-server",),
                user="65534",
                real="metrics-server",
            ),
        ),
    ),
)
