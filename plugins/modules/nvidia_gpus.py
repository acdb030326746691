#!/usr/bin/python
# Copyright: Contributors to the Tollgate project
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: nvidia_gpus
short_description: Wait until pods can get GPUs, or say of each node why they can't
version_added: 1.0.0
description:
  - Counts the GPUs that nodes offer to pods, and waits until there are enough. It reads, and changes nothing.
  - When there are too few, it says of each node what it has, which pods of drivers and plugins are not well there, and
    what to do next.
options:
  mode:
    description: Who brings GPUs about, which decides what to do next.
    type: str
    choices: [gke_managed, device_plugin, operator]
    required: true
  state:
    description:
      - V(ready) waits for GPUs.
      - V(installable) fails at once when something else tells the kubelet of GPUs already. Two device plugins on a node
        count each GPU twice.
    type: str
    choices: [ready, installable]
    default: ready
  count:
    description: How many GPUs there have to be on all nodes together.
    type: int
    default: 1
  resource:
    description: The resource that stands for a GPU.
    type: str
    default: nvidia.com/gpu
  namespaces:
    description: Where pods of drivers and plugins are looked for.
    type: list
    elements: str
    default: [kube-system, gpu-operator]
  plugin:
    description: The DaemonSet of our own device plugin, with its namespace.
    type: dict
    suboptions:
      name:
        description: The DaemonSet.
        type: str
        required: true
      namespace:
        description: Its namespace.
        type: str
        required: true
  timeout:
    description: Seconds until it gives up.
    type: int
    default: 900
attributes:
  check_mode:
    support: full
    details: Looks once and does not fail for want of GPUs, since what brings them may not have been made.
  diff_mode:
    support: none
extends_documentation_fragment:
  - tollgate.llm._attributes
  - tollgate.llm._kubernetes
author: The Tollgate developers (@tollgate)
"""

EXAMPLES = r"""
- name: Wait for four GPUs
  tollgate.llm.nvidia_gpus:
    mode: gke_managed
    count: 4
"""

RETURN = r"""
ok:
  description: Whether there are enough.
  type: bool
  returned: always
gpus:
  description: How many there are.
  type: int
  returned: always
checks:
  description: The same, for the wave's verdict.
  type: list
  elements: dict
  returned: always
explanation:
  description: Lines about what lacks.
  type: list
  elements: str
  returned: always
"""

import time
from typing import Any

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.tollgate.llm.plugins.module_utils._kubernetes import cluster, connection
from ansible_collections.tollgate.llm.plugins.module_utils._kubernetes.standing import Object
from ansible_collections.tollgate.llm.plugins.module_utils._libraries import require
from ansible_collections.tollgate.llm.plugins.module_utils._nvidia import gpus

PAUSE = 3.0  # seconds
LOG_LINES = 4


def nodes_of(asked: cluster.Cluster, resource: str) -> list[gpus.Node]:
    """All nodes."""
    return sorted(
        (gpus.Node.of(each, resource) for each in asked.find("v1", "Node")[1]), key=lambda node: str(node.name)
    )


def pods_of(asked: cluster.Cluster, options: dict[str, Any]) -> list[Object]:
    """The pods in the namespaces of drivers and plugins."""
    own = [options["plugin"]["namespace"]] if options["plugin"] else []
    return [
        pod
        for namespace in dict.fromkeys([*options["namespaces"], *own])
        for pod in asked.find("v1", "Pod", namespace)[1]
    ]


def last_words(asked: cluster.Cluster, pods: list[Object]) -> list[str]:
    """What the first device plugin said last: it names a missing driver."""
    for pod in gpus.plugins(pods)[:1]:
        container = pod["spec"]["containers"][0]["name"]
        said = asked.log(pod, container, previous=False, lines=LOG_LINES)
        name = f"{pod['metadata']['namespace']}/{pod['metadata']['name']}"
        return [f"last words of {name}:", *(f"  {line}" for line in said)] if said else []
    return []


def wait(asked: cluster.Cluster, options: dict[str, Any], seconds: float) -> dict[str, Any]:
    """Look until there are enough, or the time is over."""
    end = time.monotonic() + seconds
    while True:
        nodes = nodes_of(asked, options["resource"])
        ok = gpus.total(nodes) >= options["count"]
        if ok or time.monotonic() >= end:
            break
        time.sleep(PAUSE)
    lines: list[str] = []
    if not ok:
        pods = pods_of(asked, options)
        lines = [*gpus.explanation(nodes, pods, options["mode"]), *last_words(asked, pods)]
    detail = gpus.summary(nodes, options["resource"])
    return {
        "ok": ok,
        "gpus": gpus.total(nodes),
        "checks": [{"name": "GPUs", "ok": ok, "detail": detail if ok else f"{detail}, wanted {options['count']}"}],
        "explanation": lines,
    }


def installable(asked: cluster.Cluster, options: dict[str, Any]) -> dict[str, Any]:
    """Whether a device plugin of our own would be the only one."""
    own = options["plugin"] or {"name": "", "namespace": ""}
    nodes = nodes_of(asked, options["resource"])
    found = gpus.doubled(nodes, pods_of(asked, options), own["namespace"], own["name"])
    return {"ok": not found, "gpus": gpus.total(nodes), "checks": [], "explanation": found}


def main() -> None:
    spec = {
        "mode": {"type": "str", "choices": ["gke_managed", "device_plugin", "operator"], "required": True},
        "state": {"type": "str", "choices": ["ready", "installable"], "default": "ready"},
        "count": {"type": "int", "default": 1},
        "resource": {"type": "str", "default": "nvidia.com/gpu"},
        "namespaces": {"type": "list", "elements": "str", "default": ["kube-system", "gpu-operator"]},
        "plugin": {
            "type": "dict",
            "options": {"name": {"type": "str", "required": True}, "namespace": {"type": "str", "required": True}},
        },
        "timeout": {"type": "int", "default": 900},
        **connection.ARGUMENTS,
    }
    module = AnsibleModule(argument_spec=spec, supports_check_mode=True)
    require(module, kubernetes=cluster.KUBERNETES_IMPORT_ERROR)
    options = module.params
    try:
        asked = cluster.Cluster(options["kubeconfig"], options["context"])
        if options["state"] == "installable":
            result = installable(asked, options)
            if not result["ok"]:
                lines = [*result["explanation"], "Nothing was changed."]
                module.fail_json(msg="\n".join(["The device plugin can't be installed.", *lines]), **result)
            module.exit_json(changed=False, **result)
        result = wait(asked, options, 0 if module.check_mode else options["timeout"])
    except cluster.ClusterError as error:
        module.fail_json(msg=f"GPUs: {error}")
    if not result["ok"] and not module.check_mode:
        head = f"GPUs: there are {result['checks'][0]['detail']}."
        module.fail_json(msg="\n".join([head, *result["explanation"]]), **result)
    module.exit_json(changed=False, **result)


if __name__ == "__main__":
    main()
