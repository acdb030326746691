# Copyright: Contributors to the Tollgate project
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.tollgate.llm.plugins.module_utils._kubernetes.pod_secrets import (
    ALL,
    ANNOTATION,
    digest,
    marked,
    references,
)

POD: dict[str, Any] = {
    "initContainers": [{"env": [{"name": "A", "valueFrom": {"secretKeyRef": {"name": "one", "key": "a"}}}]}],
    "containers": [
        {
            "env": [
                {"name": "PLAIN", "value": "x"},
                {"name": "B", "valueFrom": {"secretKeyRef": {"name": "one", "key": "b"}}},
                {"name": "POD", "valueFrom": {"fieldRef": {"fieldPath": "metadata.name"}}},
            ],
            "envFrom": [{"secretRef": {"name": "two"}}, {"configMapRef": {"name": "c"}}],
        }
    ],
    "volumes": [
        {"name": "v", "secret": {"secretName": "three"}},
        {"name": "p", "projected": {"sources": [{"secret": {"name": "four"}}, {"configMap": {"name": "c"}}]}},
        {"name": "e", "emptyDir": {}},
    ],
}
SECRETS = {
    "one": {"data": {"a": "YQ==", "b": "Yg==", "unread": "eA=="}},
    "two": {"data": {"c": "Yw=="}},
    "three": {"data": {"d": "ZA=="}},
    "four": {"data": {"e": "ZQ=="}},
}


def test_every_way_to_read_a_secret_is_found() -> None:
    assert references(POD) == {("one", "a"), ("one", "b"), ("two", ALL), ("three", ALL), ("four", ALL)}


def test_a_digest_is_always_the_same() -> None:
    assert digest(POD, SECRETS.get) == digest(POD, SECRETS.get)
    assert digest(POD, SECRETS.get).startswith("sha256:")


@pytest.mark.parametrize(("secret", "key"), [("one", "a"), ("two", "c"), ("three", "d"), ("four", "another")])
def test_it_changes_with_each_value_that_is_read(secret: str, key: str) -> None:
    changed = {**SECRETS, secret: {"data": {**SECRETS[secret]["data"], key: "bmV3"}}}
    assert digest(POD, changed.get) != digest(POD, SECRETS.get)


def test_it_does_not_change_with_a_value_that_is_not_read() -> None:
    changed = {**SECRETS, "one": {"data": {**SECRETS["one"]["data"], "unread": "bmV3"}}}
    assert digest(POD, changed.get) == digest(POD, SECRETS.get)


def test_a_secret_that_is_not_there_yet_is_no_error() -> None:
    assert digest(POD, {}.get) not in ("", digest(POD, SECRETS.get))


def test_pods_without_secrets_carry_nothing() -> None:
    body = {"spec": {"template": {"spec": {"containers": [{"name": "a"}]}}}}
    assert marked(body, SECRETS.get) == body


def test_other_annotations_are_kept() -> None:
    body = {"kind": "Deployment", "spec": {"template": {"metadata": {"annotations": {"a": "b"}}, "spec": POD}}}
    found = marked(body, SECRETS.get)["spec"]["template"]
    assert found["metadata"]["annotations"] == {"a": "b", ANNOTATION: digest(POD, SECRETS.get)}
    assert found["spec"] == POD
    assert body["spec"]["template"]["metadata"] == {"annotations": {"a": "b"}}
