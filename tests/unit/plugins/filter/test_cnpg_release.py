# Copyright: Contributors to the Tollgate project
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The operator's release with settings of one's own."""

from __future__ import annotations

import json
from typing import Any

import pytest
import yaml
from ansible.errors import AnsibleFilterError
from ansible_collections.tollgate.llm.plugins.filter.cnpg_release import FilterModule

RELEASE = """
apiVersion: v1
kind: Namespace
metadata: {name: cnpg-system}
---
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRoleBinding
metadata: {name: cnpg-manager-rolebinding}
subjects:
- {kind: ServiceAccount, name: cnpg-manager, namespace: cnpg-system}
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: cnpg-controller-manager, namespace: cnpg-system}
spec:
  template:
    metadata: {labels: {app.kubernetes.io/name: cloudnative-pg}}
    spec:
      containers:
      - name: manager
        image: ghcr.io/cloudnative-pg/cloudnative-pg:1.30.0
        env: [{name: OPERATOR_IMAGE_NAME, value: "ghcr.io/cloudnative-pg/cloudnative-pg:1.30.0"}]
        resources: {limits: {cpu: 100m}}
"""


def release(**settings: Any) -> dict[str, dict[str, Any]]:
    given = json.loads(FilterModule().filters()["cnpg_release"](RELEASE, **settings))
    assert given["kind"] == "List"
    return {each["kind"]: each for each in given["items"]}


def test_nothing_but_the_namespace_is_left_out() -> None:
    documents = {each["kind"]: each for each in yaml.safe_load_all(RELEASE)}
    del documents["Namespace"]
    assert release() == documents


def test_the_namespace_is_another_one_everywhere() -> None:
    found = release(namespace="databases", configuration={"INHERITED_LABELS": "team"})
    assert "cnpg-system" not in json.dumps(found)
    assert found["ClusterRoleBinding"]["subjects"][0]["namespace"] == "databases"


def test_the_container_gets_its_resources_and_image() -> None:
    found = release(resources={"limits": {"memory": "1Gi"}}, image="registry.example.org/cnpg:1.30.0")
    (container,) = found["Deployment"]["spec"]["template"]["spec"]["containers"]
    assert container["resources"] == {"limits": {"memory": "1Gi"}}
    assert container["image"] == container["env"][0]["value"] == "registry.example.org/cnpg:1.30.0"


def test_another_configuration_starts_the_operator_anew() -> None:
    found = [release(configuration={"INSTANCES_ROLLOUT_DELAY": seconds}) for seconds in (10, 20)]
    assert found[0]["ConfigMap"]["data"] == {"INSTANCES_ROLLOUT_DELAY": "10"}
    templates = [each["Deployment"]["spec"]["template"]["metadata"]["annotations"] for each in found]
    assert templates[0] != templates[1]


def test_something_else_is_refused() -> None:
    with pytest.raises(AnsibleFilterError, match="no Deployment cnpg-controller-manager"):
        FilterModule().filters()["cnpg_release"]("kind: ConfigMap\nmetadata: {name: x}\n")
