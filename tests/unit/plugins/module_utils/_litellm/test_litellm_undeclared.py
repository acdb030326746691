# Copyright: Contributors to the Tollgate project
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is not declared, and what becomes of it: pure."""

from __future__ import annotations

from typing import Any

from ansible_collections.tollgate.llm.plugins.module_utils._litellm.plan import plan
from ansible_collections.tollgate.llm.plugins.module_utils._litellm.resource import MARK, Declared
from ansible_collections.tollgate.llm.plugins.module_utils._litellm.resources.key import Key
from ansible_collections.tollgate.llm.plugins.module_utils._litellm.resources.model import Model
from ansible_collections.tollgate.llm.plugins.module_utils._litellm.undeclared import (
    Undeclared,
    adopted,
    beyond,
    not_in,
    pruned,
    undeclared,
)

OURS = {MARK: "me"}


def row(alias: str | None, **more: Any) -> dict[str, Any]:
    """A key of the proxy."""
    return {"token": f"{alias}-token-of-it", "key_alias": alias, "models": ["qwen"], "metadata": {}, **more}


def test_of_a_config_file_a_model_is_listed_and_never_touched() -> None:
    stored = {"model_name": "qwen", "id": "qwen", "model_info": {"id": "qwen", "db_model": False, MARK: "me"}}
    found = undeclared(Model(), [], [stored])
    assert found[0].shown(with_entry=False) == {"kind": "model", "name": "qwen", "owner": "me", "changeable": False}
    assert pruned(found, "me") == []
    assert adopted([Undeclared(Model(), {**stored, "model_info": {"db_model": False}})], "me") == []


def test_keys_that_share_a_declared_alias_are_the_entrys_own_affair() -> None:
    rows = [row("a"), row("a", token="other"), row("b"), row(None, token="0123456789abcdef")]
    actions = plan(Key(), [Declared("a", {}, absent=True)], rows)[0]
    assert [one.name for one in undeclared(Key(), actions, rows)] == ["b", "0123456789ab"]


def test_only_what_the_same_owner_made_is_pruned_and_what_is_nobodys_adopted() -> None:
    rows = [row("a", metadata=OURS), row("b", metadata={MARK: "you"}), row("c", metadata={"x": 1})]
    found = undeclared(Key(), [], rows)
    assert [action.declared.name for action in pruned(found, "me")] == ["a"]
    marked = adopted(found, "me")
    assert [(action.declared.name, action.after()) for action in marked] == [("c", {"metadata": OURS})]
    assert marked[0].before() == {"metadata": {MARK: None}}


def test_the_cap_names_what_would_go() -> None:
    actions = pruned([Undeclared(Key(), row(f"k{number}", metadata=OURS)) for number in range(7)], "me")
    labels = [action.label for action in actions]
    assert beyond(labels, 7) == []
    assert "would delete 7 objects" in beyond(labels, 6)[0]
    assert 'key "k4" and 2 more); max_deletions allows 6' in beyond(labels, 6)[0]


def test_a_mark_is_set_on_what_is_made_and_survives_that_metadata_is_cleared() -> None:
    declared = Declared("a", {"models": ["qwen"], "metadata": None}, value="sk-0123456789abcdef")
    made = plan(Key(), [declared], [], owner="me")[0][0]
    assert made.declared.fields["metadata"] == OURS
    there = row("a", metadata={**OURS, "x": 1})
    by_alias = Declared("a", {"metadata": None})
    assert plan(Key(), [by_alias], [there])[0][0].before() == {"metadata": {"x": 1}}
    adopting = plan(Key(), [by_alias], [row("a", metadata={"x": 1})], owner="me", adopt=True)[0][0]
    assert Key().body(adopting.after(), {"metadata": {"x": 1}})["metadata"] == OURS


def test_fields_that_are_not_in_the_entry_are_told_without_what_may_be_secret() -> None:
    there = row("a", rpm_limit=5, tpm_limit=None, blocked=False, config={"password": "x"}, metadata={"a": 1, "b": 2})
    there["router_settings"] = {"num_retries": None}
    declared = Declared("a", {"models": ["qwen"], "metadata": {"a": 1}})
    assert not_in(declared, Key(), there) == {"rpm_limit": 5, "config": ["password"], "metadata": ["b"]}
