# Copyright: Contributors to the Tollgate project
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Virtual keys. Source: litellm/proxy/management_endpoints/key_management_endpoints.py."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any, ClassVar

from ..client import NOT_FOUND, Client, LiteLLMError
from ..field import Clear, Field
from ..kind import Kind
from ..prices import INHERITED
from ..resource import FEW, Changes, Conflict, Declared, Resource, Row, gone, part, unique
from . import rotation

LIST = {"return_full_object": "true", "sort_by": "token", "sort_order": "asc"}
# null for a JSON column makes a key unusable and breaks /key/list for everybody: lists and dicts clear by empty ones.
JSON_LIST, JSON_DICT = Clear.EMPTY_LIST, Clear.EMPTY_DICT
LISTED = 100  # keys on one page, at most
LIMIT_TYPES = ("guaranteed_throughput", "best_effort_throughput", "dynamic")
TEMPORARY = ("temp_budget_increase", "temp_budget_expiry")
ALL_PARTS = "its parts are cleared one by one, by an empty list"


def token_id(value: str) -> str:
    """LiteLLM's name for a key: the SHA-256 of its text."""
    return hashlib.sha256(value.encode()).hexdigest()


def _meta(name: str, kind: Kind, clear: Clear, choices: tuple[str, ...] = (), **more: Any) -> Field:
    """A field that LiteLLM keeps in metadata. It ignores null for one."""
    return Field(name, kind, clear, at=f"metadata.{name}", choices=choices, **more)


class Key(Resource):
    """A virtual key, found by its alias and by the digest of its value."""

    kind = "key"
    identity = "alias"
    marked_in = "metadata"
    states = ("present", "absent", "blocked", "unblocked")
    options = ("secret", "value", "value_file", "all_models", "renamed_from", "grace")
    refers: ClassVar[Mapping[str, str]] = {"team": "team", "user": "user", "budget_id": "budget"}
    calls: ClassVar[Mapping[str, str]] = {
        "create": "POST /key/generate",
        "update": "POST /key/update",
        "delete": "POST /key/delete",
        "list": "GET /key/list",
        "info": "GET /key/info",
        "reset": "POST /key/{key}/reset_spend",
    }
    asks: ClassVar[Mapping[str, Sequence[str]]] = {
        "list": ("key_alias", "substring_matching", "key_hash", "status", "team_id", "user_id", "page", "size", *LIST),
        "info": ("key",),
    }
    fields = (
        Field("team", Kind.TEXT, at="team_id", sent="team_id"),
        Field("user", Kind.TEXT, at="user_id", sent="user_id"),
        Field("models", Kind.NAMES, Clear.REFUSED, why_not_cleared="no list means all models; say all_models: true"),
        Field("max_budget", Kind.MONEY),
        Field("soft_budget", Kind.MONEY, at="litellm_budget_table.soft_budget", since="1.102.0"),
        Field("budget_duration", Kind.DURATION),
        Field("budget_limits", Kind.WINDOWS, JSON_LIST),
        Field("budget_id", Kind.TEXT),
        Field("budget_fallbacks", Kind.DICT, JSON_DICT),
        Field("tpm_limit", Kind.NUMBER),
        Field("rpm_limit", Kind.NUMBER),
        Field("tpd_limit", Kind.NUMBER, since="1.103.0"),
        Field("max_parallel_requests", Kind.NUMBER),
        # Re-sending it would move the date of expiry; null makes the key valid for ever.
        Field("duration", Kind.DURATION, at="expires", create_only=True),
        Field("blocked", Kind.FLAG, Clear.FALSE),
        Field("allowed_routes", Kind.NAMES, JSON_LIST),
        Field("allowed_cache_controls", Kind.NAMES, JSON_LIST),
        Field("aliases", Kind.DICT, JSON_DICT),
        Field("config", Kind.DICT, JSON_DICT),
        Field("permissions", Kind.DICT, JSON_DICT),
        Field("router_settings", Kind.PARTS, JSON_DICT),
        Field("access_group_ids", Kind.NAMES, JSON_LIST),
        Field("object_permission", Kind.PARTS, Clear.REFUSED, why_not_cleared=ALL_PARTS),
        Field("agent_id", Kind.TEXT),
        _meta("model_rpm_limit", Kind.RATES, JSON_DICT),
        _meta("model_tpm_limit", Kind.RATES, JSON_DICT),
        _meta("mcp_rpm_limit", Kind.RATES, JSON_DICT),
        _meta("tag_rpm_limit", Kind.RATES, JSON_DICT),
        _meta("rpm_limit_type", Kind.TEXT, Clear.LEFT_OUT, LIMIT_TYPES),
        _meta("tpm_limit_type", Kind.TEXT, Clear.LEFT_OUT, LIMIT_TYPES),
        _meta("default_estimated_output_tokens", Kind.POSITIVE, Clear.LEFT_OUT),
        _meta("default_estimated_output_tokens_per_model", Kind.RATES, JSON_DICT),
        _meta("enable_prompt_caching", Kind.FLAG, Clear.FALSE),
        _meta("throttle_on_budget_exceeded", Kind.FLAG, Clear.FALSE),
        _meta("allowed_vector_store_indexes", Kind.RECORDS, JSON_LIST),
        _meta("end_user_budget_id", Kind.TEXT, Clear.EMPTY_TEXT, since="1.103.0"),
        _meta("temp_budget_increase", Kind.MONEY, Clear.LEFT_OUT, update_only=True),
        _meta("temp_budget_expiry", Kind.TIME, Clear.LEFT_OUT, update_only=True),
        _meta("tags", Kind.NAMES, JSON_LIST, enterprise=True),
        _meta("guardrails", Kind.NAMES, JSON_LIST, enterprise=True),
        _meta("policies", Kind.NAMES, JSON_LIST, enterprise=True),
        _meta("prompts", Kind.NAMES, JSON_LIST, enterprise=True),
        _meta("disable_global_guardrails", Kind.FLAG, Clear.FALSE, enterprise=True),
        _meta("enforced_params", Kind.NAMES, JSON_LIST, enterprise=True),
        _meta("allowed_passthrough_routes", Kind.NAMES, JSON_LIST, enterprise=True),
        _meta("denied_passthrough_routes", Kind.NAMES, JSON_LIST, enterprise=True, since="1.106.0"),
        Field("model_max_budget", Kind.DICT, JSON_DICT, enterprise=True),
        Field("organization_id", Kind.TEXT, at="org_id", sent="organization_id", enterprise=True),
        Field("project_id", Kind.TEXT, enterprise=True, since="1.102.0"),
        Field("auto_rotate", Kind.FLAG, Clear.FALSE, enterprise=True),
        Field("rotation_interval", Kind.DURATION, enterprise=True),
        Field("metadata", Kind.PARTS, JSON_DICT),
    )
    left_out: ClassVar[Mapping[str, str]] = {
        "key": "the value, which no result shows",
        "key_alias": "the identity",
        "spend": "it is counted",
        "key_type": "it presets allowed_routes, which are declared",
        "send_invite_email": "it is an action",
    }

    def name_of(self, row: Row) -> str:
        return str(row.get("key_alias") or "")

    def stands_for(self, row: Row) -> str:
        return str(rotation.mark(row).get("alias") or self.name_of(row))

    def shown(self, row: Row) -> dict[str, Any]:
        found = super().shown(row)
        if found.get("budget_id") and not _shared(row):
            del found["budget_id"]  # LiteLLM's own, for soft_budget
        return found if found.get("models") else {**found, "all_models": True}

    def objections(self, entry: Mapping[str, Any], *, complete: bool) -> list[str]:
        found = super().objections(entry, complete=complete)
        pair = [name for name in TEMPORARY if entry.get(name) is not None]
        if len(pair) == 1:
            found.append(f"{' and '.join(TEMPORARY)} need each other")
        if entry.get("config") and not entry.get("all_models"):
            # user_api_key_auth.py: who has one is not asked for models.
            found.append("config lifts the limit to models in LiteLLM 1.106: leave it out, or say all_models: true too")
        if ".." in str(entry.get("alias")).split("/"):
            # raise_if_unsafe_secret_name: a licence would store the key under its alias elsewhere.
            found.append('LiteLLM refuses an alias in which ".." is a part of a path: name it otherwise')
        return found

    def read(self, client: Client, declared: Sequence[Declared]) -> list[Row]:
        if len(declared) > FEW:
            return self.every(client)
        return unique((row for entry in declared for row in self._rows_of(client, entry)), "token")

    def _rows_of(self, client: Client, entry: Declared) -> list[Row]:
        """The keys that an entry may mean, with the other one of a rotation."""
        rows: list[Row] = []
        for alias in filter(None, (entry.name, entry.was)):
            rows += keys_with(client, key_alias=alias)
        if entry.value:
            rows += keys_with(client, key_hash=token_id(entry.value))
        known = {row["token"] for row in rows}
        for token in {str(rotation.mark(row).get("to") or "") for row in rows} - known - {""}:
            rows += keys_with(client, key_hash=token)
        if not any(row.get("key_alias") == entry.name for row in rows):
            # The end of a rotation that was killed: the new key has not got the alias yet.
            begun = keys_with(client, key_alias=part(rotation.alias(entry.name)), substring_matching="true")
            rows += [row for row in begun if self.stands_for(row) == entry.name]
        return rows

    def every(self, client: Client) -> list[Row]:
        return unique(keys_with(client), "token")

    def read_whole(self, client: Client, declared: Sequence[Declared]) -> list[Row]:  # noqa: ARG002 (others join more)
        return self.every(client)

    def names_in(self, row: Row) -> Iterable[str]:
        return (str(row["token"]), self.name_of(row), str(rotation.mark(row).get("alias") or ""))

    def names_sought(self, declared: Declared) -> Iterable[str]:
        return (declared.name, declared.was, token_id(declared.value) if declared.value else "")

    def find(self, declared: Declared, rows: Sequence[Row]) -> Row | None:
        own = next((row for row in rows if declared.value and row["token"] == token_id(declared.value)), None)
        aliased = [row for row in rows if row.get("key_alias") == declared.name]
        if declared.was and not aliased:
            aliased = [own] if own else [row for row in rows if row.get("key_alias") == declared.was]
        successors = [row for row in rows if rotation.mark(row).get("alias") == declared.name]
        self._only(declared, aliased)
        if declared.absent or declared.value is None:
            return next(iter([*aliased, *successors]), None)
        if aliased and aliased[0] is not own:
            self._rotated(declared, aliased[0], own, rows)
        elif successors and own not in successors:
            new = successors[0]
            why = f"ends at {own.get('expires')}; the stored value is the old one again" if own else "is over"
            raise Conflict(
                f"it is being rotated to {new['token'][:12]}, and {why}. Restore the new one, or declare the key under "
                "state: absent once."
            )
        return own

    @staticmethod
    def _only(declared: Declared, aliased: Sequence[Row]) -> None:
        """Raises Conflict when it can't be told which key is meant, or its value is lost."""
        if declared.absent:
            return
        if len(aliased) > 1:
            tokens = ", ".join(row["token"][:12] for row in aliased)
            raise Conflict(
                f"{len(aliased)} keys of the proxy have this alias ({tokens}). "
                "Delete all but one in the admin UI, or all of them by state: absent."
            )
        if declared.value_to_come and aliased:
            raise Conflict(
                "the proxy has a key of this alias, but its value is not stored. Restore the secret, or declare the "
                "key under state: absent once to replace it."
            )

    @staticmethod
    def _rotated(declared: Declared, old: Row, own: Row | None, rows: Sequence[Row]) -> None:
        """Raises Conflict unless the stored value is the next one of a key that is there."""
        if own and rotation.mark(own).get("from") == old["token"]:
            return
        token = token_id(declared.value or "")
        next_one = next((row["token"] for row in rows if rotation.mark(row).get("from") == old["token"]), "")
        if next_one:
            raise Conflict(
                f"the stored value is {token[:12]}, but it is being rotated to {next_one[:12]}, until "
                f"{old.get('expires') or 'the next run'}. Restore that value, and rotate again when that is over."
            )
        if own or not declared.grace:
            raise Conflict(
                f"the proxy's key of this alias is {old['token'][:12]}, the stored value is {token[:12]}: another "
                "value. Restore the secret, say by grace how long both shall be valid, or declare the key under "
                "state: absent once to replace it."
            )

    @staticmethod
    def _only_with_a_team(declared: Declared) -> None:
        """Raises Conflict for models of a team that there is not: LiteLLM takes them for all models."""
        if INHERITED in (declared.fields.get("models") or []):
            raise Conflict(
                f"models names {INHERITED}, and the key has no team: LiteLLM would allow all models. Name its team, or "
                "say all_models: true instead."
            )

    def incomplete(self, declared: Declared) -> str:
        if not declared.fields.get("team"):
            self._only_with_a_team(declared)
        if declared.value is None and not declared.value_to_come:
            return "no value for a new key. Give value_file, value or secrets_directory."
        return "" if "models" in declared.fields else UNLIMITED.format(said="models is missing")

    def changes(self, declared: Declared, row: Row) -> dict[str, tuple[Any, Any]]:
        found = super().changes(declared, row)
        if "soft_budget" in found and _shared(row):
            # LiteLLM 1.106 would change the budget itself, for everybody who has it.
            raise Conflict(
                f"soft_budget would change the shared budget {row['budget_id']}. Set it there, or clear budget_id "
                "first."
            )
        if not declared.fields.get("team", row.get("team_id")):
            self._only_with_a_team(declared)
        rotating = rotation.mark(row).get("alias") == declared.name
        if row.get("key_alias") != declared.name and not rotating:
            found["alias"] = (row.get("key_alias"), declared.name)
        phase = rotation.next_phase(row) if rotating else ""
        if phase:
            found["rotation"] = (rotation.mark(row)["phase"], phase)
        return found

    def looked_up(self, client: Client, new: Sequence[Declared]) -> list[Declared]:
        tokens = deleted_tokens(client, most=len(new)) if len(new) > FEW else None
        if tokens is None:
            return list(new)
        return [
            replace(each, used_before=token_id(each.value or "") in tokens or bool(each.fields.get("user")))
            for each in new
        ]

    def create(self, client: Client, declared: Declared) -> None:
        token = token_id(declared.value or "")
        used_before = declared.used_before
        if used_before is None:
            used_before = self._used_before(client, declared, token)
        fields = {name: value for name, value in declared.given().items() if not self.field(name).update_only}
        body = {"key": declared.value, "key_alias": declared.name, **self.body(fields, {})}
        aliases = filter(None, (declared.name, declared.was) if declared.grace else ())
        old = next((row for alias in aliases for row in keys_with(client, key_alias=alias)), None)
        if old:
            self._announce(client, old, token)
            body = self._successor(declared, old, token)
            used_before = False  # it owes what the old one has spent
        self.make(client, declared, self.path("create"), body)
        if old:
            self._go_on(client, declared)
        later = {name: value for name, value in declared.given().items() if self.field(name).update_only}
        if later:
            row = self.settled(client, declared)
            client.write("POST", self.path("update"), {"key": token, **self.body(later, row or {})})
        if used_before:
            # The live spend counter outlives a deleted key of the same value: it would refuse the new one at once.
            client.write("POST", self.path("reset").replace("{key}", token), {"reset_to": 0})

    def update(self, client: Client, declared: Declared, row: Row, changes: Changes) -> None:
        wanted = {name: after for name, (before, after) in changes.items() if name != "alias"}
        if any(wanted.get(name) is not None for name in TEMPORARY):
            # LiteLLM takes both or none.
            wanted |= {name: declared.fields[name] for name in TEMPORARY if name in declared.fields}
        phase = wanted.pop("rotation", "")
        if phase:
            wanted["metadata"] = {**(wanted.get("metadata") or {}), **self._phase(client, row, phase)}
        body = self.body(wanted, row)
        if "alias" in changes or phase == rotation.OVER:
            body["key_alias"] = declared.name
        # One request: LiteLLM loses one of two concurrent changes to a key's metadata.
        client.write("POST", self.path("update"), {"key": row["token"], **body})

    def delete(self, client: Client, declared: Declared, row: Row) -> None:
        successor = rotation.mark(row).get("to")
        if successor and not declared.pruned:
            self._delete(client, {"keys": [successor]})
        # By its alias: all that share it.
        self._delete(client, {"keys": [row["token"]]} if declared.pruned else {"key_aliases": [row["key_alias"]]})

    def _delete(self, client: Client, chosen: Mapping[str, Any]) -> None:
        try:
            client.write("POST", self.path("delete"), chosen)
        except LiteLLMError as error:
            if not gone(error):
                raise

    def _announce(self, client: Client, old: Row, token: str) -> None:
        """Name the new key in the old one's metadata, before there is one that nobody would find."""
        if rotation.mark(old).get("to") != token:
            told = self.body({"metadata": {rotation.ROTATION: {"to": token}}}, old)
            client.write("POST", self.path("update"), {"key": old["token"], **told})

    def _successor(self, declared: Declared, old: Row, token: str) -> dict[str, Any]:
        """The request that makes the key of the new value: as the old one is, and as declared."""
        given = {name: value for name, value in declared.fields.items() if name != "metadata"}
        merged = {**rotation.limits(self.fields, old), **given}
        wanted = {
            name: value for name, value in merged.items() if value is not None and not self.field(name).update_only
        }
        left = rotation.left(old)
        if left is not None and "duration" not in declared.fields:
            wanted["duration"] = f"{max(left, 1)}s"
        cleared = {self.field(name).at.removeprefix("metadata.") for name, value in given.items() if value is None}
        kept = {name: value for name, value in rotation.free(old).items() if name not in cleared}
        metadata = {**kept, **(declared.fields.get("metadata") or {})}
        return {
            **self.body(wanted, {}),
            "key": declared.value,
            "key_alias": rotation.alias(declared.name, token),
            "spend": old.get("spend") or 0,
            "metadata": {
                **{name: value for name, value in metadata.items() if value is not None},
                rotation.ROTATION: rotation.started(declared.name, old, declared.grace),
            },
        }

    def _go_on(self, client: Client, declared: Declared) -> None:
        """The next phase of a rotation, if it is time for one."""
        row = self.settled(client, declared)
        changes = self.changes(declared, row) if row else {}
        if row and changes:
            self.update(client, declared, row, changes)

    def _phase(self, client: Client, row: Row, phase: str) -> dict[str, Any]:
        """Do to the old key what the next phase wants, and return what the new one's metadata says then."""
        mark = rotation.mark(row)
        olds = keys_with(client, key_hash=mark["from"])
        if phase == rotation.OVER:
            for old in olds:
                self._bill(client, row, old)
                self._delete(client, {"keys": [old["token"]]})
            return {rotation.ROTATION: None}
        until = rotation.after(mark["seconds"])
        for old in olds:
            left = rotation.left(old)
            if left is None or left > mark["seconds"]:
                body = {"key": old["token"], "duration": f"{mark['seconds']}s"}
                client.write("POST", self.path("update"), body)
            else:
                until = old["expires"]  # nobody gets more time by a rotation
        return {rotation.ROTATION: {**mark, "phase": rotation.GRACE, "until": until}}

    def _bill(self, client: Client, row: Row, old: Row) -> None:
        """Add what the old key owes to the new one's spend, and write down in the same request that this was done."""
        for now in keys_with(client, key_hash=row["token"]) if rotation.owed(row, old) else ():
            dollars = rotation.owed(now, old)
            if not dollars:
                continue  # another run was faster
            billed = {rotation.ROTATION: {**rotation.mark(now), "phase": rotation.BILLED}}
            body = {"spend": float(now.get("spend") or 0) + dollars, **self.body({"metadata": billed}, now)}
            client.write("POST", self.path("update"), {"key": row["token"], **body})

    def result(self, declared: Declared, row: Row | None) -> dict[str, Any]:
        if row:
            mark = rotation.mark(row)
            return {"token_id": row["token"], **({"rotation": dict(mark)} if mark else {})}
        return {"token_id": token_id(declared.value)} if declared.value else {}

    def _used_before(self, client: Client, declared: Declared, token: str) -> bool:
        """Whether a key of this value may have been there before. Only those deleted with their user leave no trace."""
        try:
            client.get(self.path("info"), {"key": token})
        except LiteLLMError as error:
            if error.status != NOT_FOUND:
                raise
            return bool(declared.fields.get("user"))
        return True


def keys_with(client: Client, **query: str) -> list[dict[str, Any]]:
    """The keys that have these values."""
    return list(client.pages(Key().path("list"), {**LIST, **query}, "keys", "size"))


def deleted_tokens(client: Client, most: int) -> set[str] | None:
    """The digests of all keys that were deleted; None when reading them takes more requests than C(most)."""
    path, query = Key().path("list"), {"status": "deleted", "sort_by": "token", "sort_order": "asc"}
    total = client.get(path, {**query, "page": 1, "size": 1}).get("total_count")
    if total is None or total > most * LISTED:
        return None
    return set(client.pages(path, query, "keys", "size", limit=LISTED)) if total else set()


UNLIMITED = "{said}; LiteLLM would allow all models. Name the models, or say all_models: true."


def _shared(row: Row) -> bool:
    """Whether a key's budget is more than the private one that LiteLLM makes for a soft_budget."""
    budget = row.get("litellm_budget_table") or {}
    limits = ("max_budget", "budget_duration", "tpm_limit", "rpm_limit", "max_parallel_requests")
    return bool(row.get("budget_id")) and any(budget.get(name) is not None for name in limits)
