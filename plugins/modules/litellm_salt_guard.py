#!/usr/bin/python
# Copyright: Contributors to the Tollgate project
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: litellm_salt_guard
short_description: Prove that the salt key is the one that a database was encrypted with
version_added: 1.0.0
description:
  - LiteLLM encrypts provider keys in its database with the salt key. A proxy that is started with another one reports
    itself healthy, has lost every stored model, and writes new rows with the new salt. This module stops the run
    before that.
  - It compares the salt with the fingerprint which the first run left in the database (schema C(tollgate)), and tries
    it on encrypted rows. The fingerprint is written only when no row contradicts it.
options:
  salt_file:
    description: The file that holds the salt key. Either this or O(salt_secret) is needed.
    type: path
  salt_secret:
    description: The secret that holds the salt key, in O(secrets_namespace) or O(secrets_directory).
    type: str
  secrets_directory:
    description: The directory of M(tollgate.llm.file_secret) in which the secrets lie. Excludes O(secrets_namespace).
    type: path
attributes:
  check_mode:
    support: full
    details: Compares, writes nothing. A database that can't be reached yet counts as empty.
  diff_mode:
    support: none
    details: The only change is the fingerprint's first writing.
extends_documentation_fragment:
  - tollgate.llm._attributes
  - tollgate.llm._database.in_cluster
  - tollgate.llm._litellm.cluster
requirements:
  - psycopg
  - pynacl
author: The Tollgate developers (@tollgate)
"""

EXAMPLES = r"""
- name: Refuse a salt key that is not the database's
  tollgate.llm.litellm_salt_guard:
    database:
      port: 14000
      password_file: .tollgate/secrets/litellm-db-password
    salt_file: .tollgate/secrets/litellm-salt-key

- name: The same for a database inside a cluster
  tollgate.llm.litellm_salt_guard:
    database:
      service: {name: litellm-pg-rw, namespace: litellm, port: 5432}
      password_secret: litellm-db-password
    secrets_namespace: litellm-store
    salt_secret: litellm-salt-key
"""

RETURN = r"""
fingerprint:
  description: The salt's fingerprint. It does not give the salt away.
  type: str
  returned: always
checks:
  description: For the wave's verdict.
  type: list
  elements: dict
  returned: always
"""

import contextlib
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.tollgate.llm.plugins.module_utils._gateway import database, salt
from ansible_collections.tollgate.llm.plugins.module_utils._gateway.error import GatewayError
from ansible_collections.tollgate.llm.plugins.module_utils._gateway.module import run
from ansible_collections.tollgate.llm.plugins.module_utils._kubernetes.connection import NamedCluster, Unreachable
from ansible_collections.tollgate.llm.plugins.module_utils._litellm import secret_store


def read_salt(path: Path, check_mode: bool) -> str:
    try:
        value = path.read_text(encoding="utf-8").strip()
    except FileNotFoundError as error:
        if check_mode:
            return ""
        raise GatewayError(f"salt key: {path} is missing.", next_step="Run the wave secrets first.") from error
    if not value:
        # LiteLLM takes an empty salt for a salt: everybody knows SHA-256 of nothing.
        raise GatewayError(f"salt key: {path} is empty.", next_step="Restore its content from a backup.")
    return value


class Secrets:
    """The salt and the database's password, each from a file or the store. In check mode one may not be there yet."""

    def __init__(self, options: dict[str, Any], store: secret_store.Store | None, check_mode: bool) -> None:
        self._salt_file, self._salt = options["salt_file"], options["salt_secret"]
        self._password = options["database"]["password_secret"]
        self._store, self._check_mode = store, check_mode
        names = [name for name in (self._salt, self._password) if name]
        if names and store is None:
            raise GatewayError(f"secrets_directory is needed to find the secret {names[0]}, or secrets_namespace.")
        if store:
            store.load(names)

    def salt(self) -> tuple[str, str]:
        """The salt, empty when it would be made by then, and where it lies."""
        if self._salt_file:
            return read_salt(Path(self._salt_file), self._check_mode), self._salt_file
        return self._of(self._salt, "salt key"), self._store.place(self._salt) if self._store else ""

    def password(self) -> str | None:
        """The database's password, if the store has it."""
        return self._of(self._password, "the database's password") or None if self._password else None

    def _of(self, name: str, what: str) -> str:
        if self._store is None or (self._check_mode and not self._store.has(name)):
            return ""
        return self._store.text(name, what)


@contextlib.contextmanager
def in_words() -> Iterator[None]:
    """What a store or a cluster refuses, as an error of this module."""
    try:
        yield
    except secret_store.Refused as error:
        raise GatewayError(str(error)) from error
    except Unreachable as error:
        raise GatewayError(str(error)) from error


def unjudged(value: str) -> dict[str, Any]:
    """Check mode before the first run: there is no database yet, so the fingerprint would be written."""
    return {"changed": True, "fingerprint": salt.fingerprint(value) if value else "", "checks": []}


def main() -> None:
    module = AnsibleModule(
        argument_spec={
            "database": {"type": "dict", "required": True, "options": database.CLUSTER_ARGUMENTS},
            "salt_file": {"type": "path"},
            "salt_secret": {"type": "str", "no_log": False},
            **secret_store.ARGUMENTS,
        },
        required_one_of=[("salt_file", "salt_secret")],
        mutually_exclusive=[("salt_file", "salt_secret"), secret_store.EITHER],
        supports_check_mode=True,
    )
    options = module.params
    cluster = NamedCluster(options)

    def judged(target: database.Database, value: str, place: str) -> dict[str, Any]:
        try:
            connection = target.connect()
        except GatewayError:
            if not module.check_mode:
                raise
            return unjudged(value)
        with connection:
            finding = salt.examine(connection, value)
            new = salt.judge(finding, value, place)
            if new and not module.check_mode:
                salt.write_canary(connection, value)
        return {
            "changed": new,
            "fingerprint": salt.fingerprint(value),
            "checks": [
                {
                    "name": "salt key",
                    "ok": True,
                    "detail": f"{salt.fingerprint(value)} is the database's; {finding.decrypted} encrypted values read",
                }
            ],
        }

    def body() -> dict[str, Any]:
        with in_words():
            secrets = Secrets(options, secret_store.store_of(options, cluster), module.check_mode)
            value, place = secrets.salt()
            password = secrets.password()
            module.no_log_values |= {each for each in (value, password) if each}
            target = replace(database.Database.of(options["database"]), password=password)
            try:
                with target.through(options["database"]["service"], cluster) as reached:
                    return judged(reached, value, place)
            except Unreachable as error:
                if not (module.check_mode and error.absent):
                    raise
                return unjudged(value)

    run(module, {"psycopg": database.PSYCOPG_IMPORT_ERROR, "pynacl": salt.NACL_IMPORT_ERROR}, body)


if __name__ == "__main__":
    main()
