# Copyright: Contributors to the Tollgate project
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The report of drift: pure."""

from __future__ import annotations

from typing import Any

from ansible_collections.tollgate.llm.plugins.module_utils._litellm.drift import report


def found(name: str, action: str, *fields: str, **more: Any) -> dict[str, Any]:
    """One key of a result."""
    return {"kind": "key", "name": name, "action": action, "fields": list(fields), **more}


def test_no_drift() -> None:
    assert report({"objects": [found("a", "unchanged")], "unmanaged": [], "summary": {}})["ok"] is True
    assert report({"objects": [], "unmanaged": [], "summary": {}})["ok"] is True


def test_each_way_to_differ_is_told_in_data_and_in_words() -> None:
    stranger = {"kind": "team", "name": "x", "owner": None, "changeable": True}
    result = {
        "summary": {},
        "objects": [
            found("a", "created"),
            found("b", "updated", "rpm_limit"),
            found("c", "deleted"),
            found("d", "unchanged", undeclared={"blocked": True}),
            found("e", "unchanged"),
        ],
        "diff": {"before": {'key "b"': {"rpm_limit": 5}}, "after": {'key "b"': {"rpm_limit": None}}},
        "unmanaged": [stranger, {**stranger, "owner": "me"}, {**stranger, "changeable": False}],
    }
    made = report(result)
    assert (made["ok"], made["as_declared"]) == (False, 1)
    assert [one["is"] for one in made["different"]] == ["missing", "different", "there, though declared absent"]
    assert made["different"][1]["fields"] == {"rpm_limit": {"declared": None, "actual": 5}}
    assert made["sentences"] == [
        'key "a": missing',
        'key "b": rpm_limit is 5, declared None',
        'key "c": there, though declared absent',
        'key "d": not in its entry: blocked True',
        'team "x": not declared, made by hand',
        'team "x": not declared, made or adopted by me',
        'team "x": not declared, in LiteLLM\'s configuration file',
    ]


def test_what_can_not_be_compared_is_no_agreement() -> None:
    refused = report({"failed": True, "msg": 'key "a": another value.\nNothing was changed.'})
    assert (refused["ok"], refused["problems"]) == (False, ['key "a": another value.'])
    assert report({"msg": "no answer"})["problems"] == ["no answer"]
