# Copyright: Contributors to the Tollgate project
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Each field of each kind against the real proxy: made, kept, changed, kept, cleared, kept, removed."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from ansible_collections.tollgate.llm.plugins.module_utils._litellm.field import Field
from ansible_collections.tollgate.llm.plugins.module_utils._litellm.guards import VERSION
from ansible_collections.tollgate.llm.plugins.module_utils._litellm.meaning import same
from ansible_collections.tollgate.llm.plugins.module_utils._litellm.resource import Resource
from ansible_collections.tollgate.llm.plugins.module_utils._litellm.resources import member
from ansible_collections.tollgate.llm.plugins.modules import (
    litellm_budget,
    litellm_credential,
    litellm_customer,
    litellm_key,
    litellm_model,
    litellm_team,
    litellm_tenants,
    litellm_user,
)
from ansible_collections.tollgate.llm.tests.unit.plugins.module_utils._litellm.samples import (
    MEMBER,
    MODELS,
    TEAMS,
    TOGETHER,
    Sample,
    entry,
    tables_of,
)
from ansible_collections.tollgate.llm.tests.unit.plugins.module_utils._litellm.task import Task
from forward_proxy import Forward
from proxy import Proxy

MODULES: dict[str, ModuleType] = {
    "budget": litellm_budget,
    "credential": litellm_credential,
    "customer": litellm_customer,
    "key": litellm_key,
    "model": litellm_model,
    "team": litellm_team,
    "user": litellm_user,
}
# Not beside others in one object: a budget of the key's own and a shared one, limits that fit no team, all models.
APART = {
    "key": {"soft_budget", "budget_id", "team", "duration", "config"},
    "team": {"soft_budget"},
    "customer": {"budget_id"},
}


def run_as_predicted(
    task: Task, forward: Forward, module: ModuleType, options: Mapping[str, Any]
) -> dict[tuple[str, str], str]:
    """What a run did to each object: as its check mode said, with no write more; a second run has nothing to do."""
    forward.seen.clear()
    predicted = task(module, check=True, **options)
    assert not predicted.get("msg"), predicted["msg"]
    assert forward.writes() == []
    result = task(module, **options)
    assert not result.get("msg"), result["msg"]
    assert result["diff"] == predicted["diff"]
    assert result["objects"] == predicted["objects"]
    assert len(forward.writes()) == result["requests"]["write"]
    assert forward.undeclared() == []
    forward.seen.clear()
    again = task(module, **options)
    assert not again.get("msg"), again["msg"]
    assert again["changed"] is False, again["diff"]
    assert forward.writes() == []
    assert again["requests"]["write"] == 0
    return {(found["kind"], found["name"]): found["action"] for found in result["objects"]}


def with_ids(name: str, value: Any, groups: Mapping[str, str]) -> Any:
    """Access groups get their ids from LiteLLM."""
    return [groups[number] for number in value] if name == "access_group_ids" and value else value


def after_change(line: Field) -> str:
    """What changing a field's value does."""
    return "unchanged" if line.create_only or line.fixed else "updated"


def after_clearing(line: Field, sample: Sample, version: str) -> str:
    """What clearing a changed field does, if it can be cleared."""
    nothing = not line.clears(version) or same(line.kind, None, sample.two)
    return "unchanged" if nothing else "updated"


Tables = tuple[tuple[Resource, dict[str, Sample]], ...]


@pytest.fixture(scope="module")
def version(proxy: Proxy) -> str:
    """Of the proxy."""
    return str(proxy.get(VERSION)["litellm_version"])


@pytest.fixture(scope="module")
def tables(version: str) -> Tables:
    """The fields that the proxy's version has."""
    return tables_of(version)


def test_every_field_of_a_declared_set_is_made_changed_cleared_and_kept(
    *, task: Task, forward: Forward, world: dict[str, str], tables: Tables, version: str, tmp_path: Path
) -> None:
    """One object for each field of each kind, all in one task."""
    lines = {
        (table.kind, f"fields-{name}"): (table, table.field(name))
        for table, found in tables
        for name in found
        if not table.field(name).enterprise
    }
    samples = {(table.kind, f"fields-{name}"): sample for table, found in tables for name, sample in found.items()}
    for kind, name in lines:
        if kind == "key":
            secret = f"sk-{name:0>40}"
            (tmp_path / name.replace("_", "-")).write_text(secret)
            task.secrets.append(secret)

    def declared(values: Mapping[tuple[str, str], Any], **more: Any) -> dict[str, Any]:
        found: dict[str, Any] = {
            "models": [
                {"name": name, "model": "hosted_vllm/a", "api_base": "http://127.0.0.1:9", "free": True}
                for name in MODELS
            ],
            "teams": [{"team": name, "models": list(MODELS)} for name in TEAMS],
            **{table.plural: [] for table, samples in tables if table.kind not in ("model", "team")},
            "secrets_directory": str(tmp_path),
            "unpriced_budgets": "ignore",  # a price is a field too: some models have half of one
        }
        for (kind, name), (table, line) in lines.items():
            made = {**entry(table, name), **more}
            if kind == "key":
                made["secret"] = name.replace("_", "-")
            if (kind, name) in values:
                if values[kind, name] is not None:
                    made |= TOGETHER.get(line.name, {})
                made[line.name] = with_ids(line.name, values[kind, name], world)
            if kind == "model" and not any("cost" in part and made[part] for part in made):
                made["free"] = True
            found[table.plural].append(made)
        return found

    def did(values: Mapping[tuple[str, str], Any], **more: Any) -> dict[tuple[str, str], str]:
        actions = run_as_predicted(task, forward, litellm_tenants, declared(values, **more))
        return {identity: actions[identity] for identity in lines}

    try:
        made = did({identity: sample.one for identity, sample in samples.items()})
        assert made == dict.fromkeys(lines, "created")
        changed = did({identity: sample.two for identity, sample in samples.items()})
        assert changed == {identity: after_change(line) for identity, (table, line) in lines.items()}
        cleared = did(
            {
                identity: None if line.clears(version) else samples[identity].two
                for identity, (table, line) in lines.items()
            }
        )
        assert cleared == {
            identity: after_clearing(line, samples[identity], version) for identity, (table, line) in lines.items()
        }
    finally:
        gone = did({}, state="absent")
    assert gone == dict.fromkeys(lines, "deleted")


@pytest.mark.parametrize("kind", MODULES)
def test_all_fields_together_are_made_changed_cleared_and_kept(
    *, task: Task, forward: Forward, world: dict[str, str], tables: Tables, version: str, kind: str
) -> None:
    """One object with all of its fields, by the module for one object."""
    resource, samples = next(each for each in tables if each[0].kind == kind)
    name = f"together-{kind}"
    least = entry(resource, name)
    if kind == "key":
        least["value"] = "sk-together-0123456789"
        task.secrets.append(least["value"])
    apart = APART.get(kind, set())
    lines = [resource.field(name) for name in samples if name not in apart and not resource.field(name).enterprise]
    clearable = [line.name for line in lines if line.clears(version)]

    def did(**options: Any) -> str:
        actions = run_as_predicted(task, forward, MODULES[kind], {**least, **options})
        return actions[kind, name]

    one = {line.name: with_ids(line.name, samples[line.name].one, world) for line in lines}
    two = {line.name: with_ids(line.name, samples[line.name].two, world) for line in lines}
    try:
        assert did(**one) == "created"
        assert did(**two) == "updated"
        kept = {key: value for key, value in two.items() if key not in clearable}
        assert did(**kept, clear=clearable) == ("updated" if clearable else "unchanged")
        assert did(**one) == "updated"
    finally:
        assert did(state="absent") == "deleted"


def test_every_field_of_a_member_is_made_changed_cleared_and_kept(
    task: Task, forward: Forward, proxy: Proxy, version: str
) -> None:
    """One member for each field, all of one team."""
    lines = [line for line in member.FIELDS if line.of(version)]
    team = {"team": "fields-members", "models": list(MODELS)}
    user = {line.name: f"fields-{line.name}" for line in lines}

    def did(members: list[dict[str, Any]]) -> str:
        actions = run_as_predicted(task, forward, litellm_team, {**team, "members": members})
        return actions["team", "fields-members"]

    def having(place: str) -> list[dict[str, Any]]:
        return [
            {"user": user[line.name], **TOGETHER.get(line.name, {}), line.name: getattr(MEMBER[line.name], place)}
            for line in lines
        ]

    assert did(having("one")) == "created"
    assert did(having("two")) == "updated"
    assert did([{"user": user[line.name], line.name: None} for line in lines]) == "updated"
    rows = proxy.get("/team/info", team_id="fields-members")["team_memberships"]
    left = {row["user_id"]: row["litellm_budget_table"] or {} for row in rows}
    assert [line.name for line in lines if line.actual(left.get(user[line.name], {})) not in (None, [])] == []
    assert did(having("one")) == "updated"
    assert did([{"user": name, "state": "absent"} for name in user.values()]) == "updated"
    assert run_as_predicted(task, forward, litellm_team, {**team, "state": "absent"})["team", "fields-members"] == (
        "deleted"
    )


def test_fields_of_enterprise_are_refused_after_asking_a_proxy_without_a_licence(
    task: Task, forward: Forward, tables: Tables
) -> None:
    for resource, samples in tables:
        name = f"licensed-{resource.kind}"
        licensed = [line.name for line in resource.fields if line.enterprise and line.name in samples]
        wanted = {**entry(resource, name), **{field: samples[field].one for field in licensed}}
        if resource.kind == "key":
            wanted["value"] = "sk-licensed-0123456789"
        forward.seen.clear()
        for check in (True, False) if licensed else ():
            message = task(MODULES[resource.kind], check=check, **wanted)["msg"]
            for field in licensed:
                assert f'{resource.kind} "{name}": field "{field}" needs LiteLLM Enterprise' in message
            assert "this proxy has no licence" in message
            assert ("GET", "/health/license") in forward.seen
        assert forward.writes() == []
