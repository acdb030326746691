# Copyright: Contributors to the Tollgate project
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The way of values out of a store into Secrets: read everything, decide, report every problem, then write."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any, TypeVar

from .._kubernetes.cluster import ClusterError, Overtaken
from .delivery import Delivery, Step, declared, external, handed_over, plan, plan_removal, reclaimed, sealed
from .ensure import SecretsRefusedError
from .namespaces import make_namespaces, missing_namespaces
from .secret_object import Object, Server, data_of, failure
from .store import Store, StoreError
from .write_once import Holds, State, changed_since

COUNTED = ("created", "updated", "unchanged", "deleted")
ROUNDS = 20
WORKERS = 16

Given = TypeVar("Given")
Made = TypeVar("Made")


@dataclass(frozen=True, slots=True)
class Rules:
    """How it is done."""

    state: State = State.PRESENT
    check_mode: bool = False
    make_namespaces: bool = False
    write: bool = True  # else somebody else will: only what they would have to change is said, and what is refused
    reclaim: bool = False
    hand_over: bool = False


@dataclass(slots=True)
class Report:
    """Each Secret with what was done, or would be; the namespaces that were made; what failed on the way."""

    steps: list[tuple[Delivery, Step]]
    namespaces: list[str] = field(default_factory=list)
    errors: list[str] = field(default_factory=list)
    pending: list[str] = field(default_factory=list)
    external: list[str] = field(default_factory=list)
    sealed: list[str] = field(default_factory=list)
    wrote: bool = True

    @property
    def warnings(self) -> list[str]:
        """What is odd, in words."""
        return [warning for _wanted, step in self.steps for warning in step.warnings]

    def result(self) -> dict[str, Any]:
        """As keys of a module's result. Never a value."""
        written = [(wanted, step) for wanted, step in self.steps if step.action != "unchanged"]
        made = {f"Namespace {name}": "absent" for name in self.namespaces}
        return {
            "changed": self.wrote and bool(written or made),
            "summary": {action: sum(step.action == action for _wanted, step in self.steps) for action in COUNTED},
            "objects": [
                {"name": str(wanted), "action": step.action, "fields": list(step.fields)} for wanted, step in self.steps
            ],
            "namespaces": self.namespaces,
            "external": self.external,
            "sealed": self.sealed,
            "diff": {
                "before": {**made, **{str(wanted): step.before for wanted, step in written}},
                "after": {
                    **dict.fromkeys(made, "Pod Security restricted"),
                    **{str(wanted): step.after for wanted, step in written},
                },
            },
        }


def wanted_of(entries: Sequence[Mapping[str, Any]]) -> list[Delivery]:
    """The declared list; raises SecretsRefusedError with all that is wrong with it."""
    problems: list[str] = []
    wanted: dict[tuple[str, str], Delivery] = {}
    for entry in entries:
        one, texts = declared(entry)
        place = (one.namespace, one.name)
        problems += texts if place not in wanted else [*texts, f"{one} is declared twice."]
        wanted[place] = one
    if problems:
        raise SecretsRefusedError(problems)
    return list(wanted.values())


def deliver(cluster: Server, store: Store | None, wanted: Sequence[Delivery], rules: Rules) -> Report:
    """Make these Secrets true, or remove them. Raises SecretsRefusedError before anything is written.

    STORE: none is needed for removing.
    """
    values = {} if store is None or rules.state is State.ABSENT else texts(store, wanted, check_mode=rules.check_mode)
    found, problems = _read_all(cluster, wanted)
    if problems:
        raise SecretsRefusedError(problems)
    steps = [_decide(one, here, values, rules) for one, here in zip(wanted, found, strict=True)]
    problems = [problem for step in steps for problem in step.problems]
    homes = sorted({one.namespace for one, step in zip(wanted, steps, strict=True) if step.action == "created"})
    missing, texts_of_namespaces = missing_namespaces(cluster, homes)
    problems += texts_of_namespaces
    if missing and not rules.make_namespaces and not rules.check_mode:
        problems += [f"namespace {name} does not exist. Make it, or set make_namespace: true." for name in missing]
    if problems:
        raise SecretsRefusedError(problems)
    report = Report(list(zip(wanted, steps, strict=True)), missing if rules.make_namespaces else [], wrote=rules.write)
    report.external = [str(one) for one, here in zip(wanted, found, strict=True) if external(here)]
    report.sealed = [str(one) for one, here in zip(wanted, found, strict=True) if sealed(here)]
    if rules.write and not rules.check_mode:
        _write(cluster, report, values, rules)
    return report


def texts(store: Store, wanted: Sequence[Delivery], *, check_mode: bool) -> dict[str, bytes | None]:
    """The store's values by name; none for one that is not there yet, in check mode. Raises SecretsRefusedError."""
    problems = store.problems()
    if problems:
        raise SecretsRefusedError(problems)
    found: dict[str, bytes | None] = {}
    names = list(dict.fromkeys(name for one in wanted for name in one.secrets))
    for name, seen in store.observe(names).items():
        place = store.place(name)
        if seen.obstacle is not None:
            problems.append(f'secret "{name}": {seen.obstacle}.')
        elif seen.holds is not Holds.VALUE or seen.value is None:
            found[name] = None
            if not check_mode:
                problems.append(
                    f'secret "{name}" is not in the store ({place.where}). Declare how it is made, or correct the name.'
                )
        elif changed := changed_since(seen, place):
            problems.append(f'secret "{name}": {changed}.')
        else:
            found[name] = seen.value.encode()
    if problems:
        raise SecretsRefusedError(problems)
    return found


def _decide(wanted: Delivery, found: Object | None, texts: Mapping[str, bytes | None], rules: Rules) -> Step:
    if rules.state is State.ABSENT:
        return plan_removal(wanted, found)
    values = {
        key: texts[source.secret] if source.secret is not None else (source.text or "").encode()
        for key, source in wanted.data.items()
    }
    step = plan(wanted, found, values)
    if rules.hand_over:
        return handed_over(step, found)
    return reclaimed(step, found) if rules.reclaim else step


def _write(cluster: Server, report: Report, texts: Mapping[str, bytes | None], rules: Rules) -> None:
    planned = report.steps
    report.steps = [(wanted, step) for wanted, step in planned if step.action == "unchanged"]
    try:
        report.namespaces = make_namespaces(cluster, report.namespaces)
    except ClusterError as error:
        report.namespaces = []
        report.errors = [failure(error, [])]
        report.pending = [str(wanted) for wanted, step in planned if step.action != "unchanged"]
        return
    done = _each(lambda row: _settle(cluster, *row, texts, rules), planned)
    report.steps = []
    for (wanted, _step), outcome in zip(planned, done, strict=True):
        if isinstance(outcome, Step):
            report.steps.append((wanted, outcome))
        else:
            report.errors.append(str(outcome))
            report.pending.append(str(wanted))


def _settle(
    cluster: Server, wanted: Delivery, step: Step, texts: Mapping[str, bytes | None], rules: Rules
) -> Step | StoreError:
    for _round in range(ROUNDS):
        if step.problems:
            return StoreError("\n".join(step.problems))
        try:
            if step.body is not None:
                _send(cluster, step.action, step.body)
            return step
        except Overtaken:
            found, problems = _read_all(cluster, [wanted])  # somebody else was first: look again
            if problems:
                return StoreError("\n".join(problems))
            step = _decide(wanted, found[0], texts, rules)
        except ClusterError as error:
            return StoreError(failure(error, data_of(step.body or {}).values()))
    return StoreError(f"{wanted} comes and goes: another program is changing it.")


def _send(cluster: Server, action: str, body: Object) -> None:
    match action:
        case "created":
            cluster.create(body)
        case "updated":
            cluster.replace(body)
        case "deleted":
            cluster.delete(body)


def _read_all(cluster: Server, wanted: Sequence[Delivery]) -> tuple[list[Object | None], list[str]]:
    """All Secrets as they are, or what the cluster says instead."""
    problems: list[str] = []

    def read(one: Delivery) -> Object | None:
        try:
            return cluster.read("v1", "Secret", one.name, one.namespace)
        except ClusterError as error:
            problems.append(str(error))
            return None

    return _each(read, wanted), list(dict.fromkeys(problems))


def _each(work: Callable[[Given], Made], given: Sequence[Given]) -> list[Made]:
    """Side by side, in the order that was given."""
    if not given:
        return []
    with ThreadPoolExecutor(min(WORKERS, len(given))) as pool:
        return list(pool.map(work, given))
