# Copyright: Contributors to the Tollgate project
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The cluster that a module's options name, for modules that mostly work without one.

The Kubernetes library is imported when the cluster is asked for: it takes a second, and may not be installed.
"""

from __future__ import annotations

import contextlib
import traceback
from collections.abc import Callable, Iterator, Mapping
from functools import cached_property
from typing import TYPE_CHECKING, Any

from ansible.module_utils.basic import missing_required_lib
from ansible.module_utils.common.parameters import env_fallback

from .service_port import ServicePort

if TYPE_CHECKING:
    from .cluster import Cluster
    from .port_forward import Forward

ARGUMENTS: dict[str, dict[str, Any]] = {
    "kubeconfig": {"type": "path", "fallback": (env_fallback, ["K8S_AUTH_KUBECONFIG"])},
    "context": {"type": "str", "fallback": (env_fallback, ["K8S_AUTH_CONTEXT"])},
}

_missing: Callable[[str], str] = missing_required_lib


class Unreachable(Exception):
    """What an option wants of a cluster can't be had; the text says why and what next.

    C(absent): it is not there, as before a first run. C(trace) is the traceback of an import that failed.
    """

    def __init__(self, message: str, *, absent: bool = False, trace: str | None = None) -> None:
        self.absent = absent
        self.trace = trace
        super().__init__(message)


class NamedCluster:
    """The cluster of O(kubeconfig) and O(context). Nothing is asked of it before it is used."""

    def __init__(self, options: Mapping[str, Any]) -> None:
        self._kubeconfig, self._context = options["kubeconfig"], options["context"]

    @cached_property
    def connected(self) -> Cluster:
        """The cluster itself. Raises Unreachable."""
        from .cluster import KUBERNETES_IMPORT_ERROR, Cluster, ClusterError  # noqa: PLC0415 (see above)

        if KUBERNETES_IMPORT_ERROR:
            raise Unreachable(_missing("kubernetes"), trace=KUBERNETES_IMPORT_ERROR)
        try:
            return Cluster(self._kubeconfig, self._context)
        except ClusterError as error:
            raise Unreachable(str(error)) from error

    @cached_property
    def server(self) -> str:
        """The address of its API server, which is not asked. Raises Unreachable."""
        try:
            from kubernetes import client, config  # noqa: PLC0415 (see above)
        except ImportError as error:
            raise Unreachable(_missing("kubernetes"), trace=traceback.format_exc()) from error
        settings = client.Configuration()
        load: Any = config.load_kube_config  # without types
        try:
            load(self._kubeconfig, self._context, settings)
        except (config.ConfigException, OSError) as error:
            raise Unreachable(f"{self._kubeconfig or 'the default kubeconfig'} can't be used: {error}.") from error
        return str(settings.host)

    def read(self, kind: str, namespace: str, name: str) -> dict[str, Any] | None:
        """One object of the core group, if it is there. Raises Unreachable."""
        cluster = self.connected
        from .cluster import ClusterError  # noqa: PLC0415 (see above)

        try:
            return cluster.read("v1", kind, name, namespace)
        except ClusterError as error:
            raise Unreachable(str(error)) from error

    @contextlib.contextmanager
    def forwarded(self, service: ServicePort) -> Iterator[Forward]:
        """A port of this machine that leads to a Service. Raises Unreachable; C(absent) when nobody is there."""
        cluster = self.connected
        from .port_forward import forwarded  # noqa: PLC0415 (see above)

        with contextlib.ExitStack() as stack:
            with _reached():
                forward = stack.enter_context(forwarded(cluster, service.namespace, service.name, service.port))
            yield forward

    @contextlib.contextmanager
    def forwarded_each(self, service: ServicePort) -> Iterator[list[Forward]]:
        """The same for each pod that is ready."""
        cluster = self.connected
        from .port_forward import forwarded_each  # noqa: PLC0415 (see above)

        with contextlib.ExitStack() as stack:
            with _reached():
                forwards = stack.enter_context(forwarded_each(cluster, service))
            yield forwards


@contextlib.contextmanager
def _reached() -> Iterator[None]:
    from .cluster import ClusterError  # noqa: PLC0415 (see above)
    from .port_forward import NotThere  # noqa: PLC0415 (see above)

    try:
        yield
    except ClusterError as error:
        raise Unreachable(str(error), absent=isinstance(error, NotThere)) from error
