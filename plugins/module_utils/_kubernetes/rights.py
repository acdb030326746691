# Copyright: Contributors to the Tollgate project
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a run has to be allowed, asked before it writes: SelfSubjectAccessReview of authorization.k8s.io/v1."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

from .cluster import CONNECT, READ, Cluster

try:
    from kubernetes.client.exceptions import ApiException
    from urllib3.exceptions import HTTPError
except ImportError:
    pass  # cluster.py says so

CONCURRENCY = 8
REVIEW = "authorization.k8s.io/v1"


@dataclass(frozen=True)
class Right:
    """A verb on a resource, in a namespace or in all of them. A subresource follows the resource's name by a slash."""

    verb: str
    resource: str
    group: str = ""
    namespace: str = ""

    def __str__(self) -> str:
        kind = f"{self.resource}.{self.group}" if self.group else self.resource
        return f"{self.verb} {kind}" + (f" in {self.namespace}" if self.namespace else "")

    @property
    def attributes(self) -> dict[str, str]:
        """As a review asks for it."""
        resource, _slash, subresource = self.resource.partition("/")
        named = {"verb": self.verb, "group": self.group, "resource": resource}
        return {**named, "subresource": subresource, "namespace": self.namespace}


def missing(cluster: Cluster, wanted: Sequence[Right]) -> list[Right]:
    """Those that this user has not. Raises ClusterError when the cluster does not say."""
    kind = cluster.resource(REVIEW, "SelfSubjectAccessReview")

    def lacks(right: Right) -> bool:
        body: dict[str, Any] = {
            "apiVersion": REVIEW,
            "kind": "SelfSubjectAccessReview",
            "spec": {"resourceAttributes": right.attributes},
        }
        try:
            answer = kind.create(body=body, _request_timeout=(CONNECT, READ)).to_dict()
        except (ApiException, HTTPError) as error:
            raise cluster.trouble(error, "create a SelfSubjectAccessReview") from error
        return not answer.get("status", {}).get("allowed")

    with ThreadPoolExecutor(CONCURRENCY) as pool:
        return [right for right, lacking in zip(wanted, pool.map(lacks, wanted), strict=True) if lacking]
