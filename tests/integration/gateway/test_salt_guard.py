# Copyright: Contributors to the Tollgate project
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The salt guard on rows that the real proxy has encrypted, in the real database."""

from __future__ import annotations

import ast
import contextlib
import io
import json
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from secrets import token_hex
from typing import TYPE_CHECKING, Any

import httpx
import pytest
from ansible.module_utils.testing import patch_module_args
from ansible_collections.tollgate.llm.plugins.module_utils._gateway import canary, cipher, encrypted_values
from ansible_collections.tollgate.llm.plugins.module_utils._gateway.error import GatewayError
from ansible_collections.tollgate.llm.plugins.module_utils._secrets.fingerprint import fingerprint
from ansible_collections.tollgate.llm.plugins.modules import litellm_salt_guard
from ansible_collections.tollgate.llm.tests.support.secret_manager.server import running
from ansible_collections.tollgate.llm.tests.support.secret_manager.service import Service

if TYPE_CHECKING:
    from conftest import Gateway

SALT, MASTER = "litellm-salt-key", "litellm-master-key"
# What the proxy is given, by the column that it is to be found in.
GIVEN: dict[str, tuple[str, dict[str, Any]]] = {
    "LiteLLM_ProxyModelTable.litellm_params": (
        "/model/new",
        {
            "model_name": "guarded",
            "litellm_params": {"model": "hosted_vllm/a", "api_base": "http://127.0.0.1:9/v1", "api_key": "sk-provider"},
            "model_info": {"id": "guarded"},
        },
    ),
    "LiteLLM_CredentialsTable.credential_values": (
        "/credentials",
        {"credential_name": "guarded", "credential_values": {"api_key": "sk-provider"}, "credential_info": {}},
    ),
    "LiteLLM_Config.param_value": ("/config/update", {"environment_variables": {"GUARDED": "sk-environment"}}),
    "LiteLLM_MCPServerTable.static_headers": (
        "/v1/mcp/server",
        {
            "server_id": "guarded",
            "alias": "guarded",
            "url": "http://127.0.0.1:9/mcp",
            "transport": "http",
            "auth_type": "api_key",
            "credentials": {"auth_value": "sk-mcp"},
            "static_headers": {"X-Key": "sk-header"},
        },
    ),
    "LiteLLM_GuardrailsTable.litellm_params": (
        "/guardrails",
        {
            "guardrail": {
                "guardrail_name": "guarded",
                "litellm_params": {
                    "guardrail": "generic_guardrail_api",
                    "mode": "pre_call",
                    "api_key": "sk-guardrail",
                    "api_base": "http://127.0.0.1:9",
                },
            }
        },
    ),
    "LiteLLM_TeamTable.metadata": (
        "/team/new",
        {
            "team_id": "guarded",
            "metadata": {
                "logging": [
                    {
                        "callback_name": "langfuse",
                        "callback_type": "success",
                        "callback_vars": {"langfuse_public_key": "pk-1", "langfuse_secret_key": "sk-callback"},
                    }
                ]
            },
        },
    ),
    "LiteLLM_SearchToolsTable.litellm_params": (
        "/search_tools",
        {
            "search_tool": {
                "search_tool_name": "guarded",
                "litellm_params": {"search_provider": "tavily", "api_key": "sk-search"},
            }
        },
    ),
}


@pytest.fixture(scope="module")
def filled(gateway: Gateway) -> Iterator[None]:
    """Every kind of object with a secret, made by LiteLLM."""
    made = {path: gateway.admin("POST", path, json=body) for path, body in GIVEN.values()}
    yield
    gateway.admin("POST", "/model/delete", json={"id": "guarded"})
    gateway.admin("POST", "/team/delete", json={"team_ids": ["guarded"]})
    for path in (
        "/credentials/guarded",
        "/v1/mcp/server/guarded",
        f"/guardrails/{made['/guardrails']['guardrail_id']}",
        f"/search_tools/{made['/search_tools']['search_tool_id']}",
    ):
        headers = {"Authorization": f"Bearer {gateway.secret(MASTER)}"}
        httpx.delete(f"{gateway.url}{path}", headers=headers, timeout=60, trust_env=False).raise_for_status()
    with gateway.database() as connection:
        connection.execute("DELETE FROM \"LiteLLM_Config\" WHERE param_name = 'environment_variables'")


@pytest.fixture
def guard(gateway: Gateway, filled: None, tmp_path: Path) -> Iterator[Callable[..., dict[str, Any]]]:
    """Runs the module with a store of its own, in which only these secrets are. The canary is as before afterwards."""
    store = tmp_path / "secrets"

    def run(*, salt: str | None, master: str | None = None, check: bool = False, **options: Any) -> dict[str, Any]:
        store.mkdir(mode=0o700, exist_ok=True)
        for name, text in ((SALT, salt), (MASTER, master)):
            (store / name).unlink(missing_ok=True)
            (store / ".fingerprints" / name).unlink(missing_ok=True)
            if text is not None:
                (store / name).touch(mode=0o600)
                (store / name).write_text(text)
        database = {
            "port": gateway.place["database_port"],
            "password_file": str(gateway.state / "secrets" / "litellm-db-password"),
        }
        arguments = {
            "database": database,
            "secrets_directory": str(store),
            "salt_secret": SALT,
            "master_key_secret": MASTER,
            "_ansible_check_mode": check,
            **options,
        }
        written = io.StringIO()
        given = {name: value for name, value in arguments.items() if value is not None}
        with patch_module_args(given), contextlib.redirect_stdout(written), contextlib.suppress(SystemExit):
            litellm_salt_guard.main()
        assert not [text for text in (salt, master) if text and text in written.getvalue()]
        result: dict[str, Any] = json.loads(written.getvalue())
        return result

    yield run
    with gateway.database() as connection:
        connection.execute("DROP SCHEMA IF EXISTS tollgate CASCADE")
        canary.write(connection, gateway.secret(SALT), fingerprint(gateway.secret(SALT)))


def forget(gateway: Gateway) -> None:
    """As in a database of a backup from before the first canary."""
    with gateway.database() as connection:
        connection.execute("DROP SCHEMA IF EXISTS tollgate CASCADE")


def test_litellms_migrations_leave_the_canary_alone(gateway: Gateway) -> None:
    """The first run wrote it into the empty database, and LiteLLM made its tables after that."""
    with gateway.database() as connection:
        found = connection.execute(
            "SELECT written_at < (SELECT min(started_at) FROM _prisma_migrations), fingerprint FROM tollgate.canary"
        ).fetchall()
    assert found == [(True, fingerprint(gateway.secret(SALT)))]


def test_every_column_that_litellm_encrypts_is_looked_at(gateway: Gateway) -> None:
    """LiteLLM's own list, of the version that runs."""
    found = next((gateway.state / "run" / "runtime").glob("**/proxy/db/master_key_migration.py"))
    calls = [node for node in ast.walk(ast.parse(found.read_text())) if isinstance(node, ast.Call)]
    theirs = {
        tuple(ast.literal_eval(argument) for argument in call.args)
        for call in calls
        if isinstance(call.func, ast.Name) and call.func.id == "_SecretColumn"
    }
    assert theirs
    assert theirs == {(column.table, column.key, column.name) for column in encrypted_values.COLUMNS}


def test_all_that_litellm_has_encrypted_is_read_with_its_salt_and_nothing_with_another(
    gateway: Gateway, filled: None
) -> None:
    salts = {"right": gateway.secret(SALT), "wrong": token_hex(32)}
    with gateway.database() as connection:
        values = list(encrypted_values.read(connection, salts))
    assert {f"{value.column.table}.{value.column.name}" for value in values} >= set(GIVEN)
    assert {value.opened_by for value in values} == {frozenset({"right"})}, list(map(str, values))
    legacy = gateway.admin("GET", "/credentials/migrate-encryption/check")["report"]["residual_legacy"]
    # LiteLLM's own check leaves these out.
    omitted = ("LiteLLM_GuardrailsTable", "LiteLLM_DeletedTeamTable")
    assert sum(value.column.table not in omitted for value in values) == legacy


def test_a_right_salt_gets_its_canary_once_and_check_mode_writes_none(gateway: Gateway, guard: Any) -> None:
    forget(gateway)
    right = gateway.secret(SALT)
    foreseen = guard(salt=right, check=True)
    assert foreseen["changed"]
    with gateway.database() as connection:
        assert canary.read(connection) is None
    assert guard(salt=right) == foreseen
    second = guard(salt=right)
    assert not second["changed"]
    assert second["fingerprint"] == fingerprint(right)
    assert "encrypted values read" in second["checks"][0]["detail"]
    with gateway.database() as connection:
        row = connection.execute("SELECT * FROM tollgate.canary").fetchall()
        assert len(row) == 1
        assert right not in str(row)


def test_a_wrong_salt_is_refused_with_and_without_a_canary(gateway: Gateway, guard: Any) -> None:
    wrong = token_hex(32)
    for forgotten in (False, True):
        if forgotten:
            forget(gateway)
        for check in (True, False):
            message = guard(salt=wrong, check=check)["msg"]
            assert "is not the database's" in message
            assert "Restore the former content" in message
    with gateway.database() as connection:
        assert canary.read(connection) is None


def test_a_wrong_salt_is_told_from_the_delivered_or_the_master_key_that_fits(gateway: Gateway, guard: Any) -> None:
    forget(gateway)
    message = guard(salt=token_hex(32), master=gateway.secret(SALT))["msg"]
    assert "That database was filled without a salt." in message


def test_a_database_that_was_filled_without_a_salt_gives_its_master_key_to_the_store(
    gateway: Gateway, guard: Any, tmp_path: Path
) -> None:
    forget(gateway)
    key = gateway.secret(SALT)  # to LiteLLM a master key without a salt is the same as a salt
    foreseen = guard(salt=None, master=key, check=True, adopt=True)
    assert (foreseen["adopted"], foreseen["changed"]) == (True, True)
    assert not (tmp_path / "secrets" / SALT).exists()
    done = guard(salt=None, master=key, adopt=True)
    assert done["fingerprint"] == fingerprint(key)
    assert "this database was filled without a salt" in str(done["warnings"][-1])
    kept = tmp_path / "secrets" / SALT
    assert kept.read_text() == key
    assert kept.stat().st_mode & 0o777 == 0o600
    with gateway.database() as connection:
        assert canary.read(connection) is None
    again = guard(salt=key, master=key, adopt=True)
    assert (again["adopted"], again["changed"]) == (False, False)


def test_a_salt_in_secret_manager_is_adopted_compared_and_refused_when_it_is_another(
    gateway: Gateway, guard: Any, tmp_path: Path
) -> None:
    forget(gateway)
    service, key = Service(), gateway.secret(SALT)
    token, parent = service.identity.token("tester"), f"projects/{service.project}"
    with running(service, tmp_path, tls=False) as addresses:
        reached = {"project": service.project, "endpoint": addresses.http, "access_token": token}
        store = {"salt": None, "secrets_directory": None, "secrets_gsm": reached}
        service.bring(MASTER, key)
        before = len(service.writes())
        assert guard(**store, adopt=True, check=True)["adopted"]
        assert len(service.writes()) == before
        assert guard(**store, adopt=True)["adopted"]
        assert service.secrets["", SALT].versions[0].payload.decode() == key
        assert guard(**store)["fingerprint"] == fingerprint(key)
        assert guard(**store)["changed"] is False
        del service.secrets["", SALT]
        service.bring(SALT, token_hex(32))
        said = guard(**store)["msg"]
    assert said.startswith(f"salt key: {parent}/secrets/{SALT}/versions/1 (sha256:")
    assert f"is not the database's: its canary was encrypted with {fingerprint(key)}" in said


def test_no_new_salt_is_made_for_rows_that_the_master_key_does_not_open(gateway: Gateway, guard: Any) -> None:
    for forgotten in (False, True):
        if forgotten:
            forget(gateway)
        message = guard(salt=None, master="sk-" + token_hex(24), adopt=True)["msg"]
        assert "A new one would lose all of that. Nothing was changed." in message
    assert "Restore" in guard(salt=None, adopt=True)["msg"]


def test_mixed_rows_and_damaged_ones_are_named(gateway: Gateway, guard: Any) -> None:
    """What a proxy with another salt wrote, and one whose last characters were lost."""
    right = gateway.secret(SALT)
    other, cut = cipher.seal("hosted_vllm/b", token_hex(32)), cipher.seal("x" * 40, right)[:-8]
    with gateway.database() as connection:
        statement = (
            'INSERT INTO "LiteLLM_ProxyModelTable" (model_id, model_name, litellm_params, created_by, updated_by) '
            "VALUES (%s, %s, %s, 't', 't')"
        )
        connection.execute(statement, ("mixed", "mixed", json.dumps({"model": other})))
        connection.execute(statement, ("cut", "cut", json.dumps({"model": cut})))
        connection.execute(statement, ("plain", "plain", json.dumps({"model": "hosted_vllm/c"})))
    try:
        result = guard(salt=right)
        assert not result["changed"]
        warned = str(result["warnings"][-1])
        assert 'model_id is "mixed"' in warned
        assert 'model_id is "cut"' in warned
        assert "plain" not in warned
        forget(gateway)
        message = guard(salt=right)["msg"]
        assert "and 2 not" in message
        with gateway.database() as connection:
            assert canary.read(connection) is None
    finally:
        with gateway.database() as connection:
            connection.execute("DELETE FROM \"LiteLLM_ProxyModelTable\" WHERE model_id IN ('mixed', 'cut', 'plain')")


def test_a_canary_of_another_salt_stops_the_run(gateway: Gateway, guard: Any) -> None:
    forget(gateway)
    other = token_hex(32)
    with gateway.database() as connection:
        canary.write(connection, other, fingerprint(other))
    message = guard(salt=gateway.secret(SALT))["msg"]
    assert f"its canary was encrypted with {fingerprint(other)}" in message
    assert "Remove it: DROP TABLE tollgate.canary;" in message


def test_racing_runs_write_one_canary_and_one_with_another_salt_loses(gateway: Gateway, guard: Any) -> None:
    forget(gateway)
    right, wrong = gateway.secret(SALT), token_hex(32)

    def write(number: int) -> bool:
        salt = wrong if number % 2 else right
        with gateway.database() as connection:
            return canary.write(connection, salt, fingerprint(salt)).opened_by(salt)

    with ThreadPoolExecutor(8) as pool:
        kept = list(pool.map(write, range(8)))
    assert kept.count(True) == 4
    assert len(set(kept[::2])) == len(set(kept[1::2])) == 1


def test_a_role_that_may_make_no_schema_is_told_what_the_owner_does(gateway: Gateway, guard: Any) -> None:
    forget(gateway)
    with gateway.database() as connection:
        connection.execute("REVOKE CREATE ON DATABASE litellm FROM litellm")
        try:
            message = guard(salt=gateway.secret(SALT))["msg"]
        finally:
            connection.execute("GRANT CREATE ON DATABASE litellm TO litellm")
    assert "CREATE SCHEMA tollgate AUTHORIZATION" in message


def test_the_schema_of_the_canary_is_not_litellms(gateway: Gateway, guard: Any) -> None:
    with gateway.database() as connection:
        connection.execute("SET search_path = tollgate")
        with pytest.raises(GatewayError, match="Name another schema"):
            canary.read(connection)
