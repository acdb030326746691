# Copyright: Contributors to the Tollgate project
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""containerd: its configuration, the pods' network, and the one registry that answers for all names."""

from __future__ import annotations

import json
from pathlib import Path

from .addresses import PODS, REGISTRY
from .programs import Program, Tools
from .state import CONFIGURATION

ADDRESS = "/run/containerd/containerd.sock"  # of the node: this machine's /run is another one
PAUSE = "registry.k8s.io/pause:3.10"
CAP_SYS_RESOURCE = 24

# The optional ones write outside of the node (/opt), or complain about file systems that are not there.
UNUSED = (
    "io.containerd.internal.v1.opt",
    "io.containerd.snapshotter.v1.aufs",
    "io.containerd.snapshotter.v1.btrfs",
    "io.containerd.snapshotter.v1.devmapper",
    "io.containerd.snapshotter.v1.zfs",
)

CONTAINERD = """\
version = 2
disabled_plugins = {unused}
[grpc]
  address = "{address}"
[plugins."io.containerd.grpc.v1.cri"]
  sandbox_image = "{pause}"
  # A profile would be loaded into the kernel, which this machine shares.
  disable_apparmor = true
  # Without CAP_SYS_RESOURCE runc can't protect a pod from the OOM killer, and would die of trying.
  restrict_oom_score_adj = {restricted}
  [plugins."io.containerd.grpc.v1.cri".registry]
    config_path = "{registries}"
  [plugins."io.containerd.grpc.v1.cri".cni]
    bin_dir = "{cni}"
    conf_dir = "{networks}"
  [plugins."io.containerd.grpc.v1.cri".containerd]
    snapshotter = "overlayfs"
    discard_unpacked_layers = true
    [plugins."io.containerd.grpc.v1.cri".containerd.runtimes.runc]
      runtime_type = "io.containerd.runc.v2"
      [plugins."io.containerd.grpc.v1.cri".containerd.runtimes.runc.options]
        SystemdCgroup = false
"""

HOSTS = """\
server = "http://{registry}"
[host."http://{registry}"]
  capabilities = ["pull", "resolve"]
"""


def program(tools: Tools) -> Program:
    """The program itself."""
    command = [str(tools.host / "usr" / "bin" / "containerd"), "--config", str(CONFIGURATION / "containerd.toml")]
    return Program("containerd", command, tools.environment)


def files(tools: Tools) -> dict[Path, str]:
    """Its configuration files."""
    text = CONTAINERD.format(
        unused=json.dumps(UNUSED),
        address=ADDRESS,
        pause=PAUSE,
        restricted=json.dumps(not may_protect()),
        registries=CONFIGURATION / "registries",
        cni=tools.host / "usr" / "lib" / "cni",
        networks=CONFIGURATION / "cni",
    )
    return {
        CONFIGURATION / "containerd.toml": text,
        CONFIGURATION / "registries" / "_default" / "hosts.toml": HOSTS.format(registry=REGISTRY),
        CONFIGURATION / "cni" / "10-tollgate.conflist": json.dumps(_network(), indent=2),
    }


def _network() -> dict[str, object]:
    """Each pod at a cable of its own: all packets are routed, so bridges and br_netfilter are not needed."""
    addresses = {"type": "host-local", "ranges": [[{"subnet": str(PODS)}]], "routes": [{"dst": "0.0.0.0/0"}]}
    cable = {"type": "ptp", "ipMasq": False, "ipam": addresses}
    ports = {"type": "portmap", "capabilities": {"portMappings": True}}
    return {"cniVersion": "0.4.0", "name": "tollgate", "plugins": [cable, ports]}


def may_protect() -> bool:
    """Whether this process may lower a score for the OOM killer."""
    status = Path("/proc/self/status").read_text(encoding="ascii")
    effective = next(line.split()[1] for line in status.splitlines() if line.startswith("CapEff:"))
    return bool(int(effective, 16) >> CAP_SYS_RESOURCE & 1)
