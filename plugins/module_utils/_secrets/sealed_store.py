# Copyright: Contributors to the Tollgate project
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Secrets as sealed manifests: `<directory>/<name>.yaml`, each a SealedSecret with one value.

What was sealed can't be read back here. A note in the manifest tells whether it is the declared value.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path

from . import manifest_file, sealed_manifest
from .kubernetes_store import MODE, VALUE
from .sealed_manifest import ManifestError, Shape
from .sealing import Certificate, CertificateError, Scope
from .secret_object import Object, name_problem, namespace_problem
from .store import Outcome, StoreError
from .write_once import Action, Holds, Mode, Observation, Place, Wanted, decide

SEALED = "a value that only the controller can read"
ROUNDS = 20
WORKERS = 4  # a note takes 32 MiB while it is made


@dataclass(frozen=True)
class Target:
    """Where manifests lie, and for which namespace and scope they are sealed."""

    directory: Path
    namespace: str
    scope: Scope
    certificate: Path
    reseal: bool = False


class SealedStore:
    """A directory of manifests. WANTED are the declared secrets, since a sealed value can only be compared."""

    def __init__(self, target: Target, wanted: Sequence[Wanted]) -> None:
        self.target = target
        self._wanted: Mapping[str, Wanted] = {each.name: each for each in wanted}
        self._certificate: Certificate | None = None

    def place(self, name: str) -> Place:
        path = str(self._path(name))
        return Place(path, f"Put the old file back into {path}, for example from version control", f"rm {path}")

    def location(self, name: str) -> dict[str, str]:
        return {"path": str(self._path(name)), "resource": str(self._shape(self._wanted[name]))}

    def problems(self) -> list[str]:
        target = self.target
        found = [] if target.directory.is_absolute() else [f"directory {target.directory} must be an absolute path."]
        problem = namespace_problem(target.namespace)
        if problem:
            found.append(f"{problem}.")
        try:
            self._certificate = Certificate.read(target.certificate)
        except CertificateError as error:
            found.append(str(error))
        return found

    def observe(self, names: Sequence[str]) -> dict[str, Observation]:
        with ThreadPoolExecutor(min(WORKERS, max(1, len(names)))) as pool:
            return dict(zip(names, pool.map(lambda name: self._observe(name)[0], names), strict=True))

    def apply(self, wanted: Sequence[Wanted]) -> Iterator[Outcome]:
        for entry in wanted:
            try:
                yield self._make_true(entry)
            except OSError as error:
                raise StoreError(
                    f"{self._path(entry.name)}: {error.strerror}. No manifest was damaged; run again."
                ) from error

    def _make_true(self, wanted: Wanted) -> Outcome:
        for _round in range(ROUNDS):
            existing, found = self._observe(wanted.name)
            decision = decide(existing, wanted, self.place(wanted.name))
            value = existing.value
            match decision.action:
                case Action.REFUSE:
                    raise StoreError(f'secret "{wanted.name}": {decision.reason}.')
                case Action.CREATE | Action.FILL | Action.REPLACE:
                    value = wanted.value if wanted.value is not None else _generated(wanted)
                    if not self._write(wanted, found, value, over=decision.action is not Action.CREATE):
                        continue  # somebody else was first: look again, and take theirs
                case Action.ADOPT:
                    self._write(wanted, found, None, over=True)
                case Action.REMOVE:
                    value = None
                    self._path(wanted.name).unlink(missing_ok=True)
            return Outcome(wanted, decision.action, value)
        raise StoreError(f"{self._path(wanted.name)} comes and goes: another program is changing it.")

    def _write(self, wanted: Wanted, found: Object | None, value: str | None, *, over: bool) -> bool:
        if self._certificate is None:
            raise StoreError("; ".join(self.problems()))
        values = {VALUE: value.encode() if value is not None else None}
        body = sealed_manifest.made(
            self._shape(wanted), found, values, self._certificate, kept=[VALUE] if value is None else []
        )
        body["spec"]["template"]["metadata"]["annotations"][MODE] = wanted.mode.value
        return manifest_file.publish(self._path(wanted.name), sealed_manifest.render(body), over=over)

    def _observe(self, name: str) -> tuple[Observation, Object | None]:
        path, wanted = self._path(name), self._wanted[name]
        problem = name_problem(name)
        if problem:
            return Observation(obstacle=problem), None
        try:
            data = manifest_file.read(path, sealed_manifest.LARGEST)
            if data is None:
                return Observation(), None
            found = sealed_manifest.parse(data, str(path))
        except OSError as error:
            return Observation(obstacle=f"{path} can't be read: {error.strerror}"), None
        except ManifestError as error:
            return Observation(obstacle=str(error)), None
        return self._seen(wanted, found), found

    def _seen(self, wanted: Wanted, found: Object) -> Observation:
        sealed = sealed_manifest.ciphertexts(found)
        if VALUE not in sealed:
            others = sorted(sealed)
            if others:
                return Observation(
                    obstacle=f"{self._path(wanted.name)} has the keys {', '.join(others)} and no key {VALUE}: it was "
                    "not made here. Choose another name or directory"
                )
            return Observation(Holds.EMPTY)
        known = wanted.value is not None and sealed_manifest.noted(found, VALUE, wanted.value.encode())
        value = wanted.value if known else None
        shape = self._shape(wanted)
        if not sealed_manifest.opens_as(found, shape) or self._outdated(found):
            return self._elsewhere(wanted, found, value)
        seen = Observation(Holds.VALUE, value, unreadable=SEALED)
        if VALUE not in sealed_manifest.notes(found):
            return replace(seen, recorded=SEALED if wanted.adopt else None)
        if sealed_manifest.immutable(found) is not shape.immutable and wanted.mode is Mode.WRITE_ONCE:
            return replace(seen, unfinished=True)
        return replace(seen, recorded=seen.fingerprint)

    def _elsewhere(self, wanted: Wanted, found: Object, value: str | None) -> Observation:
        """It has to be sealed again, which takes the value."""
        if value is not None and wanted.value is not None:
            return Observation(Holds.EMPTY, recorded=Wanted(wanted.name, value=value).fingerprint)
        held = "with another certificate" if sealed_manifest.opens_as(found, self._shape(wanted)) else "elsewhere"
        return Observation(
            obstacle=f"{self._path(wanted.name)} was sealed for use {held}, and has to be sealed again, but its value "
            "is not declared here. Declare it once with value_file, or leave it as it was"
        )

    def _outdated(self, found: Object) -> bool:
        certificate = self._certificate
        return self.target.reseal and certificate is not None and not sealed_manifest.sealed_with(found, certificate)

    def _shape(self, wanted: Wanted) -> Shape:
        once = wanted.mode is Mode.WRITE_ONCE
        return Shape(self.target.namespace, wanted.name, self.target.scope, immutable=once)

    def _path(self, name: str) -> Path:
        return self.target.directory / f"{name}.yaml"


def _generated(wanted: Wanted) -> str:
    if wanted.generate is None:
        raise StoreError(f'secret "{wanted.name}": neither generate nor a value is declared.')
    return wanted.generate.new()
