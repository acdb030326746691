# Copyright: Contributors to the Tollgate project
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Where the modules read secrets: a directory of files, a namespace of a cluster's Secrets, or Secret Manager."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from .._kubernetes.connection import ARGUMENTS as CLUSTER
from .._kubernetes.connection import NamedCluster, Unreachable
from .._secrets.gsm_connection import ConnectionProblem, opened, store_option, versions_of
from .._secrets.gsm_settings import Settings
from .._secrets.prefixed import Prefixed
from .._secrets.store import Store as KeptStore
from .._secrets.write_once import Observation, changed_since

if TYPE_CHECKING:
    from .._secrets.kubernetes_store import KubernetesStore

ARGUMENTS: dict[str, dict[str, Any]] = {
    **CLUSTER,
    "secrets_directory": {"type": "path"},
    "secrets_namespace": {"type": "str", "no_log": False},
    "secrets_gsm": {**store_option(), "no_log": False},
}
EITHER = ("secrets_directory", "secrets_namespace", "secrets_gsm")
NEEDED = "secrets_directory is needed to find the secret {}, or secrets_namespace, or secrets_gsm."


class Refused(Exception):
    """The module can't do what was asked; the text says why and what next."""


class Store(Protocol):
    """Secrets by name. C(what) says in a message for whom one is read."""

    def load(self, names: Sequence[str]) -> None:
        """Read these at once. Nothing is said yet of those that can't be read."""

    def has(self, name: str) -> bool:
        """Whether there is anything under this name; it may still be unusable."""

    def text(self, name: str, what: str, *, exact: bool = False) -> str:
        """The secret, without blanks at its ends unless it is wanted exactly as workloads read it. Raises Refused."""

    def place(self, name: str) -> str:
        """Where it lies, in words."""

    def writable(self, name: str) -> KeptStore:
        """The store in which a secret of this name can be made. Raises Refused."""


def store_of(options: Mapping[str, Any], cluster: NamedCluster) -> Store | None:
    """The store that the options name, if any."""
    if options.get("secrets_namespace"):
        return Namespace(cluster, str(options["secrets_namespace"]))
    if options.get("secrets_directory"):
        return Directory(Path(options["secrets_directory"]))
    if options.get("secrets_gsm"):
        return SecretManager(options["secrets_gsm"])
    return None


def read_file(path: Path, what: str) -> str:
    """The text of a secret's file. Raises Refused with the path and the reason."""
    try:
        text = path.read_text(encoding="utf-8").strip()
    except OSError as error:
        raise Refused(f"{what}: {path}: {error.strerror}. Make it first (the wave secrets does).") from error
    except UnicodeDecodeError as error:
        raise Refused(f"{what}: {path} holds something that is no text.") from error
    if not text:
        raise Refused(f"{what}: {path} is empty. Restore its content.")
    return text


class Directory:
    """The files of M(tollgate.llm.file_secret)."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def load(self, names: Sequence[str]) -> None:
        """Files are read one by one."""

    def has(self, name: str) -> bool:
        return (self._path / name).exists()

    def text(self, name: str, what: str, *, exact: bool = False) -> str:  # noqa: ARG002 (a shell reads it without)
        return read_file(self._path / name, what)

    def place(self, name: str) -> str:
        return str(self._path / name)

    def writable(self, name: str) -> KeptStore:  # noqa: ARG002 (any)
        from .._secrets.file_store import FileStore  # noqa: PLC0415 (only who writes needs it)

        return FileStore(self._path)


class Observed(ABC):
    """A store that shows many secrets at once, each with what it noted of it."""

    def __init__(self) -> None:
        self._read: dict[str, Observation] = {}

    @abstractmethod
    def writable(self, name: str) -> KeptStore:
        """The store itself."""

    @abstractmethod
    def _observe(self, names: Sequence[str]) -> Mapping[str, Observation]: ...

    def load(self, names: Sequence[str]) -> None:
        unread = sorted(set(names) - self._read.keys())
        if unread:
            self._read |= self._observe(unread)

    def has(self, name: str) -> bool:
        seen = self._seen(name)
        return seen.value is not None or seen.obstacle is not None

    def text(self, name: str, what: str, *, exact: bool = False) -> str:
        seen = self._seen(name)
        if seen.obstacle is not None:
            raise Refused(f"{what}: {seen.obstacle}.")
        if seen.value is None:
            state = "does not exist" if seen.holds.value == "nothing" else "is empty"
            raise Refused(f"{what}: {self.place(name)} {state}. Make it first (the wave secrets does).")
        if not seen.value.strip():
            raise Refused(f"{what}: {self.place(name)} is empty. Restore its content.")
        if changed := changed_since(seen, self.writable(name).place(name)):
            raise Refused(f"{what}: {changed}.")
        # As workloads get it, with a line break that somebody put at its end.
        return seen.value if exact else seen.value.strip()

    def place(self, name: str) -> str:
        return self.writable(name).place(name).where

    def _seen(self, name: str) -> Observation:
        self.load([name])
        return self._read[name]


class Namespace(Observed):
    """The Secrets of M(tollgate.llm.kubernetes_secret)."""

    def __init__(self, cluster: NamedCluster, namespace: str) -> None:
        super().__init__()
        self._cluster = cluster
        self._namespace = namespace
        self._store: KubernetesStore | None = None

    def writable(self, name: str) -> KubernetesStore:  # noqa: ARG002 (any)
        if self._store is None:
            cluster = self._cluster.connected  # first: it says when the library is missing
            from .._secrets.kubernetes_store import KubernetesStore  # noqa: PLC0415 (it needs that library)

            self._store = KubernetesStore(cluster, self._namespace)
        return self._store

    def _observe(self, names: Sequence[str]) -> Mapping[str, Observation]:
        try:
            return self.writable("").observe(names)
        except Unreachable as error:
            if error.trace:
                raise
            raise Refused(f"secrets_namespace {self._namespace}: {error}") from error

    def place(self, name: str) -> str:
        return f"Secret {self._namespace}/{name}"  # known before the cluster is


class SecretManager(Observed):
    """The secrets of M(tollgate.llm.gsm_secret): of each the version that is named, else the one that is noted."""

    def __init__(self, options: Mapping[str, Any]) -> None:
        super().__init__()
        self._options = options
        self._declared: dict[str, Settings] = {}
        self._store: Prefixed | None = None

    def writable(self, name: str) -> Prefixed:
        try:
            versions = versions_of(self._options)
            if self._store is None:
                self._store = opened(self._options, self._declared)
        except ConnectionProblem as error:
            raise Refused(f"secrets_gsm: {error}") from error
        self._declared.setdefault(name, Settings(version=versions.get(name), regional=bool(self._options["location"])))
        return self._store

    def _observe(self, names: Sequence[str]) -> Mapping[str, Observation]:
        stores = [self.writable(name) for name in names]
        return stores[0].observe(names)
