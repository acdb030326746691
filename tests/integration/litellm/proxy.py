# Copyright: Contributors to the Tollgate project
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The real proxy as its administrator sees it, without the code under test."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Set
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

import httpx


@dataclass
class Proxy:
    """An address, the master key, and a client of it."""

    url: str
    key: str
    http: httpx.Client

    def post(self, path: str, **body: Any) -> Any:
        """One request that must succeed."""
        answer = self.http.post(path, json=body)
        assert answer.is_success, f"{path}: {answer.text}"
        return answer.json()

    def get(self, path: str, **query: Any) -> Any:
        """One request that must succeed."""
        answer = self.http.get(path, params=query)
        assert answer.is_success, f"{path}: {answer.text}"
        return answer.json()

    def all_keys(self, **query: Any) -> list[dict[str, Any]]:
        """All keys."""
        found: list[dict[str, Any]] = []
        page, pages = 0, 1
        while page < pages:
            page += 1
            answer = self.get("/key/list", page=page, size=100, return_full_object="true", sort_by="token", **query)
            found += answer["keys"]
            pages = answer["total_pages"]
        return found

    def key_info(self, value: str) -> dict[str, Any]:
        """One key, by its text."""
        info: dict[str, Any] = self.get("/key/info", key=hashlib.sha256(value.encode()).hexdigest())["info"]
        return info

    def team(self, name: str) -> dict[str, Any] | None:
        """One team."""
        rows = self.get("/v2/team/list", team_id=name)["teams"]
        return rows[0] if rows else None

    def model(self, identity: str) -> dict[str, Any] | None:
        """One model."""
        rows = self.get("/v2/model/info", modelId=identity)["data"]
        return rows[0] if rows else None

    def names(self) -> dict[str, Set[str]]:
        """The identities of all that there is."""
        return {
            "key": {row["token"] for row in self.all_keys()},
            "team": {row["team_id"] for row in self.get("/v2/team/list", page_size=100)["teams"]},
            "model": {row["model_info"]["id"] for row in self.get("/v2/model/info", size=1000)["data"]},
            "user": {row["user_id"] for row in self.get("/user/list", page_size=100)["users"]},
            "budget": {row["budget_id"] for row in self.get("/budget/list")},
            "customer": {row["user_id"] for row in self.get("/customer/list")},
            "credential": {row["credential_name"] for row in self.get("/credentials")["credentials"]},
        }

    def remove(self, names: Mapping[str, Set[str]]) -> None:
        """Delete these."""
        if names["key"]:
            self.post("/key/delete", keys=list(names["key"]))
        if names["team"]:
            self.post("/team/delete", team_ids=list(names["team"]))
        for name in names["model"]:
            self.post("/model/delete", id=name)
        if names["user"]:
            self.post("/user/delete", user_ids=list(names["user"]))
        if names["customer"]:
            self.post("/customer/delete", user_ids=list(names["customer"]))
        for name in names["budget"]:
            self.post("/budget/delete", id=name)
        for name in names["credential"]:
            self.http.delete(f"/credentials/{quote(name, safe='')}").raise_for_status()
