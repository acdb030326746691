# Copyright: Contributors to the Tollgate project
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A report of what differs between a proxy and its declaration, made of what check mode says: pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

# What check mode would do to an object tells how it differs.
STATES = {"created": "missing", "updated": "different", "deleted": "there, though declared absent"}


def report(result: Mapping[str, Any]) -> dict[str, Any]:
    """Of a result of M(tollgate.llm.litellm_tenants) in check mode, under C(unmanaged=report)."""
    objects = result.get("objects") or []
    different = [_differing(found, result.get("diff") or {}) for found in objects if found["action"] in STATES]
    beside = [
        {"kind": found["kind"], "name": found["name"], "fields": found["undeclared"]}
        for found in objects
        if found.get("undeclared")
    ]
    strangers = list(result.get("unmanaged") or [])
    said = str(result.get("msg") or "no result") if result.get("failed") or "summary" not in result else ""
    problems = [line for line in said.splitlines() if line and line != "Nothing was changed."]
    found = {
        "different": different,
        "beside": beside,
        "undeclared": strangers,
        "problems": problems,
        "as_declared": sum(one["action"] == "unchanged" and not one.get("undeclared") for one in objects),
    }
    return {"ok": not (different or beside or strangers or problems), **found, "sentences": _sentences(found)}


def _differing(found: Mapping[str, Any], diff: Mapping[str, Any]) -> dict[str, Any]:
    label = _label(found)
    before, after = ((diff.get(side) or {}).get(label) or {} for side in ("before", "after"))
    fields = {}
    if found["action"] == "updated":
        fields = {name: {"declared": after.get(name), "actual": before.get(name)} for name in found["fields"]}
    return {"kind": found["kind"], "name": found["name"], "is": STATES[found["action"]], "fields": fields}


def _label(found: Mapping[str, Any]) -> str:
    return f'{found["kind"]} "{found["name"]}"'


def _sentences(found: Mapping[str, Any]) -> list[str]:
    lines = list(found["problems"])
    for one in found["different"]:
        parts = [f"{name} is {part['actual']!r}, declared {part['declared']!r}" for name, part in one["fields"].items()]
        lines.append(f"{_label(one)}: {'; '.join(parts) or one['is']}")
    lines += [
        f"{_label(one)}: not in its entry: " + "; ".join(f"{name} {value!r}" for name, value in one["fields"].items())
        for one in found["beside"]
    ]
    lines += [f"{_label(one)}: not declared" + _whose(one) for one in found["undeclared"]]
    return lines


def _whose(one: Mapping[str, Any]) -> str:
    if not one.get("changeable", True):
        return ", in LiteLLM's configuration file"
    return f", made or adopted by {one['owner']}" if one.get("owner") else ", made by hand"
