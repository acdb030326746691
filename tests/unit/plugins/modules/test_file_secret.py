# Copyright: Contributors to the Tollgate project
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The module as a task sees it: options in, result out, and no secret in either."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import ansible_collections.tollgate.llm as collection
import pytest
import yaml
from ansible.module_utils.testing import patch_module_args
from ansible_collections.tollgate.llm.plugins.doc_fragments._secret import ModuleDocFragment
from ansible_collections.tollgate.llm.plugins.module_utils._secrets.argument_spec import module_arguments
from ansible_collections.tollgate.llm.plugins.modules import file_secret

VALUE, OTHER = "correct-horse-battery", "another-horse-battery"
GENERATE = {"format": "hex", "bytes": 32}
LIST = [
    {"name": "litellm-master-key", "generate": {"format": "hex", "bytes": 24, "prefix": "sk-"}},
    {"name": "litellm-salt-key", "generate": GENERATE},
    {"name": "provider", "value": VALUE, "mode": "versioned"},
]


class Task:
    """Runs the module in this process."""

    def __init__(self, directory: Path, capsys: pytest.CaptureFixture[str]) -> None:
        self.directory = directory
        self.capsys = capsys
        self.output = ""

    def __call__(self, *, check: bool = False, **options: Any) -> dict[str, Any]:
        """One task's result; no value that this test knows may be in it."""
        arguments = {
            "directory": str(self.directory),
            **options,
            "_ansible_check_mode": check,
            "_ansible_diff": True,
            "_ansible_verbosity": 3,
        }
        with patch_module_args(arguments), pytest.raises(SystemExit):
            file_secret.main()
        self.output = self.capsys.readouterr().out
        known = [VALUE, OTHER]
        if self.directory.is_dir():
            known += [path.read_text().strip() for path in self.directory.iterdir() if path.is_file()]
        assert not any(value in self.output for value in known if value)
        result: dict[str, Any] = json.loads(self.output)
        return result


@pytest.fixture
def task(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Task:
    """The module with a directory that does not exist yet."""
    return Task(tmp_path / "secrets", capsys)


def known_before(result: dict[str, Any]) -> dict[str, Any]:
    """The result without what only the run can know: the fingerprint of a value that it generates."""
    entries = [
        {
            key: value
            for key, value in entry.items()
            if key != "fingerprint" or entry["action"] not in ("create", "fill")
        }
        for entry in result["secrets"]
    ]
    return {"changed": result["changed"], "summary": result["summary"], "diff": result["diff"], "secrets": entries}


def test_check_mode_predicts_the_run_and_the_second_run_is_unchanged(task: Task) -> None:
    predicted = task(check=True, secrets=LIST)
    assert not task.directory.exists()
    first = task(secrets=LIST)
    assert known_before(predicted) == known_before(first)
    assert first["changed"]
    assert first["summary"] == {"created": 3, "adopted": 0, "updated": 0, "deleted": 0, "unchanged": 0}
    assert [entry["length"] for entry in first["secrets"]] == [51, 64, len(VALUE)]
    assert first["secrets"][1] == {
        "name": "litellm-salt-key",
        "action": "create",
        "fingerprint": first["secrets"][1]["fingerprint"],
        "length": 64,
        "mode": "write_once",
        "path": str(task.directory / "litellm-salt-key"),
    }
    assert first["diff"]["after"]["litellm-salt-key"] == "generated (hex, 256 bits), write_once"
    second = task(secrets=LIST)
    assert not second["changed"]
    assert second["summary"]["unchanged"] == 3
    assert second["diff"] == {"before": {}, "after": {}}
    assert [entry["fingerprint"] for entry in second["secrets"]] == [entry["fingerprint"] for entry in first["secrets"]]


def test_each_kind_of_change_is_predicted(task: Task) -> None:
    task(secrets=LIST)
    (task.directory / "litellm-salt-key").unlink()
    (task.directory / ".fingerprints" / "litellm-salt-key").unlink()
    (task.directory / "adopted").touch(mode=0o600)
    (task.directory / "adopted").write_text(OTHER)
    (task.directory / "empty").touch(mode=0o600)
    secrets = [
        {"name": "litellm-master-key", "state": "absent", "allow_loss": True},
        LIST[1],
        {"name": "provider", "value": OTHER, "mode": "versioned"},
        {"name": "adopted", "generate": GENERATE},
        {"name": "empty", "generate": {"format": "base64url", "bytes": 33}},
    ]
    before = {path: path.lstat().st_mtime_ns for path in [task.directory, *task.directory.rglob("*")]}
    predicted = task(check=True, secrets=secrets)
    assert before == {path: path.lstat().st_mtime_ns for path in [task.directory, *task.directory.rglob("*")]}
    result = task(secrets=secrets)
    assert known_before(predicted) == known_before(result)
    assert [entry["action"] for entry in result["secrets"]] == ["remove", "create", "replace", "adopt", "fill"]
    assert result["summary"] == {"created": 2, "adopted": 1, "updated": 1, "deleted": 1, "unchanged": 0}
    assert not task(secrets=secrets)["changed"]


def test_a_single_secret_needs_no_list(task: Task) -> None:
    assert task(name="salt", generate={})["secrets"][0]["action"] == "create"
    assert "allow_loss" in task(name="salt", state="absent")["msg"]
    assert task(name="salt", state="absent", allow_loss=True)["changed"]
    assert not task(name="salt", state="absent", allow_loss=True)["changed"]


def test_entries_take_what_they_do_not_say_from_the_task(task: Task) -> None:
    task(
        secrets=[{"name": "one", "value": VALUE}, {"name": "two", "value": VALUE, "mode": "write_once"}],
        mode="versioned",
    )
    secrets = [{"name": "one", "value": OTHER}, {"name": "two", "value": VALUE, "mode": "write_once"}]
    assert task(secrets=secrets, mode="versioned")["summary"]["updated"] == 1
    assert task(secrets=[{"name": "one"}, {"name": "two", "allow_loss": True}], mode="versioned", state="absent")[
        "changed"
    ]


def test_all_problems_come_together_and_nothing_is_written(task: Task, tmp_path: Path) -> None:
    (tmp_path / "value").write_text(f"{VALUE}\n\n")
    result = task(
        secrets=[
            {"name": "../escape", "generate": GENERATE},
            {"name": "weak", "generate": {"bytes": 8}},
            {"name": "twice", "generate": GENERATE},
            {"name": "TWICE", "generate": GENERATE},
            {"name": "newline", "value_file": str(tmp_path / "value")},
            {"name": "nofile", "value_file": str(tmp_path / "missing")},
            {"name": "short", "value": "x7!q"},
            {"name": "fine", "generate": GENERATE},
        ]
    )
    assert result["failed"]
    lines = result["msg"].splitlines()
    assert len(lines) == 7
    assert lines[-1] == "Nothing was changed."
    assert not task.directory.exists()


def test_a_value_file_may_end_with_a_line_break(task: Task, tmp_path: Path) -> None:
    (tmp_path / "value").write_text(f"{VALUE}\n")
    assert task(name="key", value_file=str(tmp_path / "value"))["secrets"][0]["length"] == len(VALUE)
    assert (task.directory / "key").read_text() == VALUE
    assert not task(name="key", value=VALUE)["changed"]
    assert "never overwritten" in task(name="key", value=OTHER)["msg"]


def test_oddities_of_an_adopted_value_are_warned_about(task: Task) -> None:
    task(name="first", generate=GENERATE)
    (task.directory / "key").touch(mode=0o600)
    (task.directory / "key").write_text(f"{VALUE}\n\n")
    result = task(name="key", generate={"prefix": "sk-"})
    # Ansible keeps the warnings of a whole process: those of other tests are not counted.
    assert sum("is adopted as it is" in str(warning) for warning in result["warnings"]) == 2
    assert result["secrets"][0]["action"] == "adopt"


@pytest.mark.parametrize(
    "options",
    [{}, {"name": "a", "secrets": []}, {"secrets": [], "value": VALUE}, {"name": "a", "value": VALUE, "generate": {}}],
)
def test_contradictory_options_are_refused(task: Task, options: dict[str, Any]) -> None:
    assert task(**options)["failed"]
    assert not task.directory.exists()


def test_documentation_has_the_options_of_the_argument_spec() -> None:
    documented = yaml.safe_load(ModuleDocFragment.DOCUMENTATION)["options"]

    def same(documentation: dict[str, Any], spec: dict[str, Any]) -> None:
        assert documentation.keys() == spec.keys()
        for name, option in spec.items():
            for key in ("type", "elements", "default", "choices", "required"):
                assert documentation[name].get(key) == option.get(key), (name, key)
            same(documentation[name].get("suboptions", {}), option.get("options", {}))

    same(documented, module_arguments({})["argument_spec"])


def test_no_secret_shows_at_vvv_in_a_real_run(tmp_path: Path) -> None:
    """The role under ansible-playbook: created, unchanged, and refused after a change by hand."""
    root = next(iter(collection.__path__)).removesuffix("/ansible_collections/tollgate/llm")
    directory = tmp_path / "secrets"
    play = [
        {
            "hosts": "localhost",
            "gather_facts": False,
            "connection": "local",
            "tasks": [
                {
                    "ansible.builtin.import_role": {"name": "tollgate.llm.secrets"},
                    "vars": {"secrets_directory": str(directory), "secrets_declared": LIST},
                },
            ],
        }
    ]
    (tmp_path / "play.yml").write_text(json.dumps(play))
    environment = {
        **os.environ,
        "ANSIBLE_COLLECTIONS_PATH": root,
        "ANSIBLE_HOME": str(tmp_path / "home"),
        "ANSIBLE_PYTHON_INTERPRETER": sys.executable,
        "ANSIBLE_LOCALHOST_WARNING": "false",
    }
    command = [
        sys.executable,
        "-m",
        "ansible.cli.playbook",
        "-i",
        "localhost,",
        "-vvv",
        "--diff",
        str(tmp_path / "play.yml"),
    ]

    def run(*more: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run([*command, *more], env=environment, capture_output=True, text=True, check=False)

    first, second = run(), run()
    assert first.returncode == 0, first.stdout + first.stderr
    assert "changed=1" in first.stdout
    assert "changed=0" in second.stdout
    salt = (directory / "litellm-salt-key").read_text()
    (directory / "litellm-salt-key").write_text(OTHER)
    refused = run()
    assert refused.returncode != 0
    assert "somebody changed a write-once secret" in refused.stdout
    values = [VALUE, OTHER, salt, (directory / "litellm-master-key").read_text()]
    for result in (first, second, refused):
        assert not any(value in result.stdout + result.stderr for value in values)
