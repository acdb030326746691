# Copyright: Contributors to the Tollgate project
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What Secret Manager answers when it does not do as asked, and what to do about it."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from .store import StoreError

# The narrowest predefined role with a permission (the documentation of IAM for Secret Manager).
ROLES = {
    "secrets.create": "secretmanager.admin",
    "secrets.get": "secretmanager.viewer",
    "secrets.update": "secretmanager.admin",
    "secrets.delete": "secretmanager.admin",
    "versions.add": "secretmanager.secretVersionAdder",
    "versions.access": "secretmanager.secretAccessor",
    "versions.list": "secretmanager.viewer",
    "versions.get": "secretmanager.viewer",
    "versions.enable": "secretmanager.secretVersionManager",
    "versions.disable": "secretmanager.secretVersionManager",
    "versions.destroy": "secretmanager.secretVersionManager",
}
DENIED = re.compile(r"Permission '([^']+)' denied (?:for|on) resource '([^']+)'")
NO_PROJECT = re.compile(r"Permission denied on resource project")
URL = re.compile(r"^(?:GET|POST|PATCH|DELETE) https?://\S+: ")  # which the client puts before what REST answered
BUSY = ("RESOURCE_EXHAUSTED", "UNAVAILABLE", "DEADLINE_EXCEEDED", "INTERNAL")
# Of answers over REST that say no more than their number.
CODES = {
    400: "FAILED_PRECONDITION",
    401: "UNAUTHENTICATED",
    403: "PERMISSION_DENIED",
    404: "NOT_FOUND",
    409: "ALREADY_EXISTS",
    429: "RESOURCE_EXHAUSTED",
    500: "INTERNAL",
    502: "UNAVAILABLE",
    503: "UNAVAILABLE",
    504: "DEADLINE_EXCEEDED",
}


@dataclass
class Refusal(Exception):
    """An answer that is no success, as most races end with: its code as google.rpc names it, and what it says."""

    code: str
    message: str
    reason: str = ""
    metadata: Mapping[str, str] = field(default_factory=dict)

    def __str__(self) -> str:
        return self.message

    @classmethod
    def of(cls, error: Any) -> Refusal:
        """From an exception of google.api_core, which names codes of REST by their HTTP status alone."""
        grpc_code = getattr(error.grpc_status_code, "name", "")
        code = _status(error.response) or grpc_code or CODES.get(int(error.code or 0), "UNKNOWN")
        return cls(code, URL.sub("", str(error.message)).strip(), error.reason or "", dict(error.metadata or {}))

    @property
    def busy(self) -> bool:
        """May the same request succeed in a moment?"""
        return self.code in BUSY

    @property
    def undone(self) -> bool:
        """Is it certain that a write was not done? An outage may have swallowed its answer alone."""
        return self.code not in ("UNAVAILABLE", "DEADLINE_EXCEEDED", "INTERNAL")

    @property
    def overtaken(self) -> bool:
        """Was somebody else first, or is a replica behind? Then look again."""
        return self.code in ("ALREADY_EXISTS", "ABORTED", "NOT_FOUND") or (
            self.code == "FAILED_PRECONDITION" and "etag" in self.message.lower()
        )


def _status(response: Any) -> str:
    """What an answer over REST calls its error; nothing for one over gRPC."""
    try:
        return str(response.json()["error"]["status"])
    except (ValueError, KeyError, TypeError, AttributeError):
        return ""


@dataclass(frozen=True)
class Caller:
    """In whose name, and where."""

    project: str
    account: str = ""  # e-mail, as far as the credentials tell it

    @property
    def member(self) -> str:
        """As IAM wants it."""
        kind = "serviceAccount" if self.account.endswith("gserviceaccount.com") else "user"
        return f"{kind}:{self.account}" if self.account else "MEMBER"


def explained(refusal: Refusal, caller: Caller, name: str = "") -> str:
    """In words, with the next step; without a full stop."""
    project, who = caller.project, caller.account or "the account of these credentials"
    said = f'"{refusal.message}"'
    if refusal.reason == "SERVICE_DISABLED":
        service = refusal.metadata.get("service", "secretmanager.googleapis.com")
        return (
            f"the Secret Manager API is not enabled in project {project}. Run: gcloud services enable {service} "
            f"--project={project}; wait a minute, and run again"
        )
    if refusal.reason == "CONSUMER_INVALID" or NO_PROJECT.search(refusal.message):
        return (
            f'there is no project "{project}", or {who} may not use it ({said}). '
            "Correct the option project (an id, not a display name: gcloud projects list)"
        )
    if refusal.code == "PERMISSION_DENIED":
        return _denied(refusal, caller, name, who)
    if refusal.code == "UNAUTHENTICATED":
        return (
            f"Google takes no token of {who} ({said}). Run: gcloud auth application-default login, or name another "
            "service_account_file"
        )
    if refusal.code == "RESOURCE_EXHAUSTED":
        limit, value = (refusal.metadata.get(key, "") for key in ("quota_limit", "quota_limit_value"))
        return (
            f"Secret Manager goes on to refuse for too many requests{f' ({limit}: {value})' if limit else ''}: {said} "
            "Run again in a minute, with a longer timeout, or ask for a higher quota"
        )
    return (
        f"Secret Manager answered {refusal.code}: {said}"
        if not refusal.busy
        else f"Secret Manager goes on to fail ({refusal.code}: {said}). No secret was damaged. Run again when "
        "https://status.cloud.google.com shows no outage, or with a longer timeout"
    )


def _denied(refusal: Refusal, caller: Caller, name: str, who: str) -> str:
    found = DENIED.search(refusal.message)
    permission = refusal.metadata.get("permission") or (found[1] if found else "")
    role = ROLES.get(permission.removeprefix("secretmanager."))
    if role is None:
        return f'{who} may not do that: "{refusal.message}"'
    grant = f"gcloud secrets add-iam-policy-binding {name}"
    if permission == "secretmanager.secrets.create" or not name:
        grant = f"gcloud projects add-iam-policy-binding {caller.project}"
    else:
        grant += f" --project={caller.project}"
    return (
        f"{who} lacks the permission {permission}, or the secret does not exist. Run: {grant} "
        f"--member={caller.member} --role=roles/{role}; a grant takes up to some minutes"
    )


def failure(name: str, refusal: Refusal, caller: Caller, values: Iterable[str], *, changed: bool = False) -> StoreError:
    """The error of one secret. A value that an answer repeats is not shown."""
    text = explained(refusal, caller, name)
    for value in values:
        text = text.replace(value, "********")
    return StoreError(f'secret "{name}": {text}.', changed=changed)
