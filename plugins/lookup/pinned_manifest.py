# Copyright: Contributors to the Tollgate project
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
name: pinned_manifest
short_description: A published manifest as a local file whose digest was checked
version_added: 1.0.0
description:
  - Returns the path of a file on the controller that has the wanted SHA-256, for
    O(tollgate.llm.kubernetes_objects#module:files).
  - The file comes from O(directory) when one is named. Else it is downloaded once, and kept in O(cache).
  - A file with another digest is never returned and never kept.
options:
  _terms:
    description:
      - The manifests, each a dictionary with C(name) (the name of the file), C(url) (where it is published) and
        C(sha256) (its digest, 64 hexadecimal digits).
    type: list
    elements: dict
    required: true
  directory:
    description:
      - A directory that has the files under their names, for a controller from which the publisher can't be reached.
      - When it is empty they are downloaded.
    type: str
    default: ""
  cache:
    description: Where downloads are kept, as C(manifests/<sha256>/<name>) below it.
    type: str
    default: ~/.cache/tollgate
  timeout:
    description: Seconds that the publisher may say nothing.
    type: int
    default: 30
author: The Tollgate developers (@tollgate)
"""

EXAMPLES = r"""
- name: Install an operator from its release
  tollgate.llm.kubernetes_objects:
    component: cnpg-operator
    files: ["{{ lookup('tollgate.llm.pinned_manifest', release, directory=manifests_directory) }}"]
  vars:
    manifests_directory: ""  # or where the files lie
    release:
      name: cnpg-1.30.0.yaml
      url: https://raw.githubusercontent.com/cloudnative-pg/cloudnative-pg/v1.30.0/releases/cnpg-1.30.0.yaml
      sha256: f8bede43fe4ee0d478c2355b204a36876b2ae4faac60f2a9452280b293da3b88
"""

RETURN = r"""
_raw:
  description: The paths, in the order of the manifests.
  type: list
  elements: path
"""

import hashlib
import os
import re
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from ansible.errors import AnsibleLookupError
from ansible.module_utils.urls import open_url
from ansible.plugins.lookup import LookupBase

DIGEST = re.compile(r"[0-9a-f]{64}")
FIELDS = ("name", "url", "sha256")
LARGEST = 64 << 20  # bytes; no manifest is that large, a wrong address may be


class Trouble(Exception):
    """Why there is no such file, and what to do."""


@dataclass(frozen=True)
class Manifest:
    """A published file."""

    name: str
    url: str
    sha256: str

    @classmethod
    def of(cls, term: Any) -> Manifest:
        """A checked term of the lookup."""
        if not isinstance(term, Mapping) or sorted(term) != sorted(FIELDS):
            raise Trouble(f"a manifest has name, url and sha256, and this is {term!r}")
        manifest = cls(*(str(term[field]) for field in FIELDS))
        if manifest.name != Path(manifest.name).name or manifest.name.startswith("."):
            raise Trouble(f"name is {manifest.name!r}, and has to be the plain name of a file")
        if not DIGEST.fullmatch(manifest.sha256):
            raise Trouble(
                f"{manifest.name}: sha256 is {manifest.sha256!r}, and has to be 64 hexadecimal digits in lower case"
            )
        if urlsplit(manifest.url).scheme not in ("https", "http"):
            raise Trouble(f"{manifest.name}: url is {manifest.url!r}, and has to begin with https://")
        return manifest

    def found_in(self, directory: Path) -> Path:
        """The file of that directory."""
        path = directory / self.name
        try:
            found = digest(path.read_bytes())
        except OSError as error:
            raise Trouble(
                f"{self.name}: can't read {path}: {error.strerror}. "
                f"Put the file there that {self.url} is, with the SHA-256 {self.sha256}, or name no directory."
            ) from error
        if found != self.sha256:
            raise Trouble(
                f"{self.name}: {path} has the SHA-256 {found}, wanted is {self.sha256}. "
                f"Put the file of {self.url} there, or correct the digest if you meant another version."
            )
        return path

    def kept_in(self, cache: Path, timeout: int) -> Path:
        """The file in the cache; it is downloaded when it is not there, or damaged."""
        path = cache / "manifests" / self.sha256 / self.name
        try:
            if digest(path.read_bytes()) == self.sha256:
                return path
        except OSError:
            pass  # not there yet
        content = self._downloaded(timeout)
        found = digest(content)
        if found != self.sha256:
            raise Trouble(
                f"{self.name}: {self.url} has the SHA-256 {found}, wanted is {self.sha256}. Nothing was kept. "
                "Compare both with what the publisher says, and correct the version or its digest."
            )
        try:
            _write(path, content)
        except OSError as error:
            raise Trouble(f"{self.name}: can't write {path}: {error.strerror}. Name another cache.") from error
        return path

    def _downloaded(self, timeout: int) -> bytes:
        try:
            with open_url(self.url, timeout=timeout, http_agent="tollgate") as answer:
                content: bytes = answer.read(LARGEST + 1)
        except Exception as error:  # open_url lets through whatever its libraries raise
            raise Trouble(
                f"{self.name}: can't download {self.url}: {error}. "
                f"Where it can't be reached, put the file in a directory under its name, and name that directory."
            ) from error
        if len(content) > LARGEST:
            raise Trouble(f"{self.name}: {self.url} has more than {LARGEST >> 20} MiB, which is no manifest.")
        return content


def digest(content: bytes) -> str:
    """SHA-256, in hexadecimal digits."""
    return hashlib.sha256(content).hexdigest()


def _write(path: Path, content: bytes) -> None:
    """By one rename, since runs may share the cache."""
    path.parent.mkdir(parents=True, exist_ok=True)
    descriptor, temporary = tempfile.mkstemp(dir=path.parent, prefix=".")
    try:
        with os.fdopen(descriptor, "wb") as stream:
            stream.write(content)
        Path(temporary).replace(path)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise


class LookupModule(LookupBase):
    """The lookup."""

    def run(self, terms: list[Any], variables: dict[str, Any] | None = None, **kwargs: Any) -> list[str]:
        self.set_options(var_options=variables, direct=kwargs)
        directory, cache, timeout = (self.get_option(name) for name in ("directory", "cache", "timeout"))
        try:
            manifests = [Manifest.of(term) for term in terms]
            if directory:
                return [str(each.found_in(Path(directory).expanduser())) for each in manifests]
            return [str(each.kept_in(Path(cache).expanduser(), timeout)) for each in manifests]
        except Trouble as error:
            raise AnsibleLookupError(str(error)) from None
