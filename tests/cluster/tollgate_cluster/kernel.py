# Copyright: Contributors to the Tollgate project
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Tries what the node needs of the kernel, in namespaces that end with the attempt."""

from __future__ import annotations

import subprocess
from dataclasses import dataclass
from pathlib import Path

from .failure import ClusterError
from .programs import SYSTEM_PATH

TIMEOUT = 60  # seconds


@dataclass(frozen=True)
class Feature:
    """One need: how it is tried, and what the kernel's configuration calls it."""

    what: str
    command: str
    option: str


def _rule(table: str, chain: str, rule: str) -> str:
    return f"iptables --wait --table {table} -A {chain} {rule}"


FEATURES = (
    Feature("overlay file systems", "mount -t overlay overlay -o lowerdir=a,upperdir=b,workdir=c d", "OVERLAY_FS"),
    Feature("virtual cables (veth)", "ip link add probe0 type veth peer name probe1", "VETH"),
    Feature("the iptables table nat", _rule("nat", "POSTROUTING", "-s 10.88.0.0/16 -j MASQUERADE"), "IP_NF_NAT"),
    Feature("the iptables table mangle", _rule("mangle", "PREROUTING", "-i eth0 -j DROP"), "IP_NF_MANGLE"),
    Feature(
        "the iptables match conntrack",
        _rule("filter", "FORWARD", "-m conntrack --ctstate INVALID -j DROP"),
        "NETFILTER_XT_MATCH_CONNTRACK",
    ),
    Feature(
        "the iptables match addrtype",
        _rule("nat", "PREROUTING", "-m addrtype --dst-type LOCAL -j RETURN"),
        "NETFILTER_XT_MATCH_ADDRTYPE",
    ),
    Feature(
        "the iptables match comment",
        _rule("filter", "INPUT", "-m comment --comment probe -j RETURN"),
        "NETFILTER_XT_MATCH_COMMENT",
    ),
    Feature(
        "the iptables match statistic",
        _rule("nat", "PREROUTING", "-m statistic --mode random --probability 0.5 -j RETURN"),
        "NETFILTER_XT_MATCH_STATISTIC",
    ),
    Feature(
        "the iptables target MARK",
        _rule("nat", "PREROUTING", "-j MARK --or-mark 0x4000"),
        "NETFILTER_XT_TARGET_MARK",
    ),
    Feature(
        "the iptables target DNAT",
        _rule("nat", "PREROUTING", "-p tcp --dport 1 -j DNAT --to-destination 10.88.0.2:1"),
        "NF_NAT",
    ),
    Feature("the iptables target REJECT", _rule("filter", "FORWARD", "-p tcp -j REJECT"), "IP_NF_TARGET_REJECT"),
    Feature(
        "ext4 in a file (loop devices)",
        "truncate -s 16M file && mkfs.ext4 -q file && mount -o loop file d && umount d",
        "BLK_DEV_LOOP",
    ),
)


def probe(features: tuple[Feature, ...] = FEATURES) -> None:
    """ClusterError that names every feature which is missing."""
    namespaces = ["unshare", "--fork", "--pid", "--mount", "--net", "--ipc", "--uts"]
    lines = ["mount -t tmpfs tmpfs /mnt", "cd /mnt", "mkdir a b c d", "echo begun"]
    for number, feature in enumerate(features):
        lines.append(f"({feature.command}) >/dev/null 2>error || echo {number} $(tail -n 1 error)")
    try:
        done = subprocess.run(
            [*namespaces, "sh", "-c", "\n".join(lines)],
            env={"PATH": SYSTEM_PATH},
            capture_output=True,
            text=True,
            timeout=TIMEOUT,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise ClusterError("Namespaces can't be made.", str(error)) from error
    first, *rest = done.stdout.splitlines() or [""]
    if first != "begun":
        raise ClusterError(
            "Namespaces can't be made here: processes, mounts and network of the node need their own.",
            done.stderr.strip()[-500:],
            "In a container, start it privileged; else use a kernel with namespaces.",
        )
    missing = [(features[int(line.split()[0])], line.partition(" ")[2]) for line in rest]
    if missing:
        options = ", ".join(f"CONFIG_{feature.option}" for feature, _error in missing)
        raise ClusterError(
            f"The kernel lacks what a node needs: {', '.join(feature.what for feature, _error in missing)}.",
            "\n".join(f"  {feature.what}: {error}" for feature, error in missing),
            f"Load the modules, or use a kernel with {options}.",
        )


def mounted_below(place: Path) -> list[Path]:
    """Mount points in a directory, the innermost first, as this process sees them."""
    lines = Path("/proc/self/mountinfo").read_text(encoding="utf-8").splitlines()
    points = [Path(line.split()[4].encode().decode("unicode_escape")) for line in lines]
    return sorted((point for point in points if point.is_relative_to(place)), key=lambda point: -len(point.parts))
