# Copyright: Contributors to the Tollgate project
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""From the module's arguments to its result."""

from __future__ import annotations

import time
import traceback
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from ansible.module_utils.basic import AnsibleModule, missing_required_lib

from .admin import Admin, AdminError
from .chat import Chat
from .interruption import Interrupted, on_signals
from .management import HttpManagement
from .money import Prices
from .proof import Proof, Target
from .verdict import Subject, age_of, read_verdict, still_counts, verdict_of, write_verdict

try:
    import httpx
except ImportError:
    HTTPX_IMPORT_ERROR: str | None = traceback.format_exc()
else:
    HTTPX_IMPORT_ERROR = None

LEAST_WAIT = 90.0
CONNECT_SECONDS = 10.0

_missing: Callable[[str], str] = missing_required_lib

ARGUMENTS: dict[str, Any] = {
    "api_url": {"type": "str", "required": True},
    "api_key": {"type": "str", "no_log": True},
    "api_key_file": {"type": "path", "no_log": False},
    "model": {"type": "str", "required": True},
    "input_cost_per_token": {"type": "str", "no_log": False},
    "output_cost_per_token": {"type": "str", "no_log": False},
    "batch_write_at": {"type": "float", "default": 10},
    "wait": {"type": "float"},
    "timeout": {"type": "float", "default": 60},
    "validate_certs": {"type": "bool", "default": True},
    "ca_path": {"type": "path"},
    "fingerprint": {"type": "str", "default": ""},
    "verdict_file": {"type": "path"},
    "run": {"type": "str", "choices": ["changed", "always"], "default": "changed"},
    "max_age": {"type": "float"},
}


class Unusable(Exception):
    """An argument that can't be used, with the reason."""


def main_of(module: AnsibleModule) -> None:
    """Make or skip the proof, then leave the module with its result."""
    if HTTPX_IMPORT_ERROR:
        module.fail_json(msg=_missing("httpx"), exception=HTTPX_IMPORT_ERROR)
    arguments: dict[str, Any] = module.params
    try:
        _validate(arguments)
        subject = _subject(arguments)
        last = _last_verdict(arguments)
        needed = arguments["run"] == "always" or not still_counts(last, subject, arguments["max_age"], _now())
        if not needed or module.check_mode:
            result = {**shown(last), "skipped_proof": not needed}
            module.exit_json(changed=False, **result, **({"would_run": needed} if module.check_mode else {}))
        key = _key(arguments)
        verdict, warnings = _prove(arguments, subject, key)
    except (Unusable, Interrupted, AdminError) as error:
        module.fail_json(msg=f"proof of {arguments['api_url']}: {error}")
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


def _prove(arguments: Mapping[str, Any], subject: Subject, key: str) -> tuple[dict[str, Any], list[str]]:
    started, began = _now(), time.monotonic()
    url = f"{subject.api_url}/"
    verify: Any = arguments["ca_path"] or arguments["validate_certs"]
    timeout = httpx.Timeout(arguments["timeout"], connect=min(CONNECT_SECONDS, arguments["timeout"]))
    with on_signals() as interruption, httpx.Client(base_url=url, timeout=timeout, verify=verify) as http:
        admin = Admin(HttpManagement(http, key))
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
        except OSError as error:
            warnings.append(f"{arguments['verdict_file']}: the verdict can't be written: {error.strerror}.")
    return verdict, warnings


def _validate(arguments: Mapping[str, Any]) -> None:
    if not arguments["api_url"].startswith(("http://", "https://")):
        raise Unusable("api_url must begin with http:// or https://.")
    for name in ("batch_write_at", "wait", "timeout", "max_age"):
        if arguments[name] is not None and not arguments[name] > 0:
            raise Unusable(f"{name} must be more than 0 seconds.")
    if not arguments["model"]:
        raise Unusable("there is no model to prove: no declared model has a price, and none is named.")
    _prices(arguments)


def _prices(arguments: Mapping[str, Any]) -> Prices | None:
    declared = arguments["input_cost_per_token"], arguments["output_cost_per_token"]
    try:
        return None if None in declared else Prices.of(*declared)
    except ValueError as error:
        raise Unusable(f"input_cost_per_token and output_cost_per_token: {error}.") from error


def _subject(arguments: Mapping[str, Any]) -> Subject:
    prices = _prices(arguments)
    return Subject(
        fingerprint=arguments["fingerprint"],
        api_url=arguments["api_url"].rstrip("/"),
        model=arguments["model"],
        input_cost_per_token=f"{prices.input.normalize():f}" if prices else "",
        output_cost_per_token=f"{prices.output.normalize():f}" if prices else "",
    )


def _last_verdict(arguments: Mapping[str, Any]) -> dict[str, Any]:
    return read_verdict(Path(arguments["verdict_file"])) if arguments["verdict_file"] else {}


def _key(arguments: Mapping[str, Any]) -> str:
    if not arguments["api_key_file"]:
        return str(arguments["api_key"])
    try:
        key = Path(arguments["api_key_file"]).read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is no text"
        raise Unusable(f"api_key_file {arguments['api_key_file']} can't be read: {reason}.") from error
    if not key:
        raise Unusable(f"api_key_file {arguments['api_key_file']} is empty.")
    return key


def _now() -> datetime:
    return datetime.now(tz=UTC)
