# Copyright: Contributors to the Tollgate project
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Models. Source: litellm/proxy/management_endpoints/model_management_endpoints.py."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, ClassVar

from ..client import NOT_FOUND, SERVER_ERROR, Client, LiteLLMError
from ..field import Clear, Field
from ..kind import Kind
from ..meaning import alike
from ..resource import Changes, Conflict, Declared, Resource, Row, unique
from .parameters import fingerprint, hidden

STAYS = "LiteLLM can't remove a parameter; declare the model under state: absent once, then anew"
FINGERPRINTS = "tollgate_secrets"
NOT_LIVE = "saved to the database"  # the words of the answer to a model whose row was written and can't be served
PRICES = (
    "input_cost_per_token",
    "output_cost_per_token",
    "cache_read_input_token_cost",
    "cache_creation_input_token_cost",
)
# What null removes from a stored model; any other parameter stays.
CLEARABLE = (
    *PRICES,
    "input_cost_per_character",
    "output_cost_per_character",
    "tiered_pricing",
    "cache_control_injection_points",
    "litellm_credential_name",
)
# LiteLLM adds dozens of facts of its price list to what was declared of a model; these nobody but the user says.
KNOWN_INFO = ("mode", "base_model", "access_groups", "tier", "supported_environments", "team_id", "discoverable")
FREE = ("litellm_params", "model_info")
# PATCH can't reach an id with a slash.
SAFE_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")


def _parameter(name: str, kind: Kind, clear: Clear = Clear.REFUSED, **more: Any) -> Field:
    return Field(name, kind, clear, at=f"litellm_params.{name}", why_not_cleared=STAYS, **more)


def model_id(name: str, given: str | None = None) -> str:
    """The id of a deployment: as given, else its name, else (the name holds a slash, say) a slug and a digest of it."""
    if given or SAFE_ID.fullmatch(name):
        return given or name
    slug = re.sub(r"[^A-Za-z0-9]+", "-", name).strip("-")[:40].strip("-") or "model"
    return f"{slug}-{hashlib.sha256(name.encode()).hexdigest()[:10]}"


class Model(Resource):
    """A deployment of a model. Its id is made of its name, unless several share the name to share the load."""

    kind = "model"
    identity = "name"
    marked_in = "model_info"
    enriched = ("model_info",)
    options = ("id", "free", "api_key_secret", "api_key_file", "api_key_env", "secret_params", "renamed_from")
    refers: ClassVar[Mapping[str, str]] = {"litellm_credential_name": "credential"}
    calls: ClassVar[Mapping[str, str]] = {
        "create": "POST /model/new",
        "update": "PATCH /model/{model_id}/update",
        "delete": "POST /model/delete",
        "list": "GET /v2/model/info",
    }
    asks: ClassVar[Mapping[str, Sequence[str]]] = {"list": ("modelId", "sortBy", "page", "size")}
    left_out: ClassVar[Mapping[str, str]] = {
        "model_name": "the identity",
        "litellm_params_to_remove": "newer than the default version, which does not have it, since 1.109.0",
    }
    fields = (
        _parameter("model", Kind.TEXT),
        _parameter("api_base", Kind.TEXT),
        _parameter("api_version", Kind.TEXT),
        # Prices belong here: those in model_info are dropped in silence, and every call costs 0.
        *(_parameter(name, Kind.MONEY, Clear.NULL) for name in PRICES),
        _parameter("rpm", Kind.NUMBER),
        _parameter("tpm", Kind.NUMBER),
        _parameter("max_parallel_requests", Kind.NUMBER, unlisted=True),
        _parameter("max_retries", Kind.NUMBER),
        _parameter("weight", Kind.NUMBER, unlisted=True),
        _parameter("order", Kind.NUMBER, unlisted=True),
        _parameter("tags", Kind.NAMES, Clear.EMPTY_LIST),
        _parameter("litellm_credential_name", Kind.TEXT, Clear.NULL, clear_since="1.106.0"),
        Field("blocked", Kind.FLAG, Clear.FALSE, at="model_info.blocked", since="1.106.0"),
        Field("litellm_params", Kind.DICT, Clear.REFUSED, why_not_cleared=STAYS),
        Field("model_info", Kind.DICT, Clear.REFUSED, why_not_cleared=STAYS),
    )

    def name_of(self, row: Row) -> str:
        return str(row.get("model_name") or "")

    def every(self, client: Client) -> list[Row]:
        rows = client.pages(self.path("list"), {"sortBy": "model_name"}, "data", "size", limit=1000)
        return unique(({**row, "live": True, "id": _id_of(row)} for row in rows), "id")

    def read(self, client: Client, declared: Sequence[Declared]) -> list[Row]:
        rows = self.every(client)
        served = {_id_of(row) for row in rows}
        # The list shows what is served. A row that can't be, or that another pod has just written, is found by its id.
        for entry in declared:
            if _id(entry) not in served:
                found = client.get(self.path("list"), {"modelId": _id(entry)}).get("data") or []
                rows += [{**row, "live": False} for row in found]
        return unique(({**row, "id": _id_of(row)} for row in rows), "id")

    def changeable(self, row: Row) -> bool:
        return bool((row.get("model_info") or {}).get("db_model"))

    def names_in(self, row: Row) -> Iterable[str]:
        return (str(row["id"]),)

    def names_sought(self, declared: Declared) -> Iterable[str]:
        return (_id(declared),)

    def find(self, declared: Declared, rows: Sequence[Row]) -> Row | None:
        row = next((row for row in rows if row["id"] == _id(declared)), None)
        if row and not self.changeable(row):
            raise Conflict(
                f"the proxy's config.yaml has a model of the id {row['id']}, which LiteLLM does not let others change. "
                "Remove it there, or leave it out here."
            )
        return row

    def shown(self, row: Row) -> dict[str, Any]:
        found = super().shown({**row, **dict.fromkeys(FREE)})
        stored = {name: value for name, value in (row.get("litellm_params") or {}).items() if not hidden(name, value)}
        typed = {line.name for line in self.fields}
        for line in self.fields:
            if line.name in stored and stored[line.name] not in (None, []):
                found[line.name] = stored[line.name]
        free = {name: value for name, value in stored.items() if name not in typed and value not in (None, False)}
        info = {
            name: value
            for name, value in (row.get("model_info") or {}).items()
            if name in KNOWN_INFO and value not in (None, [])
        }
        if str(row["id"]) != model_id(found["name"]):
            found["id"] = row["id"]
        if (row.get("model_info") or {}).get("blocked"):
            found["blocked"] = True
        return {**found, **({"litellm_params": free} if free else {}), **({"model_info": info} if info else {})}

    def incomplete(self, declared: Declared) -> str:
        return "" if declared.fields.get("model") else NO_BACKEND

    def changes(self, declared: Declared, row: Row) -> dict[str, tuple[Any, Any]]:
        shown, secret = _split(declared)
        typed = {name: value for name, value in shown.items() if name not in FREE}
        found = super().changes(Declared(declared.name, typed), row)
        for part in FREE:
            stored = row.get(part) or {}
            for name, wanted in (shown.get(part) or {}).items():
                if not (wanted is None and stored.get(name) is None) and not alike(wanted, stored.get(name)):
                    found[f"{part}.{name}"] = (stored.get(name), wanted)
        if row.get("model_name") != declared.name:
            found["name"] = (row.get("model_name"), declared.name)
        prints = _stored_prints(row)
        for name, wanted in _prints(_id(declared), secret).items():
            if prints.get(name) != wanted:
                found[name] = (prints.get(name), wanted)
        if not row.get("live", True):
            found["live"] = (False, True)
        return found

    def create(self, client: Client, declared: Declared) -> None:
        body = self._request(declared, self._everything(declared), {})
        try:
            client.write("POST", self.path("create"), body, again=False)
        except LiteLLMError as error:
            if NOT_LIVE in str(error):
                # The row would stay and serve nobody.
                client.write("POST", self.path("delete"), {"id": _id(declared)})
                raise LiteLLMError(
                    f"{error}. Mostly its model begins with no provider that LiteLLM knows. "
                    "The row that LiteLLM had saved all the same was removed",
                    error.status,
                ) from error
            if error.status and error.status < SERVER_ERROR:
                raise
            self._settle(client, declared, body, error)

    def _settle(self, client: Client, declared: Declared, body: Mapping[str, Any], error: LiteLLMError) -> None:
        """A lost answer, or 500 for an id that is taken: what is there is made as declared."""
        try:
            client.write("PATCH", self._path_of(_id(declared)), body)
        except LiteLLMError as second:
            if second.status != NOT_FOUND:
                raise
            if error.status:
                raise error from second
            client.write("POST", self.path("create"), body, again=False)

    def update(self, client: Client, declared: Declared, row: Row, changes: Changes) -> None:
        # PATCH merges; POST /model/update would drop every parameter that it does not know.
        names = self._everything(declared) if "live" in changes else {_place(name) for name in changes}
        client.write("PATCH", self._path_of(row["id"]), self._request(declared, names, row))

    def _path_of(self, identity: str) -> str:
        return self.path("update").replace("{model_id}", identity)

    def delete(self, client: Client, declared: Declared, row: Row) -> None:  # noqa: ARG002 (a team needs it)
        try:
            client.write("POST", self.path("delete"), {"id": row["id"]})
        except LiteLLMError as error:
            # Of an unknown id LiteLLM says 400, after a lost answer nothing.
            if error.status >= SERVER_ERROR or client.get(self.path("list"), {"modelId": row["id"]}).get("data"):
                raise

    def _everything(self, declared: Declared) -> set[tuple[str, str]]:
        """The names of all that is declared, each with the part that it is given in."""
        shown, secret = _split(declared)
        names = {("", name) for name in (*shown, *secret, "name") if name not in FREE}
        return names | {(part, name) for part in FREE for name in shown.get(part) or {}}

    def _request(self, declared: Declared, names: set[tuple[str, str]], row: Row) -> dict[str, Any]:
        """What sets these names."""
        shown, secret = _split(declared)
        shown = shown if row else {name: value for name, value in shown.items() if value is not None}
        values = {("", name): self.field(name).to_send(value) for name, value in shown.items() if name not in FREE}
        values |= {("", name): value for name, value in secret.items()}
        values |= {(part, name): value for part in FREE for name, value in (shown.get(part) or {}).items()}
        chosen = {place: values[place] for place in names & set(values) if row or values[place] is not None}
        blocked = chosen.pop(("", "blocked"), None)
        parameters = {name: value for (part, name), value in chosen.items() if part != "model_info"}
        info = {name: value for (part, name), value in chosen.items() if part == "model_info"}
        prints = {name: found for name, found in _stored_prints(row).items() if name not in parameters}
        prints |= _prints(_id(declared), {name: value for name, value in secret.items() if name in parameters})
        if prints != _stored_prints(row):
            info[FINGERPRINTS] = prints
        body: dict[str, Any] = {"model_name": declared.name} if ("", "name") in names else {}
        if parameters:
            body["litellm_params"] = parameters
        if info or not row:
            # Without its id LiteLLM would store a random one there.
            body["model_info"] = {**info, "id": _id(declared)}
        if blocked is not None:
            body["blocked"] = blocked
        return body


NO_BACKEND = "model is missing: the provider and its name of the model, such as hosted_vllm/qwen"


def _place(name: str) -> tuple[str, str]:
    part, dot, rest = name.partition(".")
    return (part, rest) if dot and part in FREE else ("", name)


def _id(declared: Declared) -> str:
    return model_id(declared.name, (declared.fields.get("model_info") or {}).get("id"))


def _id_of(row: Row) -> str:
    return str((row.get("model_info") or {}).get("id"))


def _split(declared: Declared) -> tuple[dict[str, Any], dict[str, Any]]:
    """What LiteLLM shows as it was sent, as declared, and what it hides, by the parameter's name."""
    shown, secret = dict(declared.fields), dict[str, Any](declared.secrets)
    for name, value in declared.fields.items():
        if name not in (*FREE, "blocked") and value is not None and hidden(name, value):
            secret[name] = shown.pop(name)
    free = declared.fields.get("litellm_params") or {}
    secret |= {name: value for name, value in free.items() if hidden(name, value)}
    shown["litellm_params"] = {name: value for name, value in free.items() if name not in secret}
    shown["model_info"] = {
        name: value for name, value in (declared.fields.get("model_info") or {}).items() if name != "id"
    }
    return shown, secret


def _prints(identity: str, secret: Mapping[str, Any]) -> dict[str, str]:
    return {name: fingerprint(identity, name, value) for name, value in secret.items()}


def _stored_prints(row: Row) -> dict[str, str]:
    return dict((row.get("model_info") or {}).get(FINGERPRINTS) or {})
