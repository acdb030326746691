#!/usr/bin/python
# Copyright: Contributors to the Tollgate project
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: kubernetes_gate
short_description: Wait until many objects of a cluster are ready, or say why they are not
version_added: 1.0.0
description:
  - Watches all objects at once and ends as soon as every one is as wanted. It reads, and changes nothing.
  - While it waits it prints where each object stands, whenever that changes.
  - When something is not ready in time, it says of each such object why, with the container that does not run, its last
    log lines and the warnings about it, and what to do next.
  - It gives up at once on what cannot heal by itself, such as an image that does not exist, a reference to a Secret
    that is not there, a quota that is used up, a Job that has failed.
options:
  name:
    description: What is waited for, for messages.
    type: str
    default: gate
  objects:
    description:
      - The objects. Without O(objects[].conditions), O(objects[].phase), O(objects[].fields) and O(objects[].keys) the
        rule of the kind decides. It knows the workloads, claims and Jobs of Kubernetes, CustomResourceDefinitions, and
        the objects of CloudNativePG, Gateway API, the Inference Extension, External Secrets and Sealed Secrets. Any
        other kind is ready when its condition C(Ready) or C(Available) is true, or when it is there and has neither.
      - What a controller says of an earlier change of the specification does not count.
    type: list
    elements: dict
    default: []
    suboptions:
      kind:
        description: The kind.
        type: str
        required: true
      name:
        description: The name.
        type: str
        required: true
      namespace:
        description: The namespace, if the kind has any.
        type: str
      api_version:
        description: The API version. It can be left out for the kinds named above.
        type: str
      state:
        description: V(ready), or just V(present), or V(absent) once it has been removed.
        type: str
        choices: [ready, present, absent]
        default: ready
      conditions:
        description: Conditions and their values, by the condition's type.
        type: dict
      phase:
        description: The value of C(status.phase).
        type: str
      fields:
        description: Values by path, such as C(status.readyReplicas). An entry of a list is C(status.parents[0]).
        type: dict
      keys:
        description: Keys of a Secret or a ConfigMap that must be there and not be empty.
        type: list
        elements: str
  http:
    description:
      - Requests that have to be answered, once all objects are as wanted. The API server asks them, through a Service,
        so that nothing has to be reachable from here. They carry no credentials.
    type: list
    elements: dict
    default: []
    suboptions:
      service:
        description: The Service.
        type: str
        required: true
      namespace:
        description: Its namespace.
        type: str
        required: true
      port:
        description: The Service's port, by number or name.
        type: str
        required: true
      path:
        description: What is asked for.
        type: str
        default: /
      scheme:
        description: V(http) or V(https).
        type: str
        choices: [http, https]
        default: http
      status:
        description: The status codes that are good.
        type: list
        elements: int
        default: [200]
      contains:
        description: A text that the answer has in it.
        type: str
  timeout:
    description: Seconds until it gives up.
    type: int
    default: 600
  fail:
    description: Whether it is a failure when something is not ready in time. Otherwise RV(ok) says so.
    type: bool
    default: true
attributes:
  check_mode:
    support: full
    details: Looks once and never fails, since what is waited for may not have been made.
  diff_mode:
    support: none
  action:
    support: full
extends_documentation_fragment:
  - tollgate.llm._attributes
  - tollgate.llm._attributes.action
  - tollgate.llm._kubernetes
author: The Tollgate developers (@tollgate)
"""

EXAMPLES = r"""
- name: Wait until the database is healthy
  tollgate.llm.kubernetes_gate:
    name: database
    objects:
      - {kind: Cluster, name: litellm-pg, namespace: litellm}
      - {kind: Pooler, name: litellm-pg-pooler-rw, namespace: litellm}
      - {kind: ScheduledBackup, api_version: postgresql.cnpg.io/v1, name: daily, namespace: litellm, state: present}
      - {kind: Secret, name: litellm-pg-app, namespace: litellm, fields: {type: kubernetes.io/basic-auth}}

- name: Wait until the proxy answers
  tollgate.llm.kubernetes_gate:
    name: proxy
    timeout: 300
    objects:
      - {kind: Deployment, name: litellm, namespace: litellm}
    http:
      - {service: litellm, namespace: litellm, port: 4000, path: /health/readiness, contains: connected}
"""

RETURN = r"""
ok:
  description: Whether everything is as wanted.
  type: bool
  returned: always
hopeless:
  description: Whether it was given up, since something cannot heal by itself.
  type: bool
  returned: always
checks:
  description: Each object and request, for the wave's verdict.
  type: list
  elements: dict
  returned: always
  contains:
    name:
      description: The object, or the request.
      type: str
    ok:
      description: Whether it is as wanted.
      type: bool
    detail:
      description: Where it stands, in words.
      type: str
explanation:
  description: Lines about what is not as wanted, with log lines and events.
  type: list
  elements: str
  returned: always
seconds:
  description: How long it took.
  type: float
  returned: always
"""

import time
from typing import Any

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.tollgate.llm.plugins.module_utils._kubernetes import (
    cluster,
    connection,
    gate,
    http_check,
    wanted,
)
from ansible_collections.tollgate.llm.plugins.module_utils._libraries import require

ONCE = 3.0  # seconds, in check mode


def wait(options: dict[str, Any], seconds: float) -> dict[str, Any]:
    began = time.monotonic()
    asked = gate.Gate(
        cluster.Cluster(options["kubeconfig"], options["context"]),
        [wanted.Wanted.of(each) for each in options["objects"]],
        [http_check.HttpCheck.of(each) for each in options["http"]],
    )
    ok = asked.wait(seconds)
    return {
        "ok": ok,
        "hopeless": asked.hopeless,
        "checks": asked.report(),
        "explanation": [] if ok else asked.explain(),
        "seconds": round(time.monotonic() - began, 1),
    }


def main() -> None:
    spec = {
        "name": {"type": "str", "default": "gate"},
        "objects": {"type": "list", "elements": "dict", "default": [], "options": wanted.ARGUMENTS},
        "http": {"type": "list", "elements": "dict", "default": [], "options": http_check.ARGUMENTS},
        "timeout": {"type": "int", "default": 600},
        "fail": {"type": "bool", "default": True},
        **connection.ARGUMENTS,
    }
    module = AnsibleModule(argument_spec=spec, supports_check_mode=True)
    require(module, kubernetes=cluster.KUBERNETES_IMPORT_ERROR)
    options = module.params
    try:
        result = wait(options, ONCE if module.check_mode else options["timeout"])
    except cluster.ClusterError as error:
        module.fail_json(msg=f"{options['name']}: {error}")
    if not result["ok"] and options["fail"] and not module.check_mode:
        module.fail_json(msg=gate.refusal(options["name"], result), **result)
    module.exit_json(changed=False, **result)


if __name__ == "__main__":
    main()
