# Copyright: Contributors to the Tollgate project
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What keeps a database of CloudNativePG from becoming what is declared, decided before anything is written."""

from __future__ import annotations

import base64
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from decimal import Decimal

from .manifests import MANAGER
from .standing import Object

MANAGED_BY = "app.kubernetes.io/managed-by"
DEFAULT_CLASS = "storageclass.kubernetes.io/is-default-class"
NAME = re.compile(r"[a-z]([a-z0-9-]{0,48}[a-z0-9])?")  # CloudNativePG 1.30: a DNS label of up to 50 characters
QUANTITY = re.compile(r"([0-9]+(?:\.[0-9]+)?)(|[kMGTPE]|[KMGTPE]i)")
UNITS = {"": 1, **{unit: 1000**power for power, unit in enumerate("kMGTPE", 1)}}
UNITS |= {f"{unit}i": 1024**power for power, unit in enumerate("KMGTPE", 1)}
MAJOR = re.compile(r"[0-9]+")


@dataclass(frozen=True)
class Declared:
    """A database as it is declared."""

    name: str
    namespace: str
    instances: int
    image: str
    storage_size: str
    wal_storage_size: str  # empty: none of its own
    storage_class: str  # empty: the default one
    database: str
    owner: str
    secret: str
    synchronous: str  # none, preferred, required
    synchronous_number: int
    smart_shutdown_timeout: int  # seconds
    stop_delay: int  # seconds
    major_upgrade: bool = False


@dataclass(frozen=True)
class There:
    """What the cluster has. None: it is not there; for classes, nobody may look."""

    cluster: Object | None = None
    secret: Object | None = None
    classes: Sequence[Object] | None = None


def declaration_problems(declared: Declared) -> Iterator[str]:
    """What is wrong whatever the cluster has."""
    if not NAME.fullmatch(declared.name):
        yield f"postgres_name is {declared.name!r}: up to 50 of a-z, 0-9 and -, beginning with a letter"
    if declared.instances < 1:
        yield (
            f"postgres_instances is {declared.instances}: at least 1 is needed. To stop the database and keep its "
            "volumes, set postgres_state to hibernated"
        )
    for name, value in (
        ("postgres_storage_size", declared.storage_size),
        ("postgres_wal_storage_size", declared.wal_storage_size),
    ):
        if (value or name == "postgres_storage_size") and size(value) is None:
            yield f"{name} is {value!r}: a size such as 20Gi"
    if declared.smart_shutdown_timeout >= declared.stop_delay:
        yield (
            f"postgres_smart_shutdown_timeout is {declared.smart_shutdown_timeout} s and postgres_stop_delay "
            f"{declared.stop_delay} s: clients that stay would cost a crash recovery. Leave time between them"
        )
    yield from _synchronous(declared)


def _synchronous(declared: Declared) -> Iterator[str]:
    if declared.synchronous == "none" or declared.instances < 1:
        return
    if declared.synchronous_number < 1:
        yield f"postgres_synchronous_number is {declared.synchronous_number}: at least one has to confirm"
        return
    spare = 1 if declared.synchronous == "required" else 0
    needed = 1 + declared.synchronous_number + spare
    if declared.instances >= needed:
        return
    if declared.synchronous == "required":
        yield (
            f"postgres_synchronous is required with {declared.synchronous_number} of {declared.instances} instances: "
            f"the loss of one would stop all writes. Set postgres_instances to {needed} or more, or "
            f"postgres_synchronous to {'preferred' if declared.instances > declared.synchronous_number else 'none'}"
        )
    else:
        yield (
            f"postgres_synchronous is preferred with {declared.synchronous_number} of {declared.instances} instances: "
            f"nobody could confirm. Set postgres_instances to {needed} or more, or postgres_synchronous to none"
        )


def problems(declared: Declared, there: There, *, secret_later: bool = False) -> list[str]:
    """All that is wrong. C(secret_later): the Secret may come afterwards, as in a check of a run from nothing."""
    found = list(declaration_problems(declared))
    if there.cluster is not None:
        found += _changes(declared, there.cluster)
    found += _secret(declared, there.secret, secret_later)
    if there.cluster is None and there.classes is not None:
        found += _class(declared, there.classes)
    return found


def _changes(declared: Declared, cluster: Object) -> Iterator[str]:
    """What CloudNativePG would refuse, or do without a word."""
    keeper = (cluster["metadata"].get("labels") or {}).get(MANAGED_BY)
    spec, state = cluster["spec"], cluster.get("status") or {}
    if keeper != MANAGER:
        yield (
            f"Cluster {declared.namespace}/{declared.name} is there, kept by {keeper or 'somebody else'}. Use it as it "
            "is (postgres_existing: true), or take another postgres_name"
        )
        return
    yield from _volumes(declared, spec)
    old, new = _major(spec, state), _tag_major(declared.image)
    if old and new and new < old:
        yield f"PostgreSQL {old} runs, and {declared.image} is older. A database can't go back: name an image of {old}"
    elif old and new and new > old and not declared.major_upgrade:
        yield (
            f"PostgreSQL {old} runs, and {declared.image} is of {new}. The upgrade stops the database for as long as "
            "it takes, and there is no way back without a backup: allow it with postgres_major_upgrade: true"
        )
    first = (spec.get("bootstrap") or {}).get("initdb") or {}
    for what, now, wanted in (
        ("database", first.get("database"), declared.database),
        ("owner", first.get("owner"), declared.owner),
    ):
        if now and now != wanted:
            yield f"the {what} is {now} since the first start, and {wanted} is wanted. Set postgres_{what} to {now}"


def _volumes(declared: Declared, spec: Object) -> Iterator[str]:
    for what, entry, wanted in (
        ("postgres_storage_size", spec.get("storage"), declared.storage_size),
        ("postgres_wal_storage_size", spec.get("walStorage"), declared.wal_storage_size),
    ):
        old = (entry or {}).get("size", "")
        if not old:
            continue
        if not wanted:
            yield f"{what} is empty, and there is a volume of {old} with what was not archived yet. Set it to {old}"
        elif (size(wanted) or Decimal(0)) < (size(old) or Decimal(0)):
            yield f"{what} is {wanted}, and the volumes have {old}. A volume can't shrink: set it to {old} or more"


def _secret(declared: Declared, secret: Object | None, later: bool) -> Iterator[str]:
    where = f"Secret {declared.namespace}/{declared.secret}"
    if secret is None:
        if not later:
            yield f"{where} is not there, which has the owner's name and password. Run the wave secrets first"
        return
    data = secret.get("data") or {}
    missing = [name for name in ("username", "password") if not data.get(name)]
    if missing:
        yield f"{where} has no {' and no '.join(missing)}. It has to be of the type kubernetes.io/basic-auth"
    elif decoded(data["username"]) != declared.owner:
        yield (
            f"{where} is of the user {decoded(data['username'])}, and postgres_owner is {declared.owner}. They have to "
            "be the same"
        )


def _class(declared: Declared, classes: Sequence[Object]) -> Iterator[str]:
    names = sorted(each["metadata"]["name"] for each in classes)
    there = f"There are {', '.join(names)}" if names else "There is none at all"
    if declared.storage_class:
        if declared.storage_class not in names:
            yield f"there is no StorageClass {declared.storage_class}. {there}: correct postgres_storage_class"
    elif not any((each["metadata"].get("annotations") or {}).get(DEFAULT_CLASS) == "true" for each in classes):
        yield f"no StorageClass is the default one. {there}: name one in postgres_storage_class"


def size(text: str) -> Decimal | None:
    """Bytes; None when it is no size of Kubernetes."""
    found = QUANTITY.fullmatch(str(text))
    return Decimal(found[1]) * UNITS[found[2]] if found else None


def decoded(value: str) -> str:
    """A value of a Secret."""
    return base64.b64decode(value).decode("utf-8", "replace")


def _major(spec: Object, state: Object) -> int | None:
    """The major version that the volumes are of."""
    known = (state.get("pgDataImageInfo") or {}).get("majorVersion")
    return int(known) if known else _tag_major(str(spec.get("imageName", "")))


def _tag_major(image: str) -> int | None:
    """17 of postgresql:17.6-standard-trixie; None when the tag begins with no number."""
    tag = image.partition("@")[0].rpartition("/")[2].partition(":")[2]
    found = MAJOR.match(tag)
    return int(found[0]) if found else None
