# Copyright: Contributors to the Tollgate project
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A diff shows what changed in what was declared, and nothing that the server keeps for itself."""

from __future__ import annotations

from ansible_collections.tollgate.llm.plugins.module_utils._kubernetes.change import differences, meant, shown


def test_what_the_server_keeps_is_no_difference() -> None:
    before = {"metadata": {"name": "a", "resourceVersion": "1", "managedFields": []}, "status": {"ready": 0}}
    after = {"metadata": {"name": "a", "resourceVersion": "2", "generation": 3}, "status": {"ready": 1}}
    assert list(differences(meant(before), meant(after))) == []


def test_paths_lead_to_the_fields_that_differ() -> None:
    before = {"spec": {"replicas": 1, "ports": [{"port": 80}], "gone": True}}
    after = {"spec": {"replicas": 2, "ports": [{"port": 81}], "new": "x"}}
    found = {path: (shown(old), shown(new)) for path, old, new in differences(before, after)}
    assert found == {
        "spec.replicas": (1, 2),
        "spec.ports[0].port": (80, 81),
        "spec.gone": (True, None),
        "spec.new": (None, "x"),
    }


def test_a_list_of_another_length_is_one_difference() -> None:
    assert list(differences({"args": ["a"]}, {"args": ["a", "b"]})) == [("args", ["a"], ["a", "b"])]


def test_a_long_text_is_cut() -> None:
    assert shown("x" * 600).endswith("(600 characters)")


def test_an_object_that_is_not_there_means_nothing() -> None:
    assert meant(None) == {}
