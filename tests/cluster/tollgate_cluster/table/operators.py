# Copyright: Contributors to the Tollgate project
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Backups and secrets."""

from __future__ import annotations

from ..component import Component
from ..go import GoPrograms
from ..image import NONROOT, SEARCHED, Image
from ..pypi import VirtualEnvironment

EXTERNAL_SECRETS = "0.20.4"
_EXTERNAL_SECRETS = "github.com/external-secrets/external-secrets"
BARMAN_PLUGIN = "0.14.0"
BARMAN = "3.19.1"  # as BARMAN_PLUGIN's own sidecar
MOTO = "5.2.5"
SEALED_SECRETS = "0.40.0"

ROWS = (
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
            ),
        ),
    ),
    Component(
        "external-secrets",
        EXTERNAL_SECRETS,
        GoPrograms(
            "external-secrets",
            {"external-secrets": "."},
            files={"crds": f"{_EXTERNAL_SECRETS}:config/crds/bases", "charts": f"{_EXTERNAL_SECRETS}:deploy/charts"},
            patched={
                f"{_EXTERNAL_SECRETS}:pkg/provider/register/register.go": "patched/providers.go.txt",
                f"{_EXTERNAL_SECRETS}:pkg/generator/register/register.go": "patched/generators.go.txt",
            },
        ),
        (
            Image(
                (f"ghcr.io/external-secrets/external-secrets:v{EXTERNAL_SECRETS}",),
                files={"/bin/external-secrets": "external-secrets/external-secrets"},
                entrypoint=("/bin/external-secrets",),
                user="65534",
                real="the operator",
                differs="the providers gcpsm, kubernetes, webhook and fake, and six generators: Go's checksum database "
                "does not know the modules of some others",
            ),
        ),
    ),
)
