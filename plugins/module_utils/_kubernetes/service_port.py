# Copyright: Contributors to the Tollgate project
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The option that names a port of a Service. Nothing here needs the Kubernetes library."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

ARGUMENTS: dict[str, dict[str, Any]] = {
    "name": {"type": "str", "required": True},
    "namespace": {"type": "str", "required": True},
    "port": {"type": "str", "required": True},
}


@dataclass(frozen=True)
class ServicePort:
    """A Service's port, by number or name."""

    namespace: str
    name: str
    port: str

    @classmethod
    def of(cls, option: Mapping[str, Any]) -> ServicePort:
        """From the module's option."""
        return cls(option["namespace"], option["name"], str(option["port"]))

    def __str__(self) -> str:
        return f"Service {self.name} in {self.namespace}, port {self.port}"
