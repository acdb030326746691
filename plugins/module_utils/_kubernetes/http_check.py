# Copyright: Contributors to the Tollgate project
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A request through a Service that has to be answered as wanted."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from .cluster import Cluster, ClusterError
from .standing import Standing, met, pending

ARGUMENTS: dict[str, dict[str, Any]] = {
    "service": {"type": "str", "required": True},
    "namespace": {"type": "str", "required": True},
    "port": {"type": "str", "required": True},
    "path": {"type": "str", "default": "/"},
    "scheme": {"type": "str", "choices": ["http", "https"], "default": "http"},
    "status": {"type": "list", "elements": "int", "default": [200]},
    "contains": {"type": "str"},
}
SHOWN = 200  # characters of an answer


@dataclass
class HttpCheck:
    """GET, asked by the API server: nothing has to be reachable from here. It carries no credentials."""

    service: str
    namespace: str
    port: str
    path: str = "/"
    scheme: str = "http"
    status: list[int] = field(default_factory=lambda: [200])
    contains: str = ""
    standing: Standing = field(default_factory=lambda: pending("not asked yet"))

    @classmethod
    def of(cls, options: Mapping[str, Any]) -> HttpCheck:
        """From the module's options."""
        return cls(**{name: value for name, value in options.items() if value is not None})

    def __str__(self) -> str:
        return f"{self.scheme}://{self.service}.{self.namespace}:{self.port}{self.path}"

    def ask(self, cluster: Cluster) -> None:
        """Ask once."""
        try:
            status, body = cluster.through_service(self.namespace, self.service, self.port, self.path, self.scheme)
        except ClusterError as error:
            self.standing = pending(str(error))
            return
        says = f"answered {status}: {' '.join(body.split())[:SHOWN]}".rstrip(": ")
        if status not in self.status:
            self.standing = pending(says)
        elif self.contains and self.contains not in body:
            self.standing = pending(f"{says}, without {self.contains!r} in it")
        else:
            self.standing = met(f"answered {status}")
