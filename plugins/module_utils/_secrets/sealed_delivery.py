# Copyright: Contributors to the Tollgate project
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Values out of a store, sealed into manifests for the Secrets that workloads read: decide, refuse, then write."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from . import manifest_file, sealed_manifest
from .deliver import COUNTED
from .delivery import UNKNOWN, Delivery
from .ensure import SecretsRefusedError
from .fingerprint import fingerprint
from .sealed_manifest import ManifestError, Shape
from .sealed_store import WORKERS
from .sealing import Certificate, Scope
from .secret_object import Object
from .write_once import State


@dataclass(frozen=True)
class Sealing:
    """How it is done."""

    directory: Path
    certificate: Certificate
    scope: Scope = Scope.STRICT
    reseal: bool = False
    state: State = State.PRESENT
    check_mode: bool = False


@dataclass(frozen=True)
class Step:
    """One manifest with what is to be done."""

    wanted: Delivery
    path: Path
    action: str = "unchanged"
    fields: tuple[str, ...] = ()
    body: Object | None = field(default=None, repr=False)
    before: Any = None
    after: Any = None
    problem: str = ""


def seal(wanted: Sequence[Delivery], texts: Mapping[str, bytes | None], sealing: Sealing) -> dict[str, Any]:
    """Make these manifests true, or remove them; a module's result. Raises SecretsRefusedError before it writes."""
    with ThreadPoolExecutor(min(WORKERS, max(1, len(wanted)))) as pool:
        steps = list(pool.map(lambda one: _planned(one, texts, sealing), wanted))
    problems = [step.problem for step in steps if step.problem]
    if problems:
        raise SecretsRefusedError(problems)
    if not sealing.check_mode:
        for step in steps:
            if step.action == "deleted":
                step.path.unlink(missing_ok=True)
            elif step.body is not None and step.action != "unchanged":
                manifest_file.publish(step.path, sealed_manifest.render(step.body), over=True)
    return _result(steps)


def path_of(directory: Path, wanted: Delivery) -> Path:
    """A namespace has no dot in its name."""
    return directory / f"{wanted.namespace}.{wanted.name}.yaml"


def _planned(wanted: Delivery, texts: Mapping[str, bytes | None], sealing: Sealing) -> Step:
    step = Step(wanted, path_of(sealing.directory, wanted))
    try:
        data = manifest_file.read(step.path, sealed_manifest.LARGEST)
        found = None if data is None else sealed_manifest.parse(data, str(step.path))
    except (OSError, ManifestError) as error:
        said = f"{step.path} can't be read: {error.strerror}" if isinstance(error, OSError) else str(error)
        return replace(step, problem=f"{said}.")
    if sealing.state is State.ABSENT:
        return step if found is None else replace(step, action="deleted", before=str(wanted), after="absent")
    values = {
        key: texts[source.secret] if source.secret is not None else (source.text or "").encode()
        for key, source in wanted.data.items()
    }
    shown = {key: UNKNOWN if value is None else fingerprint(value) for key, value in values.items()}
    shape = Shape(wanted.namespace, wanted.name, sealing.scope, wanted.type, wanted.labels, wanted.immutable)
    if found is None:
        body = sealed_manifest.made(shape, None, values, sealing.certificate)
        return replace(step, action="created", body=body, before="absent", after=shown)
    same = {key for key, value in values.items() if value is not None and sealed_manifest.noted(found, key, value)}
    unlike = [key for key, value in values.items() if value is not None and key not in same]
    if unlike and sealed_manifest.immutable(found):
        return replace(step, problem=_refusal(step, unlike))
    again = sealing.reseal and not sealed_manifest.sealed_with(found, sealing.certificate)
    stays = not again and sealed_manifest.opens_as(found, shape)
    kept = same & sealed_manifest.ciphertexts(found).keys() if stays else set()
    body = sealed_manifest.made(shape, found, values, sealing.certificate, kept=kept)
    fields = _changed(found, body)
    before = {key: text if key in same else "another value" for key, text in shown.items()}
    return (
        replace(step, action="updated", fields=tuple(fields), body=body, before=before, after=shown) if fields else step
    )


def _refusal(step: Step, keys: Sequence[str]) -> str:
    place = f"{step.path} ({step.wanted})"
    return (
        f"{place} is immutable and was sealed with another value under {', '.join(keys)} than the store holds, or by "
        f"somebody else. To keep the sealed value, put it into the store, or take this Secret off the list. To deliver "
        f"the store's, when nothing needs the old one any more: rm {step.path}, and kubectl -n {step.wanted.namespace} "
        f"delete secret {step.wanted.name}."
    )


def _changed(found: Object, body: Object) -> list[str]:
    """The paths that differ."""
    old, new = found["spec"].get("encryptedData") or {}, body["spec"]["encryptedData"]
    fields = [f"encryptedData.{key}" for key in sorted({*old, *new}) if old.get(key) != new.get(key)]
    rest = {"metadata": (found["metadata"], body["metadata"])}
    rest["template"] = (found["spec"].get("template"), body["spec"]["template"])
    return fields + [name for name, (one, other) in rest.items() if one != other]


def _result(steps: Sequence[Step]) -> dict[str, Any]:
    changed = [step for step in steps if step.action != "unchanged"]
    return {
        "changed": bool(changed),
        "summary": {action: sum(step.action == action for step in steps) for action in COUNTED},
        "objects": [
            {
                "name": f"Sealed{step.wanted}",
                "path": str(step.path),
                "action": step.action,
                "fields": list(step.fields),
            }
            for step in steps
        ],
        "diff": {
            "before": {f"Sealed{step.wanted}": step.before for step in changed},
            "after": {f"Sealed{step.wanted}": step.after for step in changed},
        },
    }
