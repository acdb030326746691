#!/usr/bin/python
# Copyright: Contributors to the Tollgate project
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: postgres_info
short_description: Whether a database of CloudNativePG can become what is declared
version_added: 1.0.0
description:
  - Compares what is declared with the Cluster, the owner's Secret and the StorageClasses that are there, and changes
    nothing.
  - It fails with everything that can't work, such as a volume that would shrink, before anything is written.
options:
  name:
    description: The name of the Cluster.
    type: str
    required: true
  namespace:
    description: Its namespace.
    type: str
    required: true
  instances:
    description: How many instances it has.
    type: int
    required: true
  image:
    description: The image of PostgreSQL. Its tag begins with the major version.
    type: str
    required: true
  storage_size:
    description: The size of each instance's volume.
    type: str
    required: true
  wal_storage_size:
    description: The size of a volume for the write-ahead log, if it has one of its own.
    type: str
    default: ""
  storage_class:
    description: The StorageClass, if not the default one.
    type: str
    default: ""
  database:
    description: The database that is made with the first start.
    type: str
    required: true
  owner:
    description: Its owner.
    type: str
    required: true
  secret:
    description: The Secret with the owner's name and password. Its values are not returned.
    type: str
    required: true
  synchronous:
    description: Whether a standby has to confirm what is written.
    type: str
    choices: [none, preferred, required]
    default: none
  synchronous_number:
    description: How many standbys have to.
    type: int
    default: 1
  smart_shutdown_timeout:
    description: Seconds that clients get to leave when an instance stops.
    type: int
    required: true
  stop_delay:
    description: Seconds in which an instance has to stop.
    type: int
    required: true
  major_upgrade:
    description: Whether an image of a later major version may upgrade the database.
    type: bool
    default: false
  state:
    description:
      - V(present) checks everything. For V(hibernated) the Secret may be missing. For V(absent) O(allow_loss) is needed
        when the database is there.
    type: str
    choices: [present, hibernated, absent]
    default: present
  allow_loss:
    description: Confirms that the database may be removed with its data.
    type: bool
    default: false
attributes:
  check_mode:
    support: full
    details: What an earlier part of the same run would bring, the operator and the Secret, may be missing.
  diff_mode:
    support: none
extends_documentation_fragment:
  - tollgate.llm._attributes
  - tollgate.llm._kubernetes
author: The Tollgate developers (@tollgate)
"""

EXAMPLES = r"""
- name: Refuse what can't work
  tollgate.llm.postgres_info:
    name: litellm-pg
    namespace: litellm
    instances: 3
    image: ghcr.io/cloudnative-pg/postgresql:17-standard-trixie
    storage_size: 20Gi
    database: litellm
    owner: litellm
    secret: litellm-pg-app
    smart_shutdown_timeout: 15
    stop_delay: 120
"""

RETURN = r"""
exists:
  description: Whether the Cluster is there.
  type: bool
  returned: always
phase:
  description: What the operator says of it.
  type: str
  returned: when it is there
  sample: Cluster in healthy state
"""

from typing import Any

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.tollgate.llm.plugins.module_utils._kubernetes import cluster, connection, postgres
from ansible_collections.tollgate.llm.plugins.module_utils._libraries import require

API = "postgresql.cnpg.io/v1"
OPTIONS: dict[str, dict[str, Any]] = {
    "name": {"type": "str", "required": True},
    "namespace": {"type": "str", "required": True},
    "instances": {"type": "int", "required": True},
    "image": {"type": "str", "required": True},
    "storage_size": {"type": "str", "required": True},
    "wal_storage_size": {"type": "str", "default": ""},
    "storage_class": {"type": "str", "default": ""},
    "database": {"type": "str", "required": True},
    "owner": {"type": "str", "required": True},
    "secret": {"type": "str", "required": True, "no_log": False},
    "synchronous": {"type": "str", "choices": ["none", "preferred", "required"], "default": "none"},
    "synchronous_number": {"type": "int", "default": 1},
    "smart_shutdown_timeout": {"type": "int", "required": True},
    "stop_delay": {"type": "int", "required": True},
    "major_upgrade": {"type": "bool", "default": False},
}
UNCHANGED = "Nothing was changed."


class Refused(Exception):
    """What is declared can't become true."""


def database(asked: cluster.Cluster, options: dict[str, Any], check_mode: bool) -> dict[str, Any] | None:
    try:
        return asked.read(API, "Cluster", options["name"], options["namespace"])
    except cluster.Unknown as error:
        if check_mode or options["state"] != "present":
            return None
        raise Refused(f"the cluster does not know CloudNativePG. Run the wave operators first. {UNCHANGED}") from error


def classes(asked: cluster.Cluster) -> list[dict[str, Any]] | None:
    try:
        return asked.find("storage.k8s.io/v1", "StorageClass")[1]
    except cluster.Forbidden:
        return None


def work(options: dict[str, Any], check_mode: bool) -> dict[str, Any]:
    asked = cluster.Cluster(options["kubeconfig"], options["context"])
    name, namespace, state = options["name"], options["namespace"], options["state"]
    found = database(asked, options, check_mode)
    if state == "absent":
        if found is not None and not options["allow_loss"]:
            raise Refused(
                f"the database {namespace}/{name} would be removed with its data. Say so with postgres_allow_loss: "
                f"true, or keep its volumes with postgres_state: hibernated. {UNCHANGED}"
            )
    else:
        there = postgres.There(
            found,
            asked.read("v1", "Secret", options["secret"], namespace),
            classes(asked) if found is None else None,
        )
        declared = postgres.Declared(**{option: options[option] for option in OPTIONS})
        problems = postgres.problems(declared, there, secret_later=check_mode or state != "present")
        if problems:
            raise Refused("\n".join(f"{problem}." for problem in problems) + f"\n{UNCHANGED}")
    if found is None:
        return {"exists": False}
    return {"exists": True, "phase": (found.get("status") or {}).get("phase", "not begun")}


def main() -> None:
    module = AnsibleModule(
        argument_spec={
            **OPTIONS,
            "state": {"type": "str", "choices": ["present", "hibernated", "absent"], "default": "present"},
            "allow_loss": {"type": "bool", "default": False},
            **connection.ARGUMENTS,
        },
        supports_check_mode=True,
    )
    require(module, kubernetes=cluster.KUBERNETES_IMPORT_ERROR)
    try:
        found = work(module.params, module.check_mode)
    except (Refused, cluster.ClusterError) as error:
        module.fail_json(msg=f"postgres: {error}")
    module.exit_json(changed=False, **found)


if __name__ == "__main__":
    main()
