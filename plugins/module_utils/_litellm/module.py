# Copyright: Contributors to the Tollgate project
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the LiteLLM modules share: connection options, declared entries, and the one place where errors end."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from ansible.module_utils.basic import AnsibleModule, env_fallback, missing_required_lib

from .._secrets.names import key_secret_name
from .apply import apply
from .client import HTTPX_IMPORT_ERROR, Client, LiteLLMError
from .declaration import check_declaration
from .plan import Action, plan
from .resource import Declared, Resource

CONNECTION: dict[str, Any] = {
    "api_url": {"type": "str", "default": "http://127.0.0.1:4000", "fallback": (env_fallback, ["LITELLM_URL"])},
    "api_key": {"type": "str", "no_log": True, "fallback": (env_fallback, ["LITELLM_API_KEY"])},
    "api_key_file": {"type": "path", "no_log": False},
    "timeout": {"type": "float", "default": 30.0},
    "validate_certs": {"type": "bool", "default": True},
    "ca_path": {"type": "path"},
    "concurrency": {"type": "int", "default": 8},
    "secrets_directory": {"type": "path"},
    "assume_empty": {"type": "bool", "default": False},
}
REDACTED = "(secret)"


class Refused(Exception):
    """The module can't do what was asked; the text says why and what next."""


def read_file(path: Path, what: str) -> str:
    """The text of a secret's file. Raises Refused with the path and the reason."""
    try:
        text = path.read_text(encoding="utf-8").strip()
    except OSError as error:
        raise Refused(f"{what}: {path}: {error.strerror}. Make it first (the wave secrets does).") from error
    if not text:
        raise Refused(f"{what}: {path} is empty. Restore its content.")
    return text


class LiteLLMModule:
    """A module over some kinds of objects."""

    def __init__(self, argument_spec: Mapping[str, Any], **options: Any) -> None:
        self.ansible = AnsibleModule(
            argument_spec={**CONNECTION, **argument_spec},
            required_one_of=[("api_key", "api_key_file"), *options.pop("required_one_of", ())],
            mutually_exclusive=[("api_key", "api_key_file"), *options.pop("mutually_exclusive", ())],
            supports_check_mode=True,
            **options,
        )
        if HTTPX_IMPORT_ERROR:
            self.ansible.fail_json(msg=missing_required_lib("httpx"), exception=HTTPX_IMPORT_ERROR)
        self.options: dict[str, Any] = self.ansible.params

    def run(self, wanted: Sequence[tuple[Resource, Sequence[Mapping[str, Any]]]], *, complete: bool) -> None:
        """Check, read, plan, apply, and leave with the result. C(wanted) are kinds with their declared entries."""
        try:
            self._check(wanted, complete)
            declared = [
                (resource, [self._declared(resource, entry) for entry in entries]) for resource, entries in wanted
            ]
            with self._client() as client:
                actions = self._plan(client, declared)
                failed = [] if self.ansible.check_mode else apply(client, actions, self.options["concurrency"])
                self._leave(client, actions, failed)
        except (Refused, LiteLLMError) as error:
            self.ansible.fail_json(msg=str(error))

    def _check(self, wanted: Sequence[tuple[Resource, Sequence[Mapping[str, Any]]]], complete: bool) -> None:
        entries = {resource.kind: list(given) for resource, given in wanted}
        problems = check_declaration(
            entries.get("model", []), entries.get("team", []), entries.get("key", []), complete=complete
        )
        if problems:
            raise Refused("\n".join(map(str, problems)) + "\nNothing was changed.")

    def _client(self) -> Client:
        key = self.options["api_key"]
        if not key:
            path = Path(self.options["api_key_file"])
            if self.options["assume_empty"] and self.ansible.check_mode and not path.exists():
                key = "sk-not-made-yet"
            else:
                key = read_file(path, "api_key_file")
        verify = self.options["ca_path"] or self.options["validate_certs"]
        return Client(
            self.options["api_url"],
            key,
            timeout=self.options["timeout"],
            verify=verify,
            connections=self.options["concurrency"],
        )

    def _declared(self, resource: Resource, entry: Mapping[str, Any]) -> Declared:
        named = {line.name for line in resource.fields}
        fields = {name: value for name, value in entry.items() if name in named and name != resource.identity}
        if entry.get("all_models"):
            fields["models"] = []
        absent = entry.get("state") == "absent"
        name = str(entry[resource.identity])
        if entry.get("id"):
            fields["model_info"] = {**(fields.get("model_info") or {}), "id": entry["id"]}
        value = self._key_value(entry) if resource.kind == "key" and not absent else None
        secrets = self._model_secrets(entry) if resource.kind == "model" and not absent else {}
        return Declared(name, fields, absent, value, secrets)

    def _key_value(self, entry: Mapping[str, Any]) -> str | None:
        if entry.get("value"):
            return str(entry["value"])
        if entry.get("value_file"):
            return read_file(Path(entry["value_file"]), f'key "{entry["alias"]}": value_file')
        directory = self.options["secrets_directory"]
        if not directory:
            raise Refused(f'key "{entry["alias"]}": no value. Give value_file, value or secrets_directory.')
        path = Path(directory) / key_secret_name(str(entry["alias"]), entry.get("secret"))
        if self.ansible.check_mode and not path.exists():
            return None  # the secrets' own check mode says that it would be made
        return read_file(path, f'key "{entry["alias"]}"')

    def _model_secrets(self, entry: Mapping[str, Any]) -> dict[str, str]:
        sources = {name: dict(source) for name, source in (entry.get("secret_params") or {}).items()}
        for option, kind in (("api_key_secret", "secret"), ("api_key_file", "file"), ("api_key_env", "env")):
            if entry.get(option):
                sources["api_key"] = {kind: entry[option]}
        found = {name: self._from(source, f'model "{entry["name"]}": {name}') for name, source in sources.items()}
        return {name: value for name, value in found.items() if value is not None}

    def _from(self, source: Mapping[str, str], what: str) -> str | None:
        """A secret from where it is kept. None in check mode, when it would be made by then."""
        if "env" in source:
            value = os.environ.get(source["env"], "")
            if not value:
                raise Refused(f"{what}: the environment variable {source['env']} is not set.")
            return value
        if "file" in source:
            return read_file(Path(source["file"]), what)
        directory = self.options["secrets_directory"]
        if not directory:
            raise Refused(f"{what}: secrets_directory is needed to find the secret {source['secret']}.")
        path = Path(directory) / source["secret"]
        if self.ansible.check_mode and not path.exists():
            return None
        return read_file(path, what)

    def _plan(self, client: Client, declared: Sequence[tuple[Resource, Sequence[Declared]]]) -> list[Action]:
        actions: list[Action] = []
        problems: list[str] = []
        for resource, entries in declared:
            if not entries:
                continue
            try:
                rows = resource.read(client)
            except LiteLLMError as error:
                # The first run in check mode: there is no proxy yet to ask.
                if error.status or not (self.options["assume_empty"] and self.ansible.check_mode):
                    raise
                rows = []
            planned, conflicts = plan(resource, entries, rows)
            actions += planned
            problems += conflicts
        if problems:
            raise Refused("\n".join(problems) + "\nNothing was changed.")
        return actions

    def _leave(self, client: Client, actions: Sequence[Action], failed: Sequence[tuple[Action, str]]) -> None:
        broken = {id(action) for action, _ in failed}
        done = [action for action in actions if id(action) not in broken]
        summary = {what: sum(a.what == what for a in done) for what in ("created", "updated", "unchanged", "deleted")}
        result: dict[str, Any] = {
            "changed": any(action.writes for action in done),
            "summary": summary,
            "objects": [
                {
                    "kind": action.resource.kind,
                    "name": action.declared.name,
                    "action": action.what,
                    "fields": sorted(action.after()) if action.what == "updated" else [],
                    **action.resource.result(action.declared),
                }
                for action in done
            ],
            "diff": {
                "before": {action.label: action.before() for action in done if action.what in ("updated", "deleted")},
                "after": {action.label: action.after() for action in done if action.what in ("created", "updated")},
            },
            "requests": {"read": client.requests["read"], "write": client.requests["write"]},
        }
        if failed:
            reasons = "\n".join(reason for _, reason in failed)
            self.ansible.fail_json(
                msg=f"{len(failed)} of {len(actions)} objects failed, the others are as declared:\n{reasons}", **result
            )
        self.ansible.exit_json(**result)
