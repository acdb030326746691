# Copyright: Contributors to the Tollgate project
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""One cluster, as tests use it. Objects are plain dictionaries, as in manifests."""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from kubernetes import client, config, stream
from kubernetes.dynamic import DynamicClient
from kubernetes.dynamic.exceptions import NotFoundError

from . import watching
from .conditions import Predicate
from .objects import Object

MANAGER = "tollgate-checks"


@dataclass
class Cluster:
    """A kubeconfig and what can be done with it. `made_here`: it is the one of `make cluster`."""

    kubeconfig: Path
    made_here: bool
    api: client.ApiClient = field(init=False)
    dynamic: DynamicClient = field(init=False)
    _discovered: tempfile.TemporaryDirectory[str] = field(init=False, repr=False)

    def __post_init__(self) -> None:
        self.api = config.new_client_from_config(str(self.kubeconfig))
        # A cache of its own: the default one lies in a shared place, and test processes write it at the same time.
        self._discovered = tempfile.TemporaryDirectory(prefix="tollgate-checks-")
        self.dynamic = DynamicClient(self.api, cache_file=f"{self._discovered.name}/discovered.json")

    def close(self) -> None:
        """Close connections and remove what was remembered."""
        self.api.close()
        self._discovered.cleanup()

    def resource(self, api_version: str, kind: str) -> Any:
        """The endpoint of a kind."""
        return self.dynamic.resources.get(api_version=api_version, kind=kind)

    def _of(self, wanted: Object) -> Any:
        return self.resource(wanted["apiVersion"], wanted["kind"])

    def apply(self, wanted: Object, manager: str = MANAGER, force: bool = True) -> Object:
        """Server-side apply. Returns the object as it is now."""
        applied = self._of(wanted).server_side_apply(body=wanted, field_manager=manager, force_conflicts=force)
        return dict(applied.to_dict())

    def create(self, wanted: Object) -> Object:
        """Create the object. Raises ApiException when it is refused."""
        return dict(self._of(wanted).create(body=wanted).to_dict())

    def patch(self, wanted: Object, change: Object, **options: Any) -> Object:
        """Merge a change into the object."""
        name, namespace = wanted["metadata"]["name"], wanted["metadata"].get("namespace")
        kind = "application/merge-patch+json"
        answer = self._of(wanted).patch(body=change, name=name, namespace=namespace, content_type=kind, **options)
        return dict(answer.to_dict())

    def get(self, wanted: Object) -> Object | None:
        """The object as it is now, None when it does not exist."""
        metadata = wanted["metadata"]
        try:
            return dict(self._of(wanted).get(name=metadata["name"], namespace=metadata.get("namespace")).to_dict())
        except NotFoundError:
            return None

    def all(self, api_version: str, kind: str, namespace: str | None = None, labels: str | None = None) -> list[Object]:
        """All objects of a kind."""
        found = self.resource(api_version, kind).get(namespace=namespace, label_selector=labels).to_dict()["items"]
        # Entries of a list don't say what they are.
        return [{"apiVersion": api_version, "kind": kind, **entry} for entry in found]

    def delete(self, wanted: Object, **options: Any) -> None:
        """Ask for the deletion of the object; its absence is fine."""
        metadata = wanted["metadata"]
        body = {"propagationPolicy": "Background", **options}
        try:
            self._of(wanted).delete(name=metadata["name"], namespace=metadata.get("namespace"), body=body)
        except NotFoundError:
            return

    def wait(self, wanted: Object, until: Predicate, seconds: float = 60, what: str = "") -> Object:
        """Wait until the object is there and the predicate holds for it. Returns it."""
        meant = what or until.__doc__ or "as wanted"
        return watching.wait(self, wanted, lambda found: found is not None and until(found), seconds, meant)

    def wait_gone(self, wanted: Object, seconds: float = 60) -> None:
        """Wait until the object does not exist, or is another of the same name."""
        uid = wanted["metadata"].get("uid")
        gone: Callable[[Object | None], object] = lambda found: (  # noqa: E731 (its type is what makes it readable)
            found is None or (uid is not None and found["metadata"]["uid"] != uid)
        )
        watching.wait(self, wanted, gone, seconds, "gone")

    def run(self, wanted: Object, until: Predicate, seconds: float = 60) -> Object:
        """Apply and wait."""
        return self.wait(self.apply(wanted), until, seconds)

    def event(self, about: Object, reason: str, seconds: float = 60) -> str:
        """Wait for an event with this reason about the object. Returns its message."""
        namespace, name = about["metadata"]["namespace"], about["metadata"]["name"]

        def message() -> str:
            events = self.all("v1", "Event", namespace)
            own = [event for event in events if event["involvedObject"].get("name") == name]
            return next((event.get("message", "") for event in own if event["reason"] == reason), "")

        return watching.eventually(message, seconds, f"the event {reason} about {about['kind']} {name}")

    def logs(self, pod: Object, container: str | None = None, previous: bool = False, tail: int | None = None) -> str:
        """What a container printed."""
        metadata = pod["metadata"]
        text = client.CoreV1Api(self.api).read_namespaced_pod_log(
            metadata["name"],
            metadata["namespace"],
            container=container or pod["spec"]["containers"][0]["name"],
            previous=previous,
            tail_lines=tail,
            _preload_content=False,
        )
        return str(text.data.decode("utf-8", "replace"))

    def execute(self, pod: Object, *command: str, container: str | None = None, seconds: int = 60) -> tuple[int, str]:
        """Run a command in a pod. Returns its exit code and all that it printed."""
        metadata = pod["metadata"]
        # A client of its own: the library replaces a method of it while it talks through a web socket.
        with config.new_client_from_config(str(self.kubeconfig)) as api:
            running = stream.stream(
                client.CoreV1Api(api).connect_get_namespaced_pod_exec,
                metadata["name"],
                metadata["namespace"],
                container=container or pod["spec"]["containers"][0]["name"],
                command=list(command),
                stdout=True,
                stderr=True,
                stdin=False,
                tty=False,
                _preload_content=False,
            )
            running.run_forever(timeout=seconds)
            code = running.returncode  # before the output: reading that forgets how the command ended
            output = str(running.read_all())
            if code is None:
                running.close()
                raise watching.NotInTime(f"{' '.join(command)}: still running after {seconds} s; so far:\n{output}")
            return int(code), output

    def output(self, pod: Object, *command: str) -> str:
        """What a command in a pod printed; fails with it when the command fails."""
        code, output = self.execute(pod, *command)
        if code:
            name = pod["metadata"]["name"]
            raise AssertionError(f"{' '.join(command)} in pod {name} ended with code {code}:\n{output}")
        return output
