# Copyright: Contributors to the Tollgate project
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Kubernetes objects as tests write them down: short, with what every test pod needs."""

from __future__ import annotations

from typing import Any

Object = dict[str, Any]

PYTHON = "docker.io/library/python:3.13-slim"
SLEEP = ("python", "-c", "import signal; signal.sigwait({signal.SIGTERM, signal.SIGINT})")
# A container that asks for nothing gets next to nothing of a busy node.
SHARE = {"requests": {"cpu": "10m"}}
SERVE = ("python", "-m", "http.server", "8080", "--directory", "/tmp")


def container(*command: str, name: str = "main", image: str = PYTHON, **fields: Any) -> Object:
    """One container of a pod."""
    return {"name": name, "image": image, "command": list(command or SLEEP), **fields}


def pod(namespace: str, name: str, *containers: Object, labels: dict[str, str] | None = None, **fields: Any) -> Object:
    """A pod, with one sleeping container when none is named."""
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": name, "namespace": namespace, "labels": labels or {"app": name}},
        "spec": pod_spec(*containers, **fields),
    }


def pod_spec(*containers: Object, **fields: Any) -> Object:
    """What a pod and a template of pods have in common."""
    return {
        "containers": [{"resources": SHARE, **each} for each in containers or (container(),)],
        "terminationGracePeriodSeconds": 1,  # nothing here has anything to save
        "enableServiceLinks": False,
        **fields,
    }


def deployment(namespace: str, name: str, *containers: Object, replicas: int | None = 1, **fields: Any) -> Object:
    """A Deployment of pods with the label app=NAME; replicas None leaves the number to an autoscaler."""
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": name, "namespace": namespace},
        "spec": {
            **({} if replicas is None else {"replicas": replicas}),
            "selector": {"matchLabels": {"app": name}},
            "template": {"metadata": {"labels": {"app": name}}, "spec": pod_spec(*containers, **fields)},
        },
    }


def service(namespace: str, name: str, port: int = 8080, **fields: Any) -> Object:
    """A Service for the pods with the label app=NAME."""
    return {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {"name": name, "namespace": namespace},
        "spec": {"selector": {"app": name}, "ports": [{"port": port, "targetPort": port}], **fields},
    }


def claim(namespace: str, name: str, size: str = "64Mi", **fields: Any) -> Object:
    """A claim for a volume of the default StorageClass."""
    return {
        "apiVersion": "v1",
        "kind": "PersistentVolumeClaim",
        "metadata": {"name": name, "namespace": namespace},
        "spec": {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": size}}, **fields},
    }


def volume_of(claim_name: str, name: str = "data") -> Object:
    """The volume of a pod that is a claim's."""
    return {"name": name, "persistentVolumeClaim": {"claimName": claim_name}}


def mounted(path: str, name: str = "data") -> Object:
    """The fields of a container that has one volume."""
    return {"volumeMounts": [{"name": name, "mountPath": path}]}
