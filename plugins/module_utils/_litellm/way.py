# Copyright: Contributors to the Tollgate project
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The way to a proxy: its URL, or a Service of a cluster through a port-forward that ends with the module."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Any

from .._kubernetes.connection import NamedCluster, Unreachable
from .._kubernetes.service_port import ARGUMENTS as SERVICE
from .._kubernetes.service_port import ServicePort
from .secret_store import Refused

ARGUMENTS: dict[str, dict[str, Any]] = {"service": {"type": "dict", "options": SERVICE}}


def _no_trouble() -> str:
    return ""


@dataclass(frozen=True)
class Way:
    """Where to send requests, what messages call that, and why the last connection failed if the way knows.

    C(url) is empty when nobody is there yet.
    """

    url: str
    name: str
    option: str = "api_url"
    trouble: Callable[[], str] = _no_trouble
    pods: Callable[[], AbstractContextManager[list[str]]] | None = None  # addresses of each pod, where they are known

    @contextlib.contextmanager
    def each(self) -> Iterator[list[str]]:
        """Addresses that lead to different parts of the proxy, all together to all of it. Raises Unreachable."""
        if self.pods is None:
            yield [self.url]
            return
        with self.pods() as addresses:
            yield addresses


def checked(options: Mapping[str, Any]) -> None:
    """Raises Refused for a URL that can't be one. A Service wins over it."""
    if not options["service"] and not options["api_url"].startswith(("http://", "https://")):
        raise Refused("api_url must begin with http:// or https://.")


@contextlib.contextmanager
def way(options: Mapping[str, Any], cluster: NamedCluster, *, may_be_absent: bool = False) -> Iterator[Way]:
    """The way to the proxy, open as long as the block runs. Raises Refused, and Unreachable without the library."""
    if not options["service"]:
        url = options["api_url"].rstrip("/")
        yield Way(url, url)
        return
    service = ServicePort.of(options["service"])
    with contextlib.ExitStack() as stack:
        try:
            forward = stack.enter_context(cluster.forwarded(service))
        except Unreachable as error:
            if error.trace:
                raise
            if not (error.absent and may_be_absent):
                raise Refused(str(error)) from error
            reason = str(error)
            yield Way("", str(service), "service", lambda: reason)
            return

        @contextlib.contextmanager
        def pods() -> Iterator[list[str]]:
            with cluster.forwarded_each(service) as forwards:
                yield [f"http://{each.host}:{each.port}" for each in forwards]

        url = f"http://{forward.host}:{forward.port}"
        yield Way(url, str(service), "service", lambda: forward.trouble, pods)
