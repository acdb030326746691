#!/usr/bin/python
# Copyright: Contributors to the Tollgate project
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: vllm_served_models
short_description: Ask model servers whether they serve what is declared, and ask for their key
version_added: 1.0.0
description:
  - Asks each server through its Service, by a port-forward, so that nothing has to be reachable from here. C(/health)
    has to be well, C(/v1/models) has to refuse who has no key, and to name the model to who has it.
  - It reads the key out of its Secret and shows no more of it than its fingerprint. No model is called.
  - What a moment may heal is asked again until O(timeout).
options:
  name:
    description: What is asked, for messages.
    type: str
    default: models
  namespace:
    description: The namespace of the Services and of the Secret.
    type: str
    required: true
  servers:
    description: The servers.
    type: list
    elements: dict
    required: true
    suboptions:
      service:
        description: The Service.
        type: str
        required: true
      model:
        description: The name that the model is asked for by.
        type: str
        required: true
      port:
        description: The Service's port.
        type: int
        default: 8000
  key_secret:
    description: Where the key is.
    type: dict
    required: true
    suboptions:
      name:
        description: The Secret.
        type: str
        required: true
      key:
        description: The key in it.
        type: str
        required: true
  key_fingerprint:
    description: The fingerprint that the key has in the secret store, to tell a key that was not delivered yet.
    type: str
    default: ""
  timeout:
    description: Seconds until it gives up.
    type: int
    default: 60
attributes:
  check_mode:
    support: full
    details: Looks once and never fails, since what is asked may not have been made.
  diff_mode:
    support: none
extends_documentation_fragment:
  - tollgate.llm._attributes
  - tollgate.llm._kubernetes
requirements:
  - httpx >= 0.28
author: The Tollgate developers (@tollgate)
"""

EXAMPLES = r"""
- name: Ask the models' servers
  tollgate.llm.vllm_served_models:
    namespace: llm
    key_secret: {name: vllm-api-key, key: api-key}
    servers:
      - {service: vllm-qwen-local, model: qwen-local}
"""

RETURN = r"""
ok:
  description: Whether every server serves its model.
  type: bool
  returned: always
checks:
  description: Each server, for the wave's verdict.
  type: list
  elements: dict
  returned: always
  contains:
    name:
      description: The server.
      type: str
    ok:
      description: Whether it serves its model.
      type: bool
    detail:
      description: What it said, in words.
      type: str
"""

import base64
import time
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.tollgate.llm.plugins.module_utils._kubernetes import cluster, connection, port_forward
from ansible_collections.tollgate.llm.plugins.module_utils._libraries import require
from ansible_collections.tollgate.llm.plugins.module_utils._vllm import served
from ansible_collections.tollgate.llm.plugins.module_utils._vllm.options import REFERENCE

if served.HTTPX_IMPORT_ERROR is None:
    import httpx

PAUSE = 1.0  # seconds
CONCURRENCY = 8


class Unusable(Exception):
    """The key can't be used; says why and what to do."""


def key_of(asked: cluster.Cluster, namespace: str, secret: dict[str, str]) -> str:
    """The key, out of its Secret. Raises Unusable."""
    named = f"Secret {namespace}/{secret['name']}"
    found = asked.read("v1", "Secret", secret["name"], namespace)
    if found is None:
        raise Unusable(f"{named} does not exist. The wave secrets makes it, or name another (vllm_api_key_secret).")
    if secret["key"] not in (found.get("data") or {}):
        there = ", ".join(sorted(found.get("data") or {})) or "nothing"
        raise Unusable(f"{named} has no {secret['key']}, but {there}. Name the right key in vllm_api_key_secret.")
    key = base64.b64decode(found["data"][secret["key"]]).decode("utf-8", "replace")
    if problem := served.key_problem(key):
        raise Unusable(f"{named}, {secret['key']}: {problem}. Make a new one.")
    return key


def one(asked: cluster.Cluster, options: dict[str, Any], server: dict[str, Any], key: str) -> served.Found:
    """Ask one server once."""
    try:
        with port_forward.forwarded(asked, options["namespace"], server["service"], server["port"]) as forward:
            base = f"http://{forward.host}:{forward.port}"
            # What the environment says of proxies is not meant for this.
            with httpx.Client(base_url=base, trust_env=False) as client:
                ask = served.asking(client, lambda: forward.trouble)
                return served.look(ask, server["model"], key, options["key_fingerprint"])
    except cluster.ClusterError as error:
        return served.Found(False, str(error), final=error.final)


def until(
    asked: cluster.Cluster, options: dict[str, Any], server: dict[str, Any], key: str, end: float
) -> served.Found:
    """Ask one server until it is as wanted, or never will be, or the time is over."""
    while True:
        found = one(asked, options, server, key)
        if found.ok or found.final or time.monotonic() >= end:
            return found
        time.sleep(PAUSE)


def main() -> None:
    spec = {
        "name": {"type": "str", "default": "models"},
        "namespace": {"type": "str", "required": True},
        "servers": {
            "type": "list",
            "elements": "dict",
            "required": True,
            "options": {
                "service": {"type": "str", "required": True},
                "model": {"type": "str", "required": True},
                "port": {"type": "int", "default": 8000},
            },
        },
        "key_secret": {"type": "dict", "required": True, "no_log": False, "options": REFERENCE},
        "key_fingerprint": {"type": "str", "default": "", "no_log": False},
        "timeout": {"type": "int", "default": 60},
        **connection.ARGUMENTS,
    }
    module = AnsibleModule(argument_spec=spec, supports_check_mode=True)
    require(module, kubernetes=cluster.KUBERNETES_IMPORT_ERROR, httpx=served.HTTPX_IMPORT_ERROR)
    options = module.params
    end = time.monotonic() + (0 if module.check_mode else options["timeout"])
    try:
        asked = cluster.Cluster(options["kubeconfig"], options["context"])
        key = key_of(asked, options["namespace"], options["key_secret"])
    except (cluster.ClusterError, Unusable) as error:
        if module.check_mode:
            module.exit_json(changed=False, ok=False, checks=[])
        module.fail_json(msg=f"{options['name']}: {error}")
    with ThreadPoolExecutor(CONCURRENCY) as pool:
        answers = list(pool.map(lambda server: until(asked, options, server, key, end), options["servers"]))
    names = [f"Service {server['service']} in {options['namespace']}" for server in options["servers"]]
    checks = [{"name": name, "ok": each.ok, "detail": each.detail} for name, each in zip(names, answers, strict=True)]
    ok = all(each.ok for each in answers)
    if not ok and not module.check_mode:
        lines = [f"{options['name']} do not serve what is declared."]
        for name, each in zip(names, answers, strict=True):
            if not each.ok:
                lines.append(f"{name}: {each.detail}")
                lines += [f"  {each.next_step}"] if each.next_step else []
        module.fail_json(msg="\n".join(lines), ok=False, checks=checks)
    module.exit_json(changed=False, ok=ok, checks=checks)


if __name__ == "__main__":
    main()
