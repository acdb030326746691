# Copyright: Contributors to the Tollgate project
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The data wave: CloudNativePG, PostgreSQL, PgBouncer."""

from __future__ import annotations

from ..component import Component
from ..debian_root import DebianRoot
from ..go import GoPrograms
from ..image import Image
from ..layer import Folder
from .bases import SUITE

CLOUDNATIVE_PG = "1.30.0"
PGBOUNCER = "1.25.1"  # what CLOUDNATIVE_PG asks for: pkg/versions in its sources

ROWS = (
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
                links={"/usr/bin/pgbouncer": "../sbin/pgbouncer"},  # where the instance manager looks for it
                command=("/usr/bin/pgbouncer", "/etc/pgbouncer/pgbouncer.ini"),
                user="pgbouncer",
                real="PgBouncer, Debian's package",
                differs=f"Debian's version under the tag {PGBOUNCER}, which the operator asks for",
            ),
        ),
    ),
)
