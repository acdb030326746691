# Copyright: Contributors to the Tollgate project
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A module that looks for a product's operators, from its options to its result."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ansible.module_utils.basic import AnsibleModule

from .._libraries import require
from . import cluster, connection
from .operator_release import Decision, Operator, Product, Refused, Wanted

WANTED = ("mode", "version", "namespace", "state", "fingerprint")


def main_of(operator: type[Operator], *, namespace: str) -> None:
    """Look, decide and leave the module. NAMESPACE is that of an operator of our own, unless another is named."""
    module = AnsibleModule(
        argument_spec={
            "mode": {"type": "str", "choices": ["auto", "own", "existing"], "default": "auto"},
            "version": {"type": "str", "required": True},
            "namespace": {"type": "str", "default": namespace},
            "state": {"type": "str", "choices": ["present", "absent"], "default": "present"},
            "fingerprint": {"type": "str", "default": ""},
            **connection.ARGUMENTS,
        },
        supports_check_mode=True,
    )
    require(module, kubernetes=cluster.KUBERNETES_IMPORT_ERROR)
    try:
        decision = _decision(operator, module.params)
    except (Refused, cluster.ClusterError) as error:
        module.fail_json(msg=f"{operator.product.prefix}: {error}")
    for text in decision.warnings:
        module.warn(text)
    module.exit_json(
        changed=False,
        manage=decision.manage,
        current=decision.current,
        why=decision.why,
        operators=[each.result for each in decision.used],
    )


def _decision(operator: type[Operator], options: Mapping[str, Any]) -> Decision:
    asked = cluster.Cluster(options["kubeconfig"], options["context"])
    wanted = Wanted(*(options[name] for name in WANTED))
    lists = [
        asked.find("apps/v1", "Deployment", labels=each)[1]
        for each in (operator.product.selector, *operator.product.others)
    ]
    found = {(each["metadata"]["namespace"], each["metadata"]["name"]): each for there in lists for each in there}
    dependents = _dependents(operator.product, asked) if wanted.state == "absent" else []
    return operator.product.decide(wanted, [operator.of(each) for each in found.values()], dependents)


def _dependents(product: Product, asked: cluster.Cluster) -> list[str]:
    """Their names, with the kind where there are several."""
    names = []
    for api_version, kind in product.dependents:
        try:
            _version, there = asked.find(api_version, kind)
        except cluster.Unknown:
            continue
        said = f"{kind} " if len(product.dependents) > 1 else ""
        for each in there:
            parts = (each["metadata"].get("namespace"), each["metadata"]["name"])
            names.append(f"{said}{'/'.join(filter(None, parts))}")
    return names
