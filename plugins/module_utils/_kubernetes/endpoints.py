# Copyright: Contributors to the Tollgate project
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A Service as an option names it, and the pods behind it that take requests."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from .cluster import Cluster, ClusterError
from .pods import troubles
from .service_port import ServicePort
from .standing import Object, conditions, status

SLICES = ("discovery.k8s.io/v1", "EndpointSlice")
SERVICE_LABEL = "kubernetes.io/service-name"


class NotThere(ClusterError):
    """The Service is not there, or nothing behind it takes requests (yet)."""


@dataclass(frozen=True, order=True)
class Backend:
    """A port of a pod."""

    namespace: str
    pod: str
    port: int

    def __str__(self) -> str:
        return f"port {self.port} of pod {self.pod} in {self.namespace}"


def backends(cluster: Cluster, wanted: ServicePort) -> list[Backend]:
    """The ready pods of a Service, by name, each with the number of the port. Raises NotThere with the reason."""
    service = cluster.read("v1", "Service", wanted.name, wanted.namespace)
    if service is None:
        raise NotThere(f"there is no Service {wanted.name} in {wanted.namespace}. Make it first.")
    name = port_name(service, wanted)
    slices = cluster.find(*SLICES, wanted.namespace, labels=f"{SERVICE_LABEL}={wanted.name}")[1]
    found = sorted({backend for each in slices for backend in _ready(each, name, wanted.namespace)})
    if not found:
        raise NotThere(f"no pod of {wanted} is ready: {'; '.join(_standing(cluster, service, slices))}.")
    return found


def port_name(service: Object, wanted: ServicePort) -> str:
    """The name of the Service's port that is meant by a number or a name; slices know it by that."""
    ports = (service.get("spec") or {}).get("ports") or []
    for port in ports:
        if wanted.port in (str(port["port"]), port.get("name")):
            return port.get("name") or ""
    known = ", ".join(f"{port['port']} ({port['name']})" if port.get("name") else str(port["port"]) for port in ports)
    place = f"Service {wanted.name} in {wanted.namespace}"
    raise ClusterError(f"{place} has no port {wanted.port}, but {known or 'no port at all'}.", final=True)


def _ready(found: Object, name: str, namespace: str) -> Iterator[Backend]:
    number = next((port.get("port") for port in found.get("ports") or [] if (port.get("name") or "") == name), None)
    for endpoint in found.get("endpoints") or []:
        pod = _pod(endpoint)
        # Kubernetes' own rule: what says nothing is ready.
        if number and pod and (endpoint.get("conditions") or {}).get("ready") is not False:
            yield Backend(namespace, pod, int(number))


def _pod(endpoint: Mapping[str, Any]) -> str:
    target = endpoint.get("targetRef") or {}
    return str(target["name"]) if target.get("kind") == "Pod" else ""


def _standing(cluster: Cluster, service: Object, slices: Iterable[Object]) -> list[str]:
    """Which pods there are, and what keeps them."""
    chosen = (service.get("spec") or {}).get("selector") or {}
    if not chosen:
        foreign = any(each.get("endpoints") for each in slices)
        return ["its addresses are not those of pods" if foreign else "it selects no pods, and has no addresses"]
    labels = ",".join(f"{name}={value}" for name, value in sorted(chosen.items()))
    try:
        pods = cluster.find("v1", "Pod", service["metadata"]["namespace"], labels=labels)[1]
    except ClusterError as error:
        return [str(error).rstrip(".")]
    return [_state(pod) for pod in pods] or [f"there are no pods with {labels}"]


def _state(pod: Object) -> str:
    name = f"pod {pod['metadata']['name']}"
    if pod["metadata"].get("deletionTimestamp"):
        return f"{name} is being removed"
    why = [trouble.standing.why for trouble in troubles(pod)]
    if not why and conditions(status(pod)).get("Ready", {}).get("status") != "True":
        why = [f"{status(pod).get('phase', 'Pending')}, not ready"]
    return f"{name}: {', '.join(why) or 'ready, but not among the endpoints yet'}"
