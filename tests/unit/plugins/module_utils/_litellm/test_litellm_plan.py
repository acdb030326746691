# Copyright: Contributors to the Tollgate project
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a plan says and what it refuses: pure."""

from __future__ import annotations

from typing import Any

from ansible_collections.tollgate.llm.plugins.module_utils._litellm.plan import Action, plan
from ansible_collections.tollgate.llm.plugins.module_utils._litellm.resource import Declared
from ansible_collections.tollgate.llm.plugins.module_utils._litellm.resources.key import Key, token_id
from ansible_collections.tollgate.llm.plugins.module_utils._litellm.resources.model import Model

VALUE = "sk-0123456789abcdef"
ROW: dict[str, Any] = {"token": token_id(VALUE), "key_alias": "batch", "models": ["qwen"], "metadata": {}}
MODEL_ROW: dict[str, Any] = {
    "id": "qwen",
    "model_name": "qwen",
    "litellm_params": {"model": "hosted_vllm/qwen", "rpm": "5"},
    "model_info": {"id": "qwen", "db_model": True, "mode": "chat"},
    "live": True,
}


def key(name: str = "batch", **options: Any) -> Declared:
    """An entry with the value of ROW."""
    fields = options.pop("fields", {"models": ["qwen"]})
    return Declared(name, fields, **{"value": VALUE, **options})


def planned(declared: Declared, *rows: dict[str, Any]) -> Action:
    """The action of one key."""
    actions, problems = plan(Key(), [declared], rows)
    assert not problems
    return actions[0]


def refused(declared: Declared, *rows: dict[str, Any]) -> str:
    """Why one key can't be planned."""
    actions, problems = plan(Key(), [declared], rows)
    assert not actions
    return problems[0]


def test_new_unchanged_changed_and_leaving_keys() -> None:
    assert planned(key()).what == "created"
    assert planned(key(), ROW).what == "unchanged"
    changed = planned(key(fields={"models": ["qwen"], "rpm_limit": 5}), ROW)
    assert (changed.what, changed.before(), changed.after()) == ("updated", {"rpm_limit": None}, {"rpm_limit": 5})
    assert planned(key(absent=True, value=None), ROW).what == "deleted"
    assert planned(key(absent=True, value=None)).what == "unchanged"


def test_a_new_key_needs_models_and_a_value() -> None:
    assert "models is missing; LiteLLM would allow all models" in refused(key(fields={}))
    assert "no value for a new key" in refused(key(value=None))
    assert planned(key(value=None, value_to_come=True)).what == "created"
    assert planned(key(fields={"rpm_limit": 5}), ROW).what == "updated"


def test_an_alias_that_somebody_else_has_is_refused() -> None:
    other = {**ROW, "token": "0" * 64}
    assert "another value" in refused(key(), other)
    assert "its value is not stored" in refused(key(value=None, value_to_come=True), other)
    assert "2 keys of the proxy have this alias (000000000000, " in refused(key(), other, ROW)
    assert planned(key(absent=True), other, ROW).what == "deleted"


def test_a_key_known_by_its_value_is_renamed() -> None:
    action = planned(key("renamed"), ROW)
    assert action.changes == {"alias": ("batch", "renamed")}


def test_a_soft_budget_does_not_touch_a_budget_that_others_may_have() -> None:
    wanted = key(fields={"models": ["qwen"], "soft_budget": 2})
    shared = {**ROW, "budget_id": "shared", "litellm_budget_table": {"max_budget": 5.0, "soft_budget": 1.0}}
    own = {**ROW, "budget_id": "own", "litellm_budget_table": {"max_budget": None, "soft_budget": 1.0}}
    assert "would change the shared budget shared" in refused(wanted, shared)
    assert planned(wanted, own).after() == {"soft_budget": 2}


def test_an_expiry_is_cleared_but_never_moved() -> None:
    row = {**ROW, "expires": "2999-01-01T00:00:00Z"}
    assert planned(key(fields={"models": ["qwen"], "duration": "30d"}), row).what == "unchanged"
    assert planned(key(fields={"models": ["qwen"], "duration": None}), row).after() == {"duration": None}


def test_clearing_metadata_leaves_what_is_not_the_users() -> None:
    kept = {"model_rpm_limit": {"qwen": 5}, "service_account_id": "x", "logging": []}
    row = {**ROW, "metadata": {**kept, "owner": "me"}}
    action = planned(key(fields={"models": ["qwen"], "metadata": None}), row)
    assert action.before() == {"metadata": {"owner": "me"}}
    assert Key().body(action.after(), row) == {"metadata": kept}
    assert planned(key(fields={"models": ["qwen"], "metadata": None}), {**ROW, "metadata": kept}).what == "unchanged"


def test_a_model_of_the_configuration_file_is_not_ours() -> None:
    row = {**MODEL_ROW, "model_info": {"id": "qwen", "db_model": False}}
    problems = plan(Model(), [Declared("qwen", {"model": "hosted_vllm/qwen"})], [row])[1]
    assert "config.yaml has a model of the id qwen" in problems[0]


def test_a_model_is_compared_by_what_is_declared_of_it() -> None:
    def changes(**fields: Any) -> Any:
        return plan(Model(), [Declared("qwen", fields)], [MODEL_ROW])[0][0].changes

    assert changes(model="hosted_vllm/qwen", rpm=5, model_info={"mode": "chat"}) == {}
    assert changes(litellm_params={"seed": 1}) == {"litellm_params.seed": (None, 1)}
    assert list(changes(api_base="os.environ/BASE")) == ["api_base"]
    actions, problems = plan(Model(), [Declared("new", {})], [])
    assert not actions
    assert "model is missing" in problems[0]


def test_a_row_that_is_not_served_is_sent_whole() -> None:
    declared = Declared("qwen", {"model": "hosted_vllm/qwen", "blocked": False}, secrets={"api_key": "the-providers"})
    action = plan(Model(), [declared], [{**MODEL_ROW, "live": False}])[0][0]
    assert action.changes["live"] == (False, True)
