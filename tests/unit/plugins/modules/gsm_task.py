# Copyright: Contributors to the Tollgate project
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Runs gsm_secret as a task does, against a Secret Manager on this machine."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, ClassVar

import pytest
from ansible.module_utils.testing import patch_module_args
from ansible_collections.tollgate.llm.plugins.modules import gsm_secret
from ansible_collections.tollgate.llm.tests.support.secret_manager.server import Addresses
from ansible_collections.tollgate.llm.tests.support.secret_manager.service import Request, Service
from google.cloud.secretmanager_v1 import types

VALUE, OTHER = "correct-horse-battery", "another-horse-battery"


class GsmTask:
    """The module with a project of its own."""

    NOTHING: ClassVar[dict[str, int]] = dict.fromkeys(("created", "adopted", "updated", "deleted", "unchanged"), 0)

    def __init__(self, service: Service, addresses: Addresses, capsys: pytest.CaptureFixture[str]) -> None:
        self.service = service
        self.addresses = addresses
        self.capsys = capsys
        self.asked: list[Request] = []

    def options(self) -> dict[str, Any]:
        """How the project is reached."""
        return {
            "project": self.service.project,
            "endpoint": self.addresses.http,
            "access_token": self.service.identity.token("tester@tollgate-test.iam.gserviceaccount.com"),
            "timeout": 30,
        }

    def __call__(self, *, check: bool = False, **options: Any) -> dict[str, Any]:
        """One task's result. No value that lies in the project, and no token, may be in it."""
        known = self.service.payloads()
        arguments = {
            **self.options(),
            **options,
            "_ansible_check_mode": check,
            "_ansible_diff": True,
            "_ansible_verbosity": 3,
        }
        arguments = {key: value for key, value in arguments.items() if value is not None}
        before = len(self.service.requests)
        with patch_module_args(arguments), pytest.raises(SystemExit):
            gsm_secret.main()
        self.asked = self.service.requests[before:]
        output = self.capsys.readouterr().out
        for secret in [VALUE, OTHER, *known, *self.service.payloads(), *self.service.identity.tokens()]:
            assert len(secret) < 8 or secret not in output
        result: dict[str, Any] = json.loads(output)
        return result

    def container(self, name: str, *values: bytes | str, **fields: Any) -> None:
        """A secret that somebody else made, with these versions."""
        self.service.bring(name, *values, **fields)

    def add(self, name: str, value: bytes | str) -> None:
        """Somebody else adds a version."""
        data = value.encode() if isinstance(value, str) else value
        added = {"parent": f"projects/{self.service.project}/secrets/{name}", "payload": {"data": data}}
        token = self.service.identity.token("somebody")
        self.service.call("AddSecretVersion", types.AddSecretVersionRequest(added), token)

    def turn(self, name: str, version: int, method: str) -> None:
        """Somebody else enables, disables or destroys a version."""
        wanted = {"name": f"projects/{self.service.project}/secrets/{name}/versions/{version}"}
        request = getattr(types, f"{method}Request")(wanted)
        self.service.call(method, request, self.service.identity.token("somebody"))

    def values(self, name: str) -> list[str]:
        """The payloads of a secret's versions, oldest first."""
        return [version.payload.decode() for version in self.service.secrets["", name].versions]

    def states(self, name: str) -> list[str]:
        """The states of a secret's versions, oldest first."""
        return [version.message.state.name for version in self.service.secrets["", name].versions]

    def secret(self, name: str) -> types.Secret:
        """A secret without its values."""
        return self.service.secrets["", name].secret


def write(path: Path, document: dict[str, Any]) -> Path:
    """A JSON file."""
    path.write_text(json.dumps(document))
    return path
