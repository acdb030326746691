# Copyright: Contributors to the Tollgate project
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Asks the API server a few things, as the administrator."""

from __future__ import annotations

import datetime as dt
import http.client
import json
import ssl
import subprocess
from pathlib import Path
from typing import Any

from .addresses import API, NODE
from .certificates import CLUSTER, Authority
from .failure import ClusterError
from .places import KUBECONFIG
from .state import BINARIES, CERTIFICATES

TIMEOUT = 5  # seconds


def get(path: str) -> tuple[int, bytes]:
    """Status and body. Raises OSError while nobody answers."""
    authority = Authority(CERTIFICATES)
    context = ssl.create_default_context(cafile=str(authority.certificate(CLUSTER)))
    context.load_cert_chain(authority.certificate("admin"), authority.key("admin"))
    connection = http.client.HTTPSConnection(API.host, API.port, context=context, timeout=TIMEOUT)
    try:
        connection.request("GET", path)
        answer = connection.getresponse()
        return answer.status, answer.read()
    except http.client.HTTPException as error:
        raise ConnectionError(str(error)) from error
    finally:
        connection.close()


def read(path: str) -> Any:
    """An object, None when it does not exist or nobody answers."""
    try:
        status, body = get(path)
    except OSError:
        return None
    return json.loads(body) if status == 200 else None


def ready() -> bool:
    """Whether the API server serves."""
    try:
        return get("/readyz")[0] == 200
    except OSError:
        return False


def condition(found: Any, kind: str) -> dict[str, str]:
    """One condition of an object; empty when it has none."""
    rows = (found or {}).get("status", {}).get("conditions", [])
    return next((row for row in rows if row["type"] == kind), {})


def node_ready(since: dt.datetime | None = None) -> bool:
    """Whether the node takes pods; what it said before SINCE does not count."""
    ready = condition(read(f"/api/v1/nodes/{NODE}"), "Ready")
    return ready.get("status") == "True" and (
        since is None or dt.datetime.fromisoformat(ready["lastHeartbeatTime"]) >= since
    )


def kubectl(*words: str, given: str = "", kubeconfig: Path = KUBECONFIG) -> str:
    """Run kubectl; what it prints."""
    done = subprocess.run(
        [str(BINARIES / "kubectl"), "--kubeconfig", str(kubeconfig), *words],
        input=given,
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        raise ClusterError(f"kubectl {' '.join(words)} failed:", done.stderr.strip()[-1000:])
    return done.stdout
