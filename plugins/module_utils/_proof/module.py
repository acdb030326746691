# Copyright: Contributors to the Tollgate project
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""From the module's arguments to its result."""

from __future__ import annotations

import time
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from ansible.module_utils.basic import AnsibleModule

from .._gateway.error import GatewayError
from .._kubernetes.connection import NamedCluster, Unreachable
from .._kubernetes.service_port import ServicePort
from .._libraries import require
from .._litellm import secret_store, way
from .._litellm.client import HTTPX_IMPORT_ERROR, Client, LiteLLMError
from .._litellm.module import ADMIN_KEY, CONNECTION, Refused, admin_key
from .admin import Admin
from .answer import clean
from .chat import Chat, user_client
from .interruption import Interrupted, on_signals
from .money import Prices
from .proof import Proof, Target
from .verdict import Subject, age_of, read_verdict, still_counts, verdict_of, write_verdict

LEAST_WAIT = 90.0
MANAGEMENT_SECONDS = 30.0

ARGUMENTS: dict[str, Any] = {
    **{name: CONNECTION[name] for name in ("api_url", "api_key", "api_key_file", "validate_certs", "ca_path")},
    **way.ARGUMENTS,
    **secret_store.ARGUMENTS,
    ADMIN_KEY: {"type": "str", "no_log": False},
    "timeout": {"type": "float", "default": 60.0},
    "model": {"type": "str", "required": True},
    "input_cost_per_token": {"type": "str", "no_log": False},
    "output_cost_per_token": {"type": "str", "no_log": False},
    "batch_write_at": {"type": "float", "default": 10.0},
    "wait": {"type": "float"},
    "fingerprint": {"type": "str", "default": ""},
    "verdict_file": {"type": "path"},
    "run": {"type": "str", "choices": ["changed", "always"], "default": "changed"},
    "max_age": {"type": "float"},
}


def main_of(module: AnsibleModule) -> None:
    """Make or skip the proof, then leave the module with its result."""
    require(module, httpx=HTTPX_IMPORT_ERROR)
    arguments: dict[str, Any] = module.params
    cluster = NamedCluster(arguments)
    try:
        _validate(arguments)
        subject = _subject(arguments, cluster)
        last = _last_verdict(arguments)
        needed = arguments["run"] == "always" or not still_counts(last, subject, arguments["max_age"], _now())
        if not needed or module.check_mode:
            result = {**shown(last), "skipped_proof": not needed}
            module.exit_json(changed=False, **result, **({"would_run": needed} if module.check_mode else {}))
        key = _key(arguments, cluster)
        module.no_log_values.add(key)
        with way.way(arguments, cluster) as to:
            verdict, warnings = _prove(arguments, subject, to, key)
    except Unreachable as error:
        module.fail_json(msg=str(error), exception=error.trace)
    except (Refused, Interrupted, LiteLLMError) as error:
        module.fail_json(msg=f"proof of {_place(arguments)}: {clean(str(error))}")
    else:
        for warning in warnings:
            module.warn(warning)
        result = {**shown(verdict), "skipped_proof": False}
        if not verdict["ok"]:
            module.fail_json(msg=failure(verdict), **result)
        module.exit_json(changed=False, **result)


def shown(verdict: Mapping[str, Any]) -> dict[str, Any]:
    """The part of a verdict that the module returns."""
    if not verdict:
        return {"ok": None, "checks": []}
    return {
        "ok": verdict.get("ok") is True,
        "checks": verdict.get("checks") or [],
        "started": verdict.get("started"),
        "seconds": verdict.get("seconds"),
        "age": age_of(verdict, _now()),
    }


def failure(verdict: Mapping[str, Any]) -> str:
    """What failed: the numbers, then each reason with the checks that it concerns and the next step."""
    failed = [check for check in verdict["checks"] if not check["ok"]]
    names: dict[str, list[str]] = {}
    for check in failed:
        names.setdefault(check["detail"], []).append(check["name"])
    reasons = "\n".join(f"{', '.join(concerned)}: {detail}" for detail, concerned in names.items())
    return f"proof of {verdict['api_url']}: {len(failed)} of {len(verdict['checks'])} checks failed.\n{reasons}"


def _prove(arguments: Mapping[str, Any], subject: Subject, to: way.Way, key: str) -> tuple[dict[str, Any], list[str]]:
    started, began = _now(), time.monotonic()
    timeout = arguments["timeout"]
    verify: Any = arguments["ca_path"] or arguments["validate_certs"]
    with (
        on_signals() as interruption,
        Client(to, key, timeout=min(timeout, MANAGEMENT_SECONDS), verify=verify) as client,
        user_client(to.url, timeout, verify) as http,
    ):
        admin = Admin(client)
        batch = arguments["batch_write_at"]
        wait = arguments["wait"] or max(LEAST_WAIT, 2 * batch + 30)
        target = Target(subject.model, _prices(arguments) or admin.prices(subject.model), batch, wait)
        proof = Proof(admin, Chat(http, subject.model), target, interruption)
        checks = proof.checks()
    verdict = verdict_of(subject, started, time.monotonic() - began, checks)
    warnings = list(proof.warnings)
    if arguments["verdict_file"]:
        try:
            write_verdict(Path(arguments["verdict_file"]), verdict)
        except (OSError, GatewayError) as error:
            warnings.append(f"The verdict can't be written: {error}")
    return verdict, warnings


def _validate(arguments: Mapping[str, Any]) -> None:
    way.checked(arguments)
    for name in ("batch_write_at", "wait", "timeout", "max_age"):
        if arguments[name] is not None and not arguments[name] > 0:
            raise Refused(f"{name} must be more than 0 seconds.")
    if not arguments["model"]:
        raise Refused("there is no model to prove: no declared model has a price, and none is named.")
    _prices(arguments)


def _prices(arguments: Mapping[str, Any]) -> Prices | None:
    declared = arguments["input_cost_per_token"], arguments["output_cost_per_token"]
    try:
        return None if None in declared else Prices.of(*declared)
    except ValueError as error:
        raise Refused(f"input_cost_per_token and output_cost_per_token: {error}.") from error


def _place(arguments: Mapping[str, Any]) -> str:
    """What messages call the proxy."""
    return str(ServicePort.of(arguments["service"]) if arguments["service"] else arguments["api_url"])


def _subject(arguments: Mapping[str, Any], cluster: NamedCluster) -> Subject:
    prices = _prices(arguments)
    # A Service is one of a cluster: the good verdict of another cluster's says nothing.
    of = f" of {cluster.server}" if arguments["service"] else ""
    return Subject(
        fingerprint=arguments["fingerprint"],
        api_url=_place(arguments).rstrip("/") + of,
        model=arguments["model"],
        input_cost_per_token=f"{prices.input.normalize():f}" if prices else "",
        output_cost_per_token=f"{prices.output.normalize():f}" if prices else "",
    )


def _last_verdict(arguments: Mapping[str, Any]) -> dict[str, Any]:
    return read_verdict(Path(arguments["verdict_file"])) if arguments["verdict_file"] else {}


def _key(arguments: Mapping[str, Any], cluster: NamedCluster) -> str:
    return admin_key(arguments, secret_store.store_of(arguments, cluster))


def _now() -> datetime:
    return datetime.now(tz=UTC)
