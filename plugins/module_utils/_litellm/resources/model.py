# Copyright: Contributors to the Tollgate project
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Models. Source: litellm/proxy/management_endpoints/model_management_endpoints.py."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from typing import Any

from ..client import Client, LiteLLMError
from ..field import Clear, Field, Kind
from ..resource import Declared, Resource, Row

STAYS = "LiteLLM can't remove a parameter; declare the model under state: absent once, then anew"
FINGERPRINTS = "tollgate_secrets"
PRICES = (
    "input_cost_per_token",
    "output_cost_per_token",
    "cache_read_input_token_cost",
    "cache_creation_input_token_cost",
)


def _parameter(name: str, kind: Kind, clear: Clear = Clear.REFUSED) -> Field:
    return Field(name, kind, clear, at=f"litellm_params.{name}", why_not_cleared=STAYS)


class Model(Resource):
    """A deployment of a model. Its id is its name, unless several share the name to share the load."""

    kind = "model"
    identity = "name"
    options = ("id", "free", "api_key_secret", "api_key_file", "api_key_env", "secret_params")
    fields = (
        _parameter("model", Kind.TEXT),
        _parameter("api_base", Kind.TEXT),
        _parameter("api_version", Kind.TEXT),
        # Prices belong here: those in model_info are dropped in silence, and every call costs 0.
        *(_parameter(name, Kind.MONEY, Clear.NULL) for name in PRICES),
        _parameter("rpm", Kind.NUMBER),
        _parameter("tpm", Kind.NUMBER),
        _parameter("max_retries", Kind.NUMBER),
        _parameter("weight", Kind.NUMBER),
        _parameter("order", Kind.NUMBER),
        _parameter("tags", Kind.NAMES, Clear.EMPTY_LIST),
        _parameter("litellm_credential_name", Kind.TEXT, Clear.NULL),
        Field("litellm_params", Kind.DICT, Clear.REFUSED, why_not_cleared=STAYS),
        Field("model_info", Kind.DICT, Clear.REFUSED, why_not_cleared=STAYS),
    )

    def read(self, client: Client) -> list[Row]:
        return list(client.pages("/v2/model/info", {}, "data", "size", limit=1000))

    def find(self, declared: Declared, rows: Sequence[Row]) -> Row | None:
        return next((row for row in rows if row["model_info"]["id"] == _id(declared)), None)

    def changes(self, declared: Declared, row: Row) -> dict[str, tuple[Any, Any]]:
        typed = {name: value for name, value in declared.fields.items() if name not in ("litellm_params", "model_info")}
        found = super().changes(Declared(declared.name, typed), row)
        for part in ("litellm_params", "model_info"):
            stored = row.get(part) or {}
            for name, wanted in (declared.fields.get(part) or {}).items():
                # A reference to the proxy's environment comes back as its value, masked or not at all.
                if stored.get(name) != wanted and not str(wanted).startswith("os.environ/"):
                    found[f"{part}.{name}"] = (stored.get(name), wanted)
        if row.get("model_name") != declared.name:
            found["name"] = (row.get("model_name"), declared.name)
        stored_prints = (row.get("model_info") or {}).get(FINGERPRINTS) or {}
        for name, wanted in fingerprints(declared.secrets).items():
            if stored_prints.get(name) != wanted:
                found[name] = (stored_prints.get(name), wanted)
        return found

    def create(self, client: Client, declared: Declared) -> None:
        body = self._body(declared)
        try:
            client.write("POST", "/model/new", body, again=False)
        except LiteLLMError as error:
            stored = self._stored(client, _id(declared))
            if stored is None:
                raise
            if error.status:
                # "saved to the database, but not live": the row would stay and serve nobody.
                self.delete(client, stored)
                raise LiteLLMError(f"{error}. The row that LiteLLM had saved all the same was removed") from error

    def update(self, client: Client, declared: Declared, row: Row, changes: Mapping[str, tuple[Any, Any]]) -> None:
        # PATCH merges; POST /model/update would drop every parameter that it does not know.
        whole = self._body(declared)
        kept = {name.rpartition(".")[2] for name in changes}
        parameters = {name: value for name, value in whole["litellm_params"].items() if name in kept}
        body: dict[str, Any] = {"model_info": whole["model_info"]}
        if parameters:
            body["litellm_params"] = parameters
        if "name" in changes:
            body["model_name"] = declared.name
        client.write("PATCH", f"/model/{row['model_info']['id']}/update", body)

    def delete(self, client: Client, row: Row) -> None:
        client.write("POST", "/model/delete", {"id": row["model_info"]["id"]})

    @staticmethod
    def _stored(client: Client, model_id: str) -> Row | None:
        rows = client.get("/v2/model/info", {"modelId": model_id})["data"]
        return rows[0] if rows else None

    def _body(self, declared: Declared) -> dict[str, Any]:
        free = declared.fields.get("litellm_params") or {}
        typed = {
            name: self.field(name).to_send(value)
            for name, value in declared.fields.items()
            if name not in ("litellm_params", "model_info")
        }
        info = {**(declared.fields.get("model_info") or {}), "id": _id(declared)}
        if declared.secrets:
            info[FINGERPRINTS] = fingerprints(declared.secrets)
        return {
            "model_name": declared.name,
            "litellm_params": {**free, **typed, **declared.secrets},
            "model_info": info,
        }


def _id(declared: Declared) -> str:
    return str((declared.fields.get("model_info") or {}).get("id") or declared.name)


def fingerprints(secrets: Mapping[str, str]) -> dict[str, str]:
    """What a model's secrets are compared by: LiteLLM never gives them back."""
    return {
        name: "sha256:" + hashlib.sha256(f"{name}\0{value}".encode()).hexdigest()[:16]
        for name, value in secrets.items()
    }
