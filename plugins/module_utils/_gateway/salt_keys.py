# Copyright: Contributors to the Tollgate project
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The texts that the salt guard compares: in the store of secrets, in the Secret that the proxy reads, and others."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from .._kubernetes.connection import NamedCluster, Unreachable
from .._litellm import secret_store
from .._secrets.ensure import SecretsRefusedError, ensure
from .._secrets.value import problems
from .._secrets.write_once import Wanted
from .error import GatewayError
from .salt import DELIVERED, MASTER, STORE, Key

ARGUMENTS: dict[str, Any] = {
    "salt_file": {"type": "path"},
    "salt_secret": {"type": "str", "no_log": False},
    "master_key_secret": {"type": "str", "no_log": False},
    "delivered": {
        "type": "dict",
        "options": {
            "namespace": {"type": "str", "required": True},
            "name": {"type": "str", "required": True},
            "key": {"type": "str", "default": "LITELLM_SALT_KEY", "no_log": False},
        },
    },
    **secret_store.ARGUMENTS,
}


@contextlib.contextmanager
def in_words() -> Iterator[None]:
    """What a store or a cluster refuses, as an error of this module."""
    try:
        yield
    except (secret_store.Refused, Unreachable) as error:
        raise GatewayError(str(error)) from error


class SaltKeys:
    """From the options of the module. Without MUST_EXIST a text may not be there yet, and is none then."""

    def __init__(self, options: Mapping[str, Any], cluster: NamedCluster, *, must_exist: bool) -> None:
        self._options, self._cluster, self._must_exist = options, cluster, must_exist
        self._store = secret_store.store_of(options, cluster)
        names = [options["salt_secret"], options["master_key_secret"], options["database"]["password_secret"]]
        used = [str(name) for name in names if name]
        if used and self._store is None:
            raise GatewayError(secret_store.NEEDED.format(used[0]))
        if self._store is not None:
            self._store.load(used)

    @property
    def place(self) -> str:
        """Where the salt lies, in words."""
        if self._options["salt_file"] or self._store is None:
            return str(self._options["salt_file"])
        return self._store.place(self._options["salt_secret"])

    def all(self) -> dict[str, Key]:
        """By name, as a finding has them."""
        found = {STORE: self._salt(), DELIVERED: self._delivered(), MASTER: self._master_key()}
        return {name: key for name, key in found.items() if key is not None}

    def password(self) -> str | None:
        """The database's password, if the store has it."""
        name = self._options["database"]["password_secret"]
        return self._text(name, "the database's password", optional=not self._must_exist) if name else None

    def _salt(self) -> Key | None:
        path = self._options["salt_file"]
        if not path:
            name = self._options["salt_secret"]
            text = self._text(name, "salt key", exact=True, optional=not self._must_exist)
            return Key(text, self.place) if text else None
        if not self._must_exist and not Path(path).exists():
            return None
        return Key(secret_store.read_file(Path(path), "salt key"), self.place)

    def _master_key(self) -> Key | None:
        name = self._options["master_key_secret"]
        if not name or self._store is None:
            return None
        text = self._text(name, "master key", exact=True, optional=True)
        return Key(text, f"the master key, {self._store.place(name)},") if text else None

    def _delivered(self) -> Key | None:
        """What the proxy is given. LiteLLM takes an empty salt for a salt: everybody knows SHA-256 of nothing."""
        option = self._options["delivered"]
        if not option:
            return None
        namespace, name, key = option["namespace"], option["name"], option["key"]
        found = self._cluster.read("Secret", namespace, name)
        from .._secrets.secret_object import data_of, where  # noqa: PLC0415 (imports the client, as that has done)

        place = where(namespace, name)
        held = data_of(found).get(key) if found else None
        if held is None and not self._must_exist:
            return None
        if not held or not held.strip():
            state = "does not exist" if found is None else f"has no {key}" if held is None else f"is empty under {key}"
            raise GatewayError(
                f"salt key: {place} {state}.",
                next_step="Deliver it first (the wave secrets does). Nothing was started.",
            )
        return Key(held.decode(errors="replace"), place)

    def _text(self, name: str, what: str, *, exact: bool = False, optional: bool = False) -> str:
        if self._store is None or (optional and not self._store.has(name)):
            return ""
        return self._store.text(name, what, exact=exact)

    def adopt(self, key: Key) -> None:
        """Put this text into the store, which has no salt yet. Raises GatewayError."""
        name, said = self._options["salt_secret"], "; ".join(problems(key.text))
        try:
            if not said and self._store is not None:
                report = ensure(self._store.writable(name), [Wanted(name, value=key.text)])
                said = str(report.error or "")
        except SecretsRefusedError as error:
            said = str(error)
        if said:
            raise GatewayError(f"salt key: {key} can't be put into {self.place} as the salt: {said.rstrip('.')}.")
