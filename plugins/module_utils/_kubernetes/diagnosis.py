# Copyright: Contributors to the Tollgate project
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Why an object is not as wanted: its pods, their last words, the events about it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace

from .cluster import Cluster
from .hints import SAID_BY_CONTROLLERS, hint, place
from .pods import Trouble, belongs, of_event, started, troubles
from .standing import Object, Outlook, Standing

LOG_LINES = 8
SEARCHED = 80  # lines of a log in which a known cause is looked for
EVENTS = 5
SHOWN = 400  # characters of an event
SAID = ("Failed", "BackOff", "FailedMount", "FailedCreate")  # what a troubled pod has said better


@dataclass(frozen=True)
class Troubled:
    """A pod, or what should make one, with one of its troubles."""

    pod: Object
    trouble: Trouble

    def __str__(self) -> str:
        container = f", container {self.trouble.container}" if self.trouble.container else ""
        kind = str(self.pod.get("kind") or "Pod").lower()
        return f"{kind} {self.pod['metadata']['name']}{container}: {self.trouble.standing.why}"


def troubled(owner: Object, pods: Mapping[str, Object], told: Mapping[str, Object]) -> list[Troubled]:
    """The troubles of a workload's pods, the hopeless ones first. TOLD are the events of its namespace."""
    mine = [pod for pod in pods.values() if pod["metadata"]["uid"] == owner["metadata"]["uid"] or belongs(pod, owner)]
    found = [Troubled(pod, trouble) for pod in mine for trouble in troubles(pod)]
    waiting = {subject["metadata"]["uid"]: subject for subject in mine if not started(subject)}
    if not mine:
        waiting[owner["metadata"]["uid"]] = owner
    for event in told.values():
        subject = waiting.get(event["involvedObject"].get("uid", ""))
        trouble = of_event(event) if subject else None
        if subject and trouble:
            found.append(Troubled(subject, trouble))
    return sorted(found, key=lambda each: each.trouble.standing.outlook is not Outlook.HOPELESS)


def forecast(standing: Standing, found: list[Troubled]) -> Standing:
    """Where an object stands, when what keeps its pods from running is known."""
    if standing.met or standing.outlook is Outlook.HOPELESS or not found:
        return standing
    first = found[0].trouble.standing
    return replace(first, why=f"{standing.why}; {found[0]}")


def explanation(cluster: Cluster, owner: Object | None, found: list[Troubled], namespace: str) -> list[str]:
    """Lines for people: each troubled pod with its last log lines, what they mean, then the events."""
    lines: list[str] = []
    meanings: dict[str, None] = {}
    for each in found[:3]:
        lines.append(str(each))
        if each.trouble.container:
            said = cluster.log(
                each.pod, each.trouble.container, previous=each.trouble.previous, lines=SEARCHED
            ) or cluster.log(each.pod, each.trouble.container, previous=False, lines=SEARCHED)
            lines += [f"  {each.trouble.container}| {line}" for line in said[-LOG_LINES:]]
            meanings[hint(said, place(each.pod, each.trouble.container))] = None
    lines += [f"This means: {meaning}" for meaning in meanings if meaning]
    names = {each.pod["metadata"]["name"] for each in found}
    if owner is not None:
        names.add(owner["metadata"]["name"])
    told = list(events(cluster, names, namespace, SAID if found else ()))
    about = owner["apiVersion"].partition("/")[0] if owner else ""
    # The last one alone: those before may be settled.
    meaning = hint(told[-1:], {"namespace": namespace}, SAID_BY_CONTROLLERS.get(about, ()))
    return lines + [line[:SHOWN] for line in told] + ([f"This means: {meaning}"] if meaning else [])


def events(cluster: Cluster, names: set[str], namespace: str, without: tuple[str, ...] = ()) -> Iterator[str]:
    """The last warnings about these objects, and about what was made for them, but for some reasons."""
    about = [
        event
        for event in cluster.find("v1", "Event", namespace)[1]
        if event.get("type") == "Warning" and event.get("reason") not in without and _about(event, names)
    ]
    about.sort(key=lambda event: str(event.get("lastTimestamp") or event.get("eventTime") or ""))
    told: dict[str, None] = {}
    for event in about:
        subject = event["involvedObject"]
        told[f"{subject['kind']} {subject['name']}: {event['reason']}: {event.get('message', '')}"] = None
    yield from list(told)[-EVENTS:]


def _about(event: Object, names: set[str]) -> bool:
    """A ReplicaSet, a pod or a claim bears the name of what it was made for."""
    subject = event["involvedObject"].get("name", "")
    return any(subject == name or subject.startswith(f"{name}-") for name in names)
