# Copyright: Contributors to the Tollgate project
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A SealedSecret as a file: read, changed where that is needed, and written as YAML.

An annotation holds a note of each value (`slow_note.py`), so that an unchanged one keeps its ciphertext. Another names
the certificate that the values were sealed with.
"""

from __future__ import annotations

import base64
import binascii
import json
import traceback
from collections.abc import Collection, Mapping
from copy import deepcopy
from dataclasses import dataclass

from . import slow_note
from .delivery import KEYS, SEALED_NOTES
from .sealing import LEAST_BITS, TAG, Certificate, Scope
from .secret_object import LABELS, OPAQUE, Object, annotations_of, is_immutable, where

try:
    import yaml
except ImportError:
    YAML_IMPORT_ERROR: str | None = traceback.format_exc()
else:
    YAML_IMPORT_ERROR = None

API_VERSION, KIND = "bitnami.com/v1alpha1", "SealedSecret"
NOTES, SEALED_WITH = "tollgate.llm/sealed-notes", "tollgate.llm/sealed-with"
LARGEST = 4 << 20  # bytes; more than the API server takes


class ManifestError(Exception):
    """A file is no such manifest; the text says what to do."""


@dataclass(frozen=True)
class Shape:
    """The declared SealedSecret, but for its values."""

    namespace: str
    name: str
    scope: Scope = Scope.STRICT
    type: str = OPAQUE
    labels: Mapping[str, str] | None = None
    immutable: bool = False

    def __str__(self) -> str:
        return f"Sealed{where(self.namespace, self.name)}"

    @property
    def label(self) -> bytes:
        """What its values are bound to."""
        return self.scope.label(self.namespace, self.name)


def parse(data: bytes, place: str) -> Object:
    """The object in a file. Raises ManifestError."""
    advice = "Move the file away, or name another directory"
    try:
        documents = [each for each in yaml.safe_load_all(data.decode()) if each is not None]
    except (UnicodeDecodeError, yaml.YAMLError) as error:
        raise ManifestError(f"{place} can't be read as YAML. {advice}") from error
    found = documents[0] if len(documents) == 1 else None
    if not isinstance(found, dict) or (found.get("apiVersion"), found.get("kind")) != (API_VERSION, KIND):
        raise ManifestError(f"{place} is not one SealedSecret ({API_VERSION}). {advice}")
    if not isinstance(found.get("metadata"), dict) or not isinstance(found.get("spec"), dict):
        raise ManifestError(f"{place} is a SealedSecret without metadata or spec. {advice}")
    return found


def render(body: Object) -> bytes:
    """The text of a file; the same for the same object."""
    text: str = yaml.safe_dump(body, sort_keys=False, width=1 << 20, allow_unicode=True)
    return f"---\n{text}".encode()


def ciphertexts(found: Object) -> dict[str, str]:
    """The sealed values by key, as far as they can be ones."""
    held = found["spec"].get("encryptedData") or {}
    return {key: text for key, text in held.items() if isinstance(text, str) and _whole(text)}


def notes(found: Object) -> dict[str, str]:
    """The notes by key; none when they were damaged."""
    try:
        kept = json.loads(annotations_of(found).get(NOTES, "{}"))
    except ValueError:
        return {}
    return {str(key): str(text) for key, text in kept.items()} if isinstance(kept, dict) else {}


def noted(found: Object, key: str, value: bytes) -> bool:
    """Whether the note of a key is of this value, however that is sealed."""
    try:
        return slow_note.is_of(notes(found).get(key, ""), value)
    except ValueError:
        return False


def opens_as(found: Object, shape: Shape) -> bool:
    """Whether the controller will open its values for this Secret."""
    metadata = found["metadata"]
    here = Shape(str(metadata.get("namespace")), str(metadata.get("name")), Scope.of(dict(annotations_of(found))))
    return here.label == shape.label


def sealed_with(found: Object, certificate: Certificate) -> bool:
    """Whether its values were sealed with this certificate's key. True of one that does not say."""
    return annotations_of(found).get(SEALED_WITH, certificate.fingerprint) == certificate.fingerprint


def made(
    shape: Shape,
    found: Object | None,
    values: Mapping[str, bytes | None],
    certificate: Certificate,
    *,
    kept: Collection[str] = (),
) -> Object:
    """The object that holds exactly these values: those of the keys in KEPT as they are sealed, the others sealed anew.

    None stands for a value that is not made yet. What FOUND has beside is kept.
    """
    blank: Object = {"apiVersion": API_VERSION, "kind": KIND, "metadata": {}, "spec": {}}
    body = blank if found is None else deepcopy(found)
    old = {} if found is None else ciphertexts(found)
    written = {} if found is None else {key: text for key, text in notes(found).items() if key in kept}
    sealed = {key: old[key] for key in values if key in kept and key in old}
    fresh = [(key, value) for key, value in values.items() if key not in kept and value is not None]
    for key, value in fresh:
        sealed[key] = base64.b64encode(certificate.seal(value, shape.label)).decode()
        written[key] = slow_note.note(value)
    metadata = body["metadata"]
    metadata["name"], metadata["namespace"] = shape.name, shape.namespace
    labels = {**LABELS, **(shape.labels or {})}
    metadata["labels"] = {**(metadata.get("labels") or {}), **labels}
    others = {name: text for name, text in annotations_of(body).items() if name not in _wide()}
    metadata["annotations"] = {**others, **shape.scope.annotations, NOTES: json.dumps(written, sort_keys=True)}
    if fresh or SEALED_WITH not in others:
        metadata["annotations"][SEALED_WITH] = certificate.fingerprint
    template = body["spec"].setdefault("template", {})
    inner = template.setdefault("metadata", {})
    inner["name"], inner["namespace"] = shape.name, shape.namespace
    inner["labels"] = {**(inner.get("labels") or {}), **labels}
    kept = {name: text for name, text in (inner.get("annotations") or {}).items() if name not in _wide()}
    inner["annotations"] = {**kept, **SEALED_NOTES, **shape.scope.annotations, KEYS: ",".join(sorted(values))}
    template["type"] = shape.type
    if shape.immutable:
        template["immutable"] = True
    else:
        template.pop("immutable", None)
    body["spec"]["encryptedData"] = sealed
    body.pop("status", None)
    return body


def immutable(found: Object) -> bool:
    """Whether the Secret that it makes can never be changed."""
    return is_immutable(found["spec"].get("template") or {})


def _wide() -> set[str]:
    return set(Scope.NAMESPACE.annotations) | set(Scope.CLUSTER.annotations)


def _whole(text: str) -> bool:
    """Whether it has the parts of a sealed value, which an edited one may have lost."""
    try:
        data = base64.b64decode(text, validate=True)
    except (ValueError, binascii.Error):
        return False
    wrapped = int.from_bytes(data[:2], "big")
    return wrapped * 8 >= LEAST_BITS and len(data) >= 2 + wrapped + TAG
