# Copyright: Contributors to the Tollgate project
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""For each field of each table two values that LiteLLM takes and one that is refused before it is sent.

A field without a line here fails the tests. The integration tests send the same values to the real proxy, where
the budgets, teams, groups and models that they name exist.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from ansible_collections.tollgate.llm.plugins.module_utils._litellm.kinds import RESOURCES
from ansible_collections.tollgate.llm.plugins.module_utils._litellm.resource import Resource
from ansible_collections.tollgate.llm.plugins.module_utils._litellm.resources import member

MODELS = ("sample-one", "sample-two")
TEAMS = ("sample-team-one", "sample-team-two")
BUDGETS = ("sample-budget-one", "sample-budget-two")
CREDENTIALS = ("sample-credential-one", "sample-credential-two")
DAY = {"budget_duration": "24h", "max_budget": 1}
WEEK = {"budget_duration": "7d", "max_budget": 2.5}
INDEX = {"index_name": "one", "index_permissions": ["read"]}
HOUR = {"anchor": "created_at", "seconds": 3600}


@dataclass(frozen=True)
class Sample:
    """Two good values and a refused one."""

    one: Any
    two: Any
    refused: Any


LATER = "2999-01-01T00:00:00Z"
FOR_NOW = {"temp_budget_increase": 1, "temp_budget_expiry": LATER}
PER_MODEL = {"sample-one": {"max_budget": 1, "budget_duration": "1d"}}
LIMITS = {
    "max_budget": Sample(0.1, 0, -1),
    "soft_budget": Sample(0.05, 0.06, "much"),
    "budget_duration": Sample("30d", "24h", "1y"),
    "max_parallel_requests": Sample(2, 3, True),
    "tpm_limit": Sample(1000, 0, -1),
    "rpm_limit": Sample(3, 4, 2**63),
}
# LiteLLM takes them with a licence only. The samples are for proxies that have one.
LICENSED = {
    "tags": Sample(["a"], ["b", "a"], "a"),
    "guardrails": Sample(["a"], ["b"], [1]),
    "policies": Sample(["a"], ["b"], "a"),
    "prompts": Sample(["a"], ["b"], {"a": 1}),
    "disable_global_guardrails": Sample(True, False, "no"),
    "allowed_passthrough_routes": Sample(["/a"], ["/b"], "/a"),
    "denied_passthrough_routes": Sample(["/a"], ["/b"], "/a"),
    "model_max_budget": Sample(PER_MODEL, {"sample-two": {"max_budget": 2, "budget_duration": "1d"}}, 5),
    "organization_id": Sample("one", "two", 1),
}
BOTH = {
    **LICENSED,
    "models": Sample([MODELS[0]], [MODELS[1], MODELS[0]], "sample-one"),
    "max_budget": Sample(0.1, 0, -1),
    "soft_budget": Sample(0.05, 0.06, "much"),
    "budget_duration": Sample("30d", "24h", "1y"),
    "budget_limits": Sample([DAY], [WEEK, DAY], [{"budget_duration": "abc", "max_budget": 1}]),
    "tpm_limit": Sample(1000, 0, -1),
    "rpm_limit": Sample(3, 4, 2**63),
    "tpd_limit": Sample(5, 6, 1.5),
    "blocked": Sample(True, False, "yes"),
    "router_settings": Sample({"num_retries": 2}, {"num_retries": 3, "timeout": 30}, "none"),
    "object_permission": Sample({"vector_stores": ["a"]}, {"vector_stores": ["b", "c"], "agents": ["d"]}, ["a"]),
    "model_rpm_limit": Sample({"sample-one": 4}, {"sample-one": 5, "sample-two": 0}, {"sample-one": -1}),
    "model_tpm_limit": Sample({"sample-one": 4}, {"sample-two": 5}, {"sample-one": "many"}),
    "mcp_rpm_limit": Sample({"x": 4}, {"y": 5}, 4),
    "default_estimated_output_tokens": Sample(7, 8, 0),
    "default_estimated_output_tokens_per_model": Sample({"sample-one": 7}, {"sample-one": 8}, [7]),
    "allowed_vector_store_indexes": Sample([INDEX], [INDEX, {**INDEX, "index_name": "two"}], ["one"]),
    "metadata": Sample({"owner": "a", "deep": {"x": [1]}}, {"owner": "b", "deep": {"x": [1, 2]}}, "a"),
}
KEY = {
    **BOTH,
    "team": Sample(*TEAMS, 7),
    "user": Sample("sample-user-one", "sample-user-two", ""),
    "budget_id": Sample(*BUDGETS, ["b"]),
    "budget_fallbacks": Sample({"sample-one": ["sample-two"]}, {"sample-two": ["sample-one"]}, []),
    "max_parallel_requests": Sample(2, 3, True),
    "duration": Sample("90d", "30d", "0d"),
    "allowed_routes": Sample(["/metrics"], ["llm_api_routes", "/metrics"], [1]),
    "allowed_cache_controls": Sample(["no-cache"], ["use-cache", "no-cache"], "no-cache"),
    "aliases": Sample({"a": "sample-one"}, {"b": "sample-two"}, ["a"]),
    "config": Sample({"a": 1}, {"a": 2, "b": {"c": []}}, "a"),
    "permissions": Sample({"allow_pii_controls": True}, {"allow_pii_controls": False}, [True]),
    "access_group_ids": Sample(["0"], ["1", "0"], [0]),
    "agent_id": Sample("one", "two", "a\nb"),
    "tag_rpm_limit": Sample({"x": 4}, {"x": 5}, {"x": 1.5}),
    "rpm_limit_type": Sample("best_effort_throughput", "dynamic", "fast"),
    "tpm_limit_type": Sample("dynamic", "best_effort_throughput", "fast"),
    "enable_prompt_caching": Sample(True, False, 1),
    "throttle_on_budget_exceeded": Sample(True, False, 0),
    "end_user_budget_id": Sample(*BUDGETS, 5),
    "temp_budget_increase": Sample(1, 2.5, -1),
    "temp_budget_expiry": Sample("2998-01-01T00:00:00+02:00", LATER, "tomorrow"),
    "enforced_params": Sample(["user"], ["metadata"], "user"),
    "project_id": Sample("one", "two", []),
    "auto_rotate": Sample(True, False, 1),
    "rotation_interval": Sample("30d", "90d", "often"),
}
TEAM = {
    **BOTH,
    "alias": Sample("The first", "The second", ["x"]),
    "model_aliases": Sample({"a": "sample-one"}, {"b": "sample-two"}, "a"),
    "access_group_ids": Sample(["0"], ["1", "0"], [0]),
    "team_member_budget": Sample(3.5, 4, -0.1),
    "team_member_budget_duration": Sample("30d", "1mo", "monthly!"),
    "team_member_rpm_limit": Sample(3, 4, -3),
    "team_member_tpm_limit": Sample(3, 4, "3"),
    "team_member_permissions": Sample(["/key/generate"], ["/key/info", "/key/generate"], "/key/info"),
    "default_team_member_models": Sample(["sample-one"], ["sample-one", "sample-two"], "sample-one"),
    "enforced_batch_output_expires_after": Sample(HOUR, {**HOUR, "seconds": 7200}, 3600),
    "enforced_file_expires_after": Sample(HOUR, {**HOUR, "seconds": 7200}, [3600]),
    "rpm_limit_type": Sample("best_effort_throughput", "guaranteed_throughput", "dynamic"),
    "tpm_limit_type": Sample("guaranteed_throughput", "best_effort_throughput", "dynamic"),
    "secret_manager_settings": Sample({"a": 1}, {"a": 2}, "a"),
    "team_member_key_duration": Sample("30d", "90d", "long"),
    "members": Sample(
        [{"user": "sample-user-one", "max_budget": 1, "rpm_limit": 5}, {"user": "sample-user-two"}],
        [
            {"user": "sample-user-one", "max_budget": 2.5, "rpm_limit": None, "models": ["sample-one"], **FOR_NOW},
            {"user": "sample-user-two", "state": "absent"},
            {"user": "sample user, #3", "budget_duration": "30d", "tpm_limit": 0, "max_budget": 1, **FOR_NOW},
        ],
        [{"user": "sample-user-one", "max_budget": -1}],
    ),
}
BUDGET = {
    **LIMITS,
    "tpd_limit": Sample(5, 6, 1.5),
    "model_max_budget": LICENSED["model_max_budget"],
}
USER = {
    **{name: sample for name, sample in LIMITS.items() if name != "soft_budget"},
    "email": Sample("one@example.org", "two@example.org", 5),
    "alias": Sample("The first", "The second", ["x"]),
    "role": Sample("internal_user", "internal_user_viewer", "king"),
    "models": BOTH["models"],
    "allowed_cache_controls": Sample(["no-cache"], ["use-cache", "no-cache"], "no-cache"),
    "object_permission": BOTH["object_permission"],
    "model_rpm_limit": BOTH["model_rpm_limit"],
    "model_tpm_limit": BOTH["model_tpm_limit"],
    "sso_user_id": Sample("one", "one", 1),
    "model_max_budget": LICENSED["model_max_budget"],
    "metadata": BOTH["metadata"],
}
CUSTOMER = {
    **LIMITS,
    "alias": Sample("The first", "The second", ["x"]),
    "models": BOTH["models"],
    "default_model": Sample(*MODELS, 5),
    "allowed_model_region": Sample("eu", "us", "asia"),
    "budget_id": Sample(*BUDGETS, ["b"]),
    "object_permission": Sample({"vector_stores": ["a"]}, {"vector_stores": ["a"]}, ["a"]),
    "blocked": Sample(True, False, "yes"),
    "model_max_budget": LICENSED["model_max_budget"],
}
CREDENTIAL = {
    "display_name": Sample("The first", "The second", 5),
    "values": Sample(
        {"api_base": "http://127.0.0.1:9/v1", "n": 5, "azure_ad_token": "os.environ/ONE"},
        {"api_base": "http://127.0.0.1:9/v2", "n": None, "azure_ad_token": "os.environ/TWO"},
        {"api_secret": "sk-in-the-clear"},
    ),
    "info": Sample({"custom_llm_provider": "openai"}, {"custom_llm_provider": "anthropic", "own": {"a": [1]}}, "a"),
}
MODEL = {
    "model": Sample("hosted_vllm/a", "hosted_vllm/b", 5),
    "api_base": Sample("http://127.0.0.1:9/v1", "http://127.0.0.1:9/v2", ["x"]),
    "api_version": Sample("2025-01-01", "2025-02-01", 2025),
    "input_cost_per_token": Sample(1.75e-07, 3.3333333333333335e-07, -1),
    "output_cost_per_token": Sample(1e-10, "0.0000012", "cheap"),
    "cache_read_input_token_cost": Sample(1e-07, 2e-07, True),
    "cache_creation_input_token_cost": Sample(1e-07, 0, [1]),
    "rpm": Sample(3, 4, -1),
    "tpm": Sample(3, 4, "4"),
    "max_parallel_requests": Sample(2, 3, 0.5),
    "max_retries": Sample(0, 3, -2),
    "weight": Sample(1, 2, "heavy"),
    "order": Sample(1, 2, []),
    "tags": Sample(["a"], ["b", "a"], "a"),
    "litellm_credential_name": Sample(*CREDENTIALS, 1),
    "blocked": Sample(True, False, "yes"),
    "litellm_params": Sample(
        {"timeout": 30, "extra_body": {"a": [1]}, "region_name": "os.environ/NO_SUCH_REGION"},
        {"timeout": 31.5, "extra_body": {"a": [2]}, "drop_params": True, "region_name": "os.environ/ANOTHER_REGION"},
        {"api_secret": "sk-in-the-clear"},
    ),
    "model_info": Sample({"mode": "chat", "own": {"a": 1}}, {"mode": "chat", "own": {"a": 2}}, "chat"),
}
MEMBER = {
    "max_budget": LIMITS["max_budget"],
    "budget_duration": LIMITS["budget_duration"],
    "tpm_limit": LIMITS["tpm_limit"],
    "rpm_limit": LIMITS["rpm_limit"],
    "temp_budget_increase": KEY["temp_budget_increase"],
    "temp_budget_expiry": KEY["temp_budget_expiry"],
    "models": BOTH["models"],
}
SAMPLES: dict[str, dict[str, Sample]] = {
    "budget": BUDGET,
    "credential": CREDENTIAL,
    "model": MODEL,
    "user": USER,
    "team": TEAM,
    "key": KEY,
    "customer": CUSTOMER,
}
TABLES: tuple[tuple[Resource, dict[str, Sample]], ...] = tuple((table, SAMPLES[table.kind]) for table in RESOURCES)
# These take only what they need with them: the value of the other.
TOGETHER: dict[str, dict[str, object]] = {
    "temp_budget_increase": {"temp_budget_expiry": LATER},
    "temp_budget_expiry": {"temp_budget_increase": 1},
    "config": {"models": [], "all_models": True},
}


def tables_of(version: str) -> tuple[tuple[Resource, dict[str, Sample]], ...]:
    """The same with the fields and values that a version of LiteLLM has."""
    return tuple(
        (table, {line.name: _of(version, table, found[line.name]) for line in table.fields if line.of(version)})
        for table, found in TABLES
    )


def _of(version: str, table: Resource, sample: Sample) -> Sample:
    """A sample without what an older version would drop."""
    if sample is TEAM["members"]:
        return Sample(*(_members_of(version, value) for value in (sample.one, sample.two)), sample.refused)
    if sample is CREDENTIAL["values"] and any(not line.of(version) for _text, line in table.sent({"values.n": None})):
        return Sample(sample.one, {**sample.two, "n": 6}, sample.refused)
    return sample


def _members_of(version: str, entries: list[dict[str, Any]]) -> list[dict[str, Any]]:
    unknown = {line.name for line in member.FIELDS if not line.of(version)}
    return [{name: value for name, value in each.items() if name not in unknown} for each in entries]


def entry(resource: Resource, name: str) -> dict[str, Any]:
    """The least that a new object of this kind needs."""
    if resource.kind == "model":
        return {"name": name, "model": "hosted_vllm/a", "api_base": "http://127.0.0.1:9/v1"}
    if resource.kind == "credential":
        return {"credential": name, "values": {"api_base": "http://127.0.0.1:9/v1"}}
    if resource.kind in ("team", "key"):
        return {resource.identity: name, "models": list(MODELS)}
    return {resource.identity: name}
