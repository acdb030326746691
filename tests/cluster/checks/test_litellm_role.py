# Copyright: Contributors to the Tollgate project
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The role litellm: from nothing to a connected proxy, what changes it, and what it says when it can't."""

from __future__ import annotations

import json
import re
import secrets
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
import yaml
from ansible_run import ad_hoc
from role_run import Run, play_role
from tollgate_checks.cluster import Cluster
from tollgate_checks.conditions import ready
from tollgate_checks.objects import Object, pod, service
from tollgate_cluster.places import TOOLS

sys.path.append(str(TOOLS.parent / "collections"))

from ansible_collections.tollgate.llm.plugins.modules import litellm_tenants

POSTGRES = "ghcr.io/cloudnative-pg/postgresql:17"
# As an operator would do it, in seconds instead of a minute. Who is in the pod needs no password.
SERVER = """
set -eu
export PATH="$PATH:$(ls -d /usr/lib/postgresql/*/bin)"
echo "$PASSWORD" >/tmp/password
initdb -D /tmp/data -U litellm --pwfile /tmp/password --auth-local trust --auth-host scram-sha-256 >/dev/null
echo "host all all all scram-sha-256" >>/tmp/data/pg_hba.conf
exec postgres -D /tmp/data -c listen_addresses='*' -c unix_socket_directories=/tmp -c shared_buffers=32MB
"""
HARDENED = {"allowPrivilegeEscalation": False, "readOnlyRootFilesystem": True, "capabilities": {"drop": ["ALL"]}}
PART_OF_IT = (
    ("batch/v1", "Job", "litellm-migrations"),
    ("v1", "ConfigMap", "litellm-config"),
    ("v1", "ServiceAccount", "litellm"),
    ("v1", "Service", "litellm"),
    ("policy/v1", "PodDisruptionBudget", "litellm"),
    ("apps/v1", "Deployment", "litellm"),
)
EARLIER = "20250326162113_baseline"


@dataclass
class Place:
    """A namespace with the Secrets that the role wants."""

    cluster: Cluster
    name: str
    directory: Path
    values: dict[str, str] = field(repr=False)

    def run(self, *words: str, **variables: Any) -> Run:
        """The role, as in a play, with everything that it can be made to print."""
        given = {"litellm_namespace": self.name, "litellm_size": "small", "litellm_timeout": 900, **variables}
        run = play_role(self.cluster, self.directory, "litellm", given, *words)
        for name, value in self.values.items():
            assert value not in run.output, f"the value of {name} was printed"
        return run

    def object(self, api_version: str, kind: str, name: str) -> Object:
        """An object by name, to be asked for."""
        return {"apiVersion": api_version, "kind": kind, "metadata": {"name": name, "namespace": self.name}}

    def parts(self) -> dict[str, Object | None]:
        """What the role makes, as it is now."""
        return {f"{kind} {name}": self.cluster.get(self.object(api, kind, name)) for api, kind, name in PART_OF_IT}

    def versions(self) -> dict[str, str]:
        """Their resource versions, and those of the pods and their owners."""
        found = {name: each["metadata"]["resourceVersion"] for name, each in self.parts().items() if each}
        for api_version, kind in (("v1", "Pod"), ("apps/v1", "ReplicaSet")):
            for each in self.cluster.all(api_version, kind, self.name):
                found[f"{kind} {each['metadata']['name']}"] = each["metadata"]["resourceVersion"]
        return found

    def pods(self) -> list[str]:
        """The pods of the proxy."""
        found = self.cluster.all("v1", "Pod", self.name, "app.kubernetes.io/name=litellm")
        return [each["metadata"]["name"] for each in found if not each["metadata"].get("deletionTimestamp")]

    def secret(self, name: str, **values: str) -> None:
        """A Secret of the role's."""
        self.values.update({f"{name}/{key}": value for key, value in values.items() if key != "username"})
        self.cluster.apply({**self.object("v1", "Secret", name), "stringData": values})


@pytest.fixture
def place(cluster: Cluster, namespace: str, tmp_path: Path) -> Place:
    """Secrets in a namespace that lets nothing in that could harm its node."""
    metadata = {"labels": {"pod-security.kubernetes.io/enforce": "restricted"}}
    cluster.patch({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": namespace}}, {"metadata": metadata})
    made = Place(cluster, namespace, tmp_path, {})
    made.secret("litellm-pg-app", username="litellm", password=secrets.token_hex(24))
    made.secret(
        "litellm-secrets", PROXY_MASTER_KEY=f"sk-{secrets.token_hex(24)}", CA_VLLM_LOCAL_API_KEY=secrets.token_hex(24)
    )
    made.secret("litellm-salt-key", LITELLM_SALT_KEY=secrets.token_hex(32))
    return made


@pytest.fixture
def database(place: Place) -> Object:
    """PostgreSQL with an empty database litellm, behind the Service that the operator would make."""
    reference = {"secretKeyRef": {"name": "litellm-pg-app", "key": "password"}}
    server = {
        "name": "postgres",
        "image": POSTGRES,
        "command": ["sh", "-c", SERVER],
        "env": [{"name": "PASSWORD", "valueFrom": reference}],
        "readinessProbe": {"tcpSocket": {"port": 5432}, "periodSeconds": 1, "timeoutSeconds": 5},
        "securityContext": HARDENED,
        "volumeMounts": [{"name": "data", "mountPath": "/tmp"}],
    }
    wanted = pod(
        place.name,
        "postgres",
        server,
        volumes=[{"name": "data", "emptyDir": {}}],
        securityContext={
            "runAsNonRoot": True,
            "runAsUser": 26,
            "runAsGroup": 26,
            "fsGroup": 26,
            "seccompProfile": {"type": "RuntimeDefault"},
        },
    )
    place.cluster.apply(service(place.name, "litellm-pg-rw", 5432, selector={"app": "postgres"}))
    running = place.cluster.run(wanted, ready, 120)
    query(place, running, "create database litellm", "postgres")
    return running


def query(place: Place, running: Object, statement: str, name: str = "litellm") -> str:
    """What PostgreSQL answers."""
    command = ("psql", "-qtAX", "-v", "ON_ERROR_STOP=1", "-h", "/tmp", "-U", "litellm", "-d", name, "-c", statement)
    return place.cluster.output(running, *command).strip()


def example(place: Place) -> dict[str, Any]:
    """The options of the example with a Service, of the documentation, in this namespace."""
    tasks = yaml.safe_load(litellm_tenants.EXAMPLES)
    options: dict[str, Any] = next(each for task in tasks for each in task.values() if "service" in each)
    service_of_test = {**options["service"], "namespace": place.name}
    return {**options, "service": service_of_test, "secrets_namespace": place.name}


def result_of(place: Place, module: str, **options: Any) -> dict[str, Any]:
    """What a module says, run by itself."""
    done = ad_hoc(module, {**options, "kubeconfig": str(place.cluster.kubeconfig)}, seconds=600)
    assert done.returncode == 0, done.stdout + done.stderr
    found: dict[str, Any] = yaml.safe_load(done.stdout.partition("=>")[2])
    return found


def see_a_block_reach_each_pod(place: Place) -> None:
    """Two pods serve: each must refuse the key, and then take it again, before the module ends."""
    master = {"name": "litellm-master-key", "value": place.values["litellm-secrets/PROXY_MASTER_KEY"]}
    kept = [master, {"name": "notebooks", "generate": {"format": "hex", "bytes": 24, "prefix": "sk-"}}]
    result_of(place, "kubernetes_secret", namespace=place.name, secrets=kept)
    options = example(place)
    assert result_of(place, "litellm_tenants", **options)["summary"]["created"] == 1
    assert result_of(place, "litellm_tenants", **options)["changed"] is False
    del options["keys"]
    for state in ("blocked", "unblocked", "blocked"):
        result = result_of(place, "litellm_key", **options, alias="notebooks", state=state, workers=2)
        found = result["objects"][0]["effective"]
        assert (result["changed"], found["proven"], found["workers"]) == (True, True, 2)


@pytest.mark.first
def test_from_nothing_to_a_connected_proxy_and_back(place: Place, database: Object) -> None:
    predicted = place.run("--check")
    assert predicted.changed > 0
    assert not any(place.parts().values()), "check mode wrote something"

    assert place.run().changed > 0
    assert int(query(place, database, "select count(*) from _prisma_migrations where finished_at is null")) == 0
    assert "LiteLLM_VerificationToken" in query(place, database, "select tablename from pg_tables")
    pods = place.cluster.all("v1", "Pod", place.name)
    text = json.dumps([place.parts(), pods]) + "".join(place.cluster.logs(each) for each in pods)
    for name, value in place.values.items():
        assert value not in text, f"the value of {name} is in an object or a log"
    (first,) = place.pods()
    job = place.parts()["Job litellm-migrations"]

    before = place.versions()
    again = place.run()
    assert again.changed == 0
    assert place.versions() == before
    assert place.run("--check").changed == 0

    slower = {"litellm_general_settings": {"proxy_batch_write_at": 30}}
    assert place.run("--check", **slower).changed == 1
    assert place.versions() == before
    assert place.run(**slower).changed == 1
    (second,) = place.pods()
    assert second != first
    assert place.parts()["Job litellm-migrations"] == job, "the migration ran again"
    assert len(place.cluster.all("apps/v1", "ReplicaSet", place.name)) == 2
    assert place.run(**slower).changed == 0

    two = {**slower, "litellm_replicas": 2}
    assert place.run(**two).changed == 1
    see_a_block_reach_each_pod(place)
    assert place.run(**slower).changed == 1
    (second,) = place.pods()

    # A Secret that is not there keeps the new pod from starting, and the old one serves on.
    lacking = place.run(**slower, litellm_secret="nowhere").refusal
    assert 'secret "nowhere" not found' in lacking
    assert "Make it, or correct the reference" in lacking
    serving = place.cluster.get(place.object("v1", "Pod", second))
    assert serving is not None
    assert ready(serving)

    assert place.run(litellm_state="absent").changed > 0
    assert not any(place.parts().values())
    assert not place.pods()
    assert place.cluster.get(place.object("v1", "Secret", "litellm-salt-key"))
    assert place.run(litellm_state="absent").changed == 0


@pytest.mark.first
def test_a_migration_that_fails_is_explained_and_runs_when_its_cause_is_gone(place: Place, database: Object) -> None:
    once = {"litellm_migration_retries": 0}
    place.secret("other", username="litellm", password=secrets.token_hex(24))
    refused = place.run(**once, litellm_database_secret="other").refusal
    assert "the database refuses the user name or the password" in refused
    assert "Secret other" in refused

    unreachable = place.run(**once, litellm_database_host="nowhere-rw").refusal
    assert "the database at nowhere-rw can't be reached" in unreachable

    table = (
        "create table _prisma_migrations (id varchar(36) primary key, checksum varchar(64) not null, "
        "finished_at timestamptz, migration_name varchar(255) not null, logs text, rolled_back_at timestamptz, "
        "started_at timestamptz not null default now(), applied_steps_count integer not null default 0)"
    )
    row = "insert into _prisma_migrations (id, checksum, migration_name) values ('1', repeat('0', 64), '{}')"
    query(place, database, f"{table}; {row.format(EARLIER)}")
    failed = place.run(**once).refusal
    assert "migration can't become ready" in failed
    assert f'migration "{EARLIER}"' in failed
    assert "has failed in this database before (Prisma P3009)" in failed
    statement = re.search(r'-c "(UPDATE _prisma_migrations [^"]+)"', failed)
    assert statement, failed
    assert not place.pods(), "the proxy was started"

    query(place, database, statement.group(1).replace("''", "'"))  # as YAML shows it
    again = place.run()
    assert again.changed > 0
    assert int(query(place, database, "select count(*) from _prisma_migrations where finished_at is not null")) > 100


def test_what_is_missing_is_named(place: Place) -> None:
    image = place.run(litellm_image="ghcr.io/berriai/litellm:v1.106.999").refusal
    assert "the image ghcr.io/berriai/litellm:v1.106.999 does not exist" in image
    secret = place.run(litellm_database_secret="nowhere").refusal
    assert 'secret "nowhere" not found' in secret


def test_what_cannot_work_is_refused_before_anything_is_written(place: Place) -> None:
    literal = f"sk-{secrets.token_hex(24)}"
    refused = place.run(
        litellm_general_settings={"master_key": literal},
        litellm_settings={"cache_params": {"password": literal}},
        litellm_image="ghcr.io/berriai/litellm:main-stable",
    )
    for text in (
        "litellm_image: the tag main-stable moves",
        "litellm_general_settings.master_key: it comes from the Secret",
        "litellm_settings.cache_params.password: that looks like a secret",
        "Nothing was changed.",
    ):
        assert text in refused.refusal
    # Only the command line that this test gave it is there, which is not printed.
    assert literal not in refused.output
    assert not any(place.parts().values())
