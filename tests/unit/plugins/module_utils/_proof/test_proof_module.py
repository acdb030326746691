# Copyright: Contributors to the Tollgate project
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The module from its arguments to its result, against a gateway in memory."""

from __future__ import annotations

import contextlib
import json
import signal
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from ansible.module_utils.testing import patch_module_args
from ansible_collections.tollgate.llm.plugins.module_utils._kubernetes.connection import NamedCluster, Unreachable
from ansible_collections.tollgate.llm.plugins.module_utils._kubernetes.service_port import ServicePort
from ansible_collections.tollgate.llm.plugins.module_utils._proof import module as proof_module
from ansible_collections.tollgate.llm.plugins.module_utils._proof import proof
from ansible_collections.tollgate.llm.plugins.module_utils._proof.interruption import on_signals
from ansible_collections.tollgate.llm.plugins.modules import gateway_proof

MASTER = "sk-master-of-the-test"


class Module:
    """Runs the module with arguments over good defaults."""

    def __init__(self, capsys: pytest.CaptureFixture[str], directory: Path) -> None:
        self.capsys = capsys
        self.verdict = directory / "verdicts" / "proof.json"
        self.good: dict[str, Any] = {
            "api_url": "http://gateway.test/",
            "api_key": MASTER,
            "model": "qwen-local",
            "input_cost_per_token": "0.000000175",
            "output_cost_per_token": "7e-07",
            "batch_write_at": 0.1,
            "verdict_file": str(self.verdict),
            "fingerprint": "one",
        }

    def __call__(self, **arguments: Any) -> dict[str, Any]:
        given = {name: value for name, value in {**self.good, **arguments}.items() if value is not None}
        with patch_module_args(given), pytest.raises(SystemExit):
            gateway_proof.main()
        output = self.capsys.readouterr().out
        assert MASTER not in output
        result: dict[str, Any] = json.loads(output)
        return result


@pytest.fixture
def run(gateway: Any, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path) -> Module:
    monkeypatch.setattr(proof, "_POLL_SECONDS", 0.01)
    return Module(capsys, tmp_path)


def test_a_good_proof_is_written_and_changes_nothing(run: Module) -> None:
    result = run()
    assert (result["changed"], result["ok"], result["skipped_proof"]) == (False, True, False)
    verdict = json.loads(run.verdict.read_text(encoding="utf-8"))
    assert verdict["checks"] == result["checks"]
    assert verdict["fingerprint"] == "one"


def test_a_good_proof_is_not_repeated_and_sends_nothing(run: Module, gateway: Any) -> None:
    run()
    gateway.requests.clear()
    result = run(input_cost_per_token="1.75e-7", api_url="http://gateway.test")
    assert (result["ok"], result["skipped_proof"], gateway.requests) == (True, True, [])
    assert result["age"] >= 0


@pytest.mark.parametrize(
    "change", [{"run": "always"}, {"fingerprint": "two"}, {"fingerprint": None}, {"max_age": 1e-9}, {"model": "other"}]
)
def test_a_proof_is_repeated_when_something_changed_or_somebody_asks(
    run: Module, gateway: Any, change: dict[str, Any]
) -> None:
    run()
    gateway.requests.clear()
    assert not run(**change)["skipped_proof"]
    assert gateway.requests


def test_check_mode_sends_and_writes_nothing(run: Module, gateway: Any) -> None:
    result = run(_ansible_check_mode=True)
    assert (result["would_run"], result["changed"], result["ok"]) == (True, False, None)
    assert gateway.requests == []
    assert not run.verdict.parent.exists()


def test_check_mode_knows_what_would_be_left_out(run: Module) -> None:
    run()
    result = run(_ansible_check_mode=True)
    assert (result["would_run"], result["ok"]) == (False, True)


def test_a_bad_proof_fails_with_all_reasons_and_is_repeated(run: Module, gateway: Any) -> None:
    gateway.backend_status = 500
    result = run()
    assert result["failed"]
    assert result["msg"].startswith("proof of http://gateway.test: 4 of 7 checks failed.\nhigh_completes: ")
    assert len(result["checks"]) == 7
    assert not json.loads(run.verdict.read_text(encoding="utf-8"))["ok"]
    gateway.backend_status = 200
    assert run()["ok"]


def test_one_reason_for_many_checks_is_told_once(run: Module, gateway: Any) -> None:
    gateway.refuse_keys = True
    reason = "high_completes, low_is_stopped, ledger, model_not_given_refused, stream_is_billed: not tried: "
    assert reason in run()["msg"]


def test_the_key_may_lie_in_a_file(run: Module, tmp_path: Path) -> None:
    file = tmp_path / "key"
    file.write_text(f"{MASTER}\n", encoding="utf-8")
    assert run(api_key=None, api_key_file=str(file))["ok"]


def test_the_key_may_lie_in_a_secret_store(run: Module, tmp_path: Path) -> None:
    (tmp_path / "master").write_text(MASTER, encoding="utf-8")
    assert run(api_key=None, api_key_secret="master", secrets_directory=str(tmp_path))["ok"]
    assert (
        "No such file" in run(api_key=None, api_key_secret="none", secrets_directory=str(tmp_path), run="always")["msg"]
    )
    assert "secrets_namespace" in run(api_key=None, api_key_secret="master", run="always")["msg"]


SERVICE = {"name": "litellm", "namespace": "llm", "port": 4000}


@pytest.fixture
def forwards(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The Services that were forwarded, to the gateway in memory."""
    made: list[str] = []

    @contextlib.contextmanager
    def forwarded(_self: NamedCluster, service: ServicePort) -> Iterator[Any]:
        made.append(str(service))
        yield SimpleNamespace(host="127.0.0.1", port=54321, trouble="")

    monkeypatch.setattr(NamedCluster, "forwarded", forwarded)
    monkeypatch.setattr(NamedCluster, "server", "https://one.example")
    return made


def test_a_gateway_behind_a_service_is_proved_once_for_each_cluster(
    run: Module, forwards: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    assert run(service=SERVICE)["ok"]
    assert forwards == ["Service litellm in llm, port 4000"]
    verdict = json.loads(run.verdict.read_text(encoding="utf-8"))
    assert verdict["api_url"] == "Service litellm in llm, port 4000 of https://one.example"
    assert run(service=SERVICE)["skipped_proof"]
    assert len(forwards) == 1
    monkeypatch.setattr(NamedCluster, "server", "https://other.example")
    assert not run(service=SERVICE)["skipped_proof"]
    assert not run()["skipped_proof"]


def test_a_failed_proof_names_the_service_and_no_port_of_this_machine(
    run: Module, gateway: Any, forwards: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    gateway.backend_status = 500
    message = run(service=SERVICE)["msg"]
    assert message.startswith("proof of Service litellm in llm, port 4000 of https://one.example: 4 of 7 checks failed")
    assert "54321" not in message

    def refused(_self: NamedCluster, _service: ServicePort) -> Any:
        raise Unreachable("there is no Service litellm in llm.", absent=True)

    monkeypatch.setattr(NamedCluster, "forwarded", refused)
    message = run(service=SERVICE)["msg"]
    assert message == "proof of Service litellm in llm, port 4000: there is no Service litellm in llm."


def test_the_server_of_a_kubeconfig_is_known_without_asking_it(tmp_path: Path) -> None:
    pytest.importorskip("kubernetes")
    path = tmp_path / "kubeconfig"
    context = {"name": "a", "context": {"cluster": "a", "user": "a"}}
    clusters = [{"name": "a", "cluster": {"server": "https://cluster.example:6443"}}]
    users = [{"name": "a", "user": {"token": "x"}}]
    kind = {"apiVersion": "v1", "kind": "Config", "current-context": "a"}
    path.write_text(json.dumps({**kind, "clusters": clusters, "users": users, "contexts": [context]}))
    assert NamedCluster({"kubeconfig": str(path), "context": None}).server == "https://cluster.example:6443"
    with pytest.raises(Unreachable, match="can't be used"):
        str(NamedCluster({"kubeconfig": str(path), "context": "b"}).server)


def test_a_verdict_that_can_not_be_written_is_a_warning(run: Module, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    result = run(verdict_file=str(tmp_path / "file" / "proof.json"))
    assert result["ok"]
    assert "can't be written" in json.dumps(result["warnings"])


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        ({"api_url": "gateway.test"}, "http:// or https://"),
        ({"model": ""}, "no model to prove"),
        ({"batch_write_at": 0}, "batch_write_at must be more than 0"),
        ({"wait": -1}, "wait must be more than 0"),
        ({"input_cost_per_token": "-1"}, "no amount of dollars"),
        ({"output_cost_per_token": "cheap"}, "no amount of dollars"),
        ({"output_cost_per_token": None}, "required together"),
        ({"api_key": None}, "one of the following is required"),
        ({"api_key": None, "api_key_file": "/nowhere/key"}, "/nowhere/key: No such file"),
        ({"api_key": None, "api_key_file": "/dev/null"}, "is empty"),
    ],
)
def test_bad_arguments_are_refused_before_anything_is_sent(
    run: Module, gateway: Any, arguments: dict[str, Any], reason: str
) -> None:
    result = run(**arguments)
    assert result["failed"]
    assert reason in result["msg"]
    assert gateway.requests == []


def test_a_key_in_the_environment_does_not_stand_in_the_way_of_a_file(
    run: Module, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    file = tmp_path / "key"
    file.write_text(MASTER, encoding="utf-8")
    monkeypatch.setenv("LITELLM_API_KEY", "sk-of-another-gateway")
    assert run(api_key=None, api_key_file=str(file))["ok"]


def test_without_httpx_it_says_what_to_install(run: Module, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(proof_module, "HTTPX_IMPORT_ERROR", "no module")
    assert "httpx" in run()["msg"]


def test_the_signal_handlers_return() -> None:
    former = signal.getsignal(signal.SIGTERM)
    with on_signals() as interruption:
        assert not interruption
        signal.raise_signal(signal.SIGTERM)
        assert interruption
    assert signal.getsignal(signal.SIGTERM) == former
