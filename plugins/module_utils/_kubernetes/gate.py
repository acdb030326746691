# Copyright: Contributors to the Tollgate project
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Waits for many objects at once, and says of each where it stands."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from .cluster import Cluster, ClusterError, Unknown
from .diagnosis import Troubled, explanation, forecast, troubled
from .http_check import HttpCheck
from .pods import selector
from .standing import Object, Outlook, Standing, hopeless, pending
from .wanted import Wanted
from .watcher import Seen, Stream, Watcher

# What is not certain has to last: a Secret that comes a moment after the pod that wants it is no error.
LASTING = 10.0  # seconds


@dataclass
class Entry:
    """One object of a gate, and where it stands."""

    wanted: Wanted
    standing: Standing = field(default_factory=lambda: pending("not looked at yet"))
    own: str = ""  # why, without what its pods say
    known: bool = False  # the cluster has said something of it
    found: Object | None = None
    pods: list[Troubled] = field(default_factory=list)
    hopeless_since: float | None = None

    @property
    def given_up(self) -> bool:
        """It is hopeless for certain, or has been for long enough."""
        if self.hopeless_since is None:
            return False
        return self.standing.certain or time.monotonic() - self.hopeless_since >= LASTING

    def look(self, standing: Standing) -> None:
        """Note where it stands now."""
        self.standing = standing
        if standing.outlook is not Outlook.HOPELESS:
            self.hopeless_since = None
        elif self.hopeless_since is None:
            self.hopeless_since = time.monotonic()


class Gate:
    """Some objects and HTTP checks that have to be as wanted, all of them."""

    def __init__(self, cluster: Cluster, wanted: Sequence[Wanted], checks: Sequence[HttpCheck]) -> None:
        self._cluster = cluster
        self.entries = [Entry(each) for each in wanted]
        self.checks = list(checks)

    def wait(self, seconds: float) -> bool:
        """Wait until all is as wanted, or something is hopeless, or the time is over. Returns whether all is well."""
        deadline = time.monotonic() + seconds
        with Watcher(self._cluster, self._streams()) as watcher:
            watcher.until(self._settled, seconds)
        if any(not entry.standing.met for entry in self.entries):
            return False
        # Only now: before, the answer would be that of something that is about to be replaced.
        while True:
            for check in self.checks:
                if not check.standing.met:
                    check.ask(self._cluster)
            if all(check.standing.met for check in self.checks):
                return True
            if time.monotonic() >= deadline:
                return False
            time.sleep(min(0.5, max(0.0, deadline - time.monotonic())))

    @property
    def hopeless(self) -> bool:
        """Whether waiting on would be in vain."""
        return any(entry.given_up for entry in self.entries)

    def report(self) -> list[dict[str, Any]]:
        """Each object: its name, whether it is as wanted, and why."""
        rows = [_row(str(entry.wanted), entry.standing) for entry in self.entries]
        return rows + [_row(str(check), check.standing) for check in self.checks]

    def explain(self) -> list[str]:
        """Lines about everything that is not as wanted."""
        lines: list[str] = []
        for entry in self.entries:
            if not entry.standing.met:
                lines.append(f"{entry.wanted}: {entry.own or entry.standing.why}")
                try:
                    about = self._about(entry)
                except ClusterError as error:
                    about = [str(error)]
                lines += [f"  {line}" for line in about]
                if entry.standing.next_step:
                    lines.append(f"  {entry.standing.next_step}")
        lines += [f"{check}: {check.standing.why}" for check in self.checks if not check.standing.met]
        return lines

    def _about(self, entry: Entry) -> list[str]:
        """Asked once more: a stream may be a moment behind what decided, such as the pod of a Job that has failed."""
        namespace, found = entry.wanted.namespace, entry.found
        if found is not None and _has_pods(found):
            pods, told = (
                {each["metadata"]["name"]: each for each in self._cluster.find("v1", kind, namespace)[1]}
                for kind in ("Pod", "Event")
            )
            entry.pods = troubled(found, pods, told)
        return explanation(self._cluster, found, entry.pods, namespace)

    def _streams(self) -> set[Stream]:
        streams = set()
        for entry in self.entries:
            wanted = entry.wanted
            streams.add(Stream(wanted.api_version, wanted.kind, wanted.namespace, wanted.name))
            if wanted.namespace and wanted.state == "ready":
                streams |= {Stream("v1", kind, wanted.namespace) for kind in ("Pod", "Event")}
        return streams

    def _settled(self, seen: dict[Stream, Seen]) -> bool:
        for entry in self.entries:
            self._look(entry, seen)
        if self.hopeless:
            return all(entry.known for entry in self.entries)
        return all(entry.standing.met for entry in self.entries)

    @staticmethod
    def _look(entry: Entry, seen: dict[Stream, Seen]) -> None:
        wanted = entry.wanted
        own = seen[Stream(wanted.api_version, wanted.kind, wanted.namespace, wanted.name)]
        if own.trouble and not (isinstance(own.trouble, Unknown) and wanted.state == "absent"):
            entry.known = True
            entry.look(_of_trouble(own.trouble))
            return
        if not own.known:
            return
        entry.found = own.objects.get(wanted.name)
        standing = wanted.standing(entry.found)
        entry.known, entry.own = True, standing.why
        pods, told = (seen.get(Stream("v1", kind, wanted.namespace), Seen()) for kind in ("Pod", "Event"))
        entry.pods = []
        if entry.found and _has_pods(entry.found):
            entry.pods = troubled(entry.found, pods.objects, told.objects)
        entry.look(forecast(standing, entry.pods))


def _has_pods(found: Object) -> bool:
    return found["kind"] == "Pod" or bool(selector(found))


def _of_trouble(error: ClusterError) -> Standing:
    return hopeless(str(error)) if error.final else pending(str(error))


def _row(name: str, standing: Standing) -> dict[str, Any]:
    return {"name": name, "ok": standing.met, "detail": standing.why}


def refusal(name: str, result: Mapping[str, Any]) -> str:
    """The message of a gate that did not open."""
    how = "can't become ready" if result["hopeless"] else f"is not ready after {result['seconds']:.0f} s"
    return "\n".join([f"{name} {how}.", *result["explanation"]])
