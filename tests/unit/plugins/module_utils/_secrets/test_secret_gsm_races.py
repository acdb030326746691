# Copyright: Contributors to the Tollgate project
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Many creators of one secret in Secret Manager end with one value."""

from __future__ import annotations

import random
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.tollgate.llm.plugins.module_utils._secrets import gsm_client
from ansible_collections.tollgate.llm.plugins.module_utils._secrets.ensure import SecretsRefusedError, ensure
from ansible_collections.tollgate.llm.plugins.module_utils._secrets.gsm_client import Gsm
from ansible_collections.tollgate.llm.plugins.module_utils._secrets.gsm_settings import Settings
from ansible_collections.tollgate.llm.plugins.module_utils._secrets.gsm_store import GsmStore
from ansible_collections.tollgate.llm.plugins.module_utils._secrets.store import Outcome
from ansible_collections.tollgate.llm.plugins.module_utils._secrets.value import Generate
from ansible_collections.tollgate.llm.plugins.module_utils._secrets.write_once import Mode, Wanted
from ansible_collections.tollgate.llm.tests.support.secret_manager import errors
from ansible_collections.tollgate.llm.tests.support.secret_manager.server import Addresses, running
from ansible_collections.tollgate.llm.tests.support.secret_manager.service import Request, Service
from google.cloud.secretmanager_v1 import types

PATIENCE = 300  # seconds
VALUE, OTHER = "correct-horse-battery", "another-horse-battery"
Project = tuple[Service, Addresses]


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Project]:
    """An empty Secret Manager, which may be slow: racers wait for each other."""
    monkeypatch.setattr(gsm_client, "REQUEST_SECONDS", 2 * PATIENCE)
    service = Service()
    with running(service, tmp_path, tls=False) as addresses:
        yield service, addresses


class TogetherAt:
    """Holds the first requests of these methods until every racer has sent one: nobody is ahead of the others."""

    def __init__(self, racers: int, *methods: str) -> None:
        self.places = {method: threading.Semaphore(racers) for method in methods}
        self.gates = {method: threading.Barrier(racers) for method in methods}

    def __call__(self, request: Request) -> None:
        place = self.places.get(request.method)
        if place is not None and place.acquire(blocking=False):
            self.gates[request.method].wait(PATIENCE)


def store(project: Project, mode: Mode = Mode.WRITE_ONCE) -> GsmStore:
    """A store with connections of its own."""
    service, addresses = project
    options: dict[str, Any] = dict.fromkeys(
        ("location", "service_account_file", "impersonate_service_account", "quota_project")
    )
    options |= {"project": service.project, "endpoint": addresses.http, "insecure": False, "transport": "rest"}
    token = service.identity.token("racer")
    return GsmStore(Gsm({**options, "access_token": token, "timeout": 300}), {"salt": Settings(mode=mode)})


def race(project: Project, wanted: list[Wanted]) -> list[Outcome | str]:
    """All of them start together, each with a store of its own; how each ends, or why it failed."""
    stores = [store(project, each.mode) for each in wanted]
    start = threading.Barrier(len(wanted))

    def run(number: int) -> Outcome | str:
        start.wait()
        try:
            report = ensure(stores[number], [wanted[number]])
        except SecretsRefusedError as error:
            return str(error)
        return report.outcomes[0] if report.error is None else str(report.error)

    with ThreadPoolExecutor(len(wanted)) as pool:
        return list(pool.map(run, range(len(wanted))))


def states(service: Service) -> list[str]:
    """The states of the versions, oldest first."""
    return [version.message.state.name for version in service.secrets["", "salt"].versions]


@pytest.mark.parametrize(
    ("container", "racers"), [("missing", 100), ("empty", 25), ("seen late", 25), ("answers lost", 10)]
)
def test_many_creators_end_with_one_value(project: Project, container: str, racers: int, repetition: int) -> None:
    service = project[0]
    service.lag = 5 if container == "seen late" else 0
    methods = ["AddSecretVersion", "UpdateSecret"] if container == "empty" else ["CreateSecret", "AddSecretVersion"]
    if container == "empty":
        wanted = {"parent": f"projects/{service.project}", "secret_id": "salt"}
        request = types.CreateSecretRequest({**wanted, "secret": {"replication": {"automatic": {}}}})
        service.call("CreateSecret", request, service.identity.token("somebody"))
    service.before = TogetherAt(racers, *methods)
    if container == "answers lost":
        service.fail("AddSecretVersion", errors.unavailable(), times=racers, after=True)
    ends = race(project, [Wanted("salt", Generate())] * racers)
    first = service.secrets["", "salt"].versions[0].payload.decode()
    assert {end if isinstance(end, str) else end.value for end in ends} == {first}
    assert states(service) == ["ENABLED", *["DISABLED"] * (racers - 1)]
    assert service.secrets["", "salt"].secret.annotations["tollgate-version"] == "1"


class Killed(BaseException):
    """Ends a run on the spot, as a signal would."""


class Mortal:
    """Secret Manager, until a run's last request: that one is not sent, or its answer never read."""

    def __init__(self, api: Gsm, chance: random.Random) -> None:
        self._api = api
        self._left = chance.randrange(1, 12)
        self._sent = chance.random() < 0.5

    def __getattr__(self, name: str) -> Any:
        found = getattr(self._api, name)
        return partial(self._ask, found) if callable(found) and name not in ("name", "blank") else found

    def _ask(self, call: Callable[..., Any], *given: Any) -> Any:
        self._left -= 1
        if self._left:
            return call(*given)
        if self._sent:
            call(*given)
        raise Killed


def test_creators_killed_at_random_requests_end_with_one_value(project: Project, repetition: int) -> None:
    project[0].latency = 0.02  # so that most have looked before one has written
    chance = random.Random(repetition)  # noqa: S311 (chance is no secret)
    stores = [store(project) for _racer in range(25)]
    for each in stores[1:]:
        each.api = each.view.api = Mortal(each.api, chance)  # type: ignore[arg-type, assignment]  # it stands in for it

    def run(each: GsmStore) -> str | None:
        try:
            report = ensure(each, [Wanted("salt", Generate())])
        except Killed:
            return None
        assert report.error is None, report.error
        return report.outcomes[0].value

    with ThreadPoolExecutor(len(stores)) as pool:
        ends = list(pool.map(run, stores))
    container = project[0].secrets["", "salt"]
    first = container.versions[0].payload.decode()
    assert ends[0] == first
    assert set(ends) == {first, None}
    assert (container.secret.annotations["tollgate-version"], states(project[0])[0]) == ("1", "ENABLED")


def test_creators_with_different_values_end_with_the_first_and_the_others_are_refused(project: Project) -> None:
    values = (VALUE, OTHER) * 10
    service = project[0]
    service.before = TogetherAt(len(values), "CreateSecret", "AddSecretVersion")
    ends = race(project, [Wanted("salt", value=value) for value in values])
    first = service.secrets["", "salt"].versions[0].payload.decode()
    for value, end in zip(values, ends, strict=True):
        assert isinstance(end, str) is (value != first), end
        assert isinstance(end, Outcome) or "a write-once secret is never overwritten" in end
    assert states(service) == ["ENABLED", *["DISABLED"] * (len(values) - 1)]


def test_racing_replacements_end_with_a_noted_version_that_one_of_them_declared(project: Project) -> None:
    race(project, [Wanted("salt", value=VALUE, mode=Mode.VERSIONED)])
    values = [f"{OTHER}-{number}" for number in range(10)]
    project[0].before = TogetherAt(len(values), "AddSecretVersion", "UpdateSecret")
    ends = race(project, [Wanted("salt", value=value, mode=Mode.VERSIONED) for value in values])
    assert [end.value for end in ends if isinstance(end, Outcome)] == values
    container = project[0].secrets["", "salt"]
    noted = int(container.secret.annotations["tollgate-version"])
    assert container.versions[noted - 1].payload.decode() in values
    assert len(container.versions) == 1 + len(values)
