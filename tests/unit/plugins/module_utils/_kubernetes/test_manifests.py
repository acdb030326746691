# Copyright: Contributors to the Tollgate project
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A list of manifests is read whole, refused whole, and ordered by what needs what."""

from __future__ import annotations

from pathlib import Path

import pytest
from ansible_collections.tollgate.llm.plugins.module_utils._kubernetes.manifests import (
    FINGERPRINT,
    Anchor,
    Declared,
    Marks,
    Refused,
    declared,
)

MARKS = Marks("picker", "tollgate")


def manifest(kind: str, name: str = "one", version: str = "v1", namespace: str = "") -> str:
    place = f", namespace: {namespace}" if namespace else ""
    return f"---\napiVersion: {version}\nkind: {kind}\nmetadata: {{name: {name}{place}}}\n"


def test_what_others_need_comes_first_and_webhooks_come_last() -> None:
    kinds = ["ValidatingWebhookConfiguration", "Deployment", "Service", "ServiceAccount", "Namespace"]
    kinds.insert(2, "CustomResourceDefinition")
    found = declared("".join(manifest(kind) for kind in kinds), [], MARKS)
    assert [each.kind for each in found] == [
        "Namespace",
        "CustomResourceDefinition",
        "ServiceAccount",
        "Service",
        "Deployment",
        "ValidatingWebhookConfiguration",
    ]


def test_the_anchor_comes_after_everything() -> None:
    marks = Marks("operator", "tollgate", "sha256:1", Anchor("Deployment", "operator"))
    text = manifest("Deployment", "operator") + manifest("MutatingWebhookConfiguration") + manifest("Deployment")
    assert str(declared(text, [], marks)[-1]) == "Deployment operator"


def test_an_anchor_that_is_not_in_the_list_is_refused() -> None:
    with pytest.raises(Refused, match="no Deployment operator in the list"):
        declared(manifest("Service"), [], Marks("operator", "tollgate", "x", Anchor("Deployment", "operator")))


def test_every_object_says_whose_it_is() -> None:
    text = (
        "apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: a\n  labels: {app: a, app.kubernetes.io/component: mine}\n"
    )
    labels = declared(text, [], MARKS)[0].body["metadata"]["labels"]
    assert labels == {
        "app": "a",
        "app.kubernetes.io/component": "mine",
        "app.kubernetes.io/part-of": "tollgate",
        "app.kubernetes.io/managed-by": "tollgate",
    }


@pytest.mark.parametrize(("kind", "marked"), [("Deployment", True), ("Job", True), ("ConfigMap", False)])
def test_the_fingerprint_is_on_what_is_looked_at(kind: str, marked: bool) -> None:
    body = declared(manifest(kind), [], Marks("a", "tollgate", "sha256:1"))[0].body
    assert (FINGERPRINT in body["metadata"].get("annotations", {})) is marked


def test_lists_are_flattened_and_empty_documents_left_out() -> None:
    text = "---\n---\napiVersion: v1\nkind: List\nitems:\n- {apiVersion: v1, kind: Service, metadata: {name: a}}\n"
    assert [str(each) for each in declared(text, [], MARKS)] == ["Service a"]


def test_files_and_texts_are_one_list(tmp_path: Path) -> None:
    path = tmp_path / "upstream.yaml"
    path.write_text(manifest("Service", "b"), encoding="utf-8")
    assert {each.name for each in declared(manifest("Service", "a"), [str(path)], MARKS)} == {"a", "b"}


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("apiVersion: v1\nkind: Secret\nmetadata: {name: a}\n", "Secret a: a secret is no manifest"),
        ("kind: Service\nmetadata: {name: a}\n", "Service without apiVersion"),
        ("apiVersion: v1\nkind: Service\n", "Service without metadata.name"),
        ("just words\n", "this is no object: 'just words'"),
        ("a: [\n", "no YAML"),
        (manifest("Service") * 2, "Service one is declared 2 times"),
    ],
)
def test_what_is_wrong_is_refused_before_anything_is_sent(text: str, said: str) -> None:
    with pytest.raises(Refused, match="Nothing was changed") as refusal:
        declared(text, [], MARKS)
    assert said in str(refusal.value)


def test_a_missing_file_is_refused_by_name() -> None:
    with pytest.raises(Refused, match=r"/nowhere/x\.yaml: No such file"):
        declared("", ["/nowhere/x.yaml"], MARKS)


def test_a_name_says_kind_and_place() -> None:
    body = {"apiVersion": "v1", "kind": "Service", "metadata": {"name": "a", "namespace": "llm"}}
    assert str(Declared(body)) == "Service llm/a"
