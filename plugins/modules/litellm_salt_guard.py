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
    before that, with what has to be restored.
  - The salt in the store, the one that the proxy is given (O(delivered)) and the one of the canary in the database must
    be the same. The canary is a random text, encrypted as LiteLLM encrypts its rows, in the table C(tollgate.canary).
    LiteLLM's migrations leave that schema alone.
  - The canary is written only into a database that holds no encrypted value, or after all of them were decrypted with
    this salt. Otherwise the run stops.
  - Every column that LiteLLM encrypts is read, in both of its ciphers. When the canary agrees, that are up to 300 rows
    of each, without the tables of keys, teams and users. Rows which this salt does not open are then warned about.
options:
  salt_file:
    description: The file that holds the salt key. Either this or O(salt_secret) is needed.
    type: path
  salt_secret:
    description: The secret that holds the salt key, in O(secrets_namespace), O(secrets_directory) or O(secrets_gsm).
    type: str
  secrets_directory:
    description: >-
      The directory of M(tollgate.llm.file_secret) in which the secrets lie. Excludes O(secrets_namespace) and
      O(secrets_gsm).
    type: path
  delivered:
    description: The Secret from which the proxy takes its salt, when that is not the store itself.
    type: dict
    suboptions:
      namespace:
        description: Its namespace.
        type: str
        required: true
      name:
        description: Its name.
        type: str
        required: true
      key:
        description: The key under which the salt lies.
        type: str
        default: LITELLM_SALT_KEY
  master_key_secret:
    description:
      - The secret that holds the master key, in the same store. A database that was filled without a salt is encrypted
        with it.
    type: str
  adopt:
    description:
      - V(true) is for the time before the salt is made. When the store has none, and the database was filled without
        one, the master key is put into the store as the salt. That is said as a warning.
      - When the database was encrypted with anything else, the run stops, before a new salt is made. When it holds
        nothing encrypted, does not exist yet, or the store has a salt, nothing is done.
    type: bool
    default: false
attributes:
  check_mode:
    support: full
    details: Compares, writes nothing. A database that can't be reached yet counts as empty.
  diff_mode:
    support: none
    details: The only changes are the first writing of the canary, and the adoption of a salt.
extends_documentation_fragment:
  - tollgate.llm._attributes
  - tollgate.llm._database.in_cluster
  - tollgate.llm._litellm.cluster
requirements:
  - psycopg
  - pynacl
  - cryptography
author: The Tollgate developers (@tollgate)
"""

EXAMPLES = r"""
- name: Refuse a salt key that is not the database's
  tollgate.llm.litellm_salt_guard:
    database:
      port: 14000
      password_file: .tollgate/secrets/litellm-db-password
    salt_file: .tollgate/secrets/litellm-salt-key

- name: The same for a gateway inside a cluster
  tollgate.llm.litellm_salt_guard:
    database:
      service: {name: litellm-pg-rw, namespace: litellm, port: 5432}
      password_secret: litellm-db-password
    secrets_namespace: litellm-store
    salt_secret: litellm-salt-key
    delivered: {namespace: litellm, name: litellm-salt-key}

- name: The same with the secrets in Google Secret Manager
  tollgate.llm.litellm_salt_guard:
    database:
      service: {name: litellm-pg-rw, namespace: litellm, port: 5432}
      password_secret: litellm-db-password
    secrets_gsm: {project: my-project}
    salt_secret: litellm-salt-key
    delivered: {namespace: litellm, name: litellm-salt-key}

- name: Before secrets are made, keep the salt of a database that was filled without one
  tollgate.llm.litellm_salt_guard:
    database:
      service: {name: litellm-pg-rw, namespace: litellm, port: 5432}
      password_secret: litellm-db-password
    secrets_namespace: litellm-store
    salt_secret: litellm-salt-key
    master_key_secret: litellm-master-key
    adopt: true
"""

RETURN = r"""
fingerprint:
  description: The salt's fingerprint, as the stores of secrets show it. Empty when there is no salt yet.
  type: str
  returned: always
  sample: sha256:3f79bb7b435b
adopted:
  description: Whether the master key became the salt, or would.
  type: bool
  returned: always
checks:
  description: For the wave's verdict.
  type: list
  elements: dict
  returned: always
"""

import contextlib
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.tollgate.llm.plugins.module_utils._gateway import canary, cipher, database, salt
from ansible_collections.tollgate.llm.plugins.module_utils._gateway.error import GatewayError
from ansible_collections.tollgate.llm.plugins.module_utils._gateway.module import run
from ansible_collections.tollgate.llm.plugins.module_utils._gateway.salt_keys import ARGUMENTS, SaltKeys, in_words
from ansible_collections.tollgate.llm.plugins.module_utils._kubernetes.connection import NamedCluster, Unreachable
from ansible_collections.tollgate.llm.plugins.module_utils._litellm import secret_store

if TYPE_CHECKING:
    from psycopg import Connection

LIBRARIES = {
    "psycopg": database.PSYCOPG_IMPORT_ERROR,
    "pynacl": cipher.NACL_IMPORT_ERROR,
    "cryptography": cipher.CRYPTOGRAPHY_IMPORT_ERROR,
}


class Guard:
    """One run of the module."""

    def __init__(self, module: AnsibleModule) -> None:
        self.module, self.options = module, module.params
        self.cluster = NamedCluster(self.options)
        self.store = SaltKeys(self.options, self.cluster, must_exist=not (module.check_mode or self.options["adopt"]))
        self.keys = self.store.all()
        self.password = self.store.password()
        module.no_log_values |= {text for text in (self.password, *(key.text for key in self.keys.values())) if text}

    def result(self) -> dict[str, Any]:
        """Compare, or adopt."""
        if self.options["adopt"]:
            return self._nothing() if salt.STORE in self.keys else self._adopted()
        with contextlib.ExitStack() as stack:
            try:
                connection = self._connected(stack)
            except (GatewayError, Unreachable) as error:
                # Before the first run there is no database yet, and the canary would be written.
                if not self.module.check_mode or (isinstance(error, Unreachable) and not error.absent):
                    raise
                return {**self._nothing(), "changed": True}
            return self._judged(connection)

    def _judged(self, connection: Connection[tuple[Any, ...]]) -> dict[str, Any]:
        finding = salt.examine(connection, self.keys)
        key = self.keys.get(salt.STORE)
        if key is None:  # in check mode: it would be made first, unless the database has one
            salt.adopted(finding, self.store.place)
            return {**self._nothing(), "changed": True}
        verdict = salt.judge(finding)
        if verdict.write and not self.module.check_mode:
            written = canary.write(connection, key.text, key.fingerprint)
            salt.judge(replace(finding, canary=written))  # another run may have been first, with another salt
        told = f"{key.fingerprint} is the database's; {len(finding.readable(salt.STORE))} encrypted values read"
        if verdict.lost:
            told += f"; {len(verdict.lost)} were encrypted with another salt, or are damaged"
            self.module.warn(
                f"salt key: {key} is the database's, but {len(verdict.lost)} of its values were encrypted with another "
                f"salt, or are damaged: {salt.listed(verdict.lost)}. Enter what those rows hold again, or delete them."
            )
        checks = [{"name": "salt key", "ok": True, "detail": told}]
        return {**self._nothing(), "changed": verdict.write, "checks": checks}

    def _adopted(self) -> dict[str, Any]:
        service = self.options["database"]["service"]
        if service and not self.cluster.read("Service", service["namespace"], service["name"]):
            return self._nothing()  # no database was ever made
        if self.options["database"]["password_secret"] and not self.password:
            raise GatewayError(
                "salt key: the store has none, and no password for the database, though there is one.",
                "A new salt would lose what is in it. Nothing was changed.",
                f"Restore the store of secrets ({self.store.place} and the database's password) from a backup.",
            )
        with contextlib.ExitStack() as stack:
            try:
                connection = self._connected(stack)
            except GatewayError:
                if not self.module.check_mode:
                    raise
                return self._nothing()  # its address would be kept first
            key = salt.adopted(salt.examine(connection, self.keys), self.store.place)
        if key is None:
            return self._nothing()
        if not self.module.check_mode:
            self.store.adopt(key)
        self.module.warn(
            f"salt key: this database was filled without a salt, so it is encrypted with {key.place} "
            f"{key.fingerprint}. That value is its salt from now on ({self.store.place}), and must never change, "
            "whatever becomes of the master key."
        )
        return {"changed": True, "adopted": True, "fingerprint": key.fingerprint, "checks": []}

    def _connected(self, stack: contextlib.ExitStack) -> Connection[tuple[Any, ...]]:
        """A connection that ends with the stack."""
        target = replace(database.Database.of(self.options["database"]), password=self.password)
        reached = stack.enter_context(target.through(self.options["database"]["service"], self.cluster))
        return stack.enter_context(reached.connect())

    def _nothing(self) -> dict[str, Any]:
        key = self.keys.get(salt.STORE)
        return {"changed": False, "adopted": False, "fingerprint": key.fingerprint if key else "", "checks": []}


def main() -> None:
    module = AnsibleModule(
        argument_spec={
            "database": {"type": "dict", "required": True, "options": database.CLUSTER_ARGUMENTS},
            "adopt": {"type": "bool", "default": False},
            **ARGUMENTS,
        },
        required_one_of=[("salt_file", "salt_secret")],
        required_if=[("adopt", True, ("salt_secret", "master_key_secret"))],
        mutually_exclusive=[("salt_file", "salt_secret"), secret_store.EITHER],
        supports_check_mode=True,
    )

    def body() -> dict[str, Any]:
        with in_words():
            return Guard(module).result()

    run(module, LIBRARIES, body)


if __name__ == "__main__":
    main()
