# Copyright: Contributors to the Tollgate project
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The way of a list of secrets through any store: observe, decide, report every problem, then write."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from .store import Outcome, Store, StoreError
from .value import blemishes
from .write_once import Action, Observation, State, Wanted, decide


class SecretsRefusedError(Exception):
    """Something about the list is wrong; nothing was written. One text per problem."""

    def __init__(self, problems: Sequence[str]) -> None:
        super().__init__("\n".join(problems))
        self.problems = list(problems)


@dataclass(frozen=True, slots=True)
class Step:
    """One secret with what was found and what is to be done."""

    wanted: Wanted
    existing: Observation
    action: Action


@dataclass(slots=True)
class Report:
    """The steps as planned and the outcomes so far; `error` when a store failed on the way."""

    steps: list[Step]
    outcomes: list[Outcome] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)
    error: StoreError | None = None

    @property
    def changed(self) -> bool:
        """Was anything written, or (before any outcome) would it be?"""
        if self.error is not None:
            return self.error.changed or any(outcome.action.changes for outcome in self.outcomes)
        return any(item.action.changes for item in self.outcomes or self.steps)

    @property
    def pending(self) -> list[str]:
        """Names that a failing store left as they were."""
        done = {outcome.wanted.name for outcome in self.outcomes}
        return [step.wanted.name for step in self.steps if step.wanted.name not in done]


def plan(store: Store, declared: Sequence[Wanted]) -> list[Step]:
    """Decide for the whole list, or raise SecretsRefusedError with all problems. Only reads."""
    problems = store.problems()
    if problems:
        raise SecretsRefusedError(problems)
    found = store.observe([wanted.name for wanted in declared])
    steps = []
    for wanted in declared:
        decision = decide(found[wanted.name], wanted, store.place(wanted.name))
        if decision.action is Action.REFUSE:
            problems.append(f'secret "{wanted.name}": {decision.reason}.')
        steps.append(Step(wanted, found[wanted.name], decision.action))
    if problems:
        raise SecretsRefusedError(problems)
    return steps


def ensure(store: Store, declared: Sequence[Wanted], *, check_mode: bool = False) -> Report:
    """Plan, and unless this is check mode, write. A store's failure is in the report, beside what was done before."""
    steps = plan(store, declared)
    report = Report(steps, warnings=[text for step in steps for text in _oddities(step)])
    if check_mode:
        return report
    kept = {
        step.wanted.name: Outcome(step.wanted, step.action, step.existing.value)
        for step in steps
        if not step.action.changes
    }
    changing = [step.wanted for step in steps if step.action.changes]
    done = dict(kept)
    try:
        for outcome in store.apply(changing) if changing else ():
            done[outcome.wanted.name] = outcome
    except StoreError as error:
        report.error = error
    report.outcomes.extend(done[wanted.name] for wanted in declared if wanted.name in done)
    return report


def _oddities(step: Step) -> list[str]:
    return [*(f'secret "{step.wanted.name}" {text}' for text in step.existing.warnings), *_blemishes(step)]


def _blemishes(step: Step) -> list[str]:
    if step.action is not Action.ADOPT or step.existing.value is None or step.wanted.state is State.ABSENT:
        return []
    return [
        f'secret "{step.wanted.name}" is adopted as it is, but its value {oddity}'
        for oddity in blemishes(step.existing.value, step.wanted.generate)
    ]
