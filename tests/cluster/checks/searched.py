# Copyright: Contributors to the Tollgate project
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Searches for secrets where none may be: in what was printed, in files, in objects that are no Secrets, in logs."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from kubernetes.client.exceptions import ApiException
from tollgate_checks.cluster import Cluster
from tollgate_cluster.places import CHECKOUT, CHECKOUT_STATE

sys.path.append(str(CHECKOUT / ".venv" / "collections"))
from ansible_collections.tollgate.llm.tests.support import secret_scan


def listed(cluster: Cluster) -> list[tuple[str, str]]:
    """Every kind that can be listed, as API version and kind."""
    found = {
        (kind.group_version, kind.kind)
        for kind in cluster.dynamic.resources.search()
        if "list" in (kind.verbs or []) and "/" not in kind.name and not kind.kind.endswith("List")
    }
    return sorted(found)


def seen(
    cluster: Cluster,
    directory: Path,
    secrets: Mapping[str, str],
    printed: Iterable[str],
    allowed: Sequence[Path] = (),
) -> list[str]:
    """Where the values of SECRETS are that must not be there; no text of them is in the answer.

    The files are those of DIRECTORY, of Ansible and of the cluster's components. In ALLOWED ones secrets may be.
    """
    state = directory / "searched"
    for name, value in secrets.items():
        path = state / "secrets" / name.replace("/", ".")
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        path.touch(mode=0o600)
        path.write_text(value, encoding="utf-8")
    texts = {"printed": "\n".join(printed), "objects": objects(cluster), "logs": logs(cluster)}
    for name, text in texts.items():
        assert text, f"there are no {name} to search in"
        (directory / f"{name}.txt").write_text(text, encoding="utf-8")
    roots = [directory, CHECKOUT / ".venv" / "tmp", CHECKOUT_STATE / "log"]
    found = secret_scan.scan(state, roots=[each for each in roots if each.exists()], allowed=allowed)
    return [str(each) for each in found]


def objects(cluster: Cluster) -> str:
    """Every object of every kind but one, a line each."""
    lines = []
    for api_version, kind in listed(cluster):
        if kind == "Secret":
            continue
        try:
            lines += [json.dumps(each, default=str) for each in cluster.all(api_version, kind)]
        except ApiException:
            continue  # a kind that can't be listed after all
    return "\n".join(lines)


def logs(cluster: Cluster) -> str:
    """What the operators said who read and write Secrets."""
    pods = [pod for home in ("external-secrets", "sealed-secrets") for pod in cluster.all("v1", "Pod", home)]
    return "\n".join(cluster.logs(pod) for pod in pods if pod["status"].get("phase") == "Running")
