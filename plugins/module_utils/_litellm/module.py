# Copyright: Contributors to the Tollgate project
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the LiteLLM modules share: connection options, declared entries, and the one place where errors end."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NoReturn

from ansible.module_utils.basic import AnsibleModule
from ansible.module_utils.common.parameters import env_fallback

from .._kubernetes.connection import NamedCluster, Unreachable
from .._libraries import require
from . import block, secret_store, served, way
from .apply import NOT_BEGUN, Failures, apply
from .client import HTTPX_IMPORT_ERROR, TRIES, Client, LiteLLMError
from .declaration import check_declaration, unbound
from .guards import limits_of_others, lost_with, too_old, unbound_in_proxy, unknown_references, unlicensed
from .plan import Action, plan
from .resource import Declared, Resource, Row
from .secrecy import SHORTEST, appearing
from .secret_store import NEEDED, Refused, Store, read_file
from .sources import NOT_MADE_YET, Sources, Wanted
from .undeclared import Policy, Undeclared, adopted, beyond, dropped, not_in, pruned, undeclared

__all__ = ["ADMIN_KEY", "CONNECTION", "LiteLLMModule", "Refused", "admin_key"]

CONNECTION: dict[str, Any] = {
    "api_url": {"type": "str", "default": "http://127.0.0.1:4000", "fallback": (env_fallback, ["LITELLM_URL"])},
    "api_key": {"type": "str", "no_log": True, "fallback": (env_fallback, ["LITELLM_API_KEY"])},
    "api_key_file": {"type": "path", "no_log": False},
    "timeout": {"type": "float", "default": 30.0},
    "validate_certs": {"type": "bool", "default": True},
    "ca_path": {"type": "path"},
    "concurrency": {"type": "int", "default": 8},
    "assume_empty": {"type": "bool", "default": False},
    **way.ARGUMENTS,
    **secret_store.ARGUMENTS,
}
REFUSE, WARN, IGNORE = "refuse", "warn", "ignore"
CHOICES = [REFUSE, WARN, IGNORE]
ADMIN_KEY = "api_key_secret"
OBSERVED = ("spend", "expires", "budget_reset_at")


class LiteLLMModule:
    """A module over some kinds of objects."""

    def __init__(self, argument_spec: Mapping[str, Any], **options: Any) -> None:
        # A model has an option of that name, for its provider's key.
        self._key_option = "admin_key_secret" if ADMIN_KEY in argument_spec else ADMIN_KEY
        exclusive = [*options.pop("mutually_exclusive", ()), secret_store.EITHER]
        self.ansible = AnsibleModule(
            argument_spec={**CONNECTION, self._key_option: {"type": "str", "no_log": False}, **argument_spec},
            supports_check_mode=True,
            mutually_exclusive=exclusive,
            **options,
        )
        require(self.ansible, httpx=HTTPX_IMPORT_ERROR)
        self.options: dict[str, Any] = self.ansible.params
        self._policy = Policy()
        self._entries: dict[str, Sequence[Mapping[str, Any]]] = {}
        self._left: list[Undeclared] = []
        self._secrets: set[str] = set()
        self._settled: dict[int, dict[str, Any]] = {}

    @property
    def assuming(self) -> bool:
        """Whether a proxy that is not there counts as an empty one."""
        return bool(self.options["assume_empty"] and self.ansible.check_mode)

    def run(self, wanted: Wanted, *, complete: bool, policy: Policy | None = None) -> None:
        """Check, read, plan, apply, and leave with the result. C(wanted) are kinds with their declared entries."""
        self._policy = policy or Policy()
        try:
            self._check(wanted, complete)
            cluster = NamedCluster(self.options)
            store = secret_store.store_of(self.options, cluster)
            name = self.options[self._key_option]
            declared = Sources(store, bool(self.ansible.check_mode)).all_declared(wanted, [name] if name else [])
            self._hide(entry for kind, entries in declared for entry in entries)
            key = self._admin_key(store)
            with way.way(self.options, cluster, may_be_absent=self.assuming) as to, self._client(to, key) as client:
                actions = self._plan(client, declared, complete)
                failed = [] if self.ansible.check_mode else self._apply(client, actions)
                if not self.ansible.check_mode:
                    failed += self._settle(client, actions, failed, always=not complete)
                self._leave(client, actions, failed)
        except Unreachable as error:
            self._fail(msg=str(error), exception=error.trace)
        except (Refused, LiteLLMError) as error:
            self._fail(msg=str(error))

    def read(self, resources: Sequence[Resource], *, details: bool) -> None:
        """Leave with everything that there is of these kinds."""
        try:
            way.checked(self.options)
            cluster = NamedCluster(self.options)
            key = self._admin_key(secret_store.store_of(self.options, cluster))
            with way.way(self.options, cluster) as to, self._client(to, key) as client:
                objects = {resource.plural: _read(client, resource, details=details) for resource in resources}
                requests = client.sent()
        except Unreachable as error:
            self._fail(msg=str(error), exception=error.trace)
        except (Refused, LiteLLMError) as error:
            self._fail(msg=str(error))
        self._exit(changed=False, objects=objects, requests=requests)

    def _apply(self, client: Client, actions: Sequence[Action]) -> Failures:
        return apply(client, actions, self.options["concurrency"], stop_on_error=self._policy.stop_on_error)

    def _settle(self, client: Client, actions: Sequence[Action], failed: Failures, *, always: bool) -> Failures:
        """Wait until blocks hold. Those that do not after all count as failed."""
        broken = {id(action) for action, reason in failed}
        cache_time = float(self.options.get("cache_time") or 0)
        good = [action for action in actions if id(action) not in broken]
        objects = block.watched(good, cache_time, always=always)
        block.wait(client, objects, cache_time, self.options.get("workers"))
        for sentence in filter(None, (block.doubt(one, self.options.get("workers")) for one in objects)):
            self._warn(sentence)
        self._settled = {id(one.action): {"effective": one.shown()} for one in objects}
        return [(one.action, block.failure(one, cache_time)) for one in objects if one.reason]

    def _check(self, wanted: Wanted, complete: bool) -> None:
        way.checked(self.options)
        if not self.options["concurrency"] > 0 or not self.options["timeout"] > 0:
            raise Refused("concurrency and timeout must be more than 0.")
        if (self.options.get("cache_time") or 0) < 0 or (self.options.get("workers") or 1) < 1:
            raise Refused("cache_time must be 0 or more, and workers 1 or more.")
        entries = self._entries = {resource.kind: given for resource, given in wanted}
        lint = self.options.get("unpriced_budgets", REFUSE)
        problems = check_declaration(entries, complete=complete, priced=lint == REFUSE)
        if problems:
            raise Refused("\n".join(map(str, problems)) + "\nNothing was changed.")
        for problem in unbound(entries) if complete and lint == WARN else []:
            self._warn(str(problem))

    def _hide(self, declared: Any) -> None:
        """LiteLLM may repeat in an error what it was sent: no result may."""
        for entry in declared:
            found = (entry.value, *entry.secrets.values())
            self._secrets |= {secret for secret in found if secret and len(secret) >= SHORTEST}

    def _warn(self, sentence: str) -> None:
        self.ansible.no_log_values |= appearing(self._secrets, sentence)
        self.ansible.warn(sentence)

    def _exit(self, **result: Any) -> NoReturn:
        self.ansible.no_log_values |= appearing(self._secrets, (result, self.options))
        self.ansible.exit_json(**result)

    def _fail(self, **result: Any) -> NoReturn:
        self.ansible.no_log_values |= appearing(self._secrets, (result, self.options))
        self.ansible.fail_json(**result)

    def _client(self, to: way.Way, key: str) -> Client:
        try:
            return Client(
                to,
                key,
                timeout=self.options["timeout"],
                verify=self.options["ca_path"] or self.options["validate_certs"],
                connections=self.options["concurrency"],
                tries=1 if self.assuming else TRIES,
            )
        except OSError as error:
            raise Refused(f"ca_path: {self.options['ca_path']}: {error.strerror or error}.") from error

    def _admin_key(self, store: Store | None) -> str:
        key = admin_key(self.options, store, self._key_option, may_be_missing=self.assuming)
        self.ansible.no_log_values.add(key)
        return key

    def _plan(
        self, client: Client, declared: Sequence[tuple[Resource, Sequence[Declared]]], complete: bool
    ) -> list[Action]:
        actions: list[Action] = []
        problems: list[str] = []
        models: Sequence[Row] | None = None
        there = True
        for resource, entries in declared:
            rows = []
            looks = self._policy.looks(resource)
            if (entries or looks) and there:
                try:
                    rows = resource.read_whole(client, entries) if looks else resource.read(client, entries)
                except LiteLLMError as error:
                    # The first run in check mode: there is no proxy yet to ask.
                    if not (error.unreached and self.assuming):
                        raise
                    there = False
                models = rows if resource.kind == "model" else models
            rest = self._policy.unmanaged
            planned, conflicts = plan(
                resource,
                entries,
                rows,
                owner=self._policy.owner,
                adopt=rest == "adopt",
                prune=rest == "prune",
            )
            problems += conflicts
            if looks:
                self._left += undeclared(resource, planned, rows)
            actions += planned
        actions, refused = self._deal(actions)
        problems += refused
        if there:
            problems += unlicensed(client, actions)
            problems += too_old(client, actions)
            problems += lost_with(client, actions)
            problems += limits_of_others(client, actions)
            teams_checked = complete and any(resource.kind == "team" for resource, _entries in declared)
            problems += unknown_references(client, actions, complete=teams_checked)
            problems += self._unbound(client, actions, models, complete=complete)
        problems += self._unserved(client, actions)
        if problems:
            raise Refused("\n".join(problems) + "\nNothing was changed.")
        return actions

    def _unbound(
        self, client: Client, actions: Sequence[Action], models: Sequence[Row] | None, *, complete: bool
    ) -> list[str]:
        """Budgets that would never bind, by what the proxy has; those within a complete set are known by now."""
        lint = self.options.get("unpriced_budgets", IGNORE)
        if lint == IGNORE:
            return []
        found = unbound_in_proxy(client, actions, self._entries if complete else {}, models)
        if lint == REFUSE:
            return found
        for sentence in found:
            self._warn(sentence)
        return []

    def _unserved(self, client: Client, actions: Sequence[Action]) -> list[str]:
        """Models that their backends do not serve."""
        check = self.options.get("served_names", IGNORE)
        found = served.answers(client, actions) if check != IGNORE else []
        for answer in found:
            if answer.unsure and not self.ansible.check_mode:
                self._warn(answer.unsure)
            elif answer.problem and check == WARN:
                self._warn(answer.problem)
        return [answer.problem for answer in found if answer.problem and check == REFUSE]

    def _deal(self, actions: list[Action]) -> tuple[list[Action], list[str]]:
        """Add what becomes of objects that are not declared."""
        chosen, problems = [], []
        if self._policy.unmanaged == "prune":
            chosen = pruned(self._left, self._policy.owner)
            problems = beyond([action.label for action in chosen] + dropped(actions), self._policy.most)
        elif self._policy.unmanaged == "adopt":
            chosen = adopted(self._left, self._policy.owner)
        dealt = {id(action.row) for action in chosen if action.what == "deleted"}
        self._left = [one for one in self._left if id(one.row) not in dealt]
        return actions + chosen, problems

    def _leave(self, client: Client, actions: Sequence[Action], failed: Failures) -> None:
        broken = {id(action) for action, reason in failed}
        done = [action for action in actions if id(action) not in broken]
        summary = {what: sum(a.what == what for a in done) for what in ("created", "updated", "unchanged", "deleted")}
        result: dict[str, Any] = {
            "changed": any(action.writes for action in done),
            "summary": summary,
            "objects": [
                {
                    "kind": action.resource.kind,
                    "name": action.declared.called,
                    "action": action.what,
                    "fields": sorted(action.after()) if action.what == "updated" else [],
                    **self._beside(action),
                    **self._settled.get(id(action), {}),
                    **action.resource.result(action.declared, action.row),
                }
                for action in done
            ],
            "diff": {
                "before": {action.label: action.before() for action in done if action.what in ("updated", "deleted")},
                "after": {action.label: action.after() for action in done if action.what in ("created", "updated")},
            },
            "requests": client.sent(),
        }
        if self._policy.unmanaged != "keep":
            result["unmanaged"] = [one.shown(with_entry=self._policy.unmanaged == "adopt") for one in self._left]
        if failed:
            result["failures"] = [
                {"kind": action.resource.kind, "name": action.declared.called, "action": action.what, "reason": reason}
                for action, reason in failed
            ]
            reasons = "\n".join(reason for action, reason in failed)
            waiting = sum(NOT_BEGUN in reason for action, reason in failed)
            left = f" {waiting} were not begun," if waiting else ""
            self._fail(
                msg=f"{len(failed) - waiting} of {len(actions)} objects failed,{left} the others are as declared:\n"
                f"{reasons}",
                **result,
            )
        self._exit(**result)

    def _beside(self, action: Action) -> dict[str, Any]:
        """Fields of a declared object that its entry does not name."""
        if action.row is None or action.declared.absent or action.declared.pruned or self._policy.unmanaged == "keep":
            return {}
        found = not_in(action.declared, action.resource, action.row)
        return {"undeclared": found} if found else {}


def _read(client: Client, resource: Resource, *, details: bool) -> list[dict[str, Any]]:
    rows = resource.every(client)
    rows = resource.detailed(client, rows) if details else rows
    return [
        {
            "name": resource.name_of(row),
            "entry": resource.shown(row),
            **resource.result(Declared(resource.name_of(row), {}), row),
            **{name: row[name] for name in OBSERVED if row.get(name) is not None},
        }
        for row in rows
    ]


def admin_key(
    options: Mapping[str, Any], store: Store | None, option: str = ADMIN_KEY, *, may_be_missing: bool = False
) -> str:
    """The administrator's key, from a file, the store, or Ansible. Raises Refused.

    A key in the environment is only there for those who name none. C(may_be_missing): one that is not there yet will
    have been made by then.
    """
    if options["api_key_file"]:
        path = Path(options["api_key_file"])
        if may_be_missing and not path.exists():
            return NOT_MADE_YET
        return read_file(path, "api_key_file")
    name = options[option]
    if name:
        if not store:
            raise Refused(f"{option}: {NEEDED.format(name)}")
        return NOT_MADE_YET if may_be_missing and not store.has(name) else store.text(name, option)
    if options["api_key"]:
        return str(options["api_key"])
    raise Refused(
        f"an admin's key is needed: api_key_file, {option}, api_key or the environment variable LITELLM_API_KEY."
    )
