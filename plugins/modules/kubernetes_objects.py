#!/usr/bin/python
# Copyright: Contributors to the Tollgate project
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: kubernetes_objects
short_description: Keep the objects of a component in a cluster as they are declared
version_added: 1.0.0
description:
  - Applies a list of manifests by server-side apply, as the field manager C(tollgate). What others need comes first,
    such as namespaces, CustomResourceDefinitions, accounts and their rights. Objects of a rank are applied at the same
    time.
  - An object that is as declared keeps its resource version. Fields that nobody declares, and those that a controller
    or an autoscaler keeps, are left alone.
  - Every object carries the labels C(app.kubernetes.io/managed-by), C(app.kubernetes.io/part-of) and
    C(app.kubernetes.io/component).
  - The whole list is checked before anything is sent. Secrets are refused, M(tollgate.llm.kubernetes_secret) is for
    them.
options:
  component:
    description: The component, for the label C(app.kubernetes.io/component).
    type: str
    required: true
  part_of:
    description: What the component belongs to, for the label C(app.kubernetes.io/part-of).
    type: str
    default: tollgate
  namespace:
    description:
      - The namespace of all objects that name none.
      - It is made when it is not there. One that is there is left as it is, and none is ever removed.
    type: str
  namespace_level:
    description: The Pod Security level that a namespace made here enforces.
    type: str
    choices: [restricted, baseline, privileged]
    default: restricted
  manifests:
    description: YAML text of any number of documents, most often a template.
    type: str
    default: ""
  files:
    description: YAML files of any number of documents, as projects publish them.
    type: list
    elements: path
    default: []
  state:
    description:
      - V(absent) removes the objects in the opposite order, and waits until each of them is gone.
    type: str
    choices: [present, absent]
    default: present
  force_conflicts:
    description: Whether fields that another field manager keeps are taken over. Otherwise that is an error.
    type: bool
    default: false
  retry:
    description: Seconds to go on trying while an admission webhook does not answer or a kind is still being installed.
    type: int
    default: 60
  timeout:
    description: Seconds until a removed object has to be gone.
    type: int
    default: 120
  roll_on_secrets:
    description:
      - Whether pods are replaced when a value changes that they read from a Secret. Their template then carries the
        annotation C(tollgate.llm/secrets), a digest of those values. The verb C(get) on these Secrets is needed.
    type: bool
    default: false
  fingerprint:
    description:
      - A text that stands for the whole list, such as the digest of a release's manifest. Deployments, Jobs and
        CustomResourceDefinitions carry it as the annotation C(tollgate.llm/fingerprint).
    type: str
    default: ""
  anchor:
    description:
      - The object of the list that is applied last. When the cluster has it with the same O(fingerprint), the whole
        list was applied before, and is neither read nor sent again. For large manifests that nobody changes by hand.
    type: dict
    suboptions:
      kind:
        description: Its kind.
        type: str
        required: true
      name:
        description: Its name.
        type: str
        required: true
      api_version:
        description: Its API version.
        type: str
        default: apps/v1
      namespace:
        description: Its namespace, if it is not O(namespace).
        type: str
attributes:
  check_mode:
    support: full
    details:
      - The API server validates each object in a dry run. An object whose kind or namespace is not there yet counts as
        created, and is not validated.
  diff_mode:
    support: full
extends_documentation_fragment:
  - tollgate.llm._attributes
  - tollgate.llm._kubernetes
author: The Tollgate developers (@tollgate)
"""

EXAMPLES = r"""
- name: Apply the picker
  tollgate.llm.kubernetes_objects:
    component: inference-gateway
    namespace: llm
    manifests: "{{ lookup('ansible.builtin.template', 'picker.yml.j2') }}"

- name: Install an operator from its release
  tollgate.llm.kubernetes_objects:
    component: cnpg-operator
    files: [/var/cache/manifests/cnpg-1.30.0.yaml]
    fingerprint: sha256:8ef8b1
    anchor: {kind: Deployment, name: cnpg-controller-manager, namespace: cnpg-system}
"""

RETURN = r"""
summary:
  description: How many objects were created, updated, unchanged and deleted.
  type: dict
  returned: always
  sample: {created: 1, updated: 0, unchanged: 7, deleted: 0}
objects:
  description: The objects that were, or would be, written, and those found as declared.
  type: list
  elements: dict
  returned: always
  contains:
    name:
      description: The object.
      type: str
      sample: Deployment llm/qwen-epp
    action:
      description: V(created), V(updated), V(unchanged) or V(deleted).
      type: str
    fields:
      description: The paths that changed.
      type: list
      elements: str
    validated:
      description: Whether the API server has seen it. Not when its kind or namespace is not there yet, in check mode.
      type: bool
"""

from typing import Any

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.tollgate.llm.plugins.module_utils._kubernetes import (
    cluster,
    connection,
    manifests,
    server_side_apply,
)
from ansible_collections.tollgate.llm.plugins.module_utils._libraries import require

ACTIONS = ("created", "updated", "unchanged", "deleted")


def result(outcomes: list[server_side_apply.Outcome]) -> dict[str, Any]:
    written = [each for each in outcomes if each.action != "unchanged"]
    return {
        "changed": bool(written),
        "summary": {action: sum(each.action == action for each in outcomes) for action in ACTIONS},
        "objects": [
            {
                "name": str(each.declared),
                "action": each.action,
                "fields": sorted(each.after) if each.action == "updated" else [],
                "validated": each.validated,
            }
            for each in outcomes
        ],
        "diff": {
            "before": {str(each.declared): shown(each.before) for each in written if each.before},
            "after": {str(each.declared): shown(each.after) for each in written if each.after},
        },
    }


def shown(fields: dict[str, Any]) -> Any:
    """A whole object, or the fields that differ."""
    return fields[""] if list(fields) == [""] else fields


def work(options: dict[str, Any], apply: server_side_apply.Apply) -> None:
    anchor = options["anchor"]
    marks = manifests.Marks(
        options["component"],
        options["part_of"],
        options["fingerprint"],
        manifests.Anchor(anchor["kind"], anchor["name"]) if anchor else None,
    )
    namespace = options["namespace"] or ""
    if anchor and options["fingerprint"] and options["state"] == "present":
        metadata = {"name": anchor["name"], "namespace": anchor["namespace"] or namespace}
        body = {"apiVersion": anchor["api_version"], "kind": anchor["kind"], "metadata": metadata}
        if apply.carries(manifests.Declared(body), options["fingerprint"]):
            apply.outcomes.append(server_side_apply.Outcome(manifests.Declared(body), "unchanged"))
            return
    declared = manifests.declared(options["manifests"], options["files"], marks)
    objects = list(server_side_apply.in_namespace(declared, namespace))
    if options["state"] == "absent":
        apply.remove(objects)
        return
    if namespace:
        apply.namespace(manifests.namespace_object(namespace, options["namespace_level"], options["part_of"]))
    apply.apply(objects)


def main() -> None:
    module = AnsibleModule(
        argument_spec={
            "component": {"type": "str", "required": True},
            "part_of": {"type": "str", "default": "tollgate"},
            "namespace": {"type": "str"},
            "namespace_level": {
                "type": "str",
                "choices": ["restricted", "baseline", "privileged"],
                "default": "restricted",
            },
            "manifests": {"type": "str", "default": ""},
            "files": {"type": "list", "elements": "path", "default": []},
            "state": {"type": "str", "choices": ["present", "absent"], "default": "present"},
            "force_conflicts": {"type": "bool", "default": False},
            "retry": {"type": "int", "default": 60},
            "timeout": {"type": "int", "default": 120},
            "roll_on_secrets": {"type": "bool", "default": False},
            "fingerprint": {"type": "str", "default": ""},
            "anchor": {
                "type": "dict",
                "options": {
                    "kind": {"type": "str", "required": True},
                    "name": {"type": "str", "required": True},
                    "api_version": {"type": "str", "default": "apps/v1"},
                    "namespace": {"type": "str"},
                },
            },
            **connection.ARGUMENTS,
        },
        supports_check_mode=True,
    )
    require(module, kubernetes=cluster.KUBERNETES_IMPORT_ERROR, pyyaml=manifests.YAML_IMPORT_ERROR)
    options = module.params
    rules = server_side_apply.Rules(
        module.check_mode,
        options["force_conflicts"],
        options["retry"],
        options["timeout"],
        options["roll_on_secrets"],
    )
    outcomes: list[server_side_apply.Outcome] = []
    try:
        apply = server_side_apply.Apply(cluster.Cluster(options["kubeconfig"], options["context"]), rules)
        outcomes = apply.outcomes
        work(options, apply)
    except manifests.Refused as error:
        module.fail_json(msg=f"{options['component']}: {error}")
    except cluster.ClusterError as error:
        module.fail_json(msg=f"{options['component']}: {error}", **result(outcomes))
    module.exit_json(**result(outcomes))


if __name__ == "__main__":
    main()
