# Copyright: Contributors to the Tollgate project
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the last words of a container, or of a controller, mean, and what to do next."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from .standing import Object

COLOURS = re.compile(r"\x1b\[[0-9;]*m")
UNKNOWN = "?"  # what a text or a pod does not say


@dataclass(frozen=True)
class Rule:
    """A text, what it means, and the next step. Both may use what the text and the pod's environment say."""

    text: re.Pattern[str]
    meaning: str
    next_step: str


def _rule(text: str, meaning: str, next_step: str) -> Rule:
    return Rule(re.compile(text), meaning, next_step)


# The first that fits decides, so what is behind others comes first: a full disk, for one, looks like an unreachable
# database, and an applied migration that failed makes all the later runs fail.
# Sources: Prisma's error reference; litellm_proxy_extras 0.4.108, utils.py; LiteLLM 1.106.2, master_key_boot_check.py.
RULES = (
    _rule(
        r"(?i)no space left on device|has no space left|could not extend file|disk full",
        "the database's volume is full.",
        "Make room or enlarge it (CloudNativePG: spec.storage.size of the Cluster), then run again.",
    ),
    _rule(
        r"P3009[\s\S]*?`(?P<migration>\d+_\w+)`(?: migration started at (?P<started>[\d :.+-]+?)(?: UTC)? failed)?",
        'migration "{migration}" (started {started}) has failed in this database before (Prisma P3009), and none is '
        "applied until that is settled.",
        "See what it left: {psql} \"SELECT logs FROM _prisma_migrations WHERE migration_name = '{migration}'\". "
        "Mend the cause, undo what it did in part, then say that it is to be tried again: "
        "{psql} \"UPDATE _prisma_migrations SET rolled_back_at = now() WHERE migration_name = '{migration}' AND "
        'finished_at IS NULL" (or SET finished_at = now(), if all its changes are there), and run again.',
    ),
    _rule(
        r"P3018[\s\S]*?Migration name: (?P<migration>\d+_\w+)(?:[\s\S]*?(?P<reason>ERROR: [^\n]+))?",
        'migration "{migration}" failed (Prisma P3018): {reason}',
        "Mend the cause. It is noted as failed: the next run stops at it (P3009) and says how to go on.",
    ),
    _rule(
        r"no pg_hba.conf entry for host \"?(?P<client>[^\",\s]+)",
        "the database has no rule (pg_hba.conf) that lets this user in from {client}.",
        "Add one (CloudNativePG: spec.postgresql.pg_hba), or encrypt the connection, if the rules ask for that.",
    ),
    _rule(
        r"P1000|Authentication failed against database server|password authentication failed for user",
        "the database refuses the user name or the password.",
        "They come from Secret {DATABASE_SECRET}. Is it the one that the database was made with? CloudNativePG takes a "
        "changed password over when the Secret has the label cnpg.io/reload=true.",
    ),
    _rule(
        r"P1013|database string is invalid",
        "user name and password make no valid database address.",
        "They are put into it as they are: a character that an address can't hold has to be percent-encoded in Secret "
        "{DATABASE_SECRET}, or use letters and digits.",
    ),
    _rule(
        r"P1003|[Dd]atabase [`\"']?(?P<database>[\w-]+)[`\"']? does not exist",
        "the server has no database {DATABASE_NAME}.",
        "Make it, or correct the name.",
    ),
    _rule(
        r"P1010|permission denied for (?:schema|table|database)|insufficient permissions",
        "the database's user is not allowed to do this.",
        "It has to own database {DATABASE_NAME}, or be granted CREATE and USAGE on the schema.",
    ),
    _rule(
        r"P1001|Can't reach database server|failed to resolve host|could not translate host name",
        "the database at {DATABASE_HOST} can't be reached.",
        "Is it healthy, and is that its Service? kubectl -n {namespace} get cluster,pods,svc. A NetworkPolicy may also "
        "keep the pod from it.",
    ),
    _rule(
        r"P1002[\s\S]*advisory lock",
        "another migration holds the lock.",
        "Wait for it, or end what runs it, then run again.",
    ),
    _rule(
        r"P2037|too many clients already|remaining connection slots|[Tt]oo many database connections",
        "the database has no connection left.",
        "Lower database_connection_pool_limit (it counts for each worker of each replica), or raise max_connections.",
    ),
    _rule(
        r"P2021|relation \"[^\"]*LiteLLM_\w+\" does not exist|The table `[^`]*LiteLLM_\w+` does not exist",
        "LiteLLM's tables are not in this database: it is not the one that was migrated, or was made anew.",
        "Remove the Job litellm-migrations and run again: it will migrate this one.",
    ),
    _rule(
        r"proxy refused to start: (?P<reason>[^\n]+)",
        "LiteLLM refused to start: {reason}",
        "The master key has to begin with sk- and be random: correct PROXY_MASTER_KEY in its Secret.",
    ),
    _rule(
        r"Read-only file system: '(?P<path>[^']+)'",
        "it writes to {path}, and its file system is read-only.",
        "Mount an emptyDir there.",
    ),
)

# What the operator of External Secrets says in events, with its providers kubernetes (0.20.4) and gcpsm (its source).
_AGAIN = "Run the wave secrets again, which gives that right to what it finds"
_EXTERNAL_SECRETS = (
    _rule(
        r'could not get (?P<kind>\w*SecretStore) "(?P<store>[^"]+)"[\s\S]*not found',
        "there is no {kind} {store}.",
        "Make it, or correct spec.secretStoreRef.",
    ),
    _rule(
        r'(?<!Cluster)SecretStore "(?P<store>[^"]+)" is not ready',
        "its store does not work.",
        "What is wrong with it: kubectl -n {namespace} describe secretstore {store}",
    ),
    _rule(
        r'ClusterSecretStore "(?P<store>[^"]+)" is not ready',
        "its store does not work.",
        "What is wrong with it: kubectl describe clustersecretstore {store}",
    ),
    _rule(
        r'cannot get Kubernetes secret "(?P<secret>[^"]+)" from namespace "(?P<home>[^"]+)"',
        "there is no Secret {home}/{secret} with the key that the operator signs in with.",
        "Put the key there, or correct key in external_secrets_gsm.",
    ),
    _rule(
        r'cannot find secret data for key: "(?P<key>[^"]+)"',
        "the Secret that the operator signs in with has nothing under {key}.",
        "Put the JSON of an account's key there, or correct key in external_secrets_gsm.",
    ),
    _rule(
        r"failed to process the provided JSON credentials",
        "the operator signs in with a text that is no key of a service account.",
        "Put the JSON of its key into the Secret of external_secrets_gsm, as Google gave it.",
    ),
    _rule(
        r"unable to get credentials[\s\S]*invalid_grant",
        "Google does not know the key that the operator signs in with, or not any more.",
        "Make another: gcloud iam service-accounts keys create FILE --iam-account=ACCOUNT, put FILE into the Secret of "
        "external_secrets_gsm and remove the ClusterSecretStore; the next run makes it again.",
    ),
    _rule(
        r'cluster store "(?P<store>[^"]+)" is not allowed from namespace "(?P<home>[^"]+)"',
        "the ClusterSecretStore {store} serves other namespaces than {home}.",
        "Run the wave secrets again, which gives it the namespaces of secrets_deliver; or correct spec.conditions.",
    ),
    _rule(
        r"Permission '(?P<permission>secretmanager\.[\w.]+)' denied (?:for|on) resource '(?P<resource>[^']+)'",
        "Secret Manager denies the operator's account {permission} on {resource}, or there is no such secret.",
        "Grant it: gcloud secrets add-iam-policy-binding NAME --project=PROJECT --member=ITS-ACCOUNT "
        "--role=roles/secretmanager.secretAccessor; or correct the project in secrets_gsm.",
    ),
    _rule(
        r"Secret Version \[(?P<version>[^\]]+)\] is in (?P<state>DISABLED|DESTROYED) state",
        "{version} is {state}.",
        "gcloud secrets versions enable NUMBER --secret=NAME, if it is disabled; then run the wave secrets again.",
    ),
    _rule(
        r"Secret (?:Version )?\[(?P<version>projects/[^\]]+)\] not found|Secret does not exist",
        "Secret Manager has no such version.",
        "Run the wave secrets again: it pins the version that is there.",
    ),
    _rule(
        r"Secret Manager API has not been used in project (?P<project>\S+)",
        "the Secret Manager API is not enabled in project {project}.",
        "gcloud services enable secretmanager.googleapis.com --project={project}",
    ),
    _rule(
        r"Permission denied on resource project (?P<project>[^\s.]+)",
        "there is no project {project}, or the operator's account may not use it.",
        "Correct project in secrets_gsm.",
    ),
    _rule(
        r"unable to (?:fetch|get) (?:identitybindingtoken|credentials)|iam\.serviceAccounts\.getAccessToken",
        "Google takes the account of the store for no identity of its own.",
        "Is workload identity on for the cluster and its nodes? And does roles/iam.workloadIdentityUser on the Google "
        "account name that Kubernetes account?",
    ),
    _rule(
        r'secrets "(?P<secret>[^"]+)" not found',
        "the store has no secret {secret}.",
        "Correct the name in secrets_deliver, or declare in secrets_declared how it is made.",
    ),
    _rule(
        r'property (?P<key>\S+) does not exist in data of secret "(?P<secret>[^"]+)"',
        "secret {secret} of the store has no key {key}.",
        "The role secrets did not make it. Correct the name in secrets_deliver.",
    ),
    _rule(
        r'secrets "(?P<secret>[^"]+)" is forbidden: User "(?P<user>[^"]+)"[\s\S]*namespace "(?P<store>[^"]+)"',
        "{user} may not read {secret} in {store}.",
        f"{_AGAIN}: kubectl -n {{store}} get role,rolebinding",
    ),
    _rule(
        r"serviceaccounts \W*(?P<account>[\w.-]+)\W* is forbidden: User \W*(?P<user>[\w.:-]+)\W* cannot create",
        "the operator ({user}) may not ask for a token of the account {account}.",
        f"{_AGAIN}: kubectl -n {{namespace}} get role,rolebinding",
    ),
    _rule(
        r"serviceaccounts \W*(?P<account>[\w.-]+)\W* not found",
        "there is no account {account} to read the store with.",
        "Run the wave secrets again, which makes it.",
    ),
    _rule(
        r"client is not allowed to get secrets",
        "its account may read no secret of the store, or the store's namespace is another one.",
        f"{_AGAIN}; see spec.provider.kubernetes.remoteNamespace.",
    ),
)
# What the controller of Sealed Secrets says in events (0.40.0, pkg/controller/controller.go).
_SEALED_SECRETS = (
    _rule(
        r"no key could decrypt secret",
        "it was sealed for another controller, namespace or name, or this controller has lost its keys.",
        "Bring its keys back (sealed_secrets_restore: true, from their copies), or seal again with its certificate "
        "(sealed_secrets_reseal: true).",
    ),
    _rule(
        r'Resource "?(?P<secret>[^" ]+)"? already exists and is not managed by SealedSecret',
        "there is a Secret {secret} that was not handed over to the controller.",
        "Run the wave secrets again, which compares it with the store first.",
    ),
    _rule(
        r"[Ii]mmutable",
        "its Secret is immutable and holds another value.",
        "Compare both: the run of the wave secrets refuses with their fingerprints and the ways out.",
    ),
    _rule(
        r"namespaces? \W*(?P<wanted>[\w.-]+)\W* not found",
        "there is no namespace {wanted}.",
        "Make it, or run the wave secrets again.",
    ),
)
# By the API group of what it is about.
SAID_BY_CONTROLLERS = {"external-secrets.io": _EXTERNAL_SECRETS, "bitnami.com": _SEALED_SECRETS}


def hint(lines: Sequence[str], place: Mapping[str, str], rules: Sequence[Rule] = RULES) -> str:
    """What the lines mean and the next step; empty when nobody knows. C(place) is what the pod says of itself."""
    said = COLOURS.sub("", "\n".join(lines))
    for rule in rules:
        match = rule.text.search(said)
        if match:
            words = _Words({**place, **{name: text for name, text in match.groupdict().items() if text}})
            return f"{rule.meaning} {rule.next_step}".format_map(words)
    return ""


def place(pod: Object, container: str) -> dict[str, str]:
    """What the texts may need of a pod: its namespace, and what its container's environment says in clear."""
    found = {"namespace": str(pod["metadata"].get("namespace") or "default")}
    for each in pod["spec"].get("containers") or []:
        if each["name"] != container:
            continue
        for row in each.get("env") or []:
            if "value" in row:
                found[row["name"]] = str(row["value"])
            elif row["name"] == "DATABASE_PASSWORD":
                reference = (row.get("valueFrom") or {}).get("secretKeyRef") or {}
                found["DATABASE_SECRET"] = str(reference.get("name") or UNKNOWN)
    found["psql"] = _psql(found)
    return found


def _psql(found: Mapping[str, str]) -> str:
    """How to get at the database; behind a Service of CloudNativePG as the superuser of the primary."""
    service, _dot, where = found.get("DATABASE_HOST", "").partition(".")
    statement = f"psql -d {found.get('DATABASE_NAME', UNKNOWN)} -c"
    if not service.endswith("-rw"):
        return statement
    kubectl = f"kubectl -n {where.partition('.')[0] or found['namespace']}"
    labels = f"cnpg.io/cluster={service.removesuffix('-rw')},cnpg.io/instanceRole=primary"
    return f"{kubectl} exec $({kubectl} get pod -o name -l {labels}) -c postgres -- {statement}"


class _Words(dict[str, str]):
    def __missing__(self, name: str) -> str:
        return UNKNOWN
