# Copyright: Contributors to the Tollgate project
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A proxy in memory that stores, merges, clears and hides as LiteLLM 1.106 does, with faults to choose from."""

from __future__ import annotations

import copy
import hashlib
import json
import threading
import uuid
from collections.abc import Callable, Mapping
from typing import Any

import httpx
from ansible_collections.tollgate.llm.plugins.module_utils._litellm.resources.parameters import MASKED_WORDS
from ansible_collections.tollgate.llm.tests.unit.plugins.module_utils._litellm.samples import TABLES

URL = "http://proxy.invalid"
MASTER = "sk-master-of-the-test"
REAL_CLIENT = httpx.Client
READS = ("/budget/info",)
META = {
    table.kind: {line.name for line in table.fields if line.at.startswith("metadata.")} for table, samples in TABLES
}
MEMBERS = {
    "team_member_budget": "max_budget",
    "team_member_budget_duration": "budget_duration",
    "team_member_rpm_limit": "rpm_limit",
    "team_member_tpm_limit": "tpm_limit",
}
REMOVABLE = {"litellm_credential_name", "input_cost_per_token", "output_cost_per_token"} | {
    "cache_read_input_token_cost",
    "cache_creation_input_token_cost",
}


OF_BUDGET = {
    *("max_budget", "soft_budget", "budget_duration", "max_parallel_requests", "tpm_limit", "rpm_limit"),
    *("tpd_limit", "model_max_budget"),
}


def _mask(name: str, value: Any) -> Any:
    """As a credential's value is shown."""
    hidden = isinstance(value, str) and any(word in name for word in ("key", "token", "secret"))
    return f"{value[:2]}****{value[-2:]}" if hidden else value


def refused(status: int, message: str, kind: str = "bad_request_error") -> httpx.Response:
    """LiteLLM's usual shape of an error."""
    return httpx.Response(
        status, json={"error": {"message": message, "type": kind, "param": "None", "code": str(status)}}
    )


class MemoryProxy:
    """C(before): answers given instead of carrying out a request of a path; C(lost): paths of lost answers."""

    def __init__(self) -> None:
        self.keys: dict[str, dict[str, Any]] = {}
        self.deleted: set[str] = set()
        self.teams: dict[str, dict[str, Any]] = {}
        self.models: dict[str, dict[str, Any]] = {}
        self.live: set[str] = set()
        self.budgets: dict[str, dict[str, Any]] = {}
        self.users: dict[str, dict[str, Any]] = {}
        self.customers: dict[str, dict[str, Any]] = {}
        self.credentials: dict[str, dict[str, Any]] = {}
        self.licensed = True
        self.version = "1.106.2"
        self.seen: list[tuple[str, str, Any]] = []
        self.before: dict[str, list[httpx.Response]] = {}
        self.lost: list[str] = []
        self.lock = threading.Lock()

    def client(self, **options: Any) -> httpx.Client:
        """In place of httpx.Client."""
        return REAL_CLIENT(transport=httpx.MockTransport(self._answer), headers=options["headers"])

    def writes(self) -> list[str]:
        """Paths of everything that could change something."""
        return [path for method, path, body in self.seen if method != "GET" and path not in READS]

    def _answer(self, request: httpx.Request) -> httpx.Response:
        path = request.url.path
        body = json.loads(request.content) if request.content else {}
        with self.lock:
            self.seen.append((request.method, path, copy.deepcopy(body)))
            if request.headers["Authorization"] != f"Bearer {MASTER}":
                return refused(401, f"Received API Key = {request.headers['Authorization']}", "auth_error")
            if self.before.get(path):
                return self.before[path].pop(0)
            answer = self._carry_out(request.method, path, body, dict(request.url.params))
            if path in self.lost:
                self.lost.remove(path)
                raise httpx.ReadError("connection reset by peer", request=request)
        return answer

    def _carry_out(self, method: str, path: str, body: dict[str, Any], query: Mapping[str, str]) -> httpx.Response:
        parts = path.strip("/").split("/")
        if parts[0] == "credentials" and method in ("PATCH", "DELETE"):
            return self._change_credential(parts[1], body if method == "PATCH" else None)
        if parts[0] == "model" and parts[-1] == "update":
            return self._patch_model(parts[1], body)
        if parts[0] == "key" and parts[-1] == "reset_spend":
            self.keys[parts[1]]["spend"] = body["reset_to"]
            return httpx.Response(200, json={})
        handler: Callable[..., httpx.Response] = getattr(self, "_" + "_".join(part.replace(".", "") for part in parts))
        return handler(body if body else dict(query))

    @staticmethod
    def _page(rows: list[Any], name: str, query: Mapping[str, Any], size: str) -> httpx.Response:
        page, length = int(query["page"]), int(query[size])
        pages = -(-len(rows) // length)
        shown = rows[(page - 1) * length : page * length]
        answer = {name: shown, "total_pages": pages, "total_count": len(rows), "current_page": page}
        return httpx.Response(200, json=answer)

    # Keys

    def _key_list(self, query: Mapping[str, Any]) -> httpx.Response:
        if query.get("status") == "deleted":
            return self._page(sorted(self.deleted), "keys", query, "size")
        rows = [
            row
            for token, row in sorted(self.keys.items())
            if (
                query.get("key_alias") in (None, row["key_alias"])
                or ("substring_matching" in query and query["key_alias"] in str(row["key_alias"]))
            )
            and query.get("key_hash") in (None, token)
            and query.get("team_id") in (None, row.get("team_id"))
            and query.get("user_id") in (None, row.get("user_id"))
        ]
        return self._page(rows, "keys", query, "size")

    def _key_info(self, query: Mapping[str, Any]) -> httpx.Response:
        token = query["key"]
        if token in self.keys or token in self.deleted:
            return httpx.Response(200, json={"info": {"status": "active" if token in self.keys else "deleted"}})
        return refused(404, "Key not found in database")

    def _key_generate(self, body: dict[str, Any]) -> httpx.Response:
        token = hashlib.sha256(body["key"].encode()).hexdigest()
        if any(row["key_alias"] == body["key_alias"] for row in self.keys.values()):
            return refused(400, f"Key with alias '{body['key_alias']}' already exists.")
        if body.get("budget_id") == "missing":
            return httpx.Response(500, text="Internal Server Error.")
        if token not in self.keys:
            row = {"token": token, "metadata": {}, "spend": 0.0, "key_alias": None}
            self.keys[token] = row
            ignored = ("key", "temp_budget_increase", "temp_budget_expiry")
            self._set_key(row, {name: value for name, value in body.items() if name not in ignored})
        return httpx.Response(200, json={"key": body["key"], "token": token})

    def _key_update(self, body: dict[str, Any]) -> httpx.Response:
        row = self.keys.get(body.pop("key"))
        if row is None:
            return refused(404, "Key not found")
        self._set_key(row, body)
        return httpx.Response(200, json={})

    def _set_key(self, row: dict[str, Any], body: dict[str, Any]) -> None:
        if "soft_budget" in body:
            row["litellm_budget_table"] = {
                **(row.get("litellm_budget_table") or {}),
                "soft_budget": body.pop("soft_budget"),
            }
            row["budget_id"] = row.get("budget_id") or "private"
        if "budget_id" in body:
            row["litellm_budget_table"] = {"max_budget": 10} if body["budget_id"] else None
        if "duration" in body:
            row["expires"] = "2999-01-01T00:00:00Z" if body.pop("duration") else None
        if "organization_id" in body:
            row["org_id"] = body.pop("organization_id")
        pair = {"temp_budget_increase", "temp_budget_expiry"} & set(body)
        assert len(pair) in (0, 2), "LiteLLM takes both or none"
        self._set_with_metadata("key", row, body)

    @staticmethod
    def _set_with_metadata(kind: str, row: dict[str, Any], body: dict[str, Any]) -> None:
        for name, value in body.items():
            if isinstance(value, list | dict) and name == "object_permission":
                row[name] = {**(row.get(name) or {}), **value}
                row["object_permission_id"] = "one"
            elif name not in META[kind]:
                row[name] = value
        if "metadata" in body:
            assert isinstance(body["metadata"], dict), "null for a JSON column makes a key unusable"
        for name in META[kind] & set(body):
            assert body[name] is not None, "null for such a field is ignored or answered with 500"
            row["metadata"] = {**row["metadata"], name: body[name]}

    def _key_delete(self, body: Mapping[str, Any]) -> httpx.Response:
        aliases = body["key_aliases"]
        gone = [token for token, row in self.keys.items() if row["key_alias"] in aliases]
        for token in gone:
            del self.keys[token]
        self.deleted |= set(gone)
        return httpx.Response(200, json={"deleted_keys": aliases}) if gone else refused(404, "No keys found")

    # Teams

    def _v2_team_list(self, query: Mapping[str, Any]) -> httpx.Response:
        rows = [
            {
                **{name: value for name, value in row.items() if name != "object_permission"},
                "keys_count": sum(key.get("team_id") == team for key in self.keys.values()),
            }
            for team, row in sorted(self.teams.items())
            if query.get("team_id") in (None, team)
        ]
        return self._page(rows, "teams", query, "page_size")

    def _team_info(self, query: Mapping[str, Any]) -> httpx.Response:
        row = self.teams[query["team_id"]]
        memberships = [
            {"user_id": name, "budget_source": "custom" if limits else "none", "litellm_budget_table": limits}
            for name, limits in row.get("limits", {}).items()
        ]
        return httpx.Response(200, json={"team_info": row, "team_memberships": memberships})

    def _team_member_add(self, body: Mapping[str, Any]) -> httpx.Response:
        row, user = self.teams[body["team_id"]], body["member"]["user_id"]
        if any(member["user_id"] == user for member in row["members_with_roles"]):
            return refused(400, "User already in team", "team_member_already_in_team")
        row["members_with_roles"].append({"user_id": user, "role": "user"})
        row["limits"][user] = {}
        self._limit_member(
            {name: value for name, value in body.items() if name not in ("tpm_limit", "rpm_limit")}, user
        )
        return httpx.Response(200, json={})

    def _team_member_update(self, body: Mapping[str, Any]) -> httpx.Response:
        assert body.get("allowed_models") is not None or "allowed_models" not in body
        self._limit_member(body, body["user_id"])
        return httpx.Response(200, json={})

    def _limit_member(self, body: Mapping[str, Any], user: str) -> None:
        limits = self.teams[body["team_id"]]["limits"][user]
        columns = {"max_budget_in_team": "max_budget"}
        assert ("temp_budget_increase" in body) == ("temp_budget_expiry" in body), "LiteLLM takes both or none"
        temporary = ("temp_budget_increase", "temp_budget_expiry")
        names = ("max_budget_in_team", "budget_duration", "tpm_limit", "rpm_limit", "allowed_models", *temporary)
        limits |= {columns.get(name, name): body[name] for name in names if name in body}

    def _team_member_delete(self, body: Mapping[str, Any]) -> httpx.Response:
        row = self.teams[body["team_id"]]
        row["members_with_roles"] = [m for m in row["members_with_roles"] if m["user_id"] != body["user_id"]]
        return httpx.Response(200, json={})

    def _team_new(self, body: dict[str, Any]) -> httpx.Response:
        if body["team_id"] in self.teams:
            return refused(400, f"Team id = {body['team_id']} already exists.", "internal_server_error")
        self.teams[body["team_id"]] = row = {"metadata": {}, "members_with_roles": [], "limits": {}}
        row["team_member_permissions"] = body.pop("team_member_permissions", [])
        self._set_team(row, body)
        return httpx.Response(200, json=row)

    def _team_update(self, body: dict[str, Any]) -> httpx.Response:
        assert not {"team_member_permissions", "members", "rpm_limit_type", "tpm_limit_type"} & set(body)
        self._set_team(self.teams[body["team_id"]], body)
        return httpx.Response(200, json={})

    def _set_team(self, row: dict[str, Any], body: dict[str, Any]) -> None:
        linked = row["metadata"].get("team_member_budget_id")
        members = {column: body.pop(name) for name, column in MEMBERS.items() if name in body}
        aliases = body.pop("model_aliases", None)
        if aliases is not None:
            row["litellm_model_table"] = {"model_aliases": json.dumps(aliases)}
        self._set_with_metadata("team", row, body)
        if members and not linked:
            linked = f"budget-of-{body['team_id']}"
            self.budgets[linked] = {"budget_id": linked}
        if linked:
            self.budgets[linked] |= members
            row["metadata"]["team_member_budget_id"] = linked

    def _team_permissions_update(self, body: Mapping[str, Any]) -> httpx.Response:
        self.teams[body["team_id"]]["team_member_permissions"] = body["team_member_permissions"]
        return httpx.Response(200, json={})

    def _team_delete(self, body: Mapping[str, Any]) -> httpx.Response:
        for team in body["team_ids"]:
            if team not in self.teams:
                return httpx.Response(404, json={"detail": {"error": f"Team not found, passed team_id={team}"}})
            del self.teams[team]
            self.keys = {token: row for token, row in self.keys.items() if row.get("team_id") != team}
        return httpx.Response(200, json={})

    # Budgets

    def _budget_info(self, body: Mapping[str, Any]) -> httpx.Response:
        return httpx.Response(200, json=[self.budgets[name] for name in body["budgets"] if name in self.budgets])

    def _budget_list(self, _query: Mapping[str, Any]) -> httpx.Response:
        return httpx.Response(200, json=list(self.budgets.values()))

    def _budget_new(self, body: dict[str, Any]) -> httpx.Response:
        if body["budget_id"] in self.budgets:
            return refused(400, f"Budget with id={body['budget_id']} already exists.")
        self.budgets[body["budget_id"]] = body
        return httpx.Response(200, json=body)

    def _budget_update(self, body: dict[str, Any]) -> httpx.Response:
        row = self.budgets.get(body["budget_id"])
        if row is not None:
            row |= body
        return httpx.Response(200, json=row)

    def _budget_delete(self, body: Mapping[str, Any]) -> httpx.Response:
        return httpx.Response(200, json=self.budgets.pop(body["id"], None))

    # Users

    def _user_list(self, query: Mapping[str, Any]) -> httpx.Response:
        part = query.get("search", "").lower()
        rows = [{**row, "object_permission": None} for name, row in sorted(self.users.items()) if part in name.lower()]
        return self._page(rows, "users", query, "page_size")

    def _v2_user_info(self, query: Mapping[str, Any]) -> httpx.Response:
        row = self.users[query["user_id"]]
        return httpx.Response(200, json={**row, "max_parallel_requests": None})

    def _user_new(self, body: dict[str, Any]) -> httpx.Response:
        assert body.pop("auto_create_key") is False
        if body["user_id"] in self.users:
            return refused(409, f"User with id {body['user_id']} already exists", "internal_server_error")
        self.users[body["user_id"]] = row = {"metadata": {}}
        self._set_with_metadata("user", row, body)
        return httpx.Response(200, json={})

    def _user_update(self, body: dict[str, Any]) -> httpx.Response:
        clears = ("max_budget", "budget_duration", "tpm_limit", "rpm_limit", "model_max_budget")
        kept = {
            name: value
            for name, value in body.items()
            if name in (*clears, *META["user"]) or value not in (None, [], {})
        }
        self._set_with_metadata("user", self.users[body["user_id"]], kept)
        return httpx.Response(200, json={})

    def _user_delete(self, body: Mapping[str, Any]) -> httpx.Response:
        for user in body["user_ids"]:
            if self.users.pop(user, None) is None:
                return refused(404, f"User not found, passed user_id={user}")
        return httpx.Response(200, json=1)

    # Customers

    def _shown_customer(self, row: Mapping[str, Any]) -> dict[str, Any]:
        return {**row, "litellm_budget_table": self.budgets.get(str(row.get("budget_id")))}

    def _customer_list(self, _query: Mapping[str, Any]) -> httpx.Response:
        return httpx.Response(200, json=list(map(self._shown_customer, self.customers.values())))

    def _customer_info(self, query: Mapping[str, Any]) -> httpx.Response:
        row = self.customers.get(query["end_user_id"])
        return (
            httpx.Response(200, json=self._shown_customer(row)) if row else refused(404, "does not exist", "not_found")
        )

    def _customer_new(self, body: dict[str, Any]) -> httpx.Response:
        if body["user_id"] in self.customers:
            return refused(400, f"Customer already exists, passed user_id={body['user_id']}", "bad_request")
        limits = {name: body.pop(name) for name in list(body) if name in OF_BUDGET}
        if limits:
            body["budget_id"] = str(uuid.uuid4())
            self.budgets[body["budget_id"]] = {"budget_id": body["budget_id"], **limits}
        self.customers[body["user_id"]] = body
        return httpx.Response(200, json={})

    def _customer_update(self, body: dict[str, Any]) -> httpx.Response:
        assert not OF_BUDGET & set(body), "LiteLLM ignores most of them"
        if "object_permission" in body:
            return refused(500, "Unable to match input value")
        kept = {name: value for name, value in body.items() if value is not None and (value != {} or name == "models")}
        self.customers[body["user_id"]] |= kept
        return httpx.Response(200, json={})

    def _customer_delete(self, body: Mapping[str, Any]) -> httpx.Response:
        gone = [self.customers.pop(name, None) for name in body["user_ids"]]
        return httpx.Response(200, json={}) if all(gone) else refused(404, "does not exist", "not_found")

    # Credentials

    def _credentials(self, body: dict[str, Any]) -> httpx.Response:
        if not body:
            shown = [
                {
                    **row,
                    "credential_values": {name: _mask(name, value) for name, value in row["credential_values"].items()},
                }
                for row in self.credentials.values()
            ]
            return httpx.Response(200, json={"success": True, "credentials": shown})
        if body["credential_name"] in self.credentials:
            return refused(409, "Credential already exists", "internal_server_error")
        self.credentials[body["credential_name"]] = {"display_name": None, "source": "db", **body}
        return httpx.Response(200, json={})

    def _change_credential(self, name: str, body: dict[str, Any] | None) -> httpx.Response:
        row = self.credentials.get(name)
        if row is None:
            return refused(404, "Credential not found", "internal_server_error")
        if body is None:
            del self.credentials[name]
            return httpx.Response(200, json={})
        row["credential_info"] |= body["credential_info"]
        row["credential_values"] |= body.get("credential_values", {})
        for gone in body.get("credential_values_to_delete", ()):
            row["credential_values"].pop(gone, None)
        row["display_name"] = body.get("display_name", row["display_name"])
        return httpx.Response(200, json={})

    def _health_readiness_details(self, _query: Mapping[str, Any]) -> httpx.Response:
        return httpx.Response(200, json={"litellm_version": self.version})

    def _health_license(self, _query: Mapping[str, Any]) -> httpx.Response:
        return httpx.Response(200, json={"has_license": self.licensed})

    # Models

    def _v2_model_info(self, query: Mapping[str, Any]) -> httpx.Response:
        if "modelId" in query:
            row = self.models.get(query["modelId"])
            return httpx.Response(200, json={"data": [self._shown(row)] if row else [], "total_pages": 1})
        rows = [self._shown(row) for name, row in self.models.items() if name in self.live]
        return self._page(rows, "data", query, "size")

    @staticmethod
    def _shown(row: Mapping[str, Any]) -> dict[str, Any]:
        """Enriched, with the secrets masked, references resolved."""
        parameters = {
            name: value
            for name, value in row["litellm_params"].items()
            if not str(value).startswith("os.environ/")
            and ("cost" in name or name == "litellm_credential_name" or not MASKED_WORDS & set(name.split("_")))
        }
        for name, value in parameters.items():
            parameters[name] = float(value) if name == "timeout" else value
        return {**row, "litellm_params": parameters, "model_info": {"max_tokens": None, **row["model_info"]}}

    def _model_new(self, body: dict[str, Any]) -> httpx.Response:
        identity = body["model_info"]["id"]
        if identity in self.models:
            return refused(500, "Failed to add model to db. Check your server logs for more details.")
        body["model_info"] |= {"db_model": True, "blocked": body.pop("blocked", False)}
        self.models[identity] = body
        return self._served(identity)

    def _served(self, identity: str) -> httpx.Response:
        if self.models[identity]["litellm_params"]["model"].startswith("no-such"):
            self.live.discard(identity)
            return refused(
                500, f"Model create was saved to the database, but the model id(s) ['{identity}'] are not live"
            )
        self.live.add(identity)
        return httpx.Response(200, json={})

    def _patch_model(self, identity: str, body: dict[str, Any]) -> httpx.Response:
        row = self.models.get(identity)
        if row is None:
            return refused(404, "model not found")
        for part in ("litellm_params", "model_info"):
            for name, value in body.get(part, {}).items():
                if value is not None:
                    row[part][name] = value
                elif name in REMOVABLE:
                    row[part].pop(name, None)
        if "model_info" in body:
            assert body["model_info"]["id"] == identity, "LiteLLM would store a random id"
        row["model_info"]["blocked"] = body.get("blocked", row["model_info"]["blocked"])
        row["model_name"] = body.get("model_name", row["model_name"])
        return self._served(identity)

    def _model_delete(self, body: Mapping[str, Any]) -> httpx.Response:
        if body["id"] not in self.models:
            return refused(400, "Model not found in db")
        del self.models[body["id"]]
        self.live.discard(body["id"])
        return httpx.Response(200, json={})
