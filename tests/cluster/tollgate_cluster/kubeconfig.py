# Copyright: Contributors to the Tollgate project
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""kubeconfig files, each with one client certificate."""

from __future__ import annotations

import base64
import json
import os
import stat
from pathlib import Path

from .addresses import API_URL
from .certificates import CLUSTER, Authority

CONTEXT = "tollgate"


def kubeconfig(authority: Authority, name: str, user: str = "") -> str:
    """The text of the kubeconfig with the certificate NAME; JSON is YAML too."""

    def encoded(path: Path) -> str:
        return base64.b64encode(path.read_bytes()).decode()

    user = user or name
    cluster = {"server": API_URL, "certificate-authority-data": encoded(authority.certificate(CLUSTER))}
    credentials = {
        "client-certificate-data": encoded(authority.certificate(name)),
        "client-key-data": encoded(authority.key(name)),
    }
    content = {
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [{"name": CONTEXT, "cluster": cluster}],
        "users": [{"name": user, "user": credentials}],
        "contexts": [{"name": CONTEXT, "context": {"cluster": CONTEXT, "user": user}}],
        "current-context": CONTEXT,
    }
    return json.dumps(content, indent=2) + "\n"


def write_file(path: Path, text: str, mode: int = 0o600) -> None:
    """Write a file, for its owner alone unless told otherwise, by one rename; an unchanged one is left alone."""
    try:
        if path.read_text(encoding="utf-8") == text and stat.S_IMODE(path.stat().st_mode) == mode:
            return
    except (OSError, ValueError):
        pass  # not there, or not what we write
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.new")
    temporary.unlink(missing_ok=True)
    with os.fdopen(os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode), "w", encoding="utf-8") as stream:
        stream.write(text)
    temporary.replace(path)
