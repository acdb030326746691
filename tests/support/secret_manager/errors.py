# Copyright: Contributors to the Tollgate project
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Errors as Google's API sends them: a code, its text, and details that a program can read.

Texts and details are those of the public documentation (google.rpc, AIP-193) and of reports from users.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import grpc
from google.protobuf import any_pb2, json_format
from google.rpc import error_details_pb2, status_pb2

SERVICE = "secretmanager.googleapis.com"
HTTP = {
    grpc.StatusCode.INVALID_ARGUMENT: 400,
    grpc.StatusCode.FAILED_PRECONDITION: 400,
    grpc.StatusCode.UNAUTHENTICATED: 401,
    grpc.StatusCode.PERMISSION_DENIED: 403,
    grpc.StatusCode.NOT_FOUND: 404,
    grpc.StatusCode.ALREADY_EXISTS: 409,
    grpc.StatusCode.ABORTED: 409,
    grpc.StatusCode.RESOURCE_EXHAUSTED: 429,
    grpc.StatusCode.INTERNAL: 500,
    grpc.StatusCode.UNIMPLEMENTED: 501,
    grpc.StatusCode.UNAVAILABLE: 503,
}


class ApiError(Exception):
    """An answer that is no success."""

    def __init__(self, code: grpc.StatusCode, message: str, *details: Any) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.details = details

    @property
    def http(self) -> int:
        """The status of the HTTP answer."""
        return HTTP[self.code]

    def status(self) -> status_pb2.Status:
        """As gRPC sends it in the trailers."""
        packed = []
        for detail in self.details:
            wrapped = any_pb2.Any()
            wrapped.Pack(detail)
            packed.append(wrapped)
        return status_pb2.Status(code=self.code.value[0], message=self.message, details=packed)

    def document(self) -> dict[str, Any]:
        """As REST sends it."""
        details = [json_format.MessageToDict(each) for each in self.status().details]
        error = {"code": self.http, "message": self.message, "status": self.code.name, "details": details}
        return {"error": {key: value for key, value in error.items() if value != []}}


def _info(reason: str, domain: str, metadata: Mapping[str, str]) -> error_details_pb2.ErrorInfo:
    return error_details_pb2.ErrorInfo(reason=reason, domain=domain, metadata=metadata)


def invalid(message: str, field: str = "") -> ApiError:
    """A request that no state of the service could serve."""
    violation = error_details_pb2.BadRequest.FieldViolation(field=field, description=message)
    details = [error_details_pb2.BadRequest(field_violations=[violation])] if field else []
    return ApiError(grpc.StatusCode.INVALID_ARGUMENT, message, *details)


def precondition(message: str) -> ApiError:
    """A request that does not fit the state of a resource: its etag, or a version that is not enabled."""
    return ApiError(grpc.StatusCode.FAILED_PRECONDITION, message)


def not_found(kind: str, name: str) -> ApiError:
    """Nothing is there."""
    return ApiError(grpc.StatusCode.NOT_FOUND, f"{kind} [{name}] not found.")


def already_exists(name: str) -> ApiError:
    """Somebody else was first."""
    return ApiError(grpc.StatusCode.ALREADY_EXISTS, f"Secret [{name}] already exists.")


def permission_denied(permission: str, resource: str) -> ApiError:
    """IAM says no, and does not say whether there is such a resource."""
    metadata = {"permission": permission, "resource": resource}
    return ApiError(
        grpc.StatusCode.PERMISSION_DENIED,
        f"Permission '{permission}' denied for resource '{resource}' (or it may not exist).",
        _info("IAM_PERMISSION_DENIED", "iam.googleapis.com", metadata),
    )


def service_disabled(number: str) -> ApiError:
    """The API is not enabled in this project."""
    url = f"https://console.developers.google.com/apis/api/{SERVICE}/overview?project={number}"
    metadata = {
        "service": SERVICE,
        "serviceTitle": "Secret Manager API",
        "consumer": f"projects/{number}",
        "containerInfo": number,
        "activationUrl": url,
    }
    message = (
        f"Secret Manager API has not been used in project {number} before or it is disabled. Enable it by visiting "
        f"{url} then retry. If you enabled this API recently, wait a few minutes for the action to propagate to our "
        "systems and retry."
    )
    link = error_details_pb2.Help.Link(description="Google developers console API activation", url=url)
    return ApiError(
        grpc.StatusCode.PERMISSION_DENIED,
        message,
        _info("SERVICE_DISABLED", "googleapis.com", metadata),
        error_details_pb2.LocalizedMessage(locale="en-US", message=message),
        error_details_pb2.Help(links=[link]),
    )


def no_such_project(project: str) -> ApiError:
    """There is no such project, or the caller may not know of it."""
    return ApiError(
        grpc.StatusCode.PERMISSION_DENIED,
        f"Permission denied on resource project {project}.",
        _info("CONSUMER_INVALID", "googleapis.com", {"service": SERVICE, "consumer": f"projects/{project}"}),
    )


def quota_exceeded(number: str) -> ApiError:
    """Too many requests in this minute."""
    metadata = {
        "service": SERVICE,
        "consumer": f"projects/{number}",
        "quota_metric": f"{SERVICE}/access_requests",
        "quota_limit": "AccessRequestsPerMinutePerProject",
        "quota_limit_value": "90000",
    }
    return ApiError(
        grpc.StatusCode.RESOURCE_EXHAUSTED,
        "Quota exceeded for quota metric 'Access requests' and limit 'Access requests per minute' of service "
        f"'{SERVICE}' for consumer 'project_number:{number}'.",
        _info("RATE_LIMIT_EXCEEDED", "googleapis.com", metadata),
    )


def unavailable() -> ApiError:
    """An outage."""
    return ApiError(grpc.StatusCode.UNAVAILABLE, "The service is currently unavailable.")


def unauthenticated() -> ApiError:
    """A token that is missing, foreign or too old."""
    return ApiError(
        grpc.StatusCode.UNAUTHENTICATED,
        "Request had invalid authentication credentials. Expected OAuth 2 access token, login cookie or other valid "
        "authentication credential. See https://developers.google.com/identity/sign-in/web/devconsole-project.",
        _info("ACCESS_TOKEN_TYPE_UNSUPPORTED", "googleapis.com", {"service": SERVICE}),
    )
