# Copyright: Contributors to the Tollgate project
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Keeps what a cluster says of some objects up to date, by watching: one stream for each kind and namespace."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field

from .cluster import Cluster, ClusterError, Unknown
from .standing import Object

STREAM = 60  # seconds; the next one begins where the last one ended
BREATH = 1.0  # seconds before somebody who did not answer is asked again


@dataclass(frozen=True)
class Stream:
    """The objects of one kind in a namespace, or one of them."""

    api_version: str
    kind: str
    namespace: str
    name: str = ""

    @property
    def fields(self) -> str:
        """The field selector."""
        return f"metadata.name={self.name}" if self.name else ""


@dataclass
class Seen:
    """What the last answer said."""

    objects: dict[str, Object] = field(default_factory=dict)  # by name
    known: bool = False  # there was an answer
    trouble: ClusterError | None = None


class Watcher:
    """All streams of a gate. `changed` is told after each change."""

    def __init__(self, cluster: Cluster, streams: set[Stream]) -> None:
        self._cluster = cluster
        self._changed = threading.Condition()
        self._seen = {stream: Seen() for stream in streams}
        self._ended = False

    def __enter__(self) -> Watcher:
        for stream in self._seen:
            # A daemon: a stream that nothing comes from can't be interrupted, and must not hold up the end.
            threading.Thread(target=self._follow, args=(stream,), daemon=True).start()
        return self

    def __exit__(self, *_exception: object) -> None:
        self._ended = True

    def until(self, done: Callable[[dict[Stream, Seen]], bool], seconds: float) -> bool:
        """Wait until DONE says so, asked after each change and every second; returns what it said last."""
        deadline = time.monotonic() + seconds
        with self._changed:
            while True:
                if done(self._seen):
                    return True
                left = deadline - time.monotonic()
                if left <= 0:
                    return False
                self._changed.wait(min(left, BREATH))

    def _follow(self, stream: Stream) -> None:
        while not self._ended:
            try:
                self._once(stream)
            except Unknown as error:
                self._set(stream, Seen(known=True, trouble=error))
                time.sleep(BREATH)
            except ClusterError as error:
                with self._changed:
                    self._seen[stream].trouble = error
                    self._changed.notify_all()
                time.sleep(BREATH)

    def _once(self, stream: Stream) -> None:
        version, objects = self._cluster.find(stream.api_version, stream.kind, stream.namespace, stream.fields)
        self._set(stream, Seen({found["metadata"]["name"]: found for found in objects}, known=True))
        for what, found in self._cluster.changes(
            stream.api_version, stream.kind, stream.namespace, stream.fields, since=version, seconds=STREAM
        ):
            with self._changed:
                name = found["metadata"]["name"]
                if what == "DELETED":
                    self._seen[stream].objects.pop(name, None)
                else:
                    self._seen[stream].objects[name] = found
                self._changed.notify_all()

    def _set(self, stream: Stream, seen: Seen) -> None:
        with self._changed:
            self._seen[stream] = seen
            self._changed.notify_all()
