# Copyright: Contributors to the Tollgate project
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Secret Manager's API as the store asks it: Google's own client, its credentials, and patience with 429 and 503."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import urlsplit

from .crc32c import crc32c
from .gsm_api import WORKERS, Pauses, Payload, PayloadDamagedError, id_of, number_of
from .gsm_connection import ConnectionProblem, endpoint_of
from .gsm_errors import Caller, Refusal

try:
    import google.auth
    import google.auth.exceptions
    import google.auth.impersonated_credentials
    import google.auth.transport.requests
    import google.oauth2.credentials
    import requests.adapters
    from google.api_core import exceptions, gapic_v1
    from google.api_core.client_options import ClientOptions
    from google.cloud import secretmanager_v1
    from google.cloud.secretmanager_v1.services.secret_manager_service.transports import (
        SecretManagerServiceRestTransport,
    )
except ImportError:
    import traceback

    GOOGLE_IMPORT_ERROR: str | None = traceback.format_exc()
else:
    GOOGLE_IMPORT_ERROR = None

SCOPES = ["https://www.googleapis.com/auth/cloud-platform"]
REQUEST_SECONDS = 30.0


def credentials_of(options: Mapping[str, Any]) -> tuple[Any, str | None]:
    """Google's own ways: a token, a file, or the application's default credentials; and the project that they name."""
    quota = {"quota_project_id": options["quota_project"]} if options["quota_project"] else {}
    try:
        if options["access_token"]:
            found, project = google.oauth2.credentials.Credentials(options["access_token"], **quota), None
        elif options["service_account_file"]:
            found, project = google.auth.load_credentials_from_file(
                options["service_account_file"], scopes=SCOPES, **quota
            )
        else:
            found, project = google.auth.default(scopes=SCOPES, **quota)
        if options["impersonate_service_account"]:
            found = google.auth.impersonated_credentials.Credentials(
                source_credentials=found, target_principal=options["impersonate_service_account"], target_scopes=SCOPES
            )
        if not options["access_token"]:
            # Now, since later the library would wrap its failure in one of the request's.
            found.refresh(google.auth.transport.requests.Request())
    except google.auth.exceptions.DefaultCredentialsError as error:
        raise ConnectionProblem(
            f"Google's libraries find no credentials: {_flat(error)} Run: gcloud auth application-default login, or "
            "name a service_account_file."
        ) from None
    except google.auth.exceptions.GoogleAuthError as error:
        raise ConnectionProblem(
            f"Google gives no access token for these credentials: {_flat(error)} Check that the key or the grant still "
            "exists, and this machine's clock; for impersonation: roles/iam.serviceAccountTokenCreator."
        ) from None
    except (OSError, ValueError) as error:
        raise ConnectionProblem(f"service_account_file {options['service_account_file']}: {_flat(error)}") from None
    return found, project


def _flat(error: Exception) -> str:
    text = " ".join(str(error).split())
    return text if text.endswith(".") else f"{text}."


class Gsm:
    """One project's secrets, or those of one of its locations."""

    def __init__(self, options: Mapping[str, Any]) -> None:
        endpoint = endpoint_of(options)
        credentials, found = credentials_of(options)
        project = options["project"] or found
        if not project:
            raise ConnectionProblem("project is missing, and the credentials name none. Set the option project.")
        self.caller = Caller(project, options["impersonate_service_account"] or _account(credentials))
        self.parent = f"projects/{project}"
        if options["location"]:
            self.parent += f"/locations/{options['location']}"
        self.timeout = float(options["timeout"])
        self.client: Any = _client(endpoint, credentials, options["transport"])

    def name(self, secret: str, version: int | None = None) -> str:
        """Of a secret, or of one of its versions."""
        tail = "" if version is None else f"/versions/{version}"
        return f"{self.parent}/secrets/{secret}{tail}"

    def blank(self, like: Any = None) -> Any:
        """An empty Secret, or a copy."""
        return secretmanager_v1.Secret(like) if like is not None else secretmanager_v1.Secret()

    def get(self, secret: str) -> Any | None:
        """The secret without its values; None when there is none."""
        try:
            return self._read(self.client.get_secret, {"name": self.name(secret)})
        except Refusal as refusal:
            if refusal.code == "NOT_FOUND":
                return None
            raise

    def versions(self, secret: str) -> list[Any]:
        """All versions, oldest first, without their values."""
        found = self._read(lambda **how: list(self.client.list_secret_versions(**how)), {"parent": self.name(secret)})
        return sorted(found, key=number_of)

    def access(self, secret: str, version: int) -> Payload:
        """A version's payload; sees every write at once, unlike all other reads."""
        answer = self._read(self.client.access_secret_version, {"name": self.name(secret, version)})
        data = bytes(answer.payload.data)
        if "data_crc32c" not in answer.payload or answer.payload.data_crc32c != crc32c(data):
            raise PayloadDamagedError(f"{self.name(secret, version)} was damaged on its way here: its CRC32C differs")
        return Payload(number_of(answer), data)

    def create(self, secret: str, wanted: Any) -> Any:
        """A container without a version."""
        request = {"parent": self.parent, "secret_id": secret, "secret": wanted}
        return self._write(self.client.create_secret, request)

    def add(self, secret: str, data: bytes) -> Any:
        """A new version with this payload."""
        payload = {"data": data, "data_crc32c": crc32c(data)}
        added = self._write(self.client.add_secret_version, {"parent": self.name(secret), "payload": payload})
        if not added.client_specified_payload_checksum:
            raise PayloadDamagedError(f"{added.name} was written without a check of its CRC32C")
        return added

    def update(self, secret: Any, paths: list[str]) -> Any:
        """Change these fields, if nobody changed the secret in between (its etag goes along)."""
        return self._write(self.client.update_secret, {"secret": secret, "update_mask": {"paths": paths}})

    def delete(self, secret: Any) -> None:
        """The secret with all its versions, if nobody changed it in between."""
        self._write(self.client.delete_secret, {"name": self.name(id_of(secret)), "etag": secret.etag})

    def disable(self, secret: str, version: Any) -> Any:
        """One version, if nobody changed it in between."""
        return self._turn(self.client.disable_secret_version, secret, version)

    def destroy(self, secret: str, version: Any) -> Any:
        """One version's payload for good, if nobody changed it in between."""
        return self._turn(self.client.destroy_secret_version, secret, version)

    def version(self, secret: str, number: int) -> Any:
        """One version without its value."""
        return self._read(self.client.get_secret_version, {"name": self.name(secret, number)})

    def _turn(self, call: Callable[..., Any], secret: str, version: Any) -> Any:
        return self._write(call, {"name": self.name(secret, number_of(version)), "etag": version.etag})

    def _read(self, call: Callable[..., Any], request: dict[str, Any]) -> Any:
        """Asked again while the service is busy."""
        return self._patiently(call, request, lambda refusal: refusal.busy)

    def _write(self, call: Callable[..., Any], request: dict[str, Any]) -> Any:
        """Asked again only where it is certain that nothing was done."""
        return self._patiently(call, request, lambda refusal: refusal.busy and refusal.undone)

    def _patiently(self, call: Callable[..., Any], request: dict[str, Any], may: Callable[[Refusal], bool]) -> Any:
        """Asked until the time is over, after refusals that may be answered so."""
        deadline, pauses = time.monotonic() + self.timeout, Pauses()
        while True:
            try:
                return _ask(call, request)
            except Refusal as refusal:
                if not may(refusal) or not pauses.wait(deadline):
                    raise


def _ask(call: Callable[..., Any], request: dict[str, Any]) -> Any:
    try:
        return call(request=request, timeout=REQUEST_SECONDS, retry=None)
    except exceptions.GoogleAPICallError as error:
        raise Refusal.of(error) from None
    except exceptions.RetryError as error:
        raise Refusal("DEADLINE_EXCEEDED", str(error)) from None
    except google.auth.exceptions.GoogleAuthError as error:
        raise Refusal("UNAUTHENTICATED", _flat(error)) from None
    except requests.exceptions.RequestException as error:
        raise Refusal("UNAVAILABLE", _flat(error)) from None


def _account(credentials: Any) -> str:
    found = getattr(credentials, "service_account_email", None) or getattr(credentials, "signer_email", None)
    return str(found) if found and "@" in str(found) else ""


def _client(endpoint: str, credentials: Any, transport: str) -> Any:
    url = urlsplit(endpoint)
    information = gapic_v1.client_info.ClientInfo(user_agent="tollgate-llm")
    if transport == "grpc":
        return secretmanager_v1.SecretManagerServiceClient(
            credentials=credentials, client_options=ClientOptions(api_endpoint=url.netloc), client_info=information
        )
    made = SecretManagerServiceRestTransport(
        host=url.netloc, credentials=credentials, url_scheme=url.scheme, client_info=information
    )
    # As many connections as workers: requests keeps 10, and would make every other one anew.
    made._session.mount(f"{url.scheme}://", requests.adapters.HTTPAdapter(pool_maxsize=WORKERS))
    return secretmanager_v1.SecretManagerServiceClient(transport=made)
