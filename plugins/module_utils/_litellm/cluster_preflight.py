# Copyright: Contributors to the Tollgate project
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a proxy in a cluster is refused with, before anything is written."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from .settings import BLOCKS
from .versions import refusal

REFERENCE = "os.environ/"
# The role makes these from its own variables.
MADE = {
    "PROXY_MASTER_KEY": "litellm_secret",
    "CA_VLLM_LOCAL_API_KEY": "litellm_secret",
    "LITELLM_SALT_KEY": "litellm_salt_secret",
    "DATABASE_URL": "litellm_database_*",
    "DATABASE_HOST": "litellm_database_host",
    "DATABASE_NAME": "litellm_database_name",
    "DATABASE_USERNAME": "litellm_database_secret",
    "DATABASE_PASSWORD": "litellm_database_secret",
    "DISABLE_SCHEMA_UPDATE": "the migration Job, the pods never migrate",
    "STORE_MODEL_IN_DB": "the role, models live in the database",
    "NUM_WORKERS": "litellm_workers",
}
# Settings of general_settings with one value that works with this role, and why.
FIXED: dict[str, tuple[Any, str]] = {
    "master_key": ("os.environ/PROXY_MASTER_KEY", "it comes from the Secret that litellm_secret names"),
    "database_url": ("os.environ/DATABASE_URL", "litellm_database_* say where the database is"),
    "store_model_in_db": (True, "models are declared in the database, and without it they would all be gone"),
    "disable_prisma_schema_update": (True, "the migration Job changes the schema, and the pods must not"),
}
NAMES_OF_SECRETS = re.compile(
    r"(^|_)((api|master|secret|private|access|salt|encryption|signing|license|account)_?key|password|passwd|secret|token"
    r"|credentials?|dsn|connection_string|(database|redis|webhook|db)_url)$",
    re.IGNORECASE,
)
SECRETS = re.compile(
    r"\bsk-[\w-]{8,}"
    r"|://[^/\s:@]*:[^/\s@]+@"
    r"|\b(AKIA|ASIA)[0-9A-Z]{16}\b"
    r"|\b(gh[pousr]_|github_pat_|glpat-|hf_|xox[abprs]-|AIza)[\w-]{16,}"
    r"|hooks\.slack\.com/services/"
    r"|-----BEGIN [A-Z ]*PRIVATE KEY"
    r"|\beyJ[\w-]+\.[\w-]+\.[\w-]+"
    r"|^(Bearer|Basic) \S{8,}"
)
VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
MOVING = re.compile(r"latest|main|stable|dev|nightly|edge|rc|main-(latest|stable|dev).*")


@dataclass(frozen=True)
class Declared:
    """The variables of the role that can contradict each other."""

    image: str
    blocks: Mapping[str, Mapping[str, Any]]  # the user's settings
    defaults: frozenset[str]  # variables of the environment that the role gives by itself
    env: Mapping[str, Any]
    secret_env: Sequence[Mapping[str, Any]]


def problems(declared: Declared) -> list[str]:
    """Everything that can't work, in words and without a value that may be a secret."""
    return [
        *_image(declared.image),
        *_environment(declared),
        *_fixed(declared.blocks.get("general_settings") or {}),
        *_settings(declared),
    ]


def _image(image: str) -> Iterator[str]:
    name, _at, digest = image.partition("@")
    tag = name.rpartition("/")[2].partition(":")[2]
    if not tag and not digest:
        yield f"litellm_image: {image} names no version. Name one, such as {image}:v1.106.2, or a digest."
    elif tag and not digest and MOVING.fullmatch(tag):
        yield f"litellm_image: the tag {tag} moves, and pods would run different versions. Name a version or a digest."
    elif version := re.search(r"(?<![\d.])v?\d+\.\d+\.\d+.*", tag):
        reason = refusal(version.group())
        if reason:
            yield f"litellm_image: {version.group()} is refused: {reason}."


def _environment(declared: Declared) -> Iterator[str]:
    secret = [str(row.get("name")) for row in declared.secret_env]
    for name, source in [
        *((name, "litellm_env") for name in declared.env),
        *((each, "litellm_secret_env") for each in secret),
    ]:
        if not VARIABLE.fullmatch(name):
            yield f"{source}: {name!r} is no name of an environment variable."
        elif name in MADE:
            yield f"{source}: {name} is already given by {MADE[name]}. Leave it out."
    for name in sorted({name for name in secret if secret.count(name) > 1}):
        yield f"litellm_secret_env: {name} is there twice."
    for name in sorted(set(secret).intersection(declared.env)):
        yield f"litellm_env and litellm_secret_env both give {name}."
    for name, value in declared.env.items():
        if _is_secret(name, value):
            yield (
                f"litellm_env.{name}: that looks like a secret, and a Deployment is no place for one. "
                "Put it into a Secret, and name that in litellm_secret_env."
            )


def _fixed(settings: Mapping[str, Any]) -> Iterator[str]:
    for name, (value, reason) in FIXED.items():
        if name in settings and settings[name] != value:
            yield f"litellm_general_settings.{name}: {reason}. Leave it out."


def _settings(declared: Declared) -> Iterator[str]:
    given = {*MADE, *declared.defaults, *declared.env, *(str(row.get("name")) for row in declared.secret_env)}
    for block in BLOCKS:
        variable = "litellm_settings" if block == "litellm_settings" else f"litellm_{block}"
        for path, name, value in _values(declared.blocks.get(block) or {}, variable):
            if path.removeprefix("litellm_general_settings.") in FIXED:
                continue
            if isinstance(value, str) and value.startswith(REFERENCE):
                wanted = value.removeprefix(REFERENCE)
                if wanted not in given:
                    yield f"{path}: the proxy gets no variable {wanted}. Add it to litellm_secret_env or litellm_env."
            elif _is_secret(name, value):
                yield f"{path}: that looks like a secret, and a ConfigMap is no place for one. {_way_out(name)}"


def _values(found: Any, path: str, name: str = "") -> Iterator[tuple[str, str, Any]]:
    """Each value that is no container, with its path and the nearest name above it."""
    if isinstance(found, Mapping):
        for key, value in found.items():
            yield from _values(value, f"{path}.{key}", str(key))
    elif isinstance(found, Sequence) and not isinstance(found, str | bytes):
        for index, value in enumerate(found):
            yield from _values(value, f"{path}[{index}]", name)
    else:
        yield path, name, found


def _is_secret(name: str, value: Any) -> bool:
    if not isinstance(value, str) or not value:
        return False
    return bool(NAMES_OF_SECRETS.search(name.replace("-", "_")) or SECRETS.search(value))


def _way_out(name: str) -> str:
    variable = re.sub(r"\W", "_", name).upper() or "NAME"
    return f"Put it into a Secret, name that in litellm_secret_env as {variable}, and say {REFERENCE}{variable} here."
