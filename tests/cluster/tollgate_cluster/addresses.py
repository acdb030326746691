# Copyright: Contributors to the Tollgate project
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Names and addresses of the cluster. The node is joined to this machine by one virtual cable, which both ends name."""

from __future__ import annotations

from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Network

NODE = "tollgate"
DOMAIN = "cluster.local"

INTERFACE = "tollgate0"  # this machine's end of the cable; the node's end is eth0
CABLE = IPv4Network("10.87.0.0/24")
NODE_ADDRESS = IPv4Address("10.87.0.1")
MACHINE_ADDRESS = IPv4Address("10.87.0.254")

PODS = IPv4Network("10.88.0.0/16")
SERVICES = IPv4Network("10.96.0.0/16")
API_SERVICE = IPv4Address("10.96.0.1")  # what Kubernetes takes for itself: the first one
DNS_SERVICE = IPv4Address("10.96.0.10")

NETWORKS = (CABLE, PODS, SERVICES)


@dataclass(frozen=True)
class Endpoint:
    """Where one server listens inside the node."""

    host: str
    port: int

    def __str__(self) -> str:
        return f"{self.host}:{self.port}"


API = Endpoint(str(NODE_ADDRESS), 6443)
KUBELET = Endpoint(str(NODE_ADDRESS), 10250)
ETCD = Endpoint("127.0.0.1", 2379)
ETCD_PEER = Endpoint("127.0.0.1", 2380)
REGISTRY = Endpoint("127.0.0.1", 5000)
API_URL = f"https://{API}"
