# Copyright: Contributors to the Tollgate project
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Every image of `make cluster` is pulled by its production name and starts, and vLLM's asks for its key."""

from __future__ import annotations

import pytest
from completion import CLIENT, complete
from tollgate_checks.cluster import Cluster
from tollgate_checks.conditions import ready
from tollgate_checks.objects import Object, pod

# Image: the command (none: the image's own entry point), its arguments, and what it then prints.
STARTS = {
    "docker.io/library/debian:trixie-slim": (["cat", "/etc/debian_version"], [], "13."),
    "docker.io/library/python:3.13-slim": (["python", "--version"], [], "Python 3.13"),
    "registry.k8s.io/coredns/coredns:v1.12.4": ([], ["-version"], "CoreDNS-1.12.4"),
    "registry.k8s.io/metrics-server/metrics-server:v0.9.0": ([], ["--version"], "v0.9.0"),
    "ghcr.io/cloudnative-pg/cloudnative-pg:1.30.0": ([], ["version"], "1.30.0"),
    "ghcr.io/cloudnative-pg/postgresql:17": (["postgres", "--version"], [], "PostgreSQL) 17."),
    "ghcr.io/cloudnative-pg/pgbouncer:1.25.1": (["pgbouncer", "--version"], [], "PgBouncer 1."),
    "ghcr.io/cloudnative-pg/plugin-barman-cloud:v0.14.0": ([], ["--help"], "plugin"),
    "ghcr.io/cloudnative-pg/plugin-barman-cloud-sidecar:v0.14.0": (["barman-cloud-backup", "--version"], [], "3.19.1"),
    "ghcr.io/berriai/litellm:v1.106.2": ([], ["--version"], "1.106.2"),
    "docker.io/valkey/valkey:9.1.2": ([], ["valkey-server", "--version"], "v=9.1.2"),
    "docker.io/motoserver/moto:5.2.5": ([], ["--help"], "moto_server"),
    "ghcr.io/llm-d/llm-d-inference-sim:v0.10.2": ([], ["--help"], "--model"),
    "registry.k8s.io/gateway-api-inference-extension/epp:v1.5.0": ([], ["--help"], "pool-name"),
    "docker.io/envoyproxy/gateway:v1.8.3": ([], ["version"], "v1.8.3"),
    "docker.io/envoyproxy/envoy:distroless-v1.38.3": ([], ["--version"], "/1.38.3/"),
    "docker.io/envoyproxy/ai-gateway-controller:v1.0.0": ([], ["--help"], "extProc"),
    "docker.io/envoyproxy/ai-gateway-extproc:v1.0.0": ([], ["--help"], "configPath"),
    "ghcr.io/external-secrets/external-secrets:v0.20.4": ([], ["--help"], "external-secrets"),
    "docker.io/bitnami/sealed-secrets-controller:0.40.0": ([], ["--version"], "0.40.0"),
}
KEY = "not-a-secret"


def ended(found: Object) -> bool:
    """ended"""
    return found.get("status", {}).get("phase") in ("Succeeded", "Failed")


@pytest.fixture
def here(cluster: Cluster) -> Cluster:
    """The cluster of `make cluster`: another one would take its images from elsewhere."""
    if not cluster.made_here:
        pytest.skip("about the images of `make cluster`")
    return cluster


@pytest.mark.parametrize("image", STARTS)
def test_an_image_starts(here: Cluster, namespace: str, image: str) -> None:
    command, arguments, printed = STARTS[image]
    main = {"name": "main", "image": image, "args": arguments, **({"command": command} if command else {})}
    done = here.run(pod(namespace, "started", main, restartPolicy="Never"), ended, 120)
    assert printed in here.logs(done)


def test_vllms_image_answers_to_its_key_alone(here: Cluster, namespace: str) -> None:
    server = {
        "name": "vllm",
        "image": "docker.io/vllm/vllm-openai:v0.32.0",
        "args": ["--model", "Qwen/Qwen3-8B", "--served-model-name", "qwen", "--api-key", KEY, "--port", "8000"],
        "readinessProbe": {"httpGet": {"path": "/health", "port": 8000}, "periodSeconds": 1},
    }
    running = here.run(pod(namespace, "vllm", server, CLIENT), ready, 120)
    assert complete(here, running, "wrong", "qwen") == 401
    answer = complete(here, running, KEY, "qwen")
    assert answer["model"] == "qwen"
    assert answer["usage"]["completion_tokens"] > 0
