# Copyright: Contributors to the Tollgate project
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The documented examples of the modules that keep, deliver and copy secrets of a cluster are run by Ansible."""

from __future__ import annotations

import sys
from pathlib import Path
from secrets import token_urlsafe

import pytest
from role_run import play_tasks
from test_sealed_secrets_role import Sealed, place  # noqa: F401 (its fixture)
from tollgate_cluster.places import CHECKOUT

sys.path.append(str(CHECKOUT / ".venv" / "collections"))
from ansible_collections.tollgate.llm.tests.support import examples


def test_examples_of_the_modules_run_and_print_no_secret(
    place: Sealed,  # noqa: F811 (as above)
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    provider, salt = f"sk-ant-{token_urlsafe(24)}", token_urlsafe(32)
    monkeypatch.setenv("ANTHROPIC_API_KEY", provider)
    (tmp_path / "salt-of-the-old-gateway").write_text(salt, encoding="utf-8")
    # The longer names first: one is the beginning of the other.
    places = {"litellm-store": place.store, "namespace: litellm\n": f"namespace: {place.name}\n"}
    places |= {"/var/backups/sealed-secrets-keys": str(place.copies), "/var/backups": str(tmp_path)}
    keep, take_over, remove = examples.tasks("modules.kubernetes_secret", places)
    keep["tollgate.llm.kubernetes_secret"]["secrets"].append({"name": "litellm-db-password", "generate": {}})
    take_over["tollgate.llm.kubernetes_secret"]["make_namespace"] = True
    rest = [
        task
        for name in (
            "kubernetes_secret_delivery",
            "sealed_secrets_info",
            "sealed_secrets_keys",
            "external_secrets_info",
        )
        for task in examples.tasks(f"modules.{name}", places)
    ]
    # A salt in use is taken over before anything is made; the last example removes it.
    run = play_tasks(place.cluster, tmp_path, [take_over, keep, *rest, remove], {})
    assert run.changed > 0
    assert not [value for value in (provider, salt, *place.values()) if value in run.output]
    assert place.held(place.name, "litellm-salt-key") == {"LITELLM_SALT_KEY": salt}
    assert place.held(place.store, "litellm-provider-anthropic")["value"] == provider
    assert place.secret(place.store, "litellm-salt-key") is None
    assert len(list(place.copies.glob("*.yaml"))) == len(place.sealing_keys())
