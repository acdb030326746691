# Copyright: Contributors to the Tollgate project
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a proxy in a cluster is refused with, before anything is written."""

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.tollgate.llm.plugins.module_utils._litellm.cluster_preflight import Declared, problems

IMAGE = "ghcr.io/berriai/litellm:v1.106.2"
LITERAL = "sk-0123456789abcdef"


def found(image: str = IMAGE, **more: Any) -> list[str]:
    """The problems of a declaration."""
    blocks = {name: more.get(name, {}) for name in ("litellm_settings", "general_settings", "router_settings")}
    return problems(
        Declared(image, blocks, frozenset({"LITELLM_LOG"}), more.get("env", {}), more.get("secret_env", []))
    )


def secret(name: str) -> dict[str, str]:
    """A variable from a Secret."""
    return {"name": name, "secret": "litellm-provider-x", "key": "x"}


def test_the_defaults_have_no_problem() -> None:
    assert found() == []


@pytest.mark.parametrize(
    "image",
    [
        "litellm:v1.106.2",
        "registry.example:5000/litellm:v1.106.2-mine",
        "ghcr.io/berriai/litellm@sha256:" + "a" * 64,
        "ghcr.io/berriai/litellm:main-stable@sha256:" + "a" * 64,
        "registry.example/litellm:build-17",
    ],
)
def test_an_image_with_a_version_or_a_digest_is_taken(image: str) -> None:
    assert found(image) == []


@pytest.mark.parametrize(
    ("image", "says"),
    [
        ("ghcr.io/berriai/litellm", "names no version"),
        ("registry.example:5000/litellm", "names no version"),
        ("ghcr.io/berriai/litellm:main-stable", "the tag main-stable moves"),
        ("ghcr.io/berriai/litellm:main-latest", "the tag main-latest moves"),
        ("ghcr.io/berriai/litellm:main-v1.81.3-stable", "known security holes"),
        ("ghcr.io/berriai/litellm:v1.82.8", "compromised"),
    ],
)
def test_an_image_that_must_not_run_is_refused(image: str, says: str) -> None:
    (problem,) = found(image)
    assert problem.startswith("litellm_image: ")
    assert says in problem


@pytest.mark.parametrize(
    ("blocks", "path", "variable"),
    [
        (
            {"litellm_settings": {"cache_params": {"password": "hunter2"}}},
            "litellm_settings.cache_params.password",
            "PASSWORD",
        ),
        (
            {"router_settings": {"redis_password": "hunter2"}},
            "litellm_router_settings.redis_password",
            "REDIS_PASSWORD",
        ),
        (
            {"general_settings": {"drain_endpoint_token": "hunter2"}},
            "litellm_general_settings.drain_endpoint_token",
            "DRAIN",
        ),
        ({"general_settings": {"alerting_args": {"to": LITERAL}}}, "litellm_general_settings.alerting_args.to", "TO"),
        ({"litellm_settings": {"x": ["redis://u:hunter2@cache/0"]}}, "litellm_settings.x[0]", "X"),
    ],
)
def test_a_secret_in_a_setting_is_refused_with_the_way_out_and_not_shown(
    blocks: dict[str, Any], path: str, variable: str
) -> None:
    (problem,) = found(**blocks)
    assert problem.startswith(f"{path}: that looks like a secret")
    assert f"os.environ/{variable}" in problem
    assert "litellm_secret_env" in problem
    assert "hunter2" not in problem
    assert LITERAL not in problem


def test_what_only_sounds_like_a_secret_is_taken() -> None:
    settings = {
        "general_settings": {"key_management_system": "aws_secret_manager", "user_api_key_cache_ttl": 60},
        "litellm_settings": {"default_key_generate_params": {"max_tokens": 5}, "key_alias_pattern": "^[a-z]+$"},
        "router_settings": {"model_group_alias": {"gpt-4": "qwen-local"}},
    }
    assert found(**settings) == []


def test_a_reference_needs_its_variable() -> None:
    settings = {"litellm_settings": {"cache_params": {"password": "os.environ/CACHE_PASSWORD"}}}
    (problem,) = found(**settings)
    assert "the proxy gets no variable CACHE_PASSWORD" in problem
    assert found(**settings, secret_env=[secret("CACHE_PASSWORD")]) == []


def test_settings_that_the_role_keeps_are_refused_unless_they_say_the_same() -> None:
    assert found(general_settings={"master_key": "os.environ/PROXY_MASTER_KEY", "store_model_in_db": True}) == []
    said = found(general_settings={"master_key": LITERAL, "store_model_in_db": False, "database_url": "x"})
    assert [problem.partition(":")[0].rpartition(".")[2] for problem in said] == [
        "master_key",
        "database_url",
        "store_model_in_db",
    ]
    assert LITERAL not in " ".join(said)


def test_variables_that_contradict_each_other_are_named() -> None:
    said = " ".join(
        found(
            env={"DATABASE_URL": "x", "1X": "y", "OPENAI_API_KEY": LITERAL, "BOTH": "z"},
            secret_env=[secret("LITELLM_SALT_KEY"), secret("TWICE"), secret("TWICE"), secret("BOTH")],
        )
    )
    for text in (
        "litellm_env: DATABASE_URL is already given by litellm_database_*",
        "litellm_env: '1X' is no name",
        "litellm_secret_env: LITELLM_SALT_KEY is already given by litellm_salt_secret",
        "TWICE is there twice",
        "both give BOTH",
        "litellm_env.OPENAI_API_KEY: that looks like a secret",
    ):
        assert text in said
    assert LITERAL not in said
