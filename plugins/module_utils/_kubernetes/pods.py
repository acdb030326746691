# Copyright: Contributors to the Tollgate project
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What keeps a pod from running, in words, and whether waiting can help."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

from .standing import Object, Standing, conditions, hopeless, pending, status

# The container runtime's words for an image that a registry does not have (containerd, CRI-O, Docker Hub).
NO_IMAGE = ("not found", "manifest unknown", "name unknown", "repository does not exist")
MISSING = "Make it, or correct the reference; the pod goes on by itself."
CREATING = ("ContainerCreating", "PodInitializing")
REFUSED = ("unauthorized", "denied", "forbidden")
KINDS_OF_CONTAINER = ("initContainerStatuses", "containerStatuses")
LABELS = {"postgresql.cnpg.io/Cluster": "cnpg.io/cluster", "postgresql.cnpg.io/Pooler": "cnpg.io/poolerName"}

# The scheduler's words (Kubernetes 1.34), the most telling first.
UNSCHEDULABLE = (
    (
        "Insufficient nvidia.com/gpu",
        "Free a GPU (make vllm-down stops models), add a node with one, or ask for fewer; a node whose GPUs are not "
        "counted lacks its driver or device plugin (role nvidia_gpu).",
    ),
    ("Insufficient", "Add a node, free some of it on those there are, or ask for less."),
    ("untolerated taint", "Declare a toleration for that taint, or remove the taint from a node."),
    ("node affinity/selector", "Correct the node selector, or label a node."),
    ("unbound immediate PersistentVolumeClaims", "Look what keeps the claim from being bound (kubectl describe pvc)."),
)


@dataclass(frozen=True)
class Trouble:
    """What keeps one container, or the whole pod, from running."""

    standing: Standing
    container: str = ""
    previous: bool = False  # its last words are those of the container before


def selector(found: Object) -> dict[str, str]:
    """The labels of the pods of a workload; empty for what has no pods."""
    kind, name = found["kind"], found["metadata"]["name"]
    if kind == "Job":
        return {"batch.kubernetes.io/job-name": name}
    label = LABELS.get(f"{found['apiVersion'].rpartition('/')[0]}/{kind}")
    if label:
        return {label: name}
    chosen = (found.get("spec") or {}).get("selector") or {}
    return dict(chosen.get("matchLabels") or {})


def belongs(pod: Object, owner: Object) -> bool:
    """Whether it is a pod of that workload, and of its present template: what an earlier one did is no news."""
    labels = pod["metadata"].get("labels") or {}
    wanted = selector(owner)
    if not wanted or any(labels.get(name) != value for name, value in wanted.items()):
        return False
    template = ((owner.get("spec") or {}).get("template") or {}).get("spec")
    return template is None or _alike(pod["spec"], template)


def _alike(spec: Object, template: Object) -> bool:
    ours = {row["name"]: row for row in spec.get("containers") or []}
    for row in template.get("containers") or []:
        mine = ours.get(row["name"], {})
        if any(mine.get(part) != row.get(part) for part in ("image", "command", "args", "env", "envFrom")):
            return False
    return True


def troubles(pod: Object) -> Iterator[Trouble]:
    """Each of a pod's troubles; none when all is well or on its way."""
    state = status(pod)
    scheduled = conditions(state).get("PodScheduled", {})
    if scheduled.get("status") == "False":
        yield Trouble(_homeless(scheduled.get("message") or "no node takes it"))
    for kind in KINDS_OF_CONTAINER:
        for row in state.get(kind) or []:
            standing = _container(row)
            if standing:
                yield Trouble(standing, row["name"], "terminated" not in row["state"])


def started(pod: Object) -> bool:
    """Whether its containers have been started: what could not be mounted before is mounted now."""
    rows = status(pod).get("containerStatuses") or []
    return bool(rows) and all(row["state"].get("waiting", {}).get("reason") not in CREATING for row in rows)


def of_event(event: Object) -> Trouble | None:
    """What an event says that no status does: volumes that can't be mounted, pods that can't be made."""
    reason, message = event.get("reason", ""), event.get("message", "")
    if reason == "FailedMount" and "not found" in message:
        return Trouble(hopeless(message, MISSING, certain=False))
    if reason == "FailedCreate" and "exceeded quota" in message:
        return Trouble(hopeless(message, "Raise the ResourceQuota of the namespace, or ask for less."))
    if reason == "FailedCreate" and "violates PodSecurity" in message:
        return Trouble(hopeless(message, "Correct the securityContext, or the label of the namespace."))
    return None


def _homeless(message: str) -> Standing:
    """No node takes it: that may change when a pod ends, or when an autoscaler adds a node."""
    for word, next_step in UNSCHEDULABLE:
        if word in message:
            return replace(pending(message), next_step=next_step)
    return pending(message)


def _container(row: Object) -> Standing | None:
    waiting = row["state"].get("waiting") or {}
    reason, message = waiting.get("reason", ""), waiting.get("message", "")
    if reason in ("ErrImagePull", "ImagePullBackOff"):
        return _image(row["image"], message)
    if reason in ("InvalidImageName", "ErrImageNeverPull"):
        return hopeless(f"{row['image']}: {message or reason}", "Correct the image's name.")
    if reason == "CreateContainerConfigError":
        lacks = "not found" in message or "couldn't find key" in message
        return hopeless(message, MISSING, certain=False) if lacks else pending(message)
    ended = row["state"].get("terminated") or (row.get("lastState") or {}).get("terminated") or {}
    if ended.get("exitCode") and (reason == "CrashLoopBackOff" or "terminated" in row["state"]):
        how = f"ended with exit code {ended['exitCode']}"
        if ended.get("reason") not in (None, "Error"):
            how += f" ({ended['reason']})"
        return pending(f"{how}, {row.get('restartCount', 0)} restarts")
    if reason and reason not in CREATING:
        return pending(f"{reason}: {message}".rstrip(": "))
    return None


def _image(image: str, message: str) -> Standing:
    if any(word in message for word in NO_IMAGE):
        return hopeless(f"the image {image} does not exist", "Correct its name or tag, or push it.")
    if any(word in message for word in REFUSED):
        return hopeless(f"the registry refuses {image}: {message}", "Name a pull secret, or make the image public.")
    return pending(f"the image {image} can't be pulled yet: {message}")
