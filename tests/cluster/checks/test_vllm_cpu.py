# Copyright: Contributors to the Tollgate project
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The real vLLM on a CPU, where its image was made: it serves its model, and asks for its key."""

from __future__ import annotations

import pytest
from completion import CLIENT, complete
from tollgate_checks.cluster import Cluster
from tollgate_checks.conditions import ready
from tollgate_checks.objects import pod
from tollgate_cluster import registry

IMAGE = "docker.io/vllm/vllm-openai-cpu:v0.32.0"
KEY = "not-a-secret"
PATIENCE = 300  # seconds: it starts in half a minute on a quiet machine
ARGUMENTS = [
    *("/srv/model", "--served-model-name", "qwen", "--dtype", "bfloat16", "--max-model-len", "2048"),
    *("--max-num-seqs", "8", "--block-size", "128", "--kv-cache-memory-bytes", "16777216", "--enforce-eager"),
    *("--enable-force-include-usage", "--enable-prompt-tokens-details", "--shutdown-timeout", "20"),
]


def made() -> bool:
    """Whether the registry has the image."""
    return registry.serves(IMAGE)


@pytest.mark.soak
@pytest.mark.skipif(not made(), reason='the image is made only by name: make cluster IMAGES="python debian vllm-cpu"')
def test_the_real_vllm_serves_and_bills(cluster: Cluster, namespace: str) -> None:
    server = {
        "name": "vllm",
        "image": IMAGE,
        "args": ARGUMENTS,
        "env": [{"name": "VLLM_API_KEY", "value": KEY}],
        "readinessProbe": {"httpGet": {"path": "/health", "port": 8000}, "periodSeconds": 2},
        "volumeMounts": [{"name": "shm", "mountPath": "/dev/shm"}, {"name": "tmp", "mountPath": "/tmp"}],
        "securityContext": {"readOnlyRootFilesystem": True, "allowPrivilegeEscalation": False},
    }
    volumes = [
        {"name": "shm", "emptyDir": {"medium": "Memory", "sizeLimit": "512Mi"}},
        {"name": "tmp", "emptyDir": {}},
    ]
    running = cluster.run(pod(namespace, "vllm", server, CLIENT, volumes=volumes), ready, PATIENCE)
    assert complete(cluster, running, "wrong", "qwen") == 401
    answer = complete(cluster, running, KEY, "qwen")
    assert (answer["model"], answer["usage"]["completion_tokens"]) == ("qwen", 4)
