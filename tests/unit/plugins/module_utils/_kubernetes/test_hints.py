# Copyright: Contributors to the Tollgate project
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the last words of a container mean."""

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.tollgate.llm.plugins.module_utils._kubernetes.diagnosis import SHOWN, Troubled, explanation
from ansible_collections.tollgate.llm.plugins.module_utils._kubernetes.hints import SAID_BY_CONTROLLERS, hint, place
from ansible_collections.tollgate.llm.plugins.module_utils._kubernetes.pods import Trouble
from ansible_collections.tollgate.llm.plugins.module_utils._kubernetes.standing import pending

NAME = "20250326162113_baseline"
PLACE = {
    "namespace": "litellm",
    "DATABASE_HOST": "litellm-pg-rw",
    "DATABASE_NAME": "litellm",
    "DATABASE_SECRET": "litellm-pg-app",
    "psql": "psql -d litellm -c",
}
# As litellm_proxy_extras 0.4.108 prints it around what Prisma says.
P3009 = f"""\x1b[1;31mLiteLLM Proxy: Database migration cannot proceed. Migration completion could not be verified.

Prisma migration history (migration name and start time):
Error: P3009

migrate found failed migrations in the target database, new migrations will not be applied. Read more about how to \
resolve migration issues in a production database: https://pris.ly/d/migrate-resolve
The `{NAME}` migration started at 2026-11-21 09:00:00.000000 UTC failed with the following logs:
A migration failed to apply.

A migration has a start record but no successful completion record.\x1b[0m"""


def said(text: str) -> str:
    """The hint for a log."""
    return hint(text.splitlines(), PLACE)


def test_a_failed_migration_is_named_with_the_command_that_goes_on() -> None:
    words = said(P3009)
    assert words.startswith(f'migration "{NAME}" (started 2026-11-21 09:00:00.000000) has failed')
    assert "P3009" in words
    assert 'psql -d litellm -c "SELECT logs FROM _prisma_migrations' in words
    assert f"SET rolled_back_at = now() WHERE migration_name = '{NAME}' AND finished_at IS NULL" in words


KNOWN: dict[str, tuple[str, ...]] = {
    f"Error: P3018\n\nMigration name: {NAME}\n\nDatabase error:\nERROR: relation exists": (
        f'migration "{NAME}" failed',
        "ERROR: relation exists",
    ),
    f"Error: P3018\n\nMigration name: {NAME}\n\nERROR: could not extend file: No space left on device": ("is full",),
    "Error: P1001: Can't reach database server at `litellm-pg-rw`:`5432`": ("litellm-pg-rw can't be reached",),
    "Can't reach database server at `db`:`5432`: it has no space left (53100)": ("volume is full",),
    "Error: P1000: Authentication failed against database server at `db`": ("refuses", "Secret litellm-pg-app"),
    'P1000: Authentication failed.\n\nno pg_hba.conf entry for host "10.88.0.37", user "litellm"': (
        "from 10.88.0.37.",
    ),
    'FATAL: password authentication failed for user "litellm"': ("refuses",),
    "psycopg.OperationalError: failed to resolve host 'litellm-pg-rw'": ("can't be reached",),
    "Error: P1013: The provided database string is invalid. invalid port": ("percent-encoded",),
    "P1003: Database `litellm` does not exist on the database server": ("no database litellm",),
    "ERROR: permission denied for schema public": ("not allowed",),
    "FATAL: sorry, too many clients already": ("database_connection_pool_limit",),
    "The table `public.LiteLLM_Config` does not exist in the current database.": ("Remove the Job litellm-migrations",),
    "UnsafeMasterKeyError: LiteLLM proxy refused to start: the key is weak.": ("the key is weak.", "PROXY_MASTER_KEY"),
    "OSError: [Errno 30] Read-only file system: '/app/x'": ("/app/x", "emptyDir"),
}


@pytest.mark.parametrize("text", KNOWN)
def test_a_known_cause_is_explained(text: str) -> None:
    words = said(f"before\n{text}\nafter")
    for part in KNOWN[text]:
        assert part in words


def test_what_nobody_knows_is_not_explained() -> None:
    assert said("Traceback (most recent call last):\nValueError: 7") == ""


def test_what_the_pod_does_not_say_is_a_question_mark() -> None:
    assert "at ? can't be reached" in hint(["P1001"], {})


POD: dict[str, Any] = {
    "kind": "Pod",
    "metadata": {"name": "litellm-migrations-x", "namespace": "gateway", "uid": "1"},
    "spec": {
        "containers": [
            {"name": "other", "env": [{"name": "DATABASE_HOST", "value": "elsewhere"}]},
            {
                "name": "migrations",
                "env": [
                    {"name": "DATABASE_HOST", "value": "pg-rw.data"},
                    {"name": "DATABASE_PASSWORD", "valueFrom": {"secretKeyRef": {"name": "pg-app", "key": "password"}}},
                ],
            },
        ]
    },
}


def test_a_pod_tells_where_its_database_is_and_never_a_secret() -> None:
    assert place(POD, "migrations") == {
        "namespace": "gateway",
        "DATABASE_HOST": "pg-rw.data",
        "DATABASE_SECRET": "pg-app",
        "psql": "kubectl -n data exec $(kubectl -n data get pod -o name "
        "-l cnpg.io/cluster=pg,cnpg.io/instanceRole=primary) -c postgres -- psql -d ? -c",
    }


def test_a_database_of_ones_own_is_asked_by_psql() -> None:
    row = {"name": "DATABASE_HOST", "value": "db.example.org"}
    pod = {**POD, "spec": {"containers": [{"name": "x", "env": [row, {"name": "DATABASE_NAME", "value": "llm"}]}]}}
    assert place(pod, "x")["psql"] == "psql -d llm -c"


class Silent:
    """A cluster with one log and no events."""

    def log(self, *_: object, **__: object) -> list[str]:
        return P3009.splitlines()

    def find(self, *_: object) -> tuple[str, list[Any]]:
        return "1", []


def test_pods_with_the_same_trouble_are_explained_once() -> None:
    found = [Troubled(POD, Trouble(pending("ended with exit code 2"), "migrations")) for again in range(2)]
    lines = explanation(Silent(), None, found, "gateway")  # type: ignore[arg-type] (it stands in for the cluster)
    assert len([line for line in lines if line.startswith("This means: ")]) == 1
    assert "  migrations| A migration has a start record but no successful completion record.\x1b[0m" in lines
    assert len([line for line in lines if "migrations| " in line]) == 2 * 8


@pytest.mark.parametrize(
    ("told", "meaning"),
    [
        ('could not get SecretStore "nope", SecretStore.external-secrets.io "nope" not found', "no SecretStore nope"),
        ('err: SecretStore "tollgate" is not ready', "kubectl -n litellm describe secretstore tollgate"),
        ('err: ClusterSecretStore "gsm" is not ready', "kubectl describe clustersecretstore gsm"),
        (
            'cannot get Kubernetes secret "key" from namespace "eso": secrets "key" not found',
            "there is no Secret eso/key with the key that the operator signs in with",
        ),
        ('cannot find secret data for key: "key.json"', "has nothing under key.json"),
        ("failed to process the provided JSON credentials: invalid character", "no key of a service account"),
        (
            'unable to get credentials: oauth2: "invalid_grant" "Invalid JWT Signature."',
            "gcloud iam service-accounts keys create",
        ),
        ('(key: gone), err: secrets "gone" not found', "the store has no secret gone"),
        ('err: property a does not exist in data of secret "b"', "secret b of the store has no key a"),
        (
            'secrets "salt" is forbidden: User "system:serviceaccount:litellm:reader" cannot get resource "secrets" in '
            'API group "" in the namespace "litellm-store"',
            "system:serviceaccount:litellm:reader may not read salt in litellm-store",
        ),
        (
            'cannot create service account token: "serviceaccounts \\"reader\\" is forbidden: User '
            '\\"system:serviceaccount:eso:eso\\" cannot create resource \\"serviceaccounts/token\\"',
            "the operator (system:serviceaccount:eso:eso) may not ask for a token of the account reader",
        ),
        ('cannot create service account token: "serviceaccounts \\"reader\\" not found"', "no account reader"),
        (
            'using cluster store "gsm" is not allowed from namespace "llm": denied by spec.condition',
            "ClusterSecretStore gsm serves other namespaces than llm",
        ),
        (
            "unable to access Secret from SecretManager Client: rpc error: code = PermissionDenied desc = Permission "
            "'secretmanager.versions.access' denied for resource 'projects/p/secrets/salt/versions/1' (or it may not "
            "exist).",
            "secretmanager.versions.access on projects/p/secrets/salt/versions/1",
        ),
        (
            "rpc error: code = FailedPrecondition desc = Secret Version [projects/p/secrets/salt/versions/1] is in "
            "DISABLED state.",
            "projects/p/secrets/salt/versions/1 is DISABLED",
        ),
        ("could not get secret data from provider: Secret does not exist", "Secret Manager has no such version"),
        (
            "Secret Manager API has not been used in project 42 before or it is disabled.",
            "gcloud services enable secretmanager.googleapis.com --project=42",
        ),
        ("Permission denied on resource project wrong.", "there is no project wrong"),
        (
            "unable to fetch identitybindingtoken: could not get idbindtoken token, status: 403",
            "roles/iam.workloadIdentityUser",
        ),
        ("client is not allowed to get secrets", "may read no secret of the store"),
    ],
)
def test_what_external_secrets_says_is_explained(told: str, meaning: str) -> None:
    rules = SAID_BY_CONTROLLERS["external-secrets.io"]
    assert meaning in hint([f"ExternalSecret x: UpdateFailed: {told}"], {"namespace": "litellm"}, rules)


class Wordy(Silent):
    """A cluster with one event, which says the reason last."""

    def find(self, *_: object) -> tuple[str, list[Any]]:
        message = f"{'error processing spec.data[0]: ' * 20}Secret does not exist"
        subject = {"kind": "ExternalSecret", "name": "salt"}
        return "1", [{"type": "Warning", "reason": "UpdateFailed", "message": message, "involvedObject": subject}]


def test_a_long_event_is_shown_in_part_and_understood_as_a_whole() -> None:
    owner = {"apiVersion": "external-secrets.io/v1", "kind": "ExternalSecret", "metadata": {"name": "salt"}}
    shown, meaning = explanation(Wordy(), owner, [], "litellm")  # type: ignore[arg-type] (it stands in for the cluster)
    assert len(shown) == SHOWN
    assert "Secret Manager has no such version" in meaning
