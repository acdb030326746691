# Copyright: Contributors to the Tollgate project
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Objects as an API server gives them, with as little in them as a test needs."""

from __future__ import annotations

from typing import Any

Object = dict[str, Any]
TEMPLATE = {"containers": [{"name": "main", "image": "registry.example/app:1"}]}


def obj(api_version: str, kind: str, status: Object | None = None, spec: Object | None = None, **more: Any) -> Object:
    """An object named x of generation 2."""
    metadata = {"name": "x", "namespace": "n", "uid": f"{kind}-x", "generation": 2, **more}
    return {"apiVersion": api_version, "kind": kind, "metadata": metadata, "spec": spec or {}, "status": status or {}}


def row(kind: str, status: str = "True", reason: str = "", message: str = "", **more: Any) -> Object:
    """A condition."""
    return {"type": kind, "status": status, "reason": reason, "message": message, **more}


def deployment(status: Object, replicas: int = 2) -> Object:
    """A Deployment of pods with the label app=x."""
    selector = {"matchLabels": {"app": "x"}}
    return obj(
        "apps/v1",
        "Deployment",
        status,
        {"replicas": replicas, "selector": selector, "template": {"spec": TEMPLATE}},
    )


def pod(
    *containers: Object, name: str = "x-1", spec: Object | None = None, conditions: list[Object] | None = None
) -> Object:
    """A pod of that Deployment."""
    status = {"phase": "Pending", "containerStatuses": list(containers), "conditions": conditions or []}
    return obj("v1", "Pod", status, spec or TEMPLATE, name=name, uid=name, labels={"app": "x"})


def container(state: str, image: str = "registry.example/app:1", last: Object | None = None, **about: Any) -> Object:
    """The status of its container."""
    return {"name": "main", "image": image, "restartCount": 3, "state": {state: about}, "lastState": last or {}}
