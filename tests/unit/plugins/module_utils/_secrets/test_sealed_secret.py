# Copyright: Contributors to the Tollgate project
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Secrets as sealed manifests: opened with the private key, kept byte for byte, never sealed again without need."""

from __future__ import annotations

import contextlib
import io
import json
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
import yaml
from ansible.module_utils.testing import patch_module_args
from ansible_collections.tollgate.llm.plugins.module_utils._secrets import slow_note
from ansible_collections.tollgate.llm.plugins.module_utils._secrets.ensure import ensure
from ansible_collections.tollgate.llm.plugins.module_utils._secrets.sealed_store import SealedStore, Target
from ansible_collections.tollgate.llm.plugins.module_utils._secrets.sealing import Scope
from ansible_collections.tollgate.llm.plugins.module_utils._secrets.value import Generate
from ansible_collections.tollgate.llm.plugins.module_utils._secrets.write_once import Wanted
from ansible_collections.tollgate.llm.plugins.modules import sealed_secret, sealed_secret_delivery
from ansible_collections.tollgate.llm.tests.unit.plugins.module_utils._secrets.sealing_controller import (
    Controller,
    certificate,
    elliptic,
)

VALUE, OTHER = "sk-0123456789abcdef", "sk-fedcba9876543210"
Run = Callable[..., dict[str, Any]]


@pytest.fixture(scope="module")
def controller(tmp_path_factory: pytest.TempPathFactory) -> Controller:
    return Controller.made(tmp_path_factory.mktemp("controller") / "cert.pem")


@pytest.fixture(autouse=True)
def quick_notes(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Notes that take no time, but where they are what is tested."""
    if "note" not in request.node.name:
        monkeypatch.setattr(slow_note, "COST", 4)


@pytest.fixture
def manifests(tmp_path: Path) -> Path:
    return tmp_path / "manifests"


def ran(module: Any, check: bool, **options: Any) -> dict[str, Any]:
    """A module's result, which holds no value."""
    arguments = {**options, "_ansible_check_mode": check, "_ansible_diff": True, "_ansible_verbosity": 3}
    written = io.StringIO()
    with patch_module_args(arguments), contextlib.redirect_stdout(written), contextlib.suppress(SystemExit):
        module.main()
    result: dict[str, Any] = json.loads(written.getvalue())
    result.pop("invocation", None)
    assert not [value for value in (VALUE, OTHER) if value in json.dumps(result)]
    return result


@pytest.fixture
def task(controller: Controller, manifests: Path) -> Run:
    """One secret, unless others are named."""

    def run(*, check: bool = False, **options: Any) -> dict[str, Any]:
        place = {"directory": str(manifests), "namespace": "store", "certificate": str(controller.certificate)}
        named = {} if "secrets" in options else {"name": "key"}
        return ran(sealed_secret, check, **{**place, **named, **options})

    return run


def only(result: dict[str, Any]) -> dict[str, Any]:
    (entry,) = result["secrets"]
    return dict(entry)


def test_a_value_is_opened_by_the_controller_alone_and_kept_byte_for_byte(
    task: Run, controller: Controller, manifests: Path, tmp_path: Path
) -> None:
    foreseen = task(value=VALUE, check=True)
    assert not manifests.exists()
    done = task(value=VALUE)
    assert (done["changed"], done["diff"], only(done)["action"]) == (True, foreseen["diff"], "create")
    path = manifests / "key.yaml"
    assert controller.opened(path) == {"value": VALUE}
    with pytest.raises(ValueError, match=r"."):
        Controller.made(tmp_path / "other.pem").opened(path)
    template = yaml.safe_load(path.read_text())["spec"]["template"]
    assert template["immutable"] is True
    assert template["metadata"]["annotations"]["sealedsecrets.bitnami.com/skip-set-owner-references"] == "true"
    assert VALUE not in path.read_text()
    before = path.read_bytes(), path.stat().st_mtime_ns
    for options in ({"value": VALUE}, {}, {"generate": {}}):
        assert only(task(**options))["action"] == "keep"
    assert (path.read_bytes(), path.stat().st_mtime_ns) == before


def test_a_generated_value_is_sealed_and_never_made_again(task: Run, controller: Controller, manifests: Path) -> None:
    done = only(task(generate={"format": "hex", "bytes": 24, "prefix": "sk-"}))
    made = controller.opened(manifests / "key.yaml")["value"]
    assert (done["length"], made[:3]) == (51, "sk-")
    assert task(generate={"format": "hex", "bytes": 32})["changed"] is False
    assert controller.opened(manifests / "key.yaml")["value"] == made


def test_another_value_is_refused_once_written_and_replaced_when_versioned(
    task: Run, controller: Controller, manifests: Path
) -> None:
    task(value=VALUE)
    before = (manifests / "key.yaml").read_bytes()
    refused = task(value=OTHER)["msg"]
    assert "but" in refused
    assert "holds a value that only the controller can read, and a write-once secret is never overwritten" in refused
    assert (manifests / "key.yaml").read_bytes() == before
    task(name="second", value=VALUE, mode="versioned")
    assert only(task(name="second", value=OTHER, mode="versioned"))["action"] == "replace"
    assert controller.opened(manifests / "second.yaml") == {"value": OTHER}
    assert task(name="second", value=OTHER, mode="versioned")["changed"] is False


@pytest.mark.parametrize("scope", ["strict", "namespace", "cluster"])
def test_each_scope_is_opened_where_it_is_meant(task: Run, controller: Controller, manifests: Path, scope: str) -> None:
    task(value=VALUE, scope=scope)
    path = manifests / "key.yaml"
    for moved, opens in (
        ({}, True),
        ({"name": "renamed"}, scope != "strict"),
        ({"namespace": "elsewhere"}, scope == "cluster"),
    ):
        found = yaml.safe_load(path.read_text())
        found["metadata"].update(moved)
        (manifests / "moved").write_text(yaml.safe_dump(found))
        if opens:
            assert controller.opened(manifests / "moved") == {"value": VALUE}
        else:
            with pytest.raises(ValueError, match=r"."):
                controller.opened(manifests / "moved")


def test_another_scope_or_namespace_seals_a_declared_value_again_and_refuses_an_unknown_one(
    task: Run, controller: Controller, manifests: Path
) -> None:
    task(value=VALUE)
    refused = task(scope="namespace")["msg"]
    assert "has to be sealed again, but its value is not declared here" in refused
    assert only(task(value=VALUE, scope="namespace"))["action"] == "fill"
    assert only(task(value=VALUE, scope="namespace", namespace="new"))["action"] == "fill"
    assert controller.opened(manifests / "key.yaml") == {"value": VALUE}
    assert task(value=VALUE, scope="namespace", namespace="new")["changed"] is False


def test_another_certificate_seals_again_only_when_that_is_asked_for(
    task: Run, controller: Controller, manifests: Path, tmp_path: Path
) -> None:
    task(value=VALUE)
    other = Controller.made(tmp_path / "other.pem")
    new = {"value": VALUE, "certificate": str(other.certificate)}
    assert task(**new)["changed"] is False
    assert only(task(**new, reseal=True))["action"] == "fill"
    assert other.opened(manifests / "key.yaml") == {"value": VALUE}
    assert task(**new, reseal=True)["changed"] is False


def test_what_kubeseal_made_is_kept_and_no_value_is_taken_for_it(
    task: Run, controller: Controller, manifests: Path
) -> None:
    task(value=VALUE)
    path = manifests / "key.yaml"
    found = yaml.safe_load(path.read_text())
    for name in ("tollgate.llm/sealed-notes", "tollgate.llm/sealed-with"):
        del found["metadata"]["annotations"][name]
    path.write_text("# ours\n" + yaml.safe_dump(found))
    before = path.read_bytes()
    assert only(task())["action"] == "keep"
    assert "was not made here, and adopt is false" in task(adopt=False)["msg"]
    assert "only the controller can read" in task(value=VALUE)["msg"]
    assert path.read_bytes() == before


def test_removing_needs_the_second_word(task: Run, manifests: Path) -> None:
    task(value=VALUE)
    assert "allow_loss: true" in task(state="absent")["msg"]
    assert task(state="absent", allow_loss=True)["changed"]
    assert not (manifests / "key.yaml").exists()
    assert task(state="absent", allow_loss=True)["changed"] is False


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("kind: Secret\napiVersion: v1\n", "is not one SealedSecret"),
        ("a: [", "can't be read as YAML"),
        ("---\na: 1\n---\nb: 2\n", "is not one SealedSecret"),
        ("apiVersion: bitnami.com/v1alpha1\nkind: SealedSecret\n", "without metadata or spec"),
    ],
)
def test_a_file_of_somebody_else_is_never_overwritten(task: Run, manifests: Path, text: str, said: str) -> None:
    manifests.mkdir()
    (manifests / "key.yaml").write_text(text)
    assert said in task(value=VALUE)["msg"]
    assert (manifests / "key.yaml").read_text() == text


def test_a_damaged_ciphertext_is_sealed_again_from_the_declared_value(
    task: Run, controller: Controller, manifests: Path
) -> None:
    task(value=VALUE)
    path = manifests / "key.yaml"
    found = yaml.safe_load(path.read_text())
    found["spec"]["encryptedData"]["value"] = found["spec"]["encryptedData"]["value"][:40]
    path.write_text(yaml.safe_dump(found))
    assert only(task(value=VALUE))["action"] == "fill"
    assert controller.opened(path) == {"value": VALUE}


def test_bad_certificates_are_refused_before_anything_is_written(
    task: Run, controller: Controller, manifests: Path, tmp_path: Path
) -> None:
    bad = tmp_path / "bad.pem"
    for data, said in (
        (certificate(controller.key, days=-0.5), "expired on"),
        (certificate(controller.key, since=1), "is not valid before"),
        (elliptic(), "has no RSA key"),
        (b"no certificate", "is not a PEM certificate"),
        (b"-----BEGIN RSA PRIVATE" + b" KEY-----\n", "holds a private key"),
    ):
        bad.write_bytes(data)
        assert said in task(value=VALUE, certificate=str(bad))["msg"]
    assert "can't be read: No such file" in task(value=VALUE, certificate=str(tmp_path / "none"))["msg"]
    assert not manifests.exists()


def test_all_problems_are_told_together(task: Run) -> None:
    message = task(secrets=[{"name": "Upper", "generate": {}}, {"name": "short", "value": "x"}])["msg"]
    assert "the value has 1 characters" in message
    message = task(secrets=[{"name": "Upper", "generate": {}}, {"name": "none"}])["msg"]
    assert "no Secret can have this name" in message
    assert "does not exist, and neither generate nor a value is declared" in message


def test_racing_creators_end_with_one_value(controller: Controller, manifests: Path, repetition: int) -> None:
    wanted = Wanted("key", generate=Generate())
    target = Target(manifests, "store", Scope.STRICT, controller.certificate)

    def create(_number: int) -> str | None:
        (outcome,) = ensure(SealedStore(target, [wanted]), [wanted]).outcomes
        return outcome.value

    with ThreadPoolExecutor(8) as pool:
        made = set(pool.map(create, range(16))) - {None}
    assert made == {controller.opened(manifests / "key.yaml")["value"]}
    assert [path.name for path in manifests.iterdir()] == ["key.yaml"]


def test_a_note_is_of_one_value_and_tells_nothing_twice() -> None:
    first, second = slow_note.note(VALUE.encode()), slow_note.note(VALUE.encode())
    assert first != second
    assert slow_note.is_of(first, VALUE.encode())
    assert not slow_note.is_of(first, OTHER.encode())
    for text in ("", "scrypt:15", "scrypt:15:AAAA:AAAA", first.replace("scrypt:15", "scrypt:30"), "sha256:abc:d:e"):
        with pytest.raises(ValueError, match=r"^"):
            slow_note.is_of(text, VALUE.encode())


DELIVER = [
    {
        "name": "litellm-secrets",
        "namespace": "litellm",
        "data": {"MASTER": {"secret": "master"}, "USER": {"value": "litellm"}},
    },
    {"name": "salt", "namespace": "litellm", "immutable": True, "data": {"SALT": {"secret": "salt"}}},
]


def test_values_of_a_store_are_sealed_key_by_key(controller: Controller, manifests: Path, tmp_path: Path) -> None:
    store = tmp_path / "store"
    store.mkdir(mode=0o700)
    options = {
        "store_directory": str(store),
        "directory": str(manifests),
        "certificate": str(controller.certificate),
        "deliver": DELIVER,
    }

    def put(name: str, text: str) -> None:
        (store / name).touch(mode=0o600)
        (store / name).write_text(text)

    foreseen = ran(sealed_secret_delivery, True, **options)
    assert foreseen["summary"]["created"] == 2
    assert 'secret "master" is not in the store' in ran(sealed_secret_delivery, False, **options)["msg"]
    put("master", VALUE)
    put("salt", OTHER)
    assert ran(sealed_secret_delivery, False, **options)["summary"]["created"] == 2
    first, salt = manifests / "litellm.litellm-secrets.yaml", manifests / "litellm.salt.yaml"
    assert controller.opened(first) == {"MASTER": VALUE, "USER": "litellm"}
    assert controller.opened(salt) == {"SALT": OTHER}
    before = {path: path.read_bytes() for path in manifests.iterdir()}
    assert ran(sealed_secret_delivery, False, **options)["changed"] is False
    assert {path: path.read_bytes() for path in manifests.iterdir()} == before

    put("master", VALUE[::-1])
    changed = ran(sealed_secret_delivery, False, **options)
    assert changed["objects"][0]["fields"] == ["encryptedData.MASTER", "metadata"]
    old, new = (yaml.safe_load(text)["spec"]["encryptedData"] for text in (before[first], first.read_bytes()))
    assert old["USER"] == new["USER"]
    assert controller.opened(first)["MASTER"] == VALUE[::-1]
    assert salt.read_bytes() == before[salt]

    put("salt", VALUE[::-1])
    refused = ran(sealed_secret_delivery, False, **options)["msg"]
    assert "is immutable and was sealed with another value under SALT" in refused
    assert salt.read_bytes() == before[salt]
    assert ran(sealed_secret_delivery, False, **{**options, "state": "absent"})["summary"]["deleted"] == 2
    assert list(manifests.iterdir()) == []
