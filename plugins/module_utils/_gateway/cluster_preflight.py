# Copyright: Contributors to the Tollgate project
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a run refuses before it writes anything to a cluster: no cluster, too old a one, no rights."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from .._kubernetes.cluster import KUBERNETES_IMPORT_ERROR, Cluster, ClusterError
from .._kubernetes.rights import Right, missing
from .error import GatewayError
from .secrets_preflight import OPERATOR, in_secret_manager

OLDEST = (1, 30)  # CloudNativePG 1.30 was tested with it and newer ones
NAME = re.compile(r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?")
EXTERNAL, SEALED = "external_secrets", "sealed_secrets"
ESO, RBAC = "external-secrets.io", "rbac.authorization.k8s.io"
TOKENS = (("patch", "serviceaccounts", ""), ("create", "serviceaccounts/token", ""))
# Variables of components that are looked at here, beside the gateway file's own.
COMPONENTS = (OPERATOR, "sealed_secrets_namespace")
NAMESPACES = ("gateway_namespace", "gateway_models_namespace", "gateway_secrets_namespace")


def environment(declared: Mapping[str, Any]) -> dict[str, str]:
    """Which cluster, for every task of a wave."""
    found = {}
    if declared.get("gateway_kubeconfig"):
        found["K8S_AUTH_KUBECONFIG"] = str(Path(str(declared["gateway_kubeconfig"])).expanduser().resolve())
    if declared.get("gateway_context"):
        found["K8S_AUTH_CONTEXT"] = str(declared["gateway_context"])
    return found


def check_names(declared: Mapping[str, Any]) -> None:
    """Raise GatewayError for namespaces that can't be, or that would mix what has to be apart."""
    problems = [
        f'{variable}: "{declared[variable]}" is no namespace: letters a to z, digits and -, 63 at most.'
        for variable in NAMESPACES
        if not NAME.fullmatch(str(declared[variable]))
    ]
    store = declared["gateway_secrets_namespace"]
    problems += [
        f"gateway_secrets_namespace: pods run in {store} ({variable}) and may mount every Secret there. Choose another."
        for variable in NAMESPACES[:2]
        if declared[variable] == store and not in_secret_manager(declared)
    ]
    if problems:
        raise GatewayError("\n".join(problems), next_step="Nothing was changed.")


def check_cluster(declared: Mapping[str, Any]) -> None:
    """Raise GatewayError when the cluster does not answer, is too old, or does not let this user work."""
    if KUBERNETES_IMPORT_ERROR:
        raise GatewayError("The Python package kubernetes is missing.", next_step="Run: pip install kubernetes")
    check_names(declared)
    chosen = environment(declared)
    kubeconfig = chosen.get("K8S_AUTH_KUBECONFIG") or os.environ.get("K8S_AUTH_KUBECONFIG")
    try:
        cluster = Cluster(kubeconfig, chosen.get("K8S_AUTH_CONTEXT") or os.environ.get("K8S_AUTH_CONTEXT"))
        _check_version(cluster)
        lacking = missing(cluster, rights(declared))
    except ClusterError as error:
        raise GatewayError(str(error), next_step="Nothing was changed.") from None  # its text has it all
    if lacking:
        raise GatewayError(
            f"{cluster.named} may not do at {cluster.server} what this run needs:\n"
            + "\n".join(f"- {right}" for right in lacking)
            + "\n",
            next_step="Ask for these rights, or use another kubeconfig (gateway_kubeconfig). Nothing was changed.",
        )


def _check_version(cluster: Cluster) -> None:
    found = cluster.version()
    if found < OLDEST:
        raise GatewayError(
            f"The cluster at {cluster.server} runs Kubernetes {'.'.join(map(str, found))}, "
            f"{'.'.join(map(str, OLDEST))} or newer is needed.",
            next_step="Nothing was changed.",
        )


def rights(declared: Mapping[str, Any]) -> list[Right]:
    """What all waves need. The operators' own rights are theirs; who makes a Role must hold what it gives."""
    proxy, models, store = (str(declared[variable]) for variable in NAMESPACES)
    elsewhere = in_secret_manager(declared)
    everywhere = [
        Right("create", "namespaces"),
        Right("patch", "customresourcedefinitions", "apiextensions.k8s.io"),
        Right("patch", "clusterroles", "rbac.authorization.k8s.io"),
        Right("patch", "clusterrolebindings", "rbac.authorization.k8s.io"),
        Right("patch", "mutatingwebhookconfigurations", "admissionregistration.k8s.io"),
    ]
    within = [
        Right(verb, resource, group, namespace)
        for namespace in (proxy, models)
        for verb, resource, group in (
            ("patch", "deployments", "apps"),
            ("delete", "deployments", "apps"),
            ("patch", "services", ""),
            ("patch", "configmaps", ""),
            ("patch", "poddisruptionbudgets", "policy"),
            ("create", "secrets", ""),
            ("update", "secrets", ""),
            ("create", "pods/portforward", ""),
            ("get", "pods/log", ""),
            ("watch", "pods", ""),
            ("watch", "events", ""),
        )
    ]
    kept = [] if elsewhere else [Right(verb, "secrets", "", store) for verb in ("get", "create", "update")]
    reading = google_rights(declared.get(OPERATOR) or {}) if elsewhere else store_rights(proxy, models, store)
    external = [*external_rights(proxy, models), *reading]
    return [
        *everywhere,
        *within,
        *kept,
        *(external if declared.get("gateway_secrets_delivery") == EXTERNAL else ()),
        *(sealed_rights(declared, proxy, models) if declared.get("gateway_secrets_delivery") == SEALED else ()),
        Right("patch", "clusters", "postgresql.cnpg.io", proxy),
        Right("patch", "jobs", "batch", proxy),
        Right("patch", "httproutes", "gateway.networking.k8s.io", models),
        Right("patch", "inferencepools", "inference.networking.k8s.io", models),
    ]


def external_rights(proxy: str, models: str) -> list[Right]:
    """What delivery by External Secrets needs beside that; the operator is given rights on Secrets."""
    return [
        Right(verb, resource, api, namespace)
        for namespace in (proxy, models)
        for verb, resource, api in (
            ("patch", "externalsecrets", ESO),
            ("delete", "externalsecrets", ESO),
            ("patch", "secrets", ""),
            ("patch", "roles", RBAC),
            ("patch", "rolebindings", RBAC),
        )
    ]


def store_rights(proxy: str, models: str, store: str) -> list[Right]:
    """For the operator's way to a store in the cluster: accounts, and the tokens that it is given a right to."""
    return [
        *(
            Right(verb, resource, api, namespace)
            for namespace in (proxy, models)
            for verb, resource, api in (
                ("patch", "secretstores", ESO),
                *TOKENS,
                ("get", "configmaps", ""),
            )
        ),
        *(Right("patch", resource, RBAC, store) for resource in ("roles", "rolebindings")),
    ]


def google_rights(way: Mapping[str, Any]) -> list[Right]:
    """For its way to Secret Manager, and for the account whose token it asks for there, if that is the way."""
    identity = way.get("workload_identity") or {}
    account = [("patch", "roles", RBAC), ("patch", "rolebindings", RBAC), *TOKENS]
    return [
        Right("patch", "clustersecretstores", ESO),
        *(Right(*right, str(identity["namespace"])) for right in account if identity.get("namespace")),
    ]


def sealed_rights(declared: Mapping[str, Any], proxy: str, models: str) -> list[Right]:
    """What delivery by Sealed Secrets needs beside that; the controller's keys are copied."""
    controller = str(declared.get("sealed_secrets_namespace") or "sealed-secrets")
    return [
        *(
            Right(verb, "sealedsecrets", "bitnami.com", namespace)
            for namespace in (proxy, models)
            for verb in ("patch", "delete")
        ),
        Right("list", "secrets", "", controller),
    ]
