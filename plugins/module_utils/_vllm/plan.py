# Copyright: Contributors to the Tollgate project
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What runs each declared model, worked out before anything is written."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from math import ceil
from typing import Any

from . import arguments
from .naming import identifier
from .quantity import amount
from .replicas import Object, Replicas, decide

PERIOD = 5  # seconds between two probes at the start
MARGIN = 10  # seconds to end after the last answer
PULL = 900  # seconds that pulling an image may take
SIZES: dict[str, dict[str, str]] = {
    # One node of 2 CPU and 8 GiB holds everything; a simulator, or a small model without a GPU, needs no more.
    "small": {"cpu": "100m", "memory": "256Mi", "shm_size": "128Mi"},
    "standard": {"cpu": "4", "memory": "32Gi", "shm_size": "2Gi"},
}
SHARED = {"ReadWriteMany", "ReadOnlyMany"}
CACHE = "nothing: it lies in a writable volume"
OWN_ENVIRONMENT = {
    "VLLM_API_KEY": "vllm_api_key_secret",
    "HF_TOKEN": "hf_token_secret",
    "HUGGING_FACE_HUB_TOKEN": "hf_token_secret",
    "HF_HOME": "volume.path",
    "HF_HUB_DISABLE_TELEMETRY": "nothing: it is fixed",
    "VLLM_NO_USAGE_STATS": "nothing: it is fixed",
    "VLLM_PORT": "nothing: the port is fixed",
    "USER": "nothing: it is fixed",
    **dict.fromkeys(
        ("HOME", "XDG_CACHE_HOME", "VLLM_CACHE_ROOT", "TORCHINDUCTOR_CACHE_DIR", "TRITON_CACHE_DIR"), CACHE
    ),
}
ENVIRONMENT_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
SECRET_WORDS = {"KEY", "APIKEY", "TOKEN", "SECRET", "PASSWORD", "PASSWD", "CREDENTIAL", "CREDENTIALS"}
SECRET_VALUE = re.compile(r"(hf_|sk-|ghp_|AKIA|ya29\.|glpat-)[A-Za-z0-9_.-]{12,}|-----BEGIN ")


class Refused(Exception):
    """What is declared can't work; says everything that is wrong with it."""


@dataclass(frozen=True)
class Settings:
    """What holds for all models."""

    image: str
    size: str = "standard"
    state: str = "present"
    scale: str = "keep"  # up, down
    only: Sequence[str] = ()  # whom up and down concern: all when it is empty
    generation_seconds: int = 120
    drain_seconds: int = 10
    startup_seconds: int = 3600
    gpu_resource: str = "nvidia.com/gpu"


@dataclass
class Plan:
    """What is to be applied, what is to be removed, and what there is to say."""

    servers: list[dict[str, Any]] = field(default_factory=list)
    removed: list[dict[str, Any]] = field(default_factory=list)
    undeclared: list[str] = field(default_factory=list)
    force: bool = False


def planned(models: Sequence[Mapping[str, Any]], settings: Settings, live: Sequence[Object]) -> Plan:
    """LIVE: the Deployments of models in the namespace. Raises Refused with all that is wrong."""
    problems = list(_of_the_list(models, settings))
    for model in models:
        problems += [f'model "{model["name"]}": {each}' for each in _of_one(model, settings)]
    if problems:
        raise Refused("\n".join([*problems, "Nothing was changed."]))
    there = {each["metadata"]["name"]: each for each in live}
    plan = Plan()
    for model in models:
        name = f"vllm-{identifier(model['name'], model.get('id'))}"
        found = there.pop(name, None)
        if settings.state == "absent" or model.get("state") == "absent":
            plan.removed.append(_removed(name, model))
            continue
        concerned = not settings.only or model["name"] in settings.only
        replicas = decide(_number(model), found, settings.scale if concerned else "keep")
        plan.servers.append(_server(name, model, settings, replicas))
        plan.force = plan.force or replicas.force
    plan.undeclared = sorted(there)
    return plan


def _of_the_list(models: Sequence[Mapping[str, Any]], settings: Settings) -> Iterator[str]:
    names = Counter(model["name"] for model in models)
    for name, times in names.items():
        if times > 1:
            yield f'model "{name}" is declared {times} times'
    ids: dict[str, str] = {}
    for name in names:
        for model in models:
            if model["name"] != name:
                continue
            try:
                chosen = identifier(name, model.get("id"))
            except ValueError:
                continue  # told with the model
            if ids.setdefault(chosen, name) != name:
                yield f'models "{ids[chosen]}" and "{name}" both have the id {chosen}: give one of them another'
    for name in settings.only:
        if name not in names:
            yield f'there is no model "{name}" to scale; declared are: {", ".join(names) or "none"}'


def _of_one(model: Mapping[str, Any], settings: Settings) -> Iterator[str]:
    if not model["name"].strip():
        yield "the name is empty"
    try:
        identifier(model["name"], model.get("id"))
    except ValueError as error:
        yield str(error)
    if model.get("state") == "absent":
        return
    gpus = model.get("gpus") or 0
    if gpus < 0:
        yield f"gpus is {gpus}; it is 0 or more"
    try:
        replicas = _number(model)
    except ValueError:
        yield f"replicas is {model['replicas']!r}; it is 0 or more, or null to leave it to an autoscaler"
        replicas = 1
    extra = model.get("extra_args") or []
    if (model.get("model") or model["name"]).startswith("-"):
        yield "model begins with -: vLLM would take it for an argument"
    yield from arguments.faults(arguments.given(model), extra, gpus)
    for word in extra:
        if SECRET_VALUE.search(word):
            yield "extra_args has what looks like a secret; everybody can read it there: use env with secret"
    yield from _memory(_sizes(model, settings))
    yield from _environment(model.get("env") or [])
    yield from _volume(model.get("volume") or {}, replicas, model.get("node_selector") or {})


def _number(model: Mapping[str, Any]) -> int | None:
    """The declared replicas. Raises ValueError for what is no number."""
    declared = model.get("replicas", 1)
    if declared is None:
        return None
    if isinstance(declared, bool) or not re.fullmatch(r"\d{1,4}", str(declared)):
        raise ValueError(declared)
    return int(declared)


def _sizes(model: Mapping[str, Any], settings: Settings) -> dict[str, str]:
    return {name: str(model.get(name) or default) for name, default in SIZES[settings.size].items()}


def _memory(sizes: Mapping[str, str]) -> Iterator[str]:
    known = {}
    for name, text in sizes.items():
        try:
            known[name] = amount(text)
        except ValueError as error:
            yield f"{name}: {error}"
    if len(known) == len(sizes) and known["shm_size"] >= known["memory"]:
        yield f"shm_size is {sizes['shm_size']} and counts as memory, of which there is {sizes['memory']}: raise memory"


def _environment(rows: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    for name, times in Counter(row["name"] for row in rows).items():
        if times > 1:
            yield f"env has {name} {times} times"
    for row in rows:
        name, value = row["name"], row.get("value")
        if not ENVIRONMENT_NAME.fullmatch(name):
            yield f"env: {name!r} is no name of a variable"
        if name in OWN_ENVIRONMENT:
            yield f"env has {name}, which the role sets: use {OWN_ENVIRONMENT[name]}"
        if (value is None) == (row.get("secret") is None):
            yield f"env {name}: give it a value, or name a Secret and its key"
        elif value is not None and (SECRET_WORDS & set(name.upper().split("_")) or SECRET_VALUE.search(value)):
            yield f"env {name} looks like a secret, and everybody can read it there: put it into a Secret, name that"


def _volume(volume: Mapping[str, Any], replicas: int | None, nodes: Mapping[str, str]) -> Iterator[str]:
    claim, size = volume.get("claim"), volume.get("size")
    if claim and size:
        yield "volume names a claim and a size: a claim that is there, or one to be made"
    for name in ("storage_class", "access_modes"):
        if volume.get(name) and not size:
            yield f"volume.{name} is of a claim to be made, which needs a size"
    for name in ("size", "limit"):
        if volume.get(name):
            try:
                amount(volume[name])
            except ValueError as error:
                yield f"volume.{name}: {error}"
    if volume.get("limit") and (claim or size):
        yield "volume.limit is of a volume that ends with its pod, and there is a claim"
    if not str(volume.get("path") or "/").startswith("/"):
        yield f"volume.path is {volume['path']}: an absolute path is needed"
    pinned = "kubernetes.io/hostname" in nodes
    if size and replicas not in (0, 1) and not pinned and not SHARED & set(volume.get("access_modes") or []):
        yield (
            "several replicas can't share a volume that one node alone may use: "
            "set volume.access_modes to [ReadWriteMany], or leave the size out"
        )


def _removed(name: str, model: Mapping[str, Any]) -> dict[str, Any]:
    volume = model.get("volume") or {}
    return {"name": model["name"], "object": name, "claim": f"{name}-models" if volume.get("size") else ""}


def _server(name: str, model: Mapping[str, Any], settings: Settings, replicas: Replicas) -> dict[str, Any]:
    declared = _number(model)
    gpus = model.get("gpus") or 0
    volume = _planned_volume(name, model.get("volume") or {})
    startup = model.get("startup_seconds") or settings.startup_seconds
    sizes = _sizes(model, settings)
    words = arguments.command(
        model["name"],
        model.get("model") or model["name"],
        arguments.given(model),
        model.get("extra_args") or [],
        settings.generation_seconds,
    )
    return {
        "runtime_class": model.get("runtime_class"),
        "hf_token_secret": model.get("hf_token_secret"),
        "name": model["name"],
        "object": name,
        "image": model.get("image") or settings.image,
        "args": words,
        "env": [_variable(row) for row in model.get("env") or []],
        "shm_size": sizes["shm_size"],
        "resources": _resources(sizes, gpus, settings.gpu_resource),
        "tolerations": _tolerations(model.get("tolerations") or [], gpus, settings.gpu_resource),
        "node_selector": {name: _label(value) for name, value in (model.get("node_selector") or {}).items()},
        "volume": volume,
        "strategy": _strategy(declared, gpus, bool(volume["claim"])),
        "disruption_budget": declared is None or declared > 1,
        "replicas": replicas.number,
        "stopped": replicas.stopped,
        "marked": replicas.marked,
        "running": replicas.running,
        "note": replicas.note,
        "startup_failures": ceil(startup / PERIOD),
        "progress_deadline": startup + PULL,
        "grace_seconds": settings.drain_seconds + settings.generation_seconds + MARGIN,
    }


def _label(value: Any) -> str:
    """As a manifest would have it in quotes."""
    return str(value).lower() if isinstance(value, bool) else str(value)


def _variable(row: Mapping[str, Any]) -> dict[str, Any]:
    if row.get("secret"):
        return {"name": row["name"], "valueFrom": {"secretKeyRef": dict(row["secret"])}}
    return {"name": row["name"], "value": row["value"]}


def _resources(sizes: Mapping[str, str], gpus: int, resource: str) -> dict[str, dict[str, str]]:
    """Memory is not overcommitted; a share of the CPU that is free is welcome."""
    devices = {resource: str(gpus)} if gpus else {}
    return {
        "requests": {"cpu": sizes["cpu"], "memory": sizes["memory"], **devices},
        "limits": {"memory": sizes["memory"], **devices},
    }


def _tolerations(own: Sequence[Mapping[str, Any]], gpus: int, resource: str) -> list[dict[str, Any]]:
    """GKE taints nodes with GPUs and adds the toleration; elsewhere it has to be written down."""
    usual = {"key": resource, "operator": "Exists", "effect": "NoSchedule"}
    return [*map(dict, own), *([usual] if gpus and usual not in own else [])]


def _planned_volume(name: str, volume: Mapping[str, Any]) -> dict[str, Any]:
    made = bool(volume.get("size"))
    return {
        "claim": f"{name}-models" if made else volume.get("claim") or "",
        "made": made,
        "size": volume.get("size"),
        "storage_class": volume.get("storage_class"),
        "access_modes": list(volume.get("access_modes") or ["ReadWriteOnce"]),
        "limit": volume.get("limit"),
        "path": volume.get("path") or "/models",
    }


def _strategy(declared: int | None, gpus: int, claimed: bool) -> dict[str, Any]:
    """A pod more than there are GPUs for, or that waits for another node's volume, would hold a rollout up for ever."""
    if (gpus or claimed) and declared in (0, 1):
        return {"type": "Recreate"}
    surge, unavailable = (0, 1) if gpus else (1, 0)
    return {"type": "RollingUpdate", "rollingUpdate": {"maxSurge": surge, "maxUnavailable": unavailable}}
