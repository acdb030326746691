# Copyright: Contributors to the Tollgate project
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What many objects at once cost, and that it ends as it would one by one."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import httpx
import pytest
from ansible_collections.tollgate.llm.plugins.module_utils._litellm.index import Index
from ansible_collections.tollgate.llm.plugins.module_utils._litellm.resource import Conflict, Declared, Resource
from ansible_collections.tollgate.llm.plugins.module_utils._litellm.resources import rotation
from ansible_collections.tollgate.llm.plugins.module_utils._litellm.resources.key import Key, token_id
from ansible_collections.tollgate.llm.plugins.module_utils._litellm.resources.model import Model
from ansible_collections.tollgate.llm.plugins.module_utils._litellm.resources.team import Team
from ansible_collections.tollgate.llm.plugins.module_utils._litellm.secrecy import appearing
from ansible_collections.tollgate.llm.plugins.modules import litellm_tenants
from ansible_collections.tollgate.llm.tests.unit.plugins.module_utils._litellm.memory_proxy import (
    MASTER,
    URL,
    MemoryProxy,
)
from ansible_collections.tollgate.llm.tests.unit.plugins.module_utils._litellm.task import Task

COUNT = 120
VALUES = [f"sk-many-{number:0>24}" for number in range(COUNT)]
TWICE = {"token": "e" * 64, "key_alias": "many-3", "metadata": {}}
NEXT = {
    "token": token_id(VALUES[1]),
    "key_alias": "many-4~0123456789",
    "metadata": {rotation.ROTATION: {"alias": "many-4", "from": token_id(VALUES[4]), "seconds": 9, "phase": "grace"}},
}
KEY_ROWS = [
    {"token": token_id(VALUES[2]), "key_alias": "many-2", "metadata": {}},
    {"token": token_id(VALUES[3]), "key_alias": "many-3", "metadata": {}},
    {"token": token_id(VALUES[4]), "key_alias": "many-4", "metadata": {}},
    {"token": token_id(VALUES[5]), "key_alias": "the-old-name", "metadata": {}},
    {"token": "f" * 64, "key_alias": None, "metadata": None},
    TWICE,
    NEXT,
]
KEYS = [Declared(f"many-{number}", {}, value=VALUES[number]) for number in range(7)]
KEYS += [
    Declared("many-4", {}, value=VALUES[1]),
    Declared("many-4", {}, absent=True),
    Declared("many-5", {}, value=VALUES[6], was="the-old-name"),
    Declared("another", {}, value=VALUES[2]),
]
NAMED = [Declared("a", {}), Declared("b", {"model_info": {"id": "c"}}), Declared("nobody", {})]
MODEL_ROWS = [{"id": name, "model_name": "a", "model_info": {"id": name, "db_model": True}} for name in ("a", "c")]


def found(resource: Resource, declared: Declared, rows: list[Any]) -> Any:
    try:
        return resource.find(declared, rows)
    except Conflict as conflict:
        return str(conflict)


@pytest.mark.parametrize(
    ("resource", "entries", "rows"),
    [(Key(), KEYS, KEY_ROWS), (Model(), NAMED, MODEL_ROWS), (Team(), NAMED, [{"team_id": "b"}, {"team_id": "a"}])],
    ids=("keys", "models", "teams"),
)
def test_the_index_finds_what_a_look_at_every_row_finds(
    resource: Resource, entries: list[Declared], rows: list[Any]
) -> None:
    index = Index(resource, rows)
    for declared in entries:
        assert found(resource, declared, index.near(declared)) == found(resource, declared, rows)


def test_secrets_are_found_in_every_text_of_a_result() -> None:
    said = {"msg": f"bad: {VALUES[0]}!", "objects": [{"name": "x", VALUES[1]: 1}, [VALUES[2][:-1]], 1234567890]}
    assert appearing({*VALUES, "12345678", "no-such-secret"}, said) == {VALUES[0], VALUES[1], "12345678"}
    assert appearing([], said) == set()


@pytest.fixture
def proxy(monkeypatch: pytest.MonkeyPatch) -> MemoryProxy:
    made = MemoryProxy()
    monkeypatch.setattr(httpx, "Client", made.client)
    return made


def declared(directory: Path, numbers: range) -> dict[str, Any]:
    for number in numbers:
        (directory / f"many-{number}").write_text(VALUES[number])
    keys = [{"alias": f"many-{number}", "models": ["qwen"]} for number in numbers]
    return {"secrets_directory": str(directory), "keys": keys, "unmanaged": "keep"}


def test_values_that_were_used_before_are_looked_up_together(proxy: MemoryProxy, tmp_path: Path) -> None:
    task = Task(URL, MASTER, VALUES)
    proxy.deleted |= {token_id(VALUES[7]), token_id("sk-of-somebody-else")}
    result = task(litellm_tenants, **declared(tmp_path, range(COUNT)))
    assert result["summary"]["created"] == COUNT
    # The page of keys, the number of deleted ones, and these.
    assert result["requests"]["read"] == 3
    assert [path for path in proxy.writes() if path != "/key/generate"] == [f"/key/{token_id(VALUES[7])}/reset_spend"]


def test_few_values_are_looked_up_one_by_one_where_very_many_keys_were_deleted(
    proxy: MemoryProxy, tmp_path: Path
) -> None:
    task = Task(URL, MASTER, VALUES)
    proxy.deleted = {f"{number:0>64}" for number in range(501)} | {token_id(VALUES[3])}
    result = task(litellm_tenants, **declared(tmp_path, range(5)))
    assert sum(path == "/key/info" for _method, path, _body in proxy.seen) == 5
    assert proxy.writes().count(f"/key/{token_id(VALUES[3])}/reset_spend") == 1
    assert result["summary"]["created"] == 5


def test_unchanged_keys_cost_their_pages_and_changed_ones_a_write_each(proxy: MemoryProxy, tmp_path: Path) -> None:
    task = Task(URL, MASTER, VALUES)
    prices = {"input_cost_per_token": 1e-06, "output_cost_per_token": 1e-06}
    others: dict[str, Any] = {
        "budgets": [{"budget": "daily", "max_budget": 1}],
        "credentials": [{"credential": "vllm", "values": {"api_base": "http://x"}}],
        "models": [{"name": "qwen", "model": "hosted_vllm/qwen", "api_base": "http://x", **prices}],
        "users": [{"user": f"user-{number}"} for number in range(3)],
        "teams": [{"team": f"team-{number}", "models": ["qwen"]} for number in range(3)],
        "customers": [{"customer": f"shop-{number}"} for number in range(3)],
    }
    options = {**declared(tmp_path, range(COUNT)), **others, "unmanaged": "report"}
    task(litellm_tenants, **options)
    pages = 2
    again = task(litellm_tenants, **options)
    assert (again["changed"], again["requests"]["read"], again["requests"]["write"]) == (False, pages + len(others), 0)
    # As the role passes kinds that nobody has named: of two of them it looks for what is not declared.
    empty = {kind: entries if kind in ("models", "teams") else [] for kind, entries in others.items()}
    assert task(litellm_tenants, **{**options, **empty})["requests"]["read"] == pages + 2 + 2
    changed = [{**key, "rpm_limit": 5, "max_budget": 3} for key in options["keys"][:10]]
    result = task(litellm_tenants, **{**options, "keys": [*changed, *options["keys"][10:]]})
    assert result["summary"]["updated"] == 10
    assert (result["requests"]["read"], result["requests"]["write"]) == (pages + len(others), 10)
