# Copyright: Contributors to the Tollgate project
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""When an object counts as ready, for each kind that says it in its own way."""

from __future__ import annotations

from collections.abc import Callable

from .standing import Object, Standing, conditions, current, described, has, hopeless, met, pending, status, worst

# CloudNativePG 1.30, api/v1/cluster_types.go: these phases wait for somebody.
UNRECOVERABLE = (
    "Cluster is unrecoverable and needs manual intervention",
    "Invalid cluster definition",
    "Unable to create required cluster objects",
    "Cluster has incomplete or invalid image catalog",
    "Waiting for user action",
)
REFUSALS = ("exceeded quota", "violates PodSecurity")  # of pods, by the API server
HEALTHY = "Cluster in healthy state"


def deployment(found: Object) -> Standing:
    """Every replica is of the last template and available, as `kubectl rollout status` has it."""
    if not current(found):
        return pending("its controller has not seen the last change yet")
    rows = conditions(status(found))
    failure = rows.get("ReplicaFailure", {})
    if failure.get("status") == "True" and any(word in failure.get("message", "") for word in REFUSALS):
        return hopeless(failure["message"], "Raise the quota or ask for less, or correct the securityContext.")
    if rows.get("Progressing", {}).get("reason") == "ProgressDeadlineExceeded":
        return hopeless(rows["Progressing"]["message"])
    return _rolled_out(found)


def _rolled_out(found: Object) -> Standing:
    wanted = found["spec"].get("replicas", 1)
    state = status(found)
    updated, total, ready = (state.get(name) or 0 for name in ("updatedReplicas", "replicas", "availableReplicas"))
    if updated < wanted:
        return pending(f"{updated} of {wanted} pods are of the last template")
    if total > updated:
        return pending(f"{total - updated} pods of an earlier template have not ended yet")
    if ready < wanted:
        return pending(f"{ready} of {wanted} pods are available")
    return met(f"{ready} of {wanted} pods are available")


def stateful_set(found: Object) -> Standing:
    """Every replica is of the last template and ready."""
    if not current(found):
        return pending("its controller has not seen the last change yet")
    wanted, state = found["spec"].get("replicas", 1), status(found)
    ready, updated = state.get("readyReplicas") or 0, state.get("updatedReplicas") or 0
    if state.get("currentRevision") != state.get("updateRevision") and updated < wanted:
        return pending(f"{updated} of {wanted} pods are of the last template")
    if ready < wanted:
        return pending(f"{ready} of {wanted} pods are ready")
    return met(f"{ready} of {wanted} pods are ready")


def daemon_set(found: Object) -> Standing:
    """There is an available pod of the last template on every node that should have one."""
    if not current(found):
        return pending("its controller has not seen the last change yet")
    state = status(found)
    wanted = state.get("desiredNumberScheduled") or 0
    least = min(state.get("updatedNumberScheduled") or 0, state.get("numberAvailable") or 0)
    says = f"{least} of {wanted} pods are available"
    return pending(says) if least < wanted else met(says)


def job(found: Object) -> Standing:
    """It has completed."""
    rows = conditions(status(found))
    for kind in ("Failed", "FailureTarget"):
        if rows.get(kind, {}).get("status") == "True":
            return hopeless(described(rows[kind]))
    if rows.get("Suspended", {}).get("status") == "True":
        return hopeless("it is suspended", "Set spec.suspend to false.")
    return has(found, status(found), "Complete")


def pod(found: Object) -> Standing:
    """It is ready, or has ended well."""
    phase = status(found).get("phase")
    if phase == "Succeeded":
        return met("it has ended well")
    if phase == "Failed":
        return hopeless(" ".join(filter(None, ("it has failed", status(found).get("message")))))
    return has(found, status(found), "Ready")


def claim(found: Object) -> Standing:
    """A volume is bound, or will be with the first pod that uses it."""
    phase = status(found).get("phase") or "Pending"
    if phase == "Lost":
        return hopeless("its volume is gone", "Restore the volume, or remove the claim and what it held.")
    return met("bound") if phase == "Bound" else pending(f"its phase is {phase}")


def database_cluster(found: Object) -> Standing:
    """CloudNativePG: healthy, with all instances. Ready alone may be of before the last change."""
    state = status(found)
    phase = state.get("phase") or "not begun"
    reason = f": {state['phaseReason']}" if state.get("phaseReason") else ""
    if phase in UNRECOVERABLE or phase.startswith("Cluster cannot proceed to reconciliation"):
        return hopeless(f"{phase}{reason}")
    if phase != HEALTHY:
        return pending(f"{phase}{reason}")
    wanted, ready = found["spec"].get("instances", 1), state.get("readyInstances") or 0
    if ready < wanted:
        return pending(f"{ready} of {wanted} instances are ready")
    standing = has(found, state, "Ready")
    return met(f"{phase}, {ready} of {wanted} instances") if standing.met else standing


def pooler(found: Object) -> Standing:
    """CloudNativePG's pooler has all its pods."""
    wanted, ready = found["spec"].get("instances", 1), status(found).get("instances") or 0
    if status(found).get("phase") == "failed":
        return hopeless(status(found).get("phaseReason") or "its phase is failed")
    says = f"{ready} of {wanted} instances run"
    return pending(says) if ready < wanted else met(says)


def backup(found: Object) -> Standing:
    """It is complete."""
    phase = status(found).get("phase") or "not begun"
    if phase in ("failed", "invalid backup definition"):
        return hopeless(f"its phase is {phase}: {status(found).get('error', '')}".rstrip(": "))
    return met(phase) if phase == "completed" else pending(f"its phase is {phase}")


def applied(found: Object) -> Standing:
    """CloudNativePG's Database and DatabaseRole have no conditions."""
    says = status(found).get("message") or "not applied yet"
    return met("applied") if status(found).get("applied") else pending(says)


def crd(found: Object) -> Standing:
    """Its objects can be made."""
    names = conditions(status(found)).get("NamesAccepted", {})
    if names.get("status") == "False":
        return hopeless(described(names), "Another definition has one of its names: remove that one.")
    return has(found, status(found), "Established")


def gateway(found: Object) -> Standing:
    """Accepted and programmed, with all its listeners."""
    accepted = conditions(status(found)).get("Accepted", {})
    if accepted.get("reason") in ("Invalid", "InvalidParameters", "UnsupportedAddress"):
        return hopeless(described(accepted))
    return worst([has(found, status(found), kind) for kind in ("Accepted", "Programmed")])


# Reasons of Gateway API 1.5 and the Inference Extension 1.5 that no controller takes back by itself.
UNRESOLVED = (
    "InvalidKind",
    "RefNotPermitted",
    "NotAllowedByListeners",
    "NoMatchingListenerHostname",
    "NotSupportedByParent",
)


def attached(found: Object) -> Standing:
    """A route or an InferencePool: each parent has accepted it and found what it refers to."""
    parents = status(found).get("parents") or []
    if not parents:
        return pending("no gateway says anything of it yet")
    standings = []
    for parent in parents:
        rows = conditions(parent)
        stuck = [row for row in rows.values() if row["status"] == "False" and row.get("reason") in UNRESOLVED]
        if stuck:
            standings.append(hopeless(described(stuck[0])))
        else:
            standings += [has(found, parent, kind) for kind in ("Accepted", "ResolvedRefs")]
    return worst(standings)


def condition(kind: str) -> Callable[[Object], Standing]:
    """Ready when it has this condition."""

    def ready(found: Object) -> Standing:
        return has(found, status(found), kind)

    return ready


def external_secret(found: Object) -> Standing:
    """Synced, with the last change of the specification. It may be ready without any Secret, which does not count."""
    standing, state, spec = has(found, status(found), "Ready"), status(found), found.get("spec") or {}
    if not standing.met:
        return standing
    row = conditions(state)["Ready"]
    if row.get("reason") in ("SecretMissing", "SecretDeleted"):
        return pending(described(row))
    if spec.get("refreshPolicy") == "CreatedOnce" or str(spec.get("refreshInterval", "")) in ("0", "0s"):
        return standing  # it never looks at a change again
    # External Secrets, runtime/util/version.go: <generation>-<hash of labels and annotations>
    seen = str(state.get("syncedResourceVersion") or "").partition("-")[0]
    if seen.isdigit() and int(seen) < (found["metadata"].get("generation") or 0):
        return pending("synced, but before the last change of the specification")
    return standing


def active(found: Object) -> Standing:
    """A namespace that is not being removed."""
    phase = status(found).get("phase")
    return met("active") if phase == "Active" else pending(f"its phase is {phase}")


def anything(found: Object) -> Standing:
    """Any other kind: its condition Ready or Available, if it has one; else it is enough that it is there."""
    if not current(found):
        return pending("its controller has not seen the last change yet")
    for kind in ("Ready", "Available"):
        if kind in conditions(status(found)):
            return has(found, status(found), kind)
    return met("it is there")


READY: dict[tuple[str, str], Callable[[Object], Standing]] = {
    ("apps", "Deployment"): deployment,
    ("apps", "StatefulSet"): stateful_set,
    ("apps", "DaemonSet"): daemon_set,
    ("batch", "Job"): job,
    ("", "Pod"): pod,
    ("", "PersistentVolumeClaim"): claim,
    ("", "Namespace"): active,
    ("apiextensions.k8s.io", "CustomResourceDefinition"): crd,
    ("apiregistration.k8s.io", "APIService"): condition("Available"),
    ("postgresql.cnpg.io", "Cluster"): database_cluster,
    ("postgresql.cnpg.io", "Pooler"): pooler,
    ("postgresql.cnpg.io", "Backup"): backup,
    ("postgresql.cnpg.io", "Database"): applied,
    ("postgresql.cnpg.io", "DatabaseRole"): applied,
    ("gateway.networking.k8s.io", "GatewayClass"): condition("Accepted"),
    ("gateway.networking.k8s.io", "Gateway"): gateway,
    ("gateway.networking.k8s.io", "HTTPRoute"): attached,
    ("inference.networking.k8s.io", "InferencePool"): attached,
    ("external-secrets.io", "ExternalSecret"): external_secret,
    ("external-secrets.io", "SecretStore"): condition("Ready"),
    ("external-secrets.io", "ClusterSecretStore"): condition("Ready"),
    ("bitnami.com", "SealedSecret"): condition("Synced"),
}


def readiness(found: Object) -> Standing:
    """Whether an object is ready, by the rule of its kind."""
    group = found["apiVersion"].rpartition("/")[0]
    return READY.get((group, found["kind"]), anything)(found)
