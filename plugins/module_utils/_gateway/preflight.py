# Copyright: Contributors to the Tollgate project
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a run refuses before it writes anything: wrong declarations, taken ports, a full disk."""

from __future__ import annotations

import ipaddress
import os
import re
import socket
import traceback
from collections.abc import Iterable, Mapping
from functools import cache
from pathlib import Path
from typing import Any

try:
    import yaml
except ImportError:
    YAML_IMPORT_ERROR: str | None = traceback.format_exc()
else:
    YAML_IMPORT_ERROR = None

from .._litellm.declaration import check_declaration
from .._litellm.kinds import RESOURCES
from .._litellm.versions import refusal
from . import disk, processes, secrets_preflight, variables
from .database import url_problem
from .error import GatewayError
from .state_directory import StateDirectory
from .supervisor import GATEWAY_VARIABLE, Supervisor

ROLES = Path(__file__).parents[3] / "roles"
PROVIDER = re.compile(r"[a-z0-9](?:[a-z0-9-]{0,38}[a-z0-9])?")
VARIABLE = re.compile(r"[A-Z][A-Z0-9_]{2,99}")
# What the templates of both targets set.
OWN_VARIABLES = {
    *("LITELLM_MASTER_KEY", "PROXY_MASTER_KEY", "LITELLM_SALT_KEY", "DATABASE_URL", "DATABASE_PASSWORD"),
    *("CA_VLLM_LOCAL_API_KEY", "HOME", "PATH"),
}
SPECIFICATION = ROLES / "gateway" / "meta" / "argument_specs.yml"
# Their variables may be set in the gateway file too, for a gateway on a cluster.
COMPONENTS = (
    "cnpg_operator",
    "external_secrets",
    "inference_gateway",
    "litellm",
    "nvidia_gpu",
    "postgres",
    "sealed_secrets",
    "vllm",
)
PORTS = ("gateway_port", "gateway_database_port", "gateway_simulator_port")
LAST_PORT = 65535


@cache
def known_variables() -> frozenset[str]:
    """The C(gateway_*) variables, from the one place that documents them."""
    return _options(SPECIFICATION)


def _options(specification: Path) -> frozenset[str]:
    content = yaml.safe_load(specification.read_text(encoding="utf-8"))
    return frozenset(name for entry in content["argument_specs"].values() for name in entry.get("options") or {})


def check_components(names: Iterable[str]) -> None:
    """Raise GatewayError for variables that begin with a component's name and that its role does not know."""
    given, problems = list(names), []
    for component in COMPONENTS:
        known = _options(ROLES / component / "meta" / "argument_specs.yml")
        problems += variables.unknown(given, known, f"{component}_")
    if problems:
        listed = "\n".join(f"- {problem}" for problem in problems)
        raise GatewayError(f"The gateway file can't work as it is:\n{listed}\nNothing was changed.")


def check_variables(declared: Mapping[str, Any]) -> None:
    """Raise GatewayError with everything that is wrong in the gateway file, at once."""
    problems = variables.unknown(declared, known_variables())
    problems += [
        str(problem)
        for problem in check_declaration(
            {resource.kind: declared.get(f"{variables.PREFIX}{resource.plural}") or [] for resource in RESOURCES},
            priced=declared.get("gateway_unpriced_budgets", "refuse") == "refuse",
        )
    ]
    problems += _client_key(declared)
    problems += _fail_open(declared)
    problems += _ports(declared)
    problems += _stored_values(declared)
    problems += _sources(declared)
    problems += _provider_keys(declared)
    problems += secrets_preflight.problems(declared)
    if declared.get("gateway_database_url") and (trouble := url_problem(str(declared["gateway_database_url"]))):
        problems.append(f"gateway_database_url: {trouble}.")
    version = str(declared.get("gateway_litellm_version") or "")
    if version and (reason := refusal(version)):
        problems.append(f"gateway_litellm_version: {version} is refused: {reason}")
    if problems:
        listed = "\n".join(f"- {problem}" for problem in problems)
        raise GatewayError(f"The gateway file can't work as it is:\n{listed}\nNothing was changed.")


def _ports(declared: Mapping[str, Any]) -> list[str]:
    names = [name for name in PORTS if name in declared]
    return [
        f"{name}: {declared[name]} is no port: 1 to {LAST_PORT}."
        for name in names
        if not str(declared[name]).isdigit() or not 0 < int(declared[name]) <= LAST_PORT
    ]


def _sources(declared: Mapping[str, Any]) -> list[str]:
    """Secrets of models that this run would not find."""
    found = []
    for model in declared.get("gateway_models") or []:
        if not isinstance(model, Mapping) or model.get("state") == "absent":
            continue
        label = f'model "{model.get("name")}"'
        named = {"api_key_env": {"env": model.get("api_key_env")}, "api_key_file": {"file": model.get("api_key_file")}}
        found += [f"{label}: {text}" for text in _missing({**named, **_places(model, "secret_params")})]
    for credential in declared.get("gateway_credentials") or []:
        if isinstance(credential, Mapping) and credential.get("state") != "absent":
            label = f'credential "{credential.get("credential")}"'
            found += [f"{label}: {text}" for text in _missing(_places(credential, "secret_values"))]
    return found


def _provider_keys(declared: Mapping[str, Any]) -> list[str]:
    """Keys that have no name, share one, or would replace a variable that the gateway sets itself."""
    found: list[str] = []
    seen: set[str] = set()
    for entry in declared.get("gateway_provider_keys") or []:
        if not isinstance(entry, Mapping):
            found.append("gateway_provider_keys: an entry has name and variable.")
            continue
        name, variable = str(entry.get("name") or ""), str(entry.get("variable") or "")
        label = f'provider key "{name}"'
        if not PROVIDER.fullmatch(name):
            found.append(f"{label}: a name has 1 to 40 characters of a-z, 0-9 and -, and no - at its ends.")
        if not VARIABLE.fullmatch(variable):
            found.append(f'{label}: "{variable}" is no environment variable, such as ANTHROPIC_API_KEY.')
        if variable in OWN_VARIABLES:
            found.append(f"{label}: {variable} is the gateway's own. Choose the provider's.")
        found += [f"{label}: {each} is declared twice." for each in (name, variable) if each in seen]
        seen |= {name, variable}
        if "value" in entry:
            found.append(f"{label}: a key does not stand in the gateway file. Name a file with value_file.")
        file = Path(str(entry["value_file"])).expanduser() if entry.get("value_file") else None
        found += [f"{label}: {text}" for text in _missing({"value_file": {"file": file}})]
    return found


def _places(entry: Mapping[str, Any], option: str) -> dict[str, Any]:
    sources = entry.get(option)
    return {f"{option}.{name}": source for name, source in sources.items()} if isinstance(sources, Mapping) else {}


def _missing(sources: Mapping[str, Any]) -> list[str]:
    """What is said to be in an environment variable or a file, and is not."""
    found = []
    for what, source in sources.items():
        variable, file = (source.get("env"), source.get("file")) if isinstance(source, Mapping) else (None, None)
        if variable and not os.environ.get(str(variable)):
            found.append(f"{what}: the environment variable {variable} is not set.")
        if file and not os.access(str(file), os.R_OK):
            found.append(f"{what}: {file} can't be read.")
    return found


def _stored_values(declared: Mapping[str, Any]) -> list[str]:
    """The gateway file names secrets; values of its keys are made and kept in its own store."""
    return [
        f'key "{key.get("alias")}": {name} is for a single task; put the value into the store and name it by secret.'
        for key in declared.get("gateway_keys") or []
        if isinstance(key, Mapping)
        for name in ("value", "value_file")
        if name in key
    ]


def _client_key(declared: Mapping[str, Any]) -> list[str]:
    wanted = declared.get("gateway_client_key")
    aliases = [key.get("alias") for key in declared.get("gateway_keys") or [] if isinstance(key, Mapping)]
    if not wanted or wanted in aliases:
        return []
    return [
        f'gateway_client_key: no key in gateway_keys has the alias "{wanted}" '
        f"(there are: {', '.join(map(str, aliases)) or 'none'})."
    ]


def _fail_open(declared: Mapping[str, Any]) -> list[str]:
    """With that setting any string that starts with sk- is served while the database is away, all models, no budget."""
    settings = declared.get("gateway_general_settings") or {}
    if not settings.get("allow_requests_on_db_unavailable") or is_loopback(str(declared.get("gateway_host", ""))):
        return []
    return [
        "gateway_general_settings.allow_requests_on_db_unavailable: refused while gateway_host is "
        f"{declared.get('gateway_host')}: anybody who reaches it could use every model, unbilled, while the "
        "database is away. Bind to 127.0.0.1, or leave the setting out."
    ]


def is_loopback(host: str) -> bool:
    """Whether only this machine reaches an address."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def check_machine(state: StateDirectory, declared: Mapping[str, Any]) -> None:
    """Raise GatewayError when a port belongs to somebody else or the disk is full."""
    gateway_id = str(state.marker.get("id", ""))
    supervisor = Supervisor(state.path, gateway_id)
    ours = set(processes.family(supervisor.pid)) if supervisor.pid else set()
    if gateway_id:
        ours |= set(processes.with_environment(GATEWAY_VARIABLE, gateway_id))
    _check_host(str(declared.get("gateway_host", "127.0.0.1")))
    for variable in PORTS:
        if variable == "gateway_database_port" and declared.get("gateway_database_url"):
            continue
        if variable == "gateway_simulator_port" and not declared.get("gateway_simulator"):
            continue
        port = int(declared[variable])
        for pid in processes.listeners(port):
            if pid not in ours:
                raise GatewayError(
                    f"{variable}: port {port} is taken by {processes.describe(pid)}.",
                    next_step=f"End it, or choose another port: -e {variable}={port + 1}. Nothing was changed.",
                )
    for place in disk.places(state.path, embedded=not declared.get("gateway_database_url")):
        disk.refuse_full(place)
    _check_kept(state)


def _check_host(host: str) -> None:
    """Something can only listen on an address of this machine."""
    try:
        family = socket.getaddrinfo(host, None, type=socket.SOCK_STREAM)[0][0]
        with socket.socket(family, socket.SOCK_STREAM) as trial:
            trial.bind((host, 0))
    except OSError as error:
        raise GatewayError(
            f"gateway_host: {host} is no address that this machine can listen on ({error.strerror}).",
            next_step="Say 127.0.0.1 for this machine alone, 0.0.0.0 for all its addresses, or one of them. "
            "Nothing was changed.",
        ) from error


def _check_kept(state: StateDirectory) -> None:
    """A gateway that has a database has secrets; new ones in their place would lose what they encrypt."""
    if (state.path / "postgres" / "data").is_dir() and not (state.path / "secrets" / "litellm-salt-key").is_file():
        raise GatewayError(
            f"{state.path / 'secrets'}: litellm-salt-key is gone, yet this gateway has a database.",
            "Another one could read nothing that the database holds encrypted.",
            "Restore the directory from a backup, or remove this gateway (make clean) and make a new one. "
            "Nothing was changed.",
        )
