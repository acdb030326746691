# Copyright: Contributors to the Tollgate project
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Refuses what can't work, before anything is written."""

from __future__ import annotations

import json
import os
import platform
import shutil
import time
from collections.abc import Mapping
from dataclasses import dataclass
from ipaddress import IPv4Network, ip_network
from pathlib import Path

import psutil

from . import cgroups, command
from .addresses import INTERFACE, NETWORKS
from .cache import disk_use
from .failure import ClusterError
from .namespaces import connected
from .places import CACHE, STATE

GIBIBYTE = 1024**3
CACHE_SPACE = 12 * GIBIBYTE
STATE_SPACE = 6 * GIBIBYTE
VANISHING = 5  # seconds in which the cable of a node that was just killed goes
MEMORY = 3 * GIBIBYTE

# Programs that are run, and Debian's packages that have them.
PROGRAMS = {
    "unshare": "util-linux",
    "mount": "mount",
    "setpriv": "util-linux",
    "ip": "iproute2",
    "iptables": "iptables",
    "mkfs.ext4": "e2fsprogs",
    "mmdebstrap": "mmdebstrap",
    "dpkg-deb": "dpkg",
    "apt-get": "apt",
}


@dataclass(frozen=True)
class Machine:
    """What is asked of it; a test gives it another one."""

    system: str = platform.system()
    processor: str = platform.machine()
    user: int = os.geteuid()


def check_kind(machine: Machine = Machine()) -> None:
    """Root, Linux, a processor that there are binaries for."""
    if machine.system != "Linux":
        raise ClusterError(
            f"A node needs Linux, and this is {machine.system}.",
            "It uses namespaces and control groups of the kernel.",
            "Run it in a virtual machine with Debian, or name another cluster in TOLLGATE_KUBECONFIG.",
        )
    if machine.processor != "x86_64":
        raise ClusterError(
            f"The images are made for x86_64, and this processor is {machine.processor}.",
            next_step="Use another machine, or name another cluster in TOLLGATE_KUBECONFIG.",
        )
    if machine.user != 0:
        raise ClusterError(
            "A node needs root: it makes namespaces, mounts and a network interface.",
            f"You are user {machine.user}.",
            "Run it as root (sudo make cluster), or name another cluster in TOLLGATE_KUBECONFIG.",
        )


def check_cgroups(mounted: Path = cgroups.MOUNTED) -> None:
    """The controllers that the kubelet limits pods with."""
    missing = [name for name in cgroups.NEEDED if name not in cgroups.controllers(mounted)]
    if missing:
        raise ClusterError(
            f"Control groups can't limit {', '.join(missing)} here.",
            f"{mounted} has {', '.join(sorted(cgroups.controllers(mounted))) or 'no controllers'}.",
            "Mount the control groups (version 1 or 2) with these controllers; in a container, start it privileged.",
        )


def check_addresses(taken: Mapping[str, str] | None = None) -> None:
    """The cluster's networks must be free; `taken` maps networks to who has them."""
    for found, who in (taken_networks() if taken is None else taken).items():
        other = ip_network(found)
        clash = next((network for network in NETWORKS if other.version == 4 and other.overlaps(network)), None)
        if clash:
            raise ClusterError(
                f"The network {clash}, which the cluster needs, is in use: {found} by {who}.",
                "Packets for the cluster would go there.",
                f"Remove that route or address (ip route; ip address), then run it again. Needed: {_listed()}.",
            )


def taken_networks() -> dict[str, str]:
    """Networks of this machine's interfaces and routes, but for those of the cluster itself."""
    taken: dict[str, str] = {}
    for row in json.loads(command.read("list routes", ["ip", "-json", "-4", "route", "show", "table", "all"])):
        if row["dst"] not in ("default", "0.0.0.0/0") and row.get("dev") != INTERFACE:
            taken[row["dst"]] = f"a route of {row.get('dev', row.get('type', 'the kernel'))}"
    for link in json.loads(command.read("list addresses", ["ip", "-json", "-4", "address"])):
        for row in link.get("addr_info", []):
            if link["ifname"] != INTERFACE:
                network = IPv4Network(f"{row['local']}/{row['prefixlen']}", strict=False)
                taken[str(network)] = f"the interface {link['ifname']}"
    return taken


def _listed() -> str:
    return ", ".join(map(str, NETWORKS))


def check_interface(name: str = INTERFACE) -> None:
    """The name of the cable must be free; only called while no node runs."""
    deadline = time.monotonic() + VANISHING
    while (there := connected(name)) and time.monotonic() < deadline:
        time.sleep(0.1)
    if there:
        raise ClusterError(
            f"There is a network interface {name}, and no node of ours at its other end.",
            "The cluster's cable has that name.",
            f"If nothing uses it, remove it: ip link delete {name}",
        )


def check_space(complete: bool, state: Path = STATE, cache: Path = CACHE) -> None:
    """Disk for the cluster's own data, and for what is still to be built unless the cache is complete."""
    missing = 0 if complete else max(0, CACHE_SPACE - (disk_use(cache) if cache.exists() else 0))
    disks: dict[int, list[tuple[Path, int, str]]] = {}
    for place, size, what in (
        (state, STATE_SPACE, "for the cluster"),
        (cache, missing, "for what is still to be built"),
    ):
        there = next(path for path in (place, *place.parents) if path.exists())
        disks.setdefault(there.stat().st_dev, []).append((there, size, what))
    for wanted in disks.values():
        there, size = wanted[-1][0], sum(entry[1] for entry in wanted)
        free = shutil.disk_usage(there).free
        if free < size:
            raise ClusterError(
                f"Too little disk: {_size(free)} are free at {there}, and {_size(size)} are needed.",
                " and ".join(f"{_size(size)} {what}" for _place, size, what in wanted if size) + ".",
                "Make room, or put the cache on another disk: TOLLGATE_CACHE=/directory make cluster",
            )


def check_memory(available: int | None = None) -> None:
    """Memory for an idle cluster and some pods."""
    free = psutil.virtual_memory().available if available is None else available
    if free < MEMORY:
        raise ClusterError(
            f"Too little memory: {_size(free)} are available, and {_size(MEMORY)} are needed.",
            "An idle cluster takes up to 2 GiB.",
            "End something that takes much (ps aux --sort=-rss), then run it again.",
        )


def _size(number: int) -> str:
    return f"{number / GIBIBYTE:.1f} GiB"


def missing_packages() -> list[str]:
    """Debian packages whose programs are not there."""
    path = f"{os.environ.get('PATH', '')}:/usr/sbin:/sbin"
    return sorted({package for program, package in PROGRAMS.items() if not shutil.which(program, path=path)})


def check(node_runs: bool, cache_complete: bool) -> None:
    """Everything that needs no more than a look."""
    check_kind()
    check_cgroups()
    check_space(cache_complete)
    if not node_runs:
        check_interface()
        check_addresses()
        check_memory()
    if missing_packages() and not Path("/etc/debian_version").exists():
        raise ClusterError(
            f"Programs are missing; Debian has them in these packages: {', '.join(missing_packages())}.",
            "Tools and images are made from Debian packages, with Debian's own programs.",
            "Install them, or run it on Debian.",
        )
