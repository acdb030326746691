# Copyright: Contributors to the Tollgate project
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The one place where a secret module's work becomes its result, or its failure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from ansible.module_utils.basic import AnsibleModule

from .declared import declared
from .ensure import Report, SecretsRefusedError, Step, ensure
from .fingerprint import fingerprint
from .store import Store
from .write_once import Action, Holds

COUNTED = {
    Action.CREATE: "created",
    Action.FILL: "created",
    Action.ADOPT: "adopted",
    Action.REPLACE: "updated",
    Action.UPDATE: "updated",
    Action.REMOVE: "deleted",
    Action.KEEP: "unchanged",
}


def refuse(module: AnsibleModule, problems: Sequence[str]) -> None:
    """Fail the module if a store's own options have problems, together with those of all other options."""
    if not problems:
        return
    found = list(problems)
    try:
        declared(module.params)
    except SecretsRefusedError as error:
        found += error.problems
    module.fail_json(msg="\n".join([*found, "Nothing was changed."]))


def run(module: AnsibleModule, store: Store) -> None:
    """Make the module's secrets true in this store and end the module."""
    try:
        report = ensure(store, declared(module.params), check_mode=module.check_mode)
    except SecretsRefusedError as error:
        module.fail_json(msg="\n".join([*error.problems, "Nothing was changed."]))
    for warning in report.warnings:
        module.warn(warning)
    result = _result(report, store)
    if report.error is None:
        module.exit_json(**result)
    rest = f" Not done: {', '.join(report.pending)}." if report.pending else ""
    module.fail_json(msg=f"{report.error}{rest}", **result)


def _result(report: Report, store: Store) -> dict[str, Any]:
    done = {outcome.wanted.name: (outcome.action, outcome.value) for outcome in report.outcomes}
    if not done and report.error is None:
        done = {step.wanted.name: (step.action, _foreseen(step)) for step in report.steps}
    entries = []
    for step in report.steps:
        name = step.wanted.name
        if name in done:
            action, value = done[name]
            entries.append(_entry(step, action, value, store.location(name)))
    count = Counter(COUNTED[action] for action, value in done.values())
    return {
        "changed": report.changed,
        "summary": {key: count[key] for key in dict.fromkeys(COUNTED.values())},
        "secrets": entries,
        "diff": _diff(report),
    }


def _foreseen(step: Step) -> str | None:
    """The value after the run as far as it is known before."""
    match step.action:
        case Action.REMOVE:
            return None
        case Action.CREATE | Action.FILL | Action.REPLACE:
            return step.wanted.value
        case _:
            return step.existing.value


def _entry(step: Step, action: Action, value: str | None, location: Mapping[str, Any]) -> dict[str, Any]:
    length = None if value is None else len(value)
    if value is None and action in (Action.CREATE, Action.FILL) and step.wanted.generate is not None:
        length = step.wanted.generate.length
    return {
        "name": step.wanted.name,
        "action": action.value,
        "fingerprint": None if value is None else fingerprint(value),
        "length": length,
        "mode": step.wanted.mode.value,
        **location,
    }


def _diff(report: Report) -> dict[str, dict[str, str]]:
    """Made from the plan alone, so that check mode and the run show the same."""
    changing = [step for step in report.steps if step.action.changes]
    return {
        "before": {step.wanted.name: _before(step) for step in changing},
        "after": {step.wanted.name: _after(step) for step in changing},
    }


def _before(step: Step) -> str:
    match step.existing.holds:
        case Holds.NOTHING:
            return "absent"
        case Holds.EMPTY:
            return "empty"
        case _ if step.existing.fingerprint is None:
            return "a value that can't be read"
        case _:
            notes = ["not managed"] if step.action is Action.ADOPT else []
            notes += [before for before, _after in step.existing.drift]
            return ", ".join([str(step.existing.fingerprint), *notes])


def _after(step: Step) -> str:
    match step.action:
        case Action.REMOVE:
            return "absent"
        case Action.ADOPT | Action.UPDATE:
            made = str(step.existing.fingerprint)
        case _:
            made = step.wanted.fingerprint or f"generated ({step.wanted.generate})"
    return ", ".join([made, step.wanted.mode.value, *(after for _before, after in step.existing.drift)])
