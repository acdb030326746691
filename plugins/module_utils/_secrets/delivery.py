# Copyright: Contributors to the Tollgate project
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What to do about one Secret that takes values out of a store: a pure decision from what is there and is wanted.

An annotation names the keys that were delivered. Other keys of a Secret belong to somebody else: they are kept, and a
value of theirs is never overwritten.
"""

from __future__ import annotations

from collections.abc import Mapping
from copy import deepcopy
from dataclasses import dataclass, field, replace
from typing import Any

from .fingerprint import fingerprint
from .secret_object import (
    KEY,
    LABELS,
    OPAQUE,
    Object,
    annotations_of,
    blank,
    data_of,
    encoded,
    is_immutable,
    is_leaving,
    labels_of,
    name_problem,
    namespace_problem,
    where,
)

KEYS = "tollgate.llm/delivered-keys"
# What External Secrets notes on a Secret that it writes (apis/externalsecrets/v1, LabelManaged and AnnotationDataHash).
EXTERNAL_LABEL, EXTERNAL_NOTE = "reconcile.external-secrets.io/managed", "reconcile.external-secrets.io/data-hash"
# What lets the controller of Sealed Secrets keep a Secret that is there, leave keys of somebody else alone, and make it
# again when it is removed. It is not owned by its SealedSecret, with which Kubernetes would remove it.
_SEALED = "sealedsecrets.bitnami.com/"
SEALED_NOTES = {f"{_SEALED}{name}": "true" for name in ("managed", "patch", "skip-set-owner-references")}
UNKNOWN = "not made yet"
# An entry of the option `deliver`.
ENTRY: dict[str, dict[str, Any]] = {
    "name": {"type": "str", "required": True},
    "namespace": {"type": "str", "required": True},
    "type": {"type": "str", "default": "Opaque"},
    "labels": {"type": "dict"},
    "immutable": {"type": "bool", "default": False},
    "data": {"type": "dict", "required": True},
}


@dataclass(frozen=True, slots=True)
class Source:
    """Where a key's value comes from: a secret of the store, or a text that is no secret."""

    secret: str | None
    text: str | None


@dataclass(frozen=True, slots=True)
class Delivery:
    """One declared Secret."""

    namespace: str
    name: str
    type: str = OPAQUE
    labels: Mapping[str, str] = field(default_factory=dict)
    immutable: bool = False
    data: Mapping[str, Source] = field(default_factory=dict)

    def __str__(self) -> str:
        return where(self.namespace, self.name)

    @property
    def secrets(self) -> list[str]:
        """The names that it takes out of the store."""
        return [source.secret for source in self.data.values() if source.secret is not None]


@dataclass(frozen=True, slots=True)
class Step:
    """What is to be done: C(action) as it is counted, the paths that change, the object to send."""

    action: str
    fields: tuple[str, ...] = ()
    body: Object | None = field(default=None, repr=False)
    problems: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()
    before: Any = None
    after: Any = None


UNCHANGED = Step("unchanged")


def declared(entry: Mapping[str, Any]) -> tuple[Delivery, list[str]]:
    """An entry of the list, with everything that is wrong with it."""
    namespace, name = str(entry["namespace"]), str(entry["name"])
    problems = [text for text in (namespace_problem(namespace), name_problem(name)) if text]
    data = {}
    for key, source in entry["data"].items():
        if not KEY.fullmatch(str(key)):
            problems.append(f'no key can have the name "{key}": it must consist of letters, digits, -, _ and .')
        if not isinstance(source, Mapping) or len(source) != 1 or not source.keys() <= {"secret", "value"}:
            problems.append(f"{key} must have either secret (a name in the store) or value (a text that is no secret)")
            continue
        ((kind, text),) = source.items()
        if not isinstance(text, str) or not text:
            problems.append(f"{key}.{kind} must be a text")
            continue
        data[str(key)] = Source(text, None) if kind == "secret" else Source(None, text)
    labels = {str(label): str(text) for label, text in (entry["labels"] or {}).items()}
    wanted = Delivery(namespace, name, entry["type"], labels, entry["immutable"], data)
    return wanted, [f"{wanted}: {problem}." for problem in problems]


def plan(wanted: Delivery, found: Object | None, values: Mapping[str, bytes | None]) -> Step:
    """Compare. VALUES has the value of each key; none when the store has not been filled yet, in check mode."""
    if found is None:
        body = blank(wanted.namespace, wanted.name, wanted.type)
        body = _merged(wanted, body, values, set())
        return Step("created", body=body, before="absent", after=_shown(wanted, values))
    if is_leaving(found):
        return _refused(f"{wanted} is being removed, and waits for a finalizer. Run again when it is gone.")
    kind = found.get("type", OPAQUE)
    if kind != wanted.type:
        return _refused(
            f"{wanted} is of type {kind}, not {wanted.type}, and a type can't be changed. If nothing else needs it: "
            f"{_remove(wanted)}"
        )
    here, ours = data_of(found), delivered_keys(found)
    different = [key for key, value in values.items() if value is None or here.get(key) != value]
    if is_immutable(found):
        problems, warnings = _immutable(wanted, here, values, different)
        return Step("unchanged", problems=problems, warnings=warnings) if different else _update(wanted, found, values)
    foreign = [key for key in different if here.get(key) and key not in ours and values[key] is not None]
    if foreign:
        return _refused(*(_foreign(wanted, key, here[key], values[key] or b"") for key in foreign))
    return _update(wanted, found, values)


def plan_removal(wanted: Delivery, found: Object | None) -> Step:
    """What was delivered goes; what somebody else put there stays."""
    if found is None or is_leaving(found):
        return UNCHANGED
    ours, here = delivered_keys(found), data_of(found)
    if not ours:
        return Step("unchanged", warnings=(f"{wanted} was not delivered from here, and is left alone",))
    foreign = sorted(here.keys() - ours)
    before = {key: fingerprint(here[key]) for key in sorted(here.keys() & ours)}
    if not foreign:
        return Step("deleted", body=found, before=before, after="absent")
    if is_immutable(found):
        return _refused(
            f"{wanted} is immutable, and has the keys {', '.join(foreign)} of somebody else: {_remove(wanted)}"
        )
    body = deepcopy(found)
    for key in before:
        del body["data"][key]
    del body["metadata"]["annotations"][KEYS]
    fields = tuple(f"data.{key}" for key in before)
    return Step("updated", fields, body, before=before, after=dict.fromkeys(before, "absent"))


def external(found: Object | None) -> bool:
    """Whether External Secrets says that it writes this Secret."""
    return found is not None and labels_of(found).get(EXTERNAL_LABEL) == "true"


def sealed(found: Object | None) -> bool:
    """Whether the controller of Sealed Secrets may keep this Secret."""
    return found is not None and SEALED_NOTES.items() <= annotations_of(found).items()


def handed_over(step: Step, found: Object | None) -> Step:
    """The step, and what lets the controller of Sealed Secrets keep the Secret, in place of External Secrets."""
    if step.action == "created" and step.body is not None:
        body = deepcopy(step.body)
        body["metadata"]["annotations"] |= SEALED_NOTES
        return replace(step, body=body)
    if found is None or step.problems or step.action not in ("unchanged", "updated"):
        return step
    if sealed(found) and not external(found):
        return step
    body = deepcopy(step.body or found)
    labels = {name: text for name, text in labels_of(body).items() if name != EXTERNAL_LABEL}
    notes = {name: text for name, text in annotations_of(body).items() if name != EXTERNAL_NOTE}
    return _with(step, found, body, {"labels": labels, "annotations": {**notes, **SEALED_NOTES}})


def reclaimed(step: Step, found: Object | None) -> Step:
    """The step, and what other deliverers have noted taken off. For when none of their objects is about this Secret."""
    if found is None or step.problems or step.action not in ("unchanged", "updated"):
        return step
    marks = {"labels": {EXTERNAL_LABEL}, "annotations": {EXTERNAL_NOTE, *SEALED_NOTES}}
    body = deepcopy(step.body or found)
    left = {
        part: {name: text for name, text in (body["metadata"].get(part) or {}).items() if name not in names}
        for part, names in marks.items()
        if names & (found["metadata"].get(part) or {}).keys()
    }
    return _with(step, found, body, left) if left else step


def _with(step: Step, found: Object, body: Object, parts: Mapping[str, Mapping[str, str]]) -> Step:
    """The step, with these labels or annotations as well."""
    before, after = dict(step.before or {}), dict(step.after or {})
    for part, wanted in parts.items():
        before[part] = dict(found["metadata"].get(part) or {})
        body["metadata"][part] = dict(wanted)
        after[part] = dict(wanted)
    fields = tuple(dict.fromkeys([*step.fields, *parts]))
    return Step("updated", fields, body, warnings=step.warnings, before=before, after=after)


def delivered_keys(found: Object) -> set[str]:
    """The keys that were delivered before."""
    return set(filter(None, annotations_of(found).get(KEYS, "").split(",")))


def _update(wanted: Delivery, found: Object, values: Mapping[str, bytes | None]) -> Step:
    here, ours = data_of(found), delivered_keys(found)
    dropped = (set() if is_immutable(found) else ours - values.keys()) & here.keys()
    changed = sorted({key for key, value in values.items() if value is None or here.get(key) != value} | dropped)
    body = _merged(wanted, found, values, dropped)
    fields = [f"data.{key}" for key in changed]
    if body["metadata"]["labels"] != labels_of(found):
        fields.append("labels")
    if is_immutable(body) != is_immutable(found):
        fields.append("immutable")
    if delivered_keys(body) != ours:
        fields.append("annotations")
    if not fields:
        return UNCHANGED
    before: dict[str, Any] = {key: fingerprint(here[key]) if key in here else "absent" for key in changed}
    after: dict[str, Any] = {key: _fingerprint(values[key]) if key in values else "absent" for key in changed}
    for name, old, new in (
        ("labels", dict(labels_of(found)), body["metadata"]["labels"]),
        ("immutable", is_immutable(found), is_immutable(body)),
        ("annotations", annotations_of(found).get(KEYS, "absent"), annotations_of(body)[KEYS]),
    ):
        if name in fields:
            before[name], after[name] = old, new
    return Step("updated", tuple(fields), body, before=before, after=after)


def _merged(wanted: Delivery, found: Object, values: Mapping[str, bytes | None], dropped: set[str]) -> Object:
    body = deepcopy(found)
    metadata = body["metadata"]
    metadata["labels"] = {**(metadata.get("labels") or {}), **LABELS, **wanted.labels}
    keys = delivered_keys(found) | values.keys() if is_immutable(found) else values.keys()
    metadata["annotations"] = {**(metadata.get("annotations") or {}), KEYS: ",".join(sorted(keys))}
    kept = {key: value for key, value in (body.get("data") or {}).items() if key not in dropped}
    body["data"] = {**kept, **{key: encoded(value) for key, value in values.items() if value is not None}}
    if wanted.immutable:
        body["immutable"] = True
    return body


def _shown(wanted: Delivery, values: Mapping[str, bytes | None]) -> dict[str, Any]:
    shown: dict[str, Any] = {key: _fingerprint(value) for key, value in values.items()}
    return {**shown, "type": wanted.type, "immutable": wanted.immutable, "labels": {**LABELS, **wanted.labels}}


def _fingerprint(value: bytes | None) -> str:
    return UNKNOWN if value is None else fingerprint(value)


def _immutable(
    wanted: Delivery, here: Mapping[str, bytes], values: Mapping[str, bytes | None], different: list[str]
) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Problems, and in check mode warnings about what can't be known yet."""
    problems, warnings = [], []
    for key in different:
        value, held = values[key], here.get(key)
        holds = f"has no key {key}" if held is None else f"holds {fingerprint(held)} under {key}"
        if value is None:
            warnings.append(
                f"{wanted} is immutable and {holds}, but the store has no {wanted.data[key].secret} yet: unless the "
                "store is given that very value, a run refuses to deliver another one"
            )
            continue
        problems.append(
            f"{wanted} is immutable and {holds}, but {_origin(wanted, key)} is {fingerprint(value)}. "
            f"{'' if held is None else _keep(wanted, key)}"
            f"To deliver the other value, when nothing needs the old one any more: {_remove(wanted)}"
        )
    return tuple(problems), tuple(warnings)


def _foreign(wanted: Delivery, key: str, held: bytes, value: bytes) -> str:
    operation = f"""'[{{"op": "remove", "path": "/data/{key}"}}]'"""
    return (
        f"{wanted} holds {fingerprint(held)} under {key}, which was not delivered from here, but "
        f"{_origin(wanted, key)} is {fingerprint(value)}. {_keep(wanted, key)}To replace it: "
        f"kubectl -n {wanted.namespace} patch secret {wanted.name} --type=json -p {operation}"
    )


def _origin(wanted: Delivery, key: str) -> str:
    secret = wanted.data[key].secret
    return "the declared text" if secret is None else f'secret "{secret}" of the store'


def _keep(wanted: Delivery, key: str) -> str:
    secret = wanted.data[key].secret
    if secret is None:
        return "To keep it, declare that text. "
    return (
        f'To keep the delivered value, put it into the store: remove "{secret}" there with state: absent and '
        "allow_loss: true, then declare it once with value_file. "
    )


def _remove(wanted: Delivery) -> str:
    return f"kubectl -n {wanted.namespace} delete secret {wanted.name}"


def _refused(*problems: str) -> Step:
    return Step("unchanged", problems=problems)
