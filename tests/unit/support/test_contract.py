# Copyright: Contributors to the Tollgate project
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The comparison with LiteLLM's OpenAPI document notices each kind of mismatch."""

from __future__ import annotations

import copy
import sys
from pathlib import Path
from typing import Any

import pytest

SUPPORT = Path(__file__).resolve().parents[2] / "support"
sys.path.insert(0, str(SUPPORT))

import contract
from ansible_collections.tollgate.llm.plugins.module_utils._litellm.guards import LICENCE, VERSION
from ansible_collections.tollgate.llm.plugins.module_utils._litellm.resource import Resource
from ansible_collections.tollgate.llm.plugins.module_utils._litellm.resources import member
from ansible_collections.tollgate.llm.plugins.module_utils._litellm.resources.user import User

USER = User()


def schema(kind: str, choices: tuple[str, ...] = ()) -> dict[str, Any]:
    """A field that may be null, as LiteLLM writes them."""
    return {"anyOf": [{"type": kind, **({"enum": list(choices)} if choices else {})}, {"type": "null"}]}


def document() -> dict[str, Any]:
    """What a proxy would say that takes just what the table of users and the one of members have."""
    fields = {
        line.sent or line.name: schema(next(iter(contract.TYPES[line.kind])), line.choices) for line in USER.fields
    }
    fields |= {name: schema("string") for name in USER.left_out}
    members = {line.sent or line.name: schema(next(iter(contract.TYPES[line.kind]))) for line in member.FIELDS}
    bodies = {"create": dict(fields), "update": dict(fields), "update member": members, "delete": {}}
    bodies["add member"] = {
        line.sent or line.name: members[line.sent or line.name] for line in member.FIELDS if not line.update_only
    }
    paths: dict[str, Any] = {LICENCE: {"get": {}}, VERSION: {"get": {}}}
    for purpose, call in {**USER.calls, **member.CALLS}.items():
        method, path = call.split(" ", 1)
        name = purpose.title().replace(" ", "")
        paths[path] = {
            method.lower(): {
                "parameters": [{"name": asked.partition(" since ")[0]} for asked in USER.asks.get(purpose, ())],
                "requestBody": {"content": {"application/json": {"schema": {"$ref": f"#/components/schemas/{name}"}}}},
            }
        }
    schemas = {purpose.title().replace(" ", ""): {"properties": body} for purpose, body in bodies.items()}
    schemas |= {"Info": {}, "List": {}}
    return copy.deepcopy({"info": {"version": "1.106.2"}, "paths": paths, "components": {"schemas": schemas}})


def found(content: dict[str, Any], resources: tuple[Resource, ...] = (USER,)) -> list[str]:
    return contract.problems(contract.Document(content), resources)


def test_proxy_that_takes_just_what_the_tables_have_is_no_mismatch() -> None:
    assert found(document()) == []


def test_endpoint_and_parameter_that_are_gone_are_told() -> None:
    content = document()
    del content["paths"]["/user/delete"], content["paths"][LICENCE]
    content["paths"]["/user/list"]["get"]["parameters"] = [{"name": "page"}, {"name": "page_size"}, {"name": "sort_by"}]
    assert found(content) == [
        f"GET {LICENCE}: no such endpoint",
        "user: POST /user/delete: no such endpoint",
        "user: GET /user/list: no parameter search",
    ]


@pytest.mark.parametrize(
    ("purpose", "name", "changed", "sentence"),
    [
        ("Update", "max_budget", None, "user: POST /user/update: no field max_budget"),
        ("Create", "sso_user_id", None, "user: POST /user/new: no field sso_user_id"),
        ("Create", "rpm_limit", schema("string"), "user: POST /user/new: rpm_limit is string, not a whole number"),
        ("Update", "user_role", schema("string", ("proxy_admin",)), "user_role may not be internal_user, internal"),
        ("Update", "new_field", schema("string"), "POST /user/update: new_field is neither a field nor left out"),
        ("UpdateMember", "tpm_limit", None, "member: POST /team/member_update: no field tpm_limit"),
        ("AddMember", "new_field", schema("string"), "member: POST /team/member_add: new_field is neither a field"),
    ],
)
def test_field_that_is_gone_changed_or_new_is_told(
    purpose: str, name: str, changed: dict[str, Any] | None, sentence: str
) -> None:
    content = document()
    properties = content["components"]["schemas"][purpose]["properties"]
    if changed is None:
        del properties[name]
    else:
        properties[name] = changed
    assert any(sentence in problem for problem in found(content)), found(content)


def test_reason_for_leaving_out_what_is_not_there_is_told() -> None:
    content = document()
    for purpose in ("Create", "Update"):
        del content["components"]["schemas"][purpose]["properties"]["password"]
    assert [problem.partition(" (")[0] for problem in found(content)] == ["user: password is left out"]
