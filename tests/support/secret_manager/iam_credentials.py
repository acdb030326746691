# Copyright: Contributors to the Tollgate project
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The call of the IAM Credentials API by which one account acts as another, over gRPC.

No client library of it is among the tests' requirements, so its two messages are described here, as in
google/iam/credentials/v1/common.proto.
"""

from __future__ import annotations

from typing import Any

from google.protobuf import descriptor_pb2, descriptor_pool, message_factory, timestamp_pb2

from .identity import Identity

PACKAGE = "google.iam.credentials.v1"
SERVICE = f"{PACKAGE}.IAMCredentials"
METHOD = "GenerateAccessToken"
_Field: Any = descriptor_pb2.FieldDescriptorProto


def _field(name: str, number: int, kind: Any = _Field.TYPE_STRING, **more: Any) -> Any:
    return _Field(name=name, number=number, type=kind, label=more.pop("label", _Field.LABEL_OPTIONAL), **more)


def _messages() -> tuple[Any, Any]:
    asked = (
        _field("name", 1),
        _field("delegates", 2, label=_Field.LABEL_REPEATED),
        _field("scope", 4, label=_Field.LABEL_REPEATED),
    )
    expiry = _field("expire_time", 3, _Field.TYPE_MESSAGE, type_name=".google.protobuf.Timestamp")
    described = descriptor_pb2.FileDescriptorProto(
        name="tollgate/iam_credentials.proto",
        package=PACKAGE,
        syntax="proto3",
        dependency=[timestamp_pb2.DESCRIPTOR.name],
        message_type=[
            descriptor_pb2.DescriptorProto(name=f"{METHOD}Request", field=asked),
            descriptor_pb2.DescriptorProto(name=f"{METHOD}Response", field=(_field("access_token", 1), expiry)),
        ],
    )
    pool = descriptor_pool.DescriptorPool()
    for each in (timestamp_pb2.DESCRIPTOR.serialized_pb, described.SerializeToString()):
        pool.AddSerializedFile(each)
    found = message_factory.GetMessageClassesForFiles([described.name], pool)
    return found[f"{PACKAGE}.{METHOD}Request"], found[f"{PACKAGE}.{METHOD}Response"]


Request, Response = _messages()


def generate_access_token(identity: Identity, request: Any, token: str | None) -> Any:
    """A token of the account that the request names, for whoever may act as it."""
    answer = identity.impersonated(request.name.rpartition("/")[2], token)
    response = Response(access_token=answer["accessToken"])
    response.expire_time.FromJsonString(answer["expireTime"])
    return response
