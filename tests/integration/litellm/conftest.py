# Copyright: Contributors to the Tollgate project
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The proxy under test, and what the samples of fields name."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable, Iterator, Set
from pathlib import Path
from typing import Any

import httpx
import psycopg
import pytest

sys.path.insert(0, str(Path(__file__).parent))

from ansible_collections.tollgate.llm.tests.unit.plugins.module_utils._litellm.samples import (
    BUDGETS,
    CREDENTIALS,
    MODELS,
    TEAMS,
)
from ansible_collections.tollgate.llm.tests.unit.plugins.module_utils._litellm.task import Task
from forward_proxy import Forward, in_front_of
from proxy import Proxy


@pytest.fixture(scope="session")
def proxy() -> Iterator[Proxy]:
    """The real one."""
    key = (Path(os.environ["TOLLGATE_TEST_STATE"]) / "secrets" / "litellm-master-key").read_text().strip()
    url = os.environ["TOLLGATE_TEST_URL"]
    with httpx.Client(base_url=url, headers={"Authorization": f"Bearer {key}"}, timeout=60) as http:
        yield Proxy(url, key, http)


@pytest.fixture(scope="session")
def known(proxy: Proxy) -> dict[str, Set[str]]:
    """What there is between two tests. A fixture that makes more for several tests says so here."""
    return proxy.names()


@pytest.fixture(autouse=True)
def nothing_left(proxy: Proxy, known: dict[str, Set[str]]) -> Iterator[None]:
    """No test finds a key, a team or a model that another has made."""
    yield
    proxy.remove({kind: names - known[kind] for kind, names in proxy.names().items()})


@pytest.fixture(scope="module")
def world(proxy: Proxy, known: dict[str, Set[str]]) -> Iterator[dict[str, str]]:
    """What the samples refer to. Access groups get their ids from LiteLLM: the result names them."""
    for name in MODELS:
        prices = {"input_cost_per_token": 1e-06, "output_cost_per_token": 2e-06}
        parameters = {"model": "hosted_vllm/a", "api_base": "http://127.0.0.1:9/v1", **prices}
        proxy.post("/model/new", model_name=name, litellm_params=parameters, model_info={"id": name})
    for name in TEAMS:
        proxy.post("/team/new", team_id=name, team_alias=name, models=list(MODELS))
    for name in BUDGETS:
        proxy.post("/budget/new", budget_id=name, max_budget=10)
    for name in CREDENTIALS:
        values = {"api_base": "http://127.0.0.1:9/v1"}
        proxy.post("/credentials", credential_name=name, credential_values=values, credential_info={})
    groups: dict[str, str] = {}
    for number in ("0", "1"):
        made: dict[str, Any] = proxy.post("/v1/access_group", access_group_name=f"sample-group-{number}")
        groups[number] = made["access_group_id"]
    known |= proxy.names()
    yield groups
    for group in groups.values():
        proxy.http.delete(f"/v1/access_group/{group}").raise_for_status()
    for name in CREDENTIALS:
        proxy.http.delete(f"/credentials/{name}").raise_for_status()
    for name in BUDGETS:
        proxy.post("/budget/delete", id=name)
    proxy.post("/team/delete", team_ids=list(TEAMS))
    for name in MODELS:
        proxy.post("/model/delete", id=name)
    known |= proxy.names()


@pytest.fixture
def forward(proxy: Proxy) -> Iterator[Forward]:
    """A counting proxy in front of it."""
    with in_front_of(proxy.url) as between:
        yield between


@pytest.fixture
def task(proxy: Proxy, forward: Forward) -> Task:
    """Runs modules against it, through the counting proxy."""
    return Task(forward.url, proxy.key)


@pytest.fixture
def database() -> Callable[[], psycopg.Connection[Any]]:
    """Connects to the proxy's database."""
    place = json.loads(os.environ["TOLLGATE_TEST_PLACE"])
    password = (Path(place["state"]) / "secrets" / "litellm-db-password").read_text().strip()

    def connect() -> psycopg.Connection[Any]:
        return psycopg.connect(
            host="127.0.0.1",
            port=place["database_port"],
            user="litellm",
            dbname="litellm",
            password=password,
            autocommit=True,
        )

    return connect
