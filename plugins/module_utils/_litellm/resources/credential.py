# Copyright: Contributors to the Tollgate project
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Credentials of providers, which models name. Source: litellm/proxy/credential_endpoints/endpoints.py."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any, ClassVar
from urllib.parse import quote

from ..client import Client, LiteLLMError
from ..field import Clear, Field
from ..kind import Kind
from ..meaning import alike
from ..resource import Changes, Conflict, Declared, Resource, Row, gone
from .parameters import REFERENCE, fingerprint

FINGERPRINTS = "tollgate_secrets"
# LiteLLM masks texts whose name holds one of these (get_masked_values of litellm_logging.py).
MASKED = ("authorization", "token", "key", "secret", "credentials", "password", "passwd")
REMOVAL = Field("credential_values_to_delete", Kind.NAMES, since="1.106.0")  # null for an entry of values
STAYS = "LiteLLM can't remove an entry of it; declare the credential under state: absent once, then anew"


class Credential(Resource):
    """What a provider wants to know of whoever calls it. What LiteLLM hides is compared by fingerprints."""

    kind = "credential"
    identity = "credential"
    marked_in = "info"
    options = ("secret_values",)
    calls: ClassVar[Mapping[str, str]] = {
        "create": "POST /credentials",
        "update": "PATCH /credentials/{credential_name}",
        "delete": "DELETE /credentials/{credential_name}",
        "list": "GET /credentials",
    }
    fields = (
        Field("display_name", Kind.TEXT, since="1.106.0"),
        Field(
            "values",
            Kind.PARTS,
            Clear.REFUSED,
            at="credential_values",
            sent="credential_values",
            why_not_cleared="its entries are cleared one by one, by null",
        ),
        Field("info", Kind.PARTS, Clear.REFUSED, at="credential_info", sent="credential_info", why_not_cleared=STAYS),
    )
    left_out: ClassVar[Mapping[str, str]] = {
        "credential_name": "the identity",
        "model_id": "it would copy the values of a model",
        REMOVAL.name: f"null for an entry of values, since {REMOVAL.since}",
    }

    def name_of(self, row: Row) -> str:
        return str(row["credential_name"])

    def objections(self, entry: Mapping[str, Any], *, complete: bool) -> list[str]:
        found = super().objections(entry, complete=complete)
        sources = entry.get("secret_values") or {}
        for name, value in (entry.get("values") or {}).items():
            if name in sources:
                found.append(f"values.{name} and secret_values.{name} exclude each other")
            elif masked(str(name), value) and not str(value).startswith(REFERENCE):
                found.append(
                    f"values.{name} would show a secret in logs: use secret_values: {{{name}: {{env: NAME}}}}, or "
                    "file, or secret"
                )
        found += [
            f"info.{name} can't be cleared: {STAYS}"
            for name, value in (entry.get("info") or {}).items()
            if value is None
        ]
        if FINGERPRINTS in (entry.get("info") or {}):
            found.append(f"info.{FINGERPRINTS} is this collection's own")
        if (
            complete
            and entry.get("state") != "absent"
            and not sources
            and not any((entry.get("values") or {}).values())
        ):
            found.append(NO_VALUE)
        return found

    def shown(self, row: Row) -> dict[str, Any]:
        values = row.get("credential_values") or {}
        info = row.get("credential_info") or {}
        clear = {
            **row,
            "credential_values": {name: value for name, value in values.items() if not masked(name, value)},
            "credential_info": {name: value for name, value in info.items() if name != FINGERPRINTS},
        }
        return super().shown(clear)

    def incomplete(self, declared: Declared) -> str:
        return "" if declared.secrets or any((declared.fields.get("values") or {}).values()) else NO_VALUE

    def read(self, client: Client, declared: Sequence[Declared]) -> list[Row]:  # noqa: ARG002 (one answer has all)
        return self.every(client)

    def every(self, client: Client) -> list[Row]:
        return list(client.get(self.path("list"))["credentials"])

    def changeable(self, row: Row) -> bool:
        return row.get("source") != "config"

    def find(self, declared: Declared, rows: Sequence[Row]) -> Row | None:
        row = super().find(declared, rows)
        if row and not self.changeable(row):
            raise Conflict(
                "the proxy's config.yaml has a credential of this name, which LiteLLM does not let others change. "
                "Remove it there, or leave it out here."
            )
        return row

    def changes(self, declared: Declared, row: Row) -> dict[str, tuple[Any, Any]]:
        shown, secret = _split(declared)
        fields = {name: value for name, value in declared.fields.items() if name != "values"}
        found = super().changes(Declared(declared.name, fields), row)
        stored = row.get("credential_values") or {}
        for name, wanted in shown.items():
            there = name in stored
            if (wanted is None and there) or (wanted is not None and not alike(wanted, stored.get(name))):
                before = "(hidden)" if masked(name, stored.get(name)) else stored.get(name)
                found[f"values.{name}"] = (before, wanted)
        prints = _stored_prints(row)
        for name, wanted in _prints(declared.name, secret).items():
            if prints.get(name) != wanted or name not in stored:
                found[f"values.{name}"] = (prints.get(name), wanted)
        return found

    def sent(self, wanted: Mapping[str, Any]) -> Iterator[tuple[str, Field]]:
        yield from super().sent(wanted)
        for name, value in wanted.items():
            if name.startswith("values.") and value is None:
                yield "", replace(REMOVAL, name=f"{name}: null")

    def create(self, client: Client, declared: Declared) -> None:
        shown, secret = _split(declared)
        info = {**(declared.fields.get("info") or {}), FINGERPRINTS: _prints(declared.name, secret)}
        values = {name: value for name, value in shown.items() if value is not None}
        body: dict[str, Any] = {
            "credential_name": declared.name,
            "credential_values": {**values, **secret},
            "credential_info": info
            if secret
            else {name: value for name, value in info.items() if name != FINGERPRINTS},
        }
        if declared.fields.get("display_name"):
            body["display_name"] = declared.fields["display_name"]
        self.make(client, declared, self.path("create"), body)

    def update(self, client: Client, declared: Declared, row: Row, changes: Changes) -> None:
        shown, secret = _split(declared)
        names = [name.partition(".")[2] for name in changes if name.startswith("values.")]
        set_to = {name: {**shown, **secret}[name] for name in names}
        values = {name: value for name, value in set_to.items() if value is not None}
        stored = _stored_prints(row)
        prints = {name: found for name, found in stored.items() if name not in names}
        prints |= _prints(declared.name, {name: secret[name] for name in names if name in secret})
        # PATCH wants credential_info always, and merges it.
        info = dict(changes["info"][1]) if "info" in changes else {}
        if prints != stored:
            info[FINGERPRINTS] = prints
        # 1.100 wants all three, changed or not; it merges them like 1.106.
        body: dict[str, Any] = {
            "credential_name": declared.name,
            "credential_info": info,
            "credential_values": values,
        }
        if len(values) < len(set_to):
            body["credential_values_to_delete"] = [name for name, value in set_to.items() if value is None]
        if "display_name" in changes:
            body["display_name"] = changes["display_name"][1]
        client.write("PATCH", self._path("update", declared.name), body)

    def delete(self, client: Client, declared: Declared, row: Row) -> None:  # noqa: ARG002 (a team needs it)
        try:
            client.write("DELETE", self._path("delete", declared.name))
        except LiteLLMError as error:
            if not gone(error):
                raise

    def _path(self, purpose: str, name: str) -> str:
        return self.path(purpose).replace("{credential_name}", quote(name, safe=""))


NO_VALUE = "no value: give values or secret_values, such as api_key and api_base"


def masked(name: str, value: Any) -> bool:
    """Whether LiteLLM hides a value: texts by their names, other values never."""
    return isinstance(value, str) and any(word in name.lower() for word in MASKED)


def _split(declared: Declared) -> tuple[dict[str, Any], dict[str, Any]]:
    """What LiteLLM shows as it was sent, null included, and what it hides."""
    values = dict(declared.fields.get("values") or {})
    secret = {name: value for name, value in values.items() if masked(name, value)}
    return {name: value for name, value in values.items() if name not in secret}, {**secret, **declared.secrets}


def _prints(identity: str, secret: Mapping[str, Any]) -> dict[str, str]:
    return {name: fingerprint(identity, name, value) for name, value in secret.items()}


def _stored_prints(row: Row) -> dict[str, str]:
    return dict((row.get("credential_info") or {}).get(FINGERPRINTS) or {})
