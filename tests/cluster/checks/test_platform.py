# Copyright: Contributors to the Tollgate project
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The whole platform by `ansible-playbook site.yml`: from nothing to the proof, again, through bad luck, and away.

The tests of this file follow each other: what one brings up, the next ones use.
"""

from __future__ import annotations

import base64
import json
import os
import re
import signal
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from random import Random

import httpx
import platform_run as platform
import pytest
import yaml
from tollgate_checks.cluster import Cluster
from tollgate_checks.objects import Object
from tollgate_checks.watching import eventually
from tollgate_cluster.places import CHECKOUT

pytestmark = pytest.mark.platform
Record = Callable[[str, object], None]
PORT = 4000  # the runbook's
MODEL = "qwen-local"
RUNBOOK = Path(__file__).with_name("runbook.sh")
PSQL = (
    "kubectl -n litellm exec \"$(kubectl -n litellm get cluster litellm-pg -o jsonpath='{.status.currentPrimary}')\" "
    "-c postgres -- psql -U postgres -d litellm -Atc"
)
LEDGER_ROWS = 'SELECT count(*) FROM "LiteLLM_SpendLogs"'
KEYS = 'SELECT key_alias FROM "LiteLLM_VerificationToken" WHERE key_alias IS NOT NULL'
WAVES = ("operators", "secrets", "data", "serving", "gateway", "tenants", "proof")


@pytest.fixture(scope="module", autouse=True)
def from_nothing(cluster: Cluster) -> Iterator[None]:
    """No gateway before these tests, and none after them; the operators stay."""
    platform.well(platform.play(cluster, "-e", "confirm=litellm", playbook="playbooks/teardown.yml"))
    yield
    platform.well(platform.play(cluster, "-e", "confirm=litellm", playbook="playbooks/teardown.yml"))


@pytest.fixture(scope="module")
def first_run(cluster: Cluster) -> platform.Run:
    """The run that brings everything up."""
    return platform.well(platform.play(cluster, "-vvv", "--diff"))


@pytest.fixture
def forwarded(cluster: Cluster, first_run: platform.Run) -> Iterator[str]:
    """The proxy by the runbook's own port-forward."""
    line = ["kubectl", "-n", "litellm", "port-forward", "svc/litellm", f"{PORT}:{PORT}"]
    found = platform.environment(cluster)
    kubectl = str(platform.STATE.parent / "kubectl") if cluster.made_here else "kubectl"
    with subprocess.Popen([kubectl, *line[1:]], env=found, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert "Forwarding from" in process.stdout.readline()
        yield f"http://localhost:{PORT}"
        process.terminate()


def key(cluster: Cluster, alias: str) -> str:
    """A declared key's value."""
    return platform.generated(cluster)[alias]


def asked(cluster: Cluster, query: str) -> list[str]:
    """What the database answers, line by line and sorted."""
    return sorted(platform.shell(cluster, f"{PSQL} '{query}'").splitlines())


def ask(url: str, value: str, words: str = "ping") -> httpx.Response:
    """A chat completion."""
    body = {"model": MODEL, "messages": [{"role": "user", "content": words}], "max_tokens": 16}
    headers = {"Authorization": f"Bearer {value}"}
    return httpx.post(f"{url}/v1/chat/completions", headers=headers, json=body, timeout=60)


def test_a_first_check_mode_predicts_and_writes_nothing(cluster: Cluster) -> None:
    before = platform.versions(cluster)
    run = platform.well(platform.play(cluster, "--check", "--diff"))
    assert run.counts["changed"] > 5
    assert platform.versions(cluster) == before
    assert not (platform.STATE / "verdicts" / "data.json").exists()


def test_from_nothing_to_the_proof(cluster: Cluster, first_run: platform.Run, record_property: Record) -> None:
    record_property("from nothing to the proof", f"{first_run.seconds:.0f} s")
    for wave in WAVES:
        verdict = json.loads((platform.STATE / "verdicts" / f"{wave}.json").read_text())
        assert verdict["ok"], verdict
        record_property(f"wave {wave}", f"{verdict['seconds']:.0f} s")


def test_again_nothing_changes(cluster: Cluster, first_run: platform.Run, record_property: Record) -> None:
    before = platform.versions(cluster)
    run = platform.well(platform.play(cluster))
    assert run.counts["changed"] == 0, run.output
    after = platform.versions(cluster)
    moved = {name for name in before.keys() | after.keys() if before.get(name) != after.get(name)}
    assert not moved
    record_property("again, unchanged", f"{run.seconds:.0f} s")


def test_a_check_mode_of_what_is_there_predicts_no_change(cluster: Cluster, first_run: platform.Run) -> None:
    assert platform.well(platform.play(cluster, "--check")).counts["changed"] == 0


def test_the_runbooks_lines_work_as_they_are_written(cluster: Cluster, forwarded: str) -> None:
    assert "Cluster in healthy state" in platform.shell(cluster, "kubectl -n litellm get cluster litellm-pg")
    synced = platform.shell(cluster, "kubectl -n litellm get externalsecret").splitlines()
    for name in ("litellm-pg-app", "litellm-secrets"):
        assert [line for line in synced if line.startswith(name) and "SecretSynced" in line], synced
    assert "successfully rolled out" in platform.shell(cluster, "kubectl -n litellm rollout status deploy/litellm")
    said = platform.shell(cluster, RUNBOOK.read_text(encoding="utf-8"), seconds=300)
    assert '"choices"' in said
    assert "LOW was refused on call" in said
    assert '"call_type":"acompletion"' in said  # the ledger


def test_a_declared_key_is_billed_and_another_is_refused(cluster: Cluster, forwarded: str) -> None:
    answer = ask(forwarded, key(cluster, "high"))
    assert answer.status_code == 200, answer.text
    assert answer.json()["usage"]["total_tokens"] > 0
    assert ask(forwarded, "sk-" + "0" * 48).status_code == 401


def test_no_secret_is_seen_where_it_does_not_belong(cluster: Cluster, first_run: platform.Run) -> None:
    run = platform.well(platform.play(cluster, "-vvv", "--diff", "-e", "gateway_proof_always=true"))
    places = {"the output": run.output, "the first run's output": first_run.output}
    for found in platform.ours(cluster):
        if found["kind"] != "Secret":
            places[f"{found['kind']} {found['metadata']['name']}"] = json.dumps(found, default=str)
    for verdict in platform.STATE.rglob("*"):
        if verdict.is_file():
            places[verdict.name] = verdict.read_text(encoding="utf-8", errors="replace")
    for name, value in platform.generated(cluster).items():
        for form in (value, base64.b64encode(value.encode()).decode()):
            assert [place for place, text in places.items() if form in text] == [], f"{name} is there"


def test_every_namespace_of_ours_enforces_restricted(cluster: Cluster, first_run: platform.Run) -> None:
    ours = cluster.all("v1", "Namespace", labels="app.kubernetes.io/managed-by=tollgate")
    levels = {
        each["metadata"]["name"]: each["metadata"]["labels"].get("pod-security.kubernetes.io/enforce") for each in ours
    }
    assert levels.keys() >= {platform.PROXY, platform.MODELS, platform.STORE, *platform.OPERATORS}
    assert set(levels.values()) == {"restricted"}
    for name in levels:
        # The server says which pods that are there would not pass; a label that is there does not drive them out.
        label = f"kubectl label --dry-run=server --overwrite namespace {name}"
        said = platform.shell(cluster, f"{label} pod-security.kubernetes.io/enforce=restricted extra=1 2>&1")
        assert "violate" not in said, said


def test_each_wave_runs_alone(cluster: Cluster, first_run: platform.Run) -> None:
    run = platform.well(platform.play(cluster, playbook="playbooks/tenants.yml"))
    assert run.counts["changed"] == 0


def test_the_status_is_a_verdict(cluster: Cluster, first_run: platform.Run, tmp_path: Path) -> None:
    path = tmp_path / "status.json"
    platform.well(platform.play(cluster, "-e", f"gateway_status_file={path}", playbook="playbooks/status.yml"))
    verdict = json.loads(path.read_text())
    assert verdict["ok"] is True
    assert len(verdict["checks"]) >= 8


def test_what_is_declared_is_all_there_is(cluster: Cluster, first_run: platform.Run, tmp_path: Path) -> None:
    path = tmp_path / "drift.json"
    platform.well(platform.play(cluster, "-e", f"gateway_drift_file={path}", playbook="playbooks/drift.yml"))
    report = json.loads(path.read_text())
    assert report["ok"] is True
    assert report["as_declared"] >= 6


def test_requests_go_on_while_the_primary_is_lost(cluster: Cluster, forwarded: str, record_property: Record) -> None:
    value = key(cluster, "high")
    rows = int(asked(cluster, LEDGER_ROWS)[0])
    answers: list[int] = []
    over = threading.Event()

    def client() -> None:
        while not over.is_set():
            try:
                answers.append(ask(forwarded, value).status_code)
            except httpx.HTTPError:
                answers.append(0)

    thread = threading.Thread(target=client)
    thread.start()
    primary = platform.shell(
        cluster, "kubectl -n litellm get cluster litellm-pg -o jsonpath='{.status.currentPrimary}'"
    )
    began = time.monotonic()
    platform.shell(cluster, f"kubectl -n litellm delete pod {primary} --wait=false")
    healthy = "kubectl -n litellm get cluster litellm-pg -o jsonpath='{.status.phase} {.status.readyInstances}'"
    eventually(
        lambda: "healthy state 0" in platform.shell(cluster, healthy) or time.monotonic() - began > 5, 60, "gone"
    )
    eventually(
        lambda: re.search(r"healthy state [1-9]", platform.shell(cluster, healthy)) is not None, 180, "healthy again"
    )
    record_property("the database is back", f"{time.monotonic() - began:.0f} s")
    over.set()
    thread.join()
    good = answers.count(200)
    record_property("requests answered meanwhile", f"{good} of {len(answers)}")
    assert good > 5
    assert ask(forwarded, value).status_code == 200
    eventually(
        lambda: int(asked(cluster, LEDGER_ROWS)[0]) >= rows + good,
        120,
        f"all {good} answered requests in the ledger",
    )


# Found before anything is written.
@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("-e", "gateway_kubeconfig=/nowhere/kubeconfig"), ["/nowhere/kubeconfig", "can't be used"]),
        (("-e", "postgres_instanses=3"), ['unknown variable "postgres_instanses"', "postgres_instances"]),
        (("-e", "gateway_namespaces=x"), ['unknown variable "gateway_namespaces"', "gateway_namespace"]),
        (("-e", "gateway_secrets_namespace=litellm"), ["pods run in litellm"]),
    ],
)
def test_what_cannot_work_is_refused_before_anything_is_written(
    cluster: Cluster, first_run: platform.Run, words: tuple[str, ...], said: list[str]
) -> None:
    before = platform.versions(cluster)
    run = platform.play(cluster, *words)
    assert run.code != 0
    for text in said:
        assert text in run.message
    assert "Nothing was changed" in run.message
    assert platform.versions(cluster) == before


def test_a_user_without_rights_is_told_which_ones_are_missing(
    cluster: Cluster, first_run: platform.Run, tmp_path: Path
) -> None:
    token = platform.shell(cluster, "kubectl -n default create token default --duration=10m").strip()
    content = yaml.safe_load(cluster.kubeconfig.read_text())
    content["users"][0]["user"] = {"token": token}
    path = tmp_path / "kubeconfig"
    path.write_text(yaml.safe_dump(content))
    path.chmod(0o600)
    before = platform.versions(cluster)
    run = platform.play(cluster, "-e", f"gateway_kubeconfig={path}")
    assert run.code != 0
    for right in ("- create namespaces", "- patch deployments.apps in litellm", "- get secrets in litellm-store"):
        assert right in run.output
    assert platform.versions(cluster) == before


SALT: Object = {
    "apiVersion": "v1",
    "kind": "Secret",
    "metadata": {"name": "litellm-salt-key", "namespace": platform.PROXY},
}


@pytest.fixture
def another_salt(cluster: Cluster, first_run: platform.Run) -> Iterator[str]:
    """Another salt key in the place of the immutable one, as a restore from the wrong backup leaves it."""
    kept, wrong = cluster.get(SALT), "0" * 64
    assert kept is not None
    cluster.delete(SALT)
    cluster.create({**SALT, "stringData": {"LITELLM_SALT_KEY": wrong}, "immutable": True})
    yield wrong
    cluster.delete(SALT)
    metadata = {name: kept["metadata"].get(name) for name in ("name", "namespace", "labels", "annotations")}
    cluster.create({**{name: value for name, value in kept.items() if name != "status"}, "metadata": metadata})


def test_a_changed_salt_key_stops_the_run(cluster: Cluster, another_salt: str) -> None:
    before = {name: each for name, each in platform.versions(cluster).items() if "litellm-salt-key" not in name}
    run = platform.play(cluster)
    assert run.code != 0
    assert "litellm-salt-key" in run.message
    assert "sha256:" in run.message
    assert another_salt not in run.output
    # External Secrets may look at the other one, too.
    assert {name: each for name, each in platform.versions(cluster).items() if "litellm-salt-key" not in name} == before


def test_a_model_that_is_stopped_stays_stopped(cluster: Cluster, first_run: platform.Run, forwarded: str) -> None:
    platform.well(platform.play(cluster, "-e", "gateway_vllm=down", playbook="playbooks/vllm.yml"))
    replicas = "kubectl -n llm get deploy vllm-qwen-local -o jsonpath='{.spec.replicas}'"
    assert platform.shell(cluster, replicas) == "0"
    assert platform.well(platform.play(cluster)).counts["changed"] == 0
    assert platform.shell(cluster, replicas) == "0"
    platform.well(platform.play(cluster, "-e", "gateway_vllm=up", playbook="playbooks/vllm.yml"))
    assert ask(forwarded, key(cluster, "high")).status_code == 200


def killed(cluster: Cluster, seconds: float) -> bool:
    """Kill -9 a run after so many seconds. Returns whether it was still at work."""
    with subprocess.Popen(
        platform.command("site.yml"),
        cwd=CHECKOUT,
        env=platform.environment(cluster),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    ) as process:
        try:
            process.wait(seconds)
        except subprocess.TimeoutExpired:
            os.kill(process.pid, signal.SIGKILL)
            process.wait()
            return True
    return False


def cured(cluster: Cluster, moment: float) -> None:
    """A run that begins now, is killed, and run again: what a user may rely on."""
    assert killed(cluster, moment), f"the run was over before {moment:.0f} s"
    made = platform.generated(cluster)
    platform.well(platform.play(cluster))
    now = platform.generated(cluster)
    assert {name: now[name] for name in made} == made
    keys = asked(cluster, KEYS)
    assert len(keys) == len(set(keys))
    assert platform.well(platform.play(cluster)).counts["changed"] == 0


def test_a_teardown_keeps_what_cannot_be_made_again_and_a_killed_run_is_cured_by_the_next(
    cluster: Cluster, first_run: platform.Run, chance: Random, record_property: Record
) -> None:
    kept, keys = platform.generated(cluster), asked(cluster, KEYS)
    assert "low" in keys
    rows = int(asked(cluster, LEDGER_ROWS)[0])
    platform.well(platform.play(cluster, playbook="playbooks/teardown.yml"))
    assert cluster.all("v1", "Pod", platform.PROXY) == []
    assert cluster.all("v1", "PersistentVolumeClaim", platform.PROXY)
    assert platform.generated(cluster) == kept
    moment = chance.uniform(4, first_run.seconds * 0.3)
    record_property("killed after", f"{moment:.1f} s")
    cured(cluster, moment)
    assert platform.generated(cluster) == kept
    assert asked(cluster, KEYS) == keys
    assert int(asked(cluster, LEDGER_ROWS)[0]) >= rows


@pytest.mark.soak
def test_runs_killed_at_many_moments_are_cured(
    cluster: Cluster, first_run: platform.Run, chance: Random, soak_rounds: int, record_property: Record
) -> None:
    for number in range(soak_rounds):
        moment = chance.uniform(5, first_run.seconds * 0.6)
        platform.well(platform.play(cluster, "-e", "confirm=litellm", playbook="playbooks/teardown.yml"))
        cured(cluster, moment)
        record_property(f"round {number + 1}", f"killed after {moment:.1f} s, cured")


def test_a_teardown_by_name_leaves_nothing(cluster: Cluster, first_run: platform.Run) -> None:
    platform.well(platform.play(cluster, "-e", "confirm=litellm", playbook="playbooks/teardown.yml"))
    for name in (platform.PROXY, platform.MODELS, platform.STORE):
        assert left(cluster, name) == []


def left(cluster: Cluster, namespace: str) -> list[str]:
    """What is in a namespace that Kubernetes itself has not put there."""
    own = ("kube-root-ca.crt", "default")
    found: list[Object] = []
    for api_version, kind in (
        ("v1", "Pod"),
        ("v1", "PersistentVolumeClaim"),
        ("v1", "Secret"),
        ("v1", "ConfigMap"),
        ("v1", "Service"),
    ):
        found += [each for each in cluster.all(api_version, kind, namespace) if each["metadata"]["name"] not in own]
    return [f"{each['kind']} {each['metadata']['name']}" for each in found]
