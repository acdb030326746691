# Copyright: Contributors to the Tollgate project
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The namespaces that Secrets lie in: looked for, and made where they are missing."""

from __future__ import annotations

from collections.abc import Sequence

from .._kubernetes.cluster import ClusterError, Forbidden, Overtaken
from .._kubernetes.manifests import namespace_object
from .secret_object import Server, is_leaving


def missing_namespaces(cluster: Server, names: Sequence[str]) -> tuple[list[str], list[str]]:
    """Those that do not exist, and what is wrong with the others."""
    missing, problems = [], []
    for name in names:
        try:
            found = cluster.read("v1", "Namespace", name)
        except Forbidden:
            continue  # who may not read namespaces may still use the Secrets in one: those requests will tell
        except ClusterError as error:
            problems.append(str(error))
            continue
        if found is None:
            missing.append(name)
        elif is_leaving(found):
            problems.append(f"namespace {name} is being removed. Wait until it is gone, then run again.")
    return missing, problems


def make_namespaces(cluster: Server, names: Sequence[str]) -> list[str]:
    """Make them, with the Pod Security level restricted. Returns those that nobody else made first."""
    made = []
    for name in names:
        try:
            cluster.create(namespace_object(name))
            made.append(name)
        except Overtaken:
            continue
    return made
