# Copyright: Contributors to the Tollgate project
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a gateway file says of its store of secrets, and what of that can't work."""

from __future__ import annotations

import os
from collections.abc import Mapping
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from ansible.module_utils.common.arg_spec import ArgumentSpecValidator

from .._secrets.gsm_connection import ConnectionProblem, endpoint_of, prefix_of, store_option, versions_of
from . import variables

STORE, REACHED, OPERATOR = "gateway_secrets_store", "gateway_secrets_gsm", "external_secrets_gsm"
KUBERNETES, GSM = "kubernetes", "gsm"
CLIENT = "google.cloud.secretmanager_v1"


def in_secret_manager(declared: Mapping[str, Any]) -> bool:
    """Whether that is the store."""
    return bool(declared.get(STORE) == GSM)


def problems(declared: Mapping[str, Any]) -> list[str]:
    """A sentence for each thing that can't work."""
    store = declared.get(STORE) or KUBERNETES
    if store not in (KUBERNETES, GSM):
        return [f'{STORE}: there is no store "{store}": {KUBERNETES} or {GSM}.']
    if store == KUBERNETES:
        wrong = f"{REACHED} says how Secret Manager is reached, but {STORE} is {KUBERNETES}. Set that to {GSM}."
        return [wrong] if declared.get(REACHED) else []
    if declared.get("gateway_target") != "kubernetes":
        return []  # a local one keeps its secrets in files, and the same file may be a cluster's
    return [*_unreachable(declared.get(REACHED) or {}), *_unreadable(declared)]


def _unreachable(options: Any) -> list[str]:
    """Why this machine would not reach it."""
    option, within = store_option(), f"{REACHED}."
    given = [f"{within}{name}" for name in options] if isinstance(options, Mapping) else []
    unknown = variables.unknown(given, {f"{within}{name}" for name in option["options"]}, within)
    if unknown:
        return unknown
    checked = ArgumentSpecValidator({REACHED: option}).validate({REACHED: options})
    if checked.error_messages:
        return [f"{REACHED}: {text}." for text in checked.error_messages]
    reached, found = checked.validated_parameters[REACHED], []
    for check in (endpoint_of, prefix_of, versions_of):
        try:
            check(reached)
        except ConnectionProblem as error:
            found.append(f"{REACHED}: {error}")
    file = reached["service_account_file"]
    if file and not os.access(Path(file), os.R_OK):
        found.append(f"{REACHED}.service_account_file: {file} can't be read.")
    if not _installed():
        found.append(
            f"{STORE}: the Python package google-cloud-secret-manager is missing. "
            "Run: pip install google-cloud-secret-manager"
        )
    return found


def _installed() -> bool:
    """Whether there is Google's client, without importing it: that takes half a second."""
    try:
        return find_spec(CLIENT) is not None
    except ModuleNotFoundError:
        return False


def _unreadable(declared: Mapping[str, Any]) -> list[str]:
    """Why the operator would not read it."""
    way = declared.get(OPERATOR) or {}
    if declared.get("gateway_secrets_delivery") != "external_secrets":
        return []
    if isinstance(way, Mapping) and ("workload_identity" in way) != ("key" in way):
        return []
    return [
        f"{OPERATOR}: External Secrets is to deliver out of Secret Manager, and nothing says how it reads there. Set "
        "workload_identity (an account of Kubernetes) or key (a Secret with a service account's key), one of the two."
    ]
