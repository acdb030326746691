# Copyright: Contributors to the Tollgate project
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Who calls: access tokens, and the places that give them as Google's libraries ask for them.

A service account's key file (a signed assertion), workload identity federation (an exchange of tokens), impersonation,
the metadata server of a machine or of GKE's workload identity, and the exchange of a pod's token behind the latter.
"""

from __future__ import annotations

import json
import secrets
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from google.auth import exceptions, jwt

from . import errors

LIFETIME = 3600  # seconds
MACHINE = "machine@tollgate-test.iam.gserviceaccount.com"


class NoTokenError(Exception):
    """The OAuth error that a token endpoint answers with."""

    def __init__(self, status: int, document: dict[str, Any]) -> None:
        super().__init__(str(document))
        self.status = status
        self.document = document


@dataclass
class Identity:
    """Accounts and their tokens. `open`: requests without a token are served as well."""

    open: bool = False
    impersonators: set[str] = field(default_factory=set)
    subjects: dict[str, str] = field(default_factory=dict)  # the foreign tokens of workload identity federation
    # Whose token of Kubernetes this is, as namespace/account: asked with a token and its audience.
    accounts: Callable[[str, str], str | None] = lambda _token, _audience: None
    _keys: dict[str, bytes] = field(default_factory=dict)
    _tokens: dict[str, str] = field(default_factory=dict)
    _lock: threading.Lock = field(default_factory=threading.Lock, repr=False)

    def token(self, principal: str) -> str:
        """A new access token."""
        with self._lock:
            token = f"ya29.{secrets.token_urlsafe(32)}"
            self._tokens[token] = principal
            return token

    def tokens(self) -> list[str]:
        """All that were given."""
        return list(self._tokens)

    def revoke(self) -> None:
        """No token that was given is good any more."""
        self._tokens.clear()

    def principal(self, token: str | None) -> str:
        """Whose token this is."""
        if token is None and self.open:
            return "anonymous"
        if token in self._tokens:
            return self._tokens[token]
        # Over gRPC the client sends what a service account signed itself, without asking for a token.
        email = self._signer(token or "")
        if email is None:
            raise errors.unauthenticated()
        return email

    def _signer(self, assertion: str) -> str | None:
        """The account that signed this; nothing when it did not."""
        try:
            email = str(jwt.decode(assertion, verify=False)["iss"])
            jwt.decode(assertion, certs=[self._keys[email].decode()])
        except (ValueError, KeyError, exceptions.GoogleAuthError):
            return None
        return email

    def service_account(self, email: str, project: str, address: str) -> dict[str, str]:
        """A new account's key file, whose tokens come from the server at ADDRESS."""
        key = rsa.generate_private_key(65537, 2048)
        self._keys[email] = key.public_key().public_bytes(
            serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
        )
        private = key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
        return {
            "type": "service_account",
            "project_id": project,
            "private_key_id": secrets.token_hex(20),
            "private_key": private.decode(),
            "client_email": email,
            "client_id": "1",
            "token_uri": f"{address}/token",
        }

    def remove(self, email: str) -> None:
        """Take away an account's keys, and its tokens."""
        self._keys.pop(email, None)
        for token in [token for token, principal in self._tokens.items() if principal == email]:
            del self._tokens[token]

    def federation(self, address: str, token_file: str, impersonated: str = "") -> dict[str, Any]:
        """A configuration of workload identity federation, with the foreign token in a file."""
        subject = secrets.token_urlsafe(16)
        self.subjects[subject] = "principal://iam.googleapis.com/projects/1/workloadIdentityPools/pool/subject/tollgate"
        with open(token_file, "w", encoding="utf-8") as stream:  # noqa: PTH123 (a string is what the caller has)
            stream.write(subject)
        found: dict[str, Any] = {
            "type": "external_account",
            "audience": "//iam.googleapis.com/projects/1/locations/global/workloadIdentityPools/pool/providers/p",
            "subject_token_type": "urn:ietf:params:oauth:token-type:jwt",
            "token_url": f"{address}/v1/token",
            "credential_source": {"file": token_file},
        }
        if impersonated:
            path = f"/v1/projects/-/serviceAccounts/{impersonated}:generateAccessToken"
            found["service_account_impersonation_url"] = f"{address}{path}"
        return found

    def asserted(self, form: Mapping[str, str]) -> dict[str, Any]:
        """The answer to a service account's signed assertion."""
        email = self._signer(form.get("assertion", ""))
        if email is None:
            raise NoTokenError(400, {"error": "invalid_grant", "error_description": "Invalid JWT Signature."})
        return {"access_token": self.token(email), "expires_in": LIFETIME, "token_type": "Bearer"}

    def exchanged(self, form: Mapping[str, str]) -> dict[str, Any]:
        """The answer to a foreign token."""
        principal = self.subjects.get(form.get("subject_token", ""))
        if principal is None:
            raise NoTokenError(400, {"error": "invalid_grant", "error_description": "Unable to verify the ID Token."})
        return {
            "access_token": self.token(principal),
            "issued_token_type": "urn:ietf:params:oauth:token-type:access_token",
            "expires_in": LIFETIME,
            "token_type": "Bearer",
        }

    def bound(self, document: Mapping[str, str]) -> dict[str, Any]:
        """The answer to the token of a Kubernetes account, by GKE's workload identity."""
        pool = str(document.get("audience", "")).removeprefix("identitynamespace:").partition(":")[0]
        account = self.accounts(str(document.get("subject_token", "")), pool)
        if account is None:
            raise NoTokenError(400, {"error": "invalid_grant", "error_description": "Invalid subject token."})
        return {
            "access_token": self.token(f"serviceAccount:{pool}[{account}]"),
            "issued_token_type": "urn:ietf:params:oauth:token-type:access_token",
            "expires_in": LIFETIME,
            "token_type": "Bearer",
        }

    def impersonated(self, email: str, token: str | None) -> dict[str, Any]:
        """The answer to whoever wants to act as another account."""
        caller = self.principal(token)
        if caller not in self.impersonators:
            raise errors.permission_denied("iam.serviceAccounts.getAccessToken", f"projects/-/serviceAccounts/{email}")
        expires = datetime.now(UTC) + timedelta(seconds=LIFETIME)
        return {"accessToken": self.token(email), "expireTime": expires.strftime("%Y-%m-%dT%H:%M:%SZ")}

    def metadata(self, path: str, project: str) -> tuple[str, str] | None:
        """What the metadata server says under a path, with its type."""
        account = {
            "email": MACHINE,
            "scopes": ["https://www.googleapis.com/auth/cloud-platform"],
            "aliases": ["default"],
        }
        text, document = "application/text", "application/json"
        for start in (
            "/computeMetadata/v1/instance/service-accounts/default",
            f"/computeMetadata/v1/instance/service-accounts/{MACHINE}",
        ):
            if path == f"{start}/token":
                token = {"access_token": self.token(MACHINE), "expires_in": LIFETIME, "token_type": "Bearer"}
                return json.dumps(token), document
            if path == f"{start}/":
                return json.dumps(account), document
        known = {
            "/computeMetadata/v1/project/project-id": project,
            "/": "computeMetadata/",
            "/computeMetadata/v1/universe/universe-domain": "googleapis.com",
        }
        return (known[path], text) if path in known else None
