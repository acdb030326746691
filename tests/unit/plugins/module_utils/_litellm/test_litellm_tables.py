# Copyright: Contributors to the Tollgate project
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Each field of each table: made, kept, changed, cleared, refused. The cases come from the tables themselves."""

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.tollgate.llm.plugins.module_utils._litellm.client import Client
from ansible_collections.tollgate.llm.plugins.module_utils._litellm.declaration import check_declaration
from ansible_collections.tollgate.llm.plugins.module_utils._litellm.field import Clear, Field
from ansible_collections.tollgate.llm.plugins.module_utils._litellm.meaning import same
from ansible_collections.tollgate.llm.plugins.module_utils._litellm.plan import Action, plan
from ansible_collections.tollgate.llm.plugins.module_utils._litellm.resource import Declared, Resource
from ansible_collections.tollgate.llm.plugins.module_utils._litellm.resources import member
from ansible_collections.tollgate.llm.plugins.module_utils._litellm.single import argument_spec, entry_of
from ansible_collections.tollgate.llm.tests.unit.plugins.module_utils._litellm.memory_proxy import (
    MASTER,
    URL,
    MemoryProxy,
)
from ansible_collections.tollgate.llm.tests.unit.plugins.module_utils._litellm.samples import (
    MEMBER,
    TABLES,
    TOGETHER,
    Sample,
    entry,
)

CASES = [(table, line) for table, samples in TABLES for line in table.fields]
IDS = [f"{table.kind}-{line.name}" for table, line in CASES]
CLEARABLE = [(table, line) for table, line in CASES if line.clear is not Clear.REFUSED]
every_field = pytest.mark.parametrize(("table", "line"), CASES, ids=IDS)


def sample(table: Resource, line: Field) -> Sample:
    """The values of a field."""
    found = next(samples for other, samples in TABLES if other.kind == table.kind)
    assert line.name in found, f"{table.kind}.{line.name} has no sample values: add a line to samples.py"
    return found[line.name]


def problems(table: Resource, declared: dict[str, Any]) -> list[str]:
    """What is refused before anything is sent."""
    return [str(one) for one in check_declaration({table.kind: [declared]}, complete=False)]


class Object:
    """One object of a proxy in memory."""

    def __init__(self, table: Resource, client: Client) -> None:
        self.table = table
        self.client = client

    def plan(self, **fields: Any) -> Action:
        """What is to be done."""
        least = {
            **entry(self.table, "one"),
            **{k: v for name, value in fields.items() if value is not None for k, v in TOGETHER.get(name, {}).items()},
        }
        least = {name: value for name, value in least.items() if name in {line.name for line in self.table.fields}}
        value = "sk-0123456789abcdef" if self.table.kind == "key" else None
        declared = Declared("one", {**least, **fields}, value=value)
        planned, conflicts = plan(self.table, [declared], self.table.read(self.client, [declared]))
        assert not conflicts
        return planned[0]

    def run(self, **fields: Any) -> str:
        """Do it; then nothing is left to do."""
        action = self.plan(**fields)
        if action.what == "created":
            self.table.create(self.client, action.declared)
        elif action.what == "updated" and action.row is not None:
            self.table.update(self.client, action.declared, action.row, action.changes)
        assert self.plan(**fields).what == "unchanged", self.plan(**fields).changes
        return action.what


@every_field
def test_field_is_made_kept_changed_and_cleared(proxy: MemoryProxy, table: Resource, line: Field) -> None:
    values = sample(table, line)
    with Client(URL, MASTER) as client:
        thing = Object(table, client)
        assert thing.run(**{line.name: values.one}) == "created"
        assert thing.run(**{line.name: values.two}) == ("unchanged" if line.create_only or line.fixed else "updated")
        if line.clear is not Clear.REFUSED:
            nothing = same(line.kind, None, values.two)
            assert thing.run(**{line.name: None}) == ("unchanged" if nothing else "updated")
            assert thing.run() == "unchanged"


@pytest.mark.parametrize(("table", "line"), CLEARABLE, ids=[f"{table.kind}-{line.name}" for table, line in CLEARABLE])
def test_field_that_a_new_object_clears_is_not_sent(proxy: MemoryProxy, table: Resource, line: Field) -> None:
    with Client(URL, MASTER) as client:
        assert Object(table, client).run(**{line.name: None}) == "created"
    assert line.name not in str([body for method, path, body in proxy.seen])


@every_field
def test_wrong_value_is_refused_with_the_name_of_the_field(table: Resource, line: Field) -> None:
    values = sample(table, line)
    found = problems(table, {**entry(table, "one"), line.name: values.refused})
    assert len(found) == 1
    assert line.name in found[0]
    for value in (values.one, values.two):
        assert not problems(table, {**entry(table, "one"), **TOGETHER.get(line.name, {}), line.name: value})


@every_field
def test_null_clears_or_says_why_it_does_not(table: Resource, line: Field) -> None:
    found = problems(table, {**entry(table, "one"), line.name: None})
    if line.clear is Clear.REFUSED:
        assert any(f"{line.name} can't be cleared: {line.why_not_cleared}" in problem for problem in found)
    else:
        assert not found


@every_field
def test_option_of_the_module_carries_the_value(table: Resource, line: Field) -> None:
    values = sample(table, line)
    spec = argument_spec(table)
    options = dict.fromkeys(spec) | {"clear": [], "state": "present", table.identity: "one"}
    for value in (values.one, values.two):
        given = entry_of(table, {**options, line.name: value})
        assert given == {table.identity: "one", "state": "present", line.name: value}
    if line.clear is not Clear.REFUSED:
        assert entry_of(table, {**options, "clear": [line.name]})[line.name] is None


def test_every_sample_belongs_to_a_field() -> None:
    for table, samples in TABLES:
        assert set(samples) == {line.name for line in table.fields}
    assert set(MEMBER) == set(member.NAMED)
