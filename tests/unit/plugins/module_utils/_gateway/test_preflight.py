# Copyright: Contributors to the Tollgate project
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the preflight says of a gateway file and of this machine."""

from __future__ import annotations

import os
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.tollgate.llm.plugins.module_utils._gateway import disk, preflight, variables
from ansible_collections.tollgate.llm.plugins.module_utils._gateway.error import GatewayError
from ansible_collections.tollgate.llm.plugins.module_utils._gateway.state_directory import StateDirectory

GOOD = {
    "gateway_name": "local",
    "gateway_host": "127.0.0.1",
    "gateway_models": [
        {
            "name": "qwen-local",
            "model": "hosted_vllm/qwen-local",
            "input_cost_per_token": 0.000001,
            "output_cost_per_token": 0.000002,
        }
    ],
    "gateway_teams": [{"team": "research", "models": ["qwen-local"]}],
    "gateway_keys": [{"alias": "default", "team": "research", "models": ["qwen-local"], "max_budget": 1}],
    "gateway_client_key": "default",
}


@pytest.fixture
def taken_port() -> Iterator[int]:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        yield int(listener.getsockname()[1])


def test_a_good_file_passes() -> None:
    preflight.check_variables(GOOD)


def test_a_misspelt_variable_is_refused_with_the_nearest_name() -> None:
    with pytest.raises(GatewayError, match=r'unknown variable "gateway_prot": did you mean "gateway_port"\?'):
        preflight.check_variables({**GOOD, "gateway_prot": 4001})


def test_lists_of_every_kind_are_checked_before_anything_is_written(tmp_path: Path) -> None:
    sources = {"api_key": {"env": "NO_SUCH_VARIABLE"}, "azure_ad_token": {"file": str(tmp_path / "none")}}
    wrong = {
        **GOOD,
        "gateway_budgets": [{"budget": "b", "max_budgett": 1}],
        "gateway_credentials": [{"credential": "c", "secret_values": sources}],
        "gateway_users": [{"user": "u", "role": "king"}],
        "gateway_customers": [{"customer": "x", "max_budget": 1, "budget_id": "b"}],
    }
    with pytest.raises(GatewayError) as refused:
        preflight.check_variables(wrong)
    text = str(refused.value)
    assert 'budget "b": unknown field "max_budgett", did you mean "max_budget"?' in text
    assert 'user "u": role must be one of proxy_admin' in text
    assert 'credential "c": secret_values.api_key: the environment variable NO_SUCH_VARIABLE is not set.' in text
    assert f'credential "c": secret_values.azure_ad_token: {tmp_path / "none"} can\'t be read.' in text
    del wrong["gateway_budgets"], wrong["gateway_users"]
    with pytest.raises(GatewayError, match='customer "x": budget_id and max_budget exclude each other'):
        preflight.check_variables(wrong)


def test_a_variable_far_from_all_is_refused_too() -> None:
    assert variables.unknown(["gateway_zzz"], ["gateway_port"]) == ['unknown variable "gateway_zzz": nothing reads it.']


def test_everything_wrong_is_said_at_once() -> None:
    wrong = {**GOOD, "gateway_prot": 1, "gateway_client_key": "nobody", "gateway_litellm_version": "1.82.7"}
    with pytest.raises(GatewayError) as refused:
        preflight.check_variables(wrong)
    text = str(refused.value)
    assert "gateway_prot" in text
    assert 'no key in gateway_keys has the alias "nobody"' in text
    assert "gateway_litellm_version: 1.82.7 is refused" in text
    assert text.endswith("Nothing was changed.")


@pytest.mark.parametrize(("host", "refused"), [("127.0.0.1", False), ("::1", False), ("::", True), ("10.1.2.3", True)])
def test_failing_open_is_for_the_loopback_only(host: str, refused: bool) -> None:
    declared = {
        **GOOD,
        "gateway_host": host,
        "gateway_general_settings": {"allow_requests_on_db_unavailable": True},
    }
    if refused:
        with pytest.raises(GatewayError, match="anybody who reaches it"):
            preflight.check_variables(declared)
    else:
        preflight.check_variables(declared)


def test_a_taken_port_is_refused_with_its_owner(tmp_path: Path, taken_port: int) -> None:
    with pytest.raises(GatewayError, match=f"gateway_port: port {taken_port} is taken by process {os.getpid()} "):
        preflight.check_machine(StateDirectory(tmp_path), {**GOOD, "gateway_port": taken_port})


def test_a_full_disk_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, taken_port: int) -> None:
    monkeypatch.setattr(disk, "NEEDED", 2**62)
    ports = {"gateway_port": 1, "gateway_database_port": 1}
    with pytest.raises(GatewayError, match="MiB are free there"):
        preflight.check_machine(StateDirectory(tmp_path / "new" / "gateway"), {**GOOD, **ports})


@pytest.mark.parametrize("host", ["192.0.2.7", "no-such-host.invalid"])
def test_an_address_of_another_machine_is_refused(tmp_path: Path, host: str) -> None:
    with pytest.raises(GatewayError, match=f"gateway_host: {host} is no address that this machine can listen on"):
        preflight.check_machine(StateDirectory(tmp_path / "gateway"), {**GOOD, "gateway_host": host})


def test_every_documented_variable_has_a_default_and_the_reverse() -> None:
    import yaml  # noqa: PLC0415 (only this test reads the role)

    role = preflight.SPECIFICATION.parents[1]
    defaults = set(yaml.safe_load((role / "defaults" / "main.yml").read_text()))
    assert set(preflight.known_variables()) - {"gateway_wave"} == defaults


@pytest.mark.parametrize("port", [0, 65536, 99999, "abc"])
def test_a_port_that_is_none_is_refused(port: object) -> None:
    with pytest.raises(GatewayError, match="is no port: 1 to 65535"):
        preflight.check_variables({**GOOD, "gateway_port": port})


def test_a_provider_key_that_is_not_there_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("PROVIDER_KEY", raising=False)
    models = [
        {**GOOD["gateway_models"][0], "api_key_env": "PROVIDER_KEY"},  # type: ignore[index]  # a list of dicts
        {**GOOD["gateway_models"][0], "id": "two", "api_key_file": str(tmp_path / "none")},  # type: ignore[index]  # likewise
    ]
    with pytest.raises(GatewayError) as refused:
        preflight.check_variables({**GOOD, "gateway_models": models})
    assert "the environment variable PROVIDER_KEY is not set" in str(refused.value)
    assert f"{tmp_path / 'none'} can't be read" in str(refused.value)


def test_a_value_beside_the_store_is_refused() -> None:
    keys = [{**GOOD["gateway_keys"][0], "value_file": "/etc/hostname"}]  # type: ignore[index]  # a list of dicts
    with pytest.raises(GatewayError, match="name it by secret"):
        preflight.check_variables({**GOOD, "gateway_keys": keys})


def test_a_lost_salt_key_beside_a_database_is_refused(tmp_path: Path) -> None:
    (tmp_path / "postgres" / "data").mkdir(parents=True)
    (tmp_path / "secrets").mkdir()
    ports = {"gateway_port": 1, "gateway_database_port": 1}
    with pytest.raises(GatewayError, match="litellm-salt-key is gone, yet this gateway has a database"):
        preflight.check_machine(StateDirectory(tmp_path), {**GOOD, **ports})
    (tmp_path / "secrets" / "litellm-salt-key").touch()
    preflight.check_machine(StateDirectory(tmp_path), {**GOOD, **ports})


@pytest.mark.parametrize(
    ("entries", "said"),
    [
        ([{"name": "Open AI", "variable": "OPENAI_API_KEY"}], "a name has 1 to 40 characters"),
        ([{"name": "openai", "variable": "$(id)"}], '"$(id)" is no environment variable'),
        ([{"name": "openai", "variable": "LITELLM_SALT_KEY"}], "LITELLM_SALT_KEY is the gateway's own"),
        ([{"name": "openai", "variable": "A_KEY", "value": "sk-1"}], "a key does not stand in the gateway file"),
        ([{"name": "openai", "variable": "A_KEY", "value_file": "/none"}], "value_file: /none can't be read"),
        ([{"name": "a", "variable": "A_KEY"}, {"name": "a", "variable": "B_KEY"}], "a is declared twice"),
        (["sk-1"], "an entry has name and variable"),
    ],
)
def test_provider_keys_that_can_not_be_meant_are_refused(entries: list[Any], said: str) -> None:
    with pytest.raises(GatewayError) as refused:
        preflight.check_variables({"gateway_provider_keys": entries})
    assert said in str(refused.value)
    preflight.check_variables({"gateway_provider_keys": [{"name": "openai", "variable": "OPENAI_API_KEY"}]})
