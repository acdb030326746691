# Copyright: Contributors to the Tollgate project
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The salt key against the database: nobody may start a proxy with another one than its rows were encrypted with.

LiteLLM encrypts with SHA-256 of the salt key as the key of a secretbox
(litellm/proxy/common_utils/encrypt_decrypt_utils.py).
A wrong salt starts a healthy proxy which has lost every stored model, and new rows mix two salts.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import traceback
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from .database import PSYCOPG_IMPORT_ERROR
from .error import GatewayError

if PSYCOPG_IMPORT_ERROR is None:
    import psycopg

if TYPE_CHECKING:
    from psycopg import Connection

try:
    from nacl.exceptions import CryptoError
    from nacl.secret import SecretBox
except ImportError:
    NACL_IMPORT_ERROR: str | None = traceback.format_exc()
else:
    NACL_IMPORT_ERROR = None

# The canary's own schema: LiteLLM's `prisma db push` drops tables that it does not know in the public one.
CREATE = (
    "CREATE SCHEMA IF NOT EXISTS tollgate",
    "CREATE TABLE IF NOT EXISTS tollgate.salt_canary (only_row boolean PRIMARY KEY DEFAULT true CHECK (only_row), "
    "fingerprint text NOT NULL, written_at timestamptz NOT NULL DEFAULT now())",
)
ENCRYPTED_ROWS = (
    ("LiteLLM_ProxyModelTable", "SELECT litellm_params->>'model' FROM \"LiteLLM_ProxyModelTable\" LIMIT 50"),
    (
        "LiteLLM_CredentialsTable",
        'SELECT value FROM "LiteLLM_CredentialsTable", jsonb_each_text(credential_values) LIMIT 50',
    ),
)


@dataclass(frozen=True)
class Finding:
    """What the database says of a salt."""

    canary: str | None  # the fingerprint it was first used with
    decrypted: int
    undecryptable: int


def fingerprint(salt: str) -> str:
    """A name for a salt that does not give it away (a salt has 256 bits; a plain digest can't be searched)."""
    return "sha256:" + hashlib.sha256(b"tollgate salt canary\0" + salt.encode()).hexdigest()[:32]


def decrypts(value: str, salt: str) -> bool:
    """Whether a stored LiteLLM value was written with this salt."""
    box = SecretBox(hashlib.sha256(salt.encode()).digest())
    try:
        box.decrypt(base64.urlsafe_b64decode(value.removeprefix("litellm_enc::")))
    except (CryptoError, ValueError, binascii.Error):
        return False
    return True


def examine(connection: Connection[tuple[Any, ...]], salt: str) -> Finding:
    """Read the canary and try the salt on encrypted rows."""
    canary = None
    if _exists(connection, "tollgate.salt_canary"):
        row = connection.execute("SELECT fingerprint FROM tollgate.salt_canary").fetchone()
        canary = str(row[0]) if row else None
    good = bad = 0
    for table, query in ENCRYPTED_ROWS:
        if _exists(connection, f'"{table}"'):
            for (value,) in connection.execute(query).fetchall():
                # AES values (`v2:gcm:`) and plain text can't be judged here; only secretbox values count.
                if value and _is_secretbox(value):
                    good, bad = (good + 1, bad) if decrypts(value, salt) else (good, bad + 1)
    return Finding(canary, good, bad)


def judge(finding: Finding, salt: str, store: str) -> bool:
    """Whether the canary has to be written. Raises GatewayError when this salt is not the database's."""
    mine = fingerprint(salt)
    if finding.canary is not None and finding.canary != mine:
        raise GatewayError(
            f"salt key: {store} has fingerprint {mine}, the database was encrypted with {finding.canary}.",
            "A proxy with another salt would lose every stored model and credential. Nothing was started.",
            f"Restore the former content of {store} from a backup. If it is lost for good, the models' secrets have "
            "to be entered again: remove this gateway (make clean) and make a new one.",
        )
    if finding.undecryptable and not finding.decrypted:
        raise GatewayError(
            f"salt key: {finding.undecryptable} encrypted values of this database can't be read with {store} "
            f"(fingerprint {mine}).",
            "They were written with another salt, or with the master key where none was set. Nothing was started.",
            f"Put the salt that they were written with into {store}.",
        )
    return finding.canary is None


def write_canary(connection: Connection[tuple[Any, ...]], salt: str) -> None:
    """Remember the salt's fingerprint; the first writer wins. Raises GatewayError when no schema may be made."""
    try:
        with connection.transaction():
            for statement in CREATE:
                connection.execute(statement)
            connection.execute(
                "INSERT INTO tollgate.salt_canary (fingerprint) VALUES (%s) ON CONFLICT DO NOTHING",
                (fingerprint(salt),),
            )
    except psycopg.errors.InsufficientPrivilege as error:
        raise GatewayError(
            f"salt key: the schema tollgate can't be made in this database: {str(error).splitlines()[0]}.",
            next_step="Make it as the owner: CREATE SCHEMA tollgate AUTHORIZATION <the gateway's role>;",
        ) from error


def _is_secretbox(value: str) -> bool:
    try:
        raw = base64.urlsafe_b64decode(value.removeprefix("litellm_enc::"))
    except (ValueError, binascii.Error):
        return False
    return len(raw) > SecretBox.NONCE_SIZE + SecretBox.MACBYTES


def _exists(connection: Connection[tuple[Any, ...]], table: str) -> bool:
    row = connection.execute("SELECT to_regclass(%s)", (table,)).fetchone()
    return bool(row and row[0] is not None)
