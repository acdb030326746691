# Copyright: Contributors to the Tollgate project
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Waits on conditions: by watching objects, and by asking again for what cannot be watched."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any, TypeVar

from kubernetes.client import ApiException
from urllib3.exceptions import HTTPError

from . import explanation
from .objects import Object

if TYPE_CHECKING:
    from .cluster import Cluster

Answer = TypeVar("Answer")
GONE = 410  # the version to watch from is too old: list again
BREATH = 0.2  # seconds between two questions
# Times are those of an idle machine. Checks share a few cores, and no check waits for a deadline in order to pass.
SHARED = 4


class NotInTime(AssertionError):
    """A condition that did not come."""


def states(resource: Any, name: str, namespace: str | None, seconds: float) -> Iterator[Object | None]:
    """Each state of one object, None while it does not exist, until the time is over."""
    deadline = time.monotonic() + seconds
    chosen = {"namespace": namespace, "field_selector": f"metadata.name={name}"}
    while True:
        listed = resource.get(**chosen).to_dict()
        yield next(iter(listed["items"]), None)
        left = deadline - time.monotonic()
        if left <= 0:
            return
        version = listed["metadata"]["resourceVersion"]
        try:
            yield from _changes(resource, chosen, version, left)
        except (ApiException, HTTPError) as error:
            if getattr(error, "status", GONE) != GONE:
                raise


def _changes(resource: Any, chosen: Object, version: str, seconds: float) -> Iterator[Object | None]:
    stream = resource.get(
        **chosen,
        resource_version=version,
        watch="true",
        timeout_seconds=max(1, round(seconds)),
        _request_timeout=(5, seconds + 5),
        serialize=False,
    )
    try:
        for line in stream:
            event = json.loads(line)
            if event["type"] == "ERROR":
                return
            yield None if event["type"] == "DELETED" else event["object"]
    finally:
        stream.close()
        stream.release_conn()


def wait(
    cluster: Cluster, wanted: Object, until: Callable[[Object | None], object], seconds: float, what: str
) -> Object:
    """Wait until the predicate holds for the object. Returns the object, an empty one when it is gone."""
    metadata = wanted["metadata"]
    name, namespace = metadata["name"], metadata.get("namespace")
    seconds *= SHARED
    found: Object | None = None
    for found in states(cluster.resource(wanted["apiVersion"], wanted["kind"]), name, namespace, seconds):
        if until(found):
            return found or {}
    where = f" in {namespace}" if namespace else ""
    why = explanation.of_namespace(cluster, namespace) if namespace else ""
    raise NotInTime(
        f"{wanted['kind']} {name}{where} is not {what} after {seconds:.0f} s.\n{explanation.describe(found)}\n{why}"
    )


def eventually(ask: Callable[[], Answer], seconds: float, what: str, *passing: type[Exception]) -> Answer:
    """Ask again until the answer is true; the named exceptions mean "not yet". Returns the answer."""
    seconds *= SHARED
    deadline = time.monotonic() + seconds
    last: object = None
    while True:
        try:
            answer = ask()
            if answer:
                return answer
            last = answer
        except passing as error:
            last = error
        if time.monotonic() > deadline:
            raise NotInTime(f"{what}: not after {seconds:.0f} s; the last answer was {last!r}")
        time.sleep(BREATH)
