# Copyright: Contributors to the Tollgate project
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Compares the tables of plugins/module_utils/_litellm with the OpenAPI document of a running proxy.

Every endpoint that the modules call, every query parameter and every field has to be there, and with the type that the
table says. The other way round, everything that LiteLLM takes in these calls is a field, or is left out with a reason:
LiteLLM takes unknown names with 200 and drops them, so that nothing else would tell.

    .venv/bin/python tests/support/contract.py                     # against a gateway that is made for it
    .venv/bin/python tests/support/contract.py --litellm 1.104.2   # the same of another version
    .venv/bin/python tests/support/contract.py --url http://127.0.0.1:4000
"""

from __future__ import annotations

import argparse
import json
import re
import sys
import urllib.request
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from checkout import COLLECTIONS

sys.path.insert(0, str(COLLECTIONS))

from ansible_collections.tollgate.llm.plugins.module_utils._litellm.field import Field, numbers
from ansible_collections.tollgate.llm.plugins.module_utils._litellm.guards import LICENCE, VERSION
from ansible_collections.tollgate.llm.plugins.module_utils._litellm.kind import Kind
from ansible_collections.tollgate.llm.plugins.module_utils._litellm.kinds import RESOURCES
from ansible_collections.tollgate.llm.plugins.module_utils._litellm.resource import Resource
from ansible_collections.tollgate.llm.plugins.module_utils._litellm.resources import member
from gateway import running

TIMEOUT = 120  # seconds; the proxy builds the document when it is first asked for it
TYPES: dict[Kind, set[str]] = {
    Kind.TEXT: {"string"},
    Kind.NUMBER: {"integer"},
    Kind.POSITIVE: {"integer"},
    Kind.MONEY: {"number"},
    Kind.FLAG: {"boolean"},
    Kind.DURATION: {"string"},
    Kind.NAMES: {"array"},
    Kind.RECORDS: {"array"},
    Kind.RATES: {"object"},
    Kind.DICT: {"object"},
    Kind.PARTS: {"object"},
    Kind.WINDOWS: {"array"},
    Kind.TIME: {"string"},
    Kind.MEMBERS: {"array"},
}
SINCE = re.compile(r",? since (\d+\.\d+\.\d+)$")
NESTED = "litellm_params"

Schema = Mapping[str, Any]


class Document:
    """An OpenAPI document."""

    def __init__(self, content: Schema) -> None:
        self._schemas: Schema = content["components"]["schemas"]
        self._paths: Schema = content["paths"]
        self.version = str(content["info"]["version"])

    def has(self, since: str) -> bool:
        """Whether the proxy is of this version or newer."""
        return numbers(self.version) >= numbers(since)

    def operation(self, call: str) -> Schema | None:
        """What the document says of C(POST /path); None when it does not know it."""
        method, path = call.split(" ", 1)
        # The document calls what a path holds by other names.
        found: Schema | None = self._paths.get(path, {}).get(method.lower())
        return found

    def body(self, call: str) -> dict[str, Schema]:
        """The fields of a request's body."""
        content = (self.operation(call) or {}).get("requestBody", {}).get("content", {})
        return self.properties(content.get("application/json", {}).get("schema", {}))

    def properties(self, schema: Schema) -> dict[str, Schema]:
        """The fields of a schema and of those that it refers to."""
        found: dict[str, Schema] = {}
        for part in self._parts(schema):
            found |= part.get("properties", {})
        return found

    def types(self, schema: Schema) -> set[str]:
        """The JSON types that are taken, but for null."""
        return {str(part["type"]) for part in self._parts(schema) if "type" in part} - {"null"}

    def choices(self, schema: Schema) -> set[str]:
        """The texts that are taken, if not all are."""
        return {str(choice) for part in self._parts(schema) for choice in part.get("enum", ()) if choice is not None}

    def _parts(self, schema: Schema) -> Iterator[Schema]:
        if "$ref" in schema:
            yield from self._parts(self._schemas[schema["$ref"].rpartition("/")[2]])
            return
        yield schema
        for name in ("anyOf", "allOf", "oneOf"):
            for part in schema.get(name, ()):
                yield from self._parts(part)


def problems(document: Document, resources: Sequence[Resource] = RESOURCES) -> list[str]:
    """A sentence for each mismatch."""
    asked = (f"GET {LICENCE}", f"GET {VERSION}")
    found = [f"{call}: no such endpoint" for call in asked if document.operation(call) is None]
    for resource in resources:
        found += [f"{resource.kind}: {text}" for text in _resource(document, resource)]
    add, update = member.CALLS["add member"], member.CALLS["update member"]
    for line in [each for each in member.FIELDS if each.of(document.version)]:
        places = [] if line.update_only else [add]
        found += [f"member: {text}" for call in (*places, update) for text in _field(document, line, call)]
    known = {line.sent or line.name for line in member.FIELDS} | set(member.LEFT_OUT)
    found += [f"member: {text}" for text in _unknown(document, (add, update), known)]
    return found


def _resource(document: Document, resource: Resource) -> Iterator[str]:
    missing = {call for call in resource.calls.values() if document.operation(call) is None}
    yield from (f"{call}: no such endpoint" for call in sorted(missing))
    for purpose, names in resource.asks.items():
        operation = document.operation(resource.calls[purpose]) or {}
        taken = {parameter["name"] for parameter in operation.get("parameters", ())}
        asked = {name for name, since in map(_since, names) if document.has(since)}
        yield from (f"{resource.calls[purpose]}: no parameter {name}" for name in sorted(asked - taken))
    lines = [line for line in resource.fields if line.of(document.version) and line.kind is not Kind.MEMBERS]
    for line in lines:
        later = "" if line.create_only or line.fixed or line.inside else resource.calls[line.by]
        for call in ("" if line.update_only else resource.calls["create"], later):
            if call and call not in missing:
                yield from _field(document, line, call)
    known = {line.sent or line.name for line in resource.fields} | set(resource.left_out)
    calls = (resource.calls["create"], resource.calls["update"])
    yield from _unknown(document, calls, known)
    taken = {name for call in calls for name in document.body(call)}
    yield from (
        f"{name} is left out ({reason}), but LiteLLM does not have it"
        for name, reason in resource.left_out.items()
        if name not in taken and document.has(_since(reason)[1])
    )


def _since(text: str) -> tuple[str, str]:
    """A text and the version that it may name: C(... since 1.106.0)."""
    found = SINCE.search(text)
    return (text[: found.start()], found.group(1)) if found else (text, "")


def _field(document: Document, line: Field, call: str) -> Iterator[str]:
    if line.unlisted:
        return
    properties = document.body(call)
    if line.at.startswith(f"{NESTED}."):
        properties = document.properties(properties.get(NESTED, {}))
    name = line.sent or line.name
    if name not in properties:
        yield f"{call}: no field {name}"
        return
    types = document.types(properties[name])
    if types and not types & TYPES[line.kind]:
        yield f"{call}: {name} is {' or '.join(sorted(types))}, not {line.kind.value}"
    unknown = set(line.choices) - document.choices(properties[name])
    if unknown:
        yield f"{call}: {name} may not be {', '.join(sorted(unknown))}"


def _unknown(document: Document, calls: Sequence[str], known: set[str]) -> Iterator[str]:
    for call in calls:
        yield from (
            f"{call}: {name} is neither a field nor left out with a reason"
            for name in sorted(document.body(call).keys() - known)
        )


def read(url: str) -> Document:
    """The document of a proxy, which needs no key."""
    with urllib.request.urlopen(f"{url}/openapi.json", timeout=TIMEOUT) as answer:
        return Document(json.load(answer))


def compare(url: str) -> None:
    """Print every mismatch; ends the step when there is one."""
    document = read(url)
    found = problems(document)
    print(*found, sep="\n")
    fields = sum(len(resource.fields) for resource in RESOURCES) + len(member.FIELDS)
    calls = {call for resource in RESOURCES for call in resource.calls.values()}
    print(f"LiteLLM {document.version}: {fields} fields, {len(calls)} endpoints, {len(found)} mismatches")
    if found:
        raise SystemExit(f"{len(found)} mismatches")


def main() -> None:
    """Compare with the proxy that is named, or with one that is made for it."""
    parser = argparse.ArgumentParser(description="Compare the tables of fields with a proxy's OpenAPI document.")
    parser.add_argument("--url", help="a proxy that runs")
    parser.add_argument("--litellm", default="", help="the version of the proxy that is made")
    options = parser.parse_args()
    if options.url:
        compare(options.url.rstrip("/"))
        return
    chosen = ("-e", f"gateway_litellm_version={options.litellm}") if options.litellm else ()
    with running("contract", *chosen) as gateway:
        compare(gateway.url)


if __name__ == "__main__":
    main()
