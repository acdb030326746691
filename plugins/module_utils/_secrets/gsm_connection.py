# Copyright: Contributors to the Tollgate project
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The options that say how Secret Manager is reached. `plugins/doc_fragments/_gsm.py` documents them."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from .prefixed import ById, Prefixed

if TYPE_CHECKING:
    from .gsm_settings import Settings

GLOBAL_HOST = "secretmanager.googleapis.com"
PREFIX = re.compile(r"(?:[A-Za-z][A-Za-z0-9_-]{0,98})?")
LOOPBACK = ("localhost", "127.0.0.1", "::1")
ARGUMENTS: dict[str, Any] = {
    "project": {"type": "str"},
    "location": {"type": "str"},
    "prefix": {"type": "str", "default": ""},
    "service_account_file": {"type": "path"},
    "impersonate_service_account": {"type": "str"},
    "access_token": {"type": "str", "no_log": True},
    "quota_project": {"type": "str"},
    "endpoint": {"type": "str"},
    "insecure": {"type": "bool", "default": False},
    "transport": {"type": "str", "choices": ["rest", "grpc"], "default": "rest"},
    "timeout": {"type": "int", "default": 60},
}
EXCLUSIVE = [("service_account_file", "access_token")]


def store_option(*, versions_needed: bool = False) -> dict[str, Any]:
    """An option that names this store: how it is reached, and the number of each secret's version."""
    return {
        "type": "dict",
        "options": {"versions": {"type": "dict", "required": versions_needed}, **ARGUMENTS},
        "mutually_exclusive": EXCLUSIVE,
    }


class ConnectionProblem(Exception):
    """Why no client can be had, with the next step."""


def endpoint_of(options: Mapping[str, Any]) -> str:
    """The address to ask; raises ConnectionProblem when secrets and tokens would not be safe on the way there."""
    host = f"secretmanager.{options['location']}.rep.googleapis.com" if options["location"] else GLOBAL_HOST
    text = options["endpoint"] or f"https://{host}"
    url = urlsplit(text if "//" in text else f"https://{text}")
    if url.scheme not in ("https", "http") or not url.hostname or url.path not in ("", "/") or url.query:
        raise ConnectionProblem(f"endpoint {text!r} must be https:// with a host and, if need be, a port.")
    if url.scheme == "http" and url.hostname not in LOOPBACK and not options["insecure"]:
        raise ConnectionProblem(
            f"endpoint {text} has no TLS, so every secret and the access token could be read on the way. "
            "Name it with https://, or set insecure: true if nobody can listen there."
        )
    if url.scheme == "http" and options["transport"] == "grpc":
        raise ConnectionProblem(f"endpoint {text} has no TLS, which transport: grpc needs. Set transport: rest.")
    return f"{url.scheme}://{url.netloc}"


def versions_of(options: Mapping[str, Any]) -> dict[str, int]:
    """The numbers of versions by the names of secrets. Raises ConnectionProblem."""
    found = {}
    for name, number in (options["versions"] or {}).items():
        if not str(number).isdecimal() or int(number) < 1:
            raise ConnectionProblem(
                f"versions.{name} is {number!r}, and must be the number of a version: aliases and latest may change."
            )
        found[str(name)] = int(number)
    return found


def prefix_of(options: Mapping[str, Any]) -> str:
    """What is put before the names of secrets. Raises ConnectionProblem."""
    prefix = str(options["prefix"] or "")
    if not PREFIX.fullmatch(prefix):
        raise ConnectionProblem(
            f"prefix {prefix!r} must begin with a letter and have up to 99 letters, digits, - and _, such as 'europe-'."
        )
    return prefix


def opened(options: Mapping[str, Any], declared: Mapping[str, Settings]) -> Prefixed:
    """The store, with what is declared by name. Raises ConnectionProblem, also when Google's client is missing."""
    prefix = prefix_of(options)
    from . import gsm_client  # noqa: PLC0415 (it takes half a second)
    from .gsm_store import GsmStore  # noqa: PLC0415 (only who opens a store needs it)

    if gsm_client.GOOGLE_IMPORT_ERROR:
        raise ConnectionProblem(
            "The Python package google-cloud-secret-manager is missing: pip install google-cloud-secret-manager."
        )
    return Prefixed(GsmStore(gsm_client.Gsm(options), ById(declared, prefix)), prefix)
