# Copyright: Contributors to the Tollgate project
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Why something is not as it should be: states of pods, events and last log lines of a namespace."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from kubernetes.client import ApiException

from .objects import Object

if TYPE_CHECKING:
    from .cluster import Cluster

EVENTS = 15
LOG_LINES = 8


def describe(found: Object | None) -> str:
    """The status of an object, on one line."""
    if found is None:
        return "it does not exist"
    status = {name: value for name, value in found.get("status", {}).items() if name not in {"images", "hostIPs"}}
    return f"status: {json.dumps(status, default=str)[:1500]}"


def of_namespace(cluster: Cluster, namespace: str) -> str:
    """Pods that are not well, with their last log lines, and the last events."""
    lines = []
    for pod in cluster.all("v1", "Pod", namespace):
        trouble = _trouble(pod)
        if trouble:
            lines += [f"pod {pod['metadata']['name']}: {trouble}", *_last_lines(cluster, pod)]
    events = cluster.all("v1", "Event", namespace)
    events.sort(key=lambda event: str(event.get("lastTimestamp") or event.get("eventTime") or ""))
    for event in events[-EVENTS:]:
        about = event["involvedObject"]
        lines.append(f"event: {about['kind']} {about['name']}: {event['reason']}: {event.get('message', '')[:300]}")
    return "\n".join(lines)


def _trouble(pod: Object) -> str:
    status = pod.get("status", {})
    if status.get("phase") == "Succeeded":
        return ""
    parts = [
        f"{entry['type']} is {entry['status']}: {entry.get('message') or entry.get('reason') or ''}"
        for entry in status.get("conditions", [])
        if entry["status"] != "True" and entry["type"] != "DisruptionTarget"
    ]
    for entry in [*status.get("initContainerStatuses", []), *status.get("containerStatuses", [])]:
        for name, state in entry.get("state", {}).items():
            if name != "running":
                why = f"{state.get('reason', '')} {state.get('message', '')}".strip()
                parts.append(f"container {entry['name']} is {name} (code {state.get('exitCode', '-')}): {why}")
    return f"{status.get('phase')}; {'; '.join(parts)}" if parts else ""


def _last_lines(cluster: Cluster, pod: Object) -> list[str]:
    lines = []
    for name in (entry["name"] for entry in pod["spec"]["containers"]):
        try:
            text = cluster.logs(pod, container=name, tail=LOG_LINES)
        except ApiException:
            continue
        lines += [f"    {name}| {line}" for line in text.splitlines()]
    return lines
