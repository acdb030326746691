# Copyright: Contributors to the Tollgate project
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is delivered, and the store that it comes out of, as the options of a module name them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from . import gsm_connection
from .delivery import ENTRY, Delivery
from .ensure import SecretsRefusedError
from .file_store import FileStore
from .gsm_settings import Settings
from .kubernetes_store import KubernetesStore
from .store import Store

if TYPE_CHECKING:
    from .._kubernetes.cluster import Cluster

ARGUMENTS: dict[str, Any] = {
    "store_namespace": {"type": "str"},
    "store_directory": {"type": "path"},
    "store_gsm": gsm_connection.store_option(versions_needed=True),
    "deliver": {"type": "list", "elements": "dict", "required": True, "options": ENTRY},
}
STORES = ("store_namespace", "store_directory", "store_gsm")


def store_of(
    options: Mapping[str, Any], wanted: Sequence[Delivery], cluster: Callable[[], Cluster], *, check_mode: bool
) -> Store:
    """The store of these options. Raises SecretsRefusedError, ConnectionProblem, and what CLUSTER raises."""
    if options["store_directory"]:
        return FileStore(Path(options["store_directory"]))
    if options["store_namespace"]:
        return KubernetesStore(cluster(), options["store_namespace"], may_be_missing=check_mode)
    return _gsm(options["store_gsm"], wanted)


def _gsm(options: Mapping[str, Any], wanted: Sequence[Delivery]) -> Store:
    """The store in Secret Manager, of which one version of each secret is read."""
    names, versions = {name for one in wanted for name in one.secrets}, gsm_connection.versions_of(options)
    unknown = sorted(names - versions.keys())
    if unknown:
        raise SecretsRefusedError([f"store_gsm.versions has no number for {', '.join(unknown)}."])
    return gsm_connection.opened(options, {name: Settings(version=versions[name]) for name in names})
