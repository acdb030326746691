# Copyright: Contributors to the Tollgate project
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The GPUs of a cluster's nodes, and why there are fewer than there should be."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from .._kubernetes.pods import troubles
from .._kubernetes.standing import Object, conditions, status

# Labels by which nodes with GPUs are known: of GKE, of NVIDIA's discovery, of node feature discovery (10de is NVIDIA).
SIGNS = {
    "cloud.google.com/gke-accelerator": "",
    "nvidia.com/gpu.present": "true",
    "nvidia.com/gpu.product": "",
    "feature.node.kubernetes.io/pci-10de.present": "true",
    "feature.node.kubernetes.io/pci-0300_10de.present": "true",
    "feature.node.kubernetes.io/pci-0302_10de.present": "true",
}
GKE_ACCELERATOR = "cloud.google.com/gke-accelerator"
GKE_WITHOUT_PLUGIN = "gke-no-default-nvidia-gpu-device-plugin"
PARTS = ("nvidia", "gpu-operator", "gpu-feature-discovery")  # in the names of pods that bring GPUs about
PLUGIN = "device-plugin"
SHOWN = 8  # names in a line
NEXT = {
    "gke_managed": (
        "Make a node pool with GPUs whose driver GKE installs (gcloud container node-pools create --accelerator "
        "type=...,count=...,gpu-driver-version=default); with an autoscaler a node comes with the first pod that asks "
        "for a GPU: set nvidia_gpu_count to 0 then."
    ),
    "device_plugin": (
        "The device plugin counts GPUs of nodes that have NVIDIA's driver and container toolkit, with containerd's "
        "runtime nvidia as the default one or named in nvidia_gpu_runtime_class."
    ),
    "operator": "Look at the operator's ClusterPolicy (kubectl describe clusterpolicy) and at its namespace's pods.",
}


@dataclass(frozen=True)
class Node:
    """One node, as far as GPUs go."""

    name: str
    capacity: int
    allocatable: int
    ready: bool
    cordoned: bool
    signs: tuple[str, ...]
    taints: tuple[str, ...]
    own_plugin: bool  # GKE's, which is no pod of ours

    @classmethod
    def of(cls, found: Object, resource: str) -> Node:
        """From the cluster's object."""
        labels = found["metadata"].get("labels") or {}
        state, spec = status(found), found.get("spec") or {}
        return cls(
            name=found["metadata"]["name"],
            capacity=_count(state.get("capacity"), resource),
            allocatable=_count(state.get("allocatable"), resource),
            ready=conditions(state).get("Ready", {}).get("status") == "True",
            cordoned=bool(spec.get("unschedulable")),
            signs=tuple(f"{name}={labels[name]}" for name, value in SIGNS.items() if _says(labels.get(name), value)),
            taints=tuple(
                f"{row['key']}={row.get('value', '')}:{row['effect']}".replace("=:", ":")
                for row in spec.get("taints") or []
            ),
            own_plugin=GKE_ACCELERATOR in labels and labels.get(GKE_WITHOUT_PLUGIN) != "true",
        )

    @property
    def usable(self) -> int:
        """GPUs that a pod may get."""
        return self.allocatable if self.ready and not self.cordoned else 0

    @property
    def expected(self) -> bool:
        """Whether there is a GPU in it, by any sign."""
        return bool(self.signs or self.capacity)

    def __str__(self) -> str:
        about = [f"{self.allocatable} allocatable of {self.capacity}"]
        about += ["not ready"] if not self.ready else []
        about += ["cordoned"] if self.cordoned else []
        about += [f"labels {', '.join(self.signs)}"] if self.signs else []
        about += [f"taints {', '.join(self.taints)}"] if self.taints else []
        return f"node {self.name}: {'; '.join(about)}"


def _says(found: str | None, wanted: str) -> bool:
    return found is not None and (not wanted or found == wanted)


def _count(amounts: Mapping[str, Any] | None, resource: str) -> int:
    text = str((amounts or {}).get(resource, "0"))
    return int(text) if text.isdecimal() else 0


def total(nodes: Sequence[Node]) -> int:
    """GPUs that pods may get."""
    return sum(node.usable for node in nodes)


def summary(nodes: Sequence[Node], resource: str) -> str:
    """How many there are, and where."""
    where = _some([f"{node.name} ({node.usable})" for node in nodes if node.usable])
    return f"{total(nodes)} {resource}" + (f" on {where}" if where else "")


def _some(names: Sequence[str]) -> str:
    return ", ".join(names[:SHOWN]) + (f" and {len(names) - SHOWN} more" if len(names) > SHOWN else "")


def helpers(pods: Sequence[Object]) -> list[Object]:
    """The pods that bring GPUs about: drivers, plugins, discovery."""
    return [pod for pod in pods if any(part in pod["metadata"]["name"] for part in PARTS)]


def plugins(pods: Sequence[Object]) -> list[Object]:
    """Those that tell the kubelet of GPUs."""
    return [pod for pod in helpers(pods) if PLUGIN in pod["metadata"]["name"]]


def unwell(pods: Sequence[Object], node: str = "") -> Iterator[tuple[Object, str]]:
    """Pods that are not well, and why. NODE: only those that run there."""
    for pod in pods:
        if node and (pod.get("spec") or {}).get("nodeName") != node:
            continue
        named = f"pod {pod['metadata']['namespace']}/{pod['metadata']['name']}"
        known = [str(trouble.standing.why) for trouble in troubles(pod)]
        if known:
            yield pod, f"{named}: {known[0]}"
        elif (
            status(pod).get("phase") != "Succeeded" and conditions(status(pod)).get("Ready", {}).get("status") != "True"
        ):
            yield pod, f"{named} is not ready"


def doubled(nodes: Sequence[Node], pods: Sequence[Object], namespace: str, ours: str) -> list[str]:
    """Who tells the kubelet of GPUs already: two device plugins on a node count each GPU twice."""
    managed = [node.name for node in nodes if node.own_plugin]
    found = []
    if managed:
        found.append(
            f"GKE's own device plugin serves {_some(managed)}: set nvidia_gpu_mode to gke_managed, or label "
            f"those nodes {GKE_WITHOUT_PLUGIN}=true"
        )
    others = sorted(
        f"{pod['metadata']['namespace']}/{pod['metadata']['name']}"
        for pod in plugins(pods)
        if not (pod["metadata"]["namespace"] == namespace and pod["metadata"]["name"].startswith(f"{ours}-"))
        and not managed
    )
    if others:
        found.append(f"there is another device plugin: {_some(others)}. Remove it, or set nvidia_gpu_mode to none")
    return found


def explanation(nodes: Sequence[Node], pods: Sequence[Object], mode: str) -> list[str]:
    """Lines about what lacks: each node with a GPU, what does not run there, what to do."""
    lines: list[str] = []
    brings = helpers(pods)
    for node in [each for each in nodes if each.expected]:
        lines.append(str(node))
        lines += [f"  {why}" for _pod, why in unwell(brings, node.name)]
        if node.capacity > node.allocatable:
            lines.append(
                "  GPUs are unhealthy, as the device plugin has it: look at its log, and at the node's dmesg (Xid)."
            )
        elif not node.capacity and not any(pod["spec"].get("nodeName") == node.name for pod in plugins(pods)):
            lines.append("  no device plugin runs there" + (f": {_untold(node)}" if node.taints else ""))
    bare = [node.name for node in nodes if not node.expected]
    if bare:
        lines.append(
            f"no sign of a GPU: {_some(bare)} (no label such as nvidia.com/gpu.present, nothing in the capacity)"
        )
    lines += [f"  {why}" for pod, why in unwell(brings) if not (pod.get("spec") or {}).get("nodeName")]
    lines.append(NEXT[mode])
    return lines


def _untold(node: Node) -> str:
    return f"does it tolerate {', '.join(node.taints)}?"
