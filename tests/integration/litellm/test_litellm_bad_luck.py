# Copyright: Contributors to the Tollgate project
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What goes wrong between a module and the real proxy, and what others do to it meanwhile."""

from __future__ import annotations

import json
import subprocess
import threading
from pathlib import Path
from secrets import token_hex
from typing import Any

import pytest
from ansible_collections.tollgate.llm.plugins.module_utils._secrets.names import key_secret_name
from ansible_collections.tollgate.llm.plugins.modules import litellm_key, litellm_model, litellm_team, litellm_tenants
from ansible_collections.tollgate.llm.tests.unit.plugins.module_utils._litellm.task import Task
from checkout import BIN, ROOT, environment
from forward_proxy import Forward
from proxy import Proxy

VALUE = "sk-bad-luck-0123456789abcdef"
KEY: dict[str, Any] = {"alias": "unlucky", "models": ["qwen-local"], "value": VALUE}
BACKEND = {"model": "hosted_vllm/a", "api_base": "http://127.0.0.1:9/v1", "free": True}
HTML = "<html>\r\n<head><title>503 Service Temporarily Unavailable</title></head><body><hr>nginx</body></html>"
EMPTY = '{"keys": [], "total_count": 0, "current_page": 1, "total_pages": 0}'
CREATIONS = {
    "key": (litellm_key, "/key/generate", KEY, {"rpm_limit": 7}),
    "team": (litellm_team, "/team/new", {"team": "unlucky", "models": ["qwen-local"]}, {"rpm_limit": 7}),
    "model": (litellm_model, "/model/new", {"name": "unlucky", **BACKEND}, {"rpm": 7}),
}
STRANGE = [
    "a#b/c d",
    "quotes \"and' `ticks`",
    "smile \N{GRINNING FACE}",
    "%2F?x=1&y=2;z",
    "\\..\\windows",
    "release-1.0..2/x",
    "x" * 255,
    "Strange",
    "strange",
    " leading",
    "$(id) {{ 1 }}",
]


def named(proxy: Proxy, alias: str) -> list[dict[str, Any]]:
    return [row for row in proxy.all_keys() if row["key_alias"] == alias]


def test_page_of_a_load_balancer_is_told_from_an_answer(task: Task, forward: Forward, proxy: Proxy) -> None:
    forward.answers["/key/list"] = [(200, {}, "<!DOCTYPE html><html><title>Sign in</title></html>")]
    message = task(litellm_key, **KEY)["msg"]
    assert f'{forward.url} answered with the HTML page "Sign in": is this a LiteLLM proxy' in message
    forward.answers["/key/list"] = [(503, {"retry-after": "0"}, HTML)] * 4
    message = task(litellm_key, **KEY)["msg"]
    assert 'the HTML page "503 Service Temporarily Unavailable" (503)' in message
    assert "Look whether the proxy is ready, and run it again" in message
    forward.answers["/key/generate"] = [(502, {}, HTML)]
    message = task(litellm_key, **KEY)["msg"]
    assert message.startswith(
        '1 of 1 objects failed, the others are as declared:\nkey "unlucky": LiteLLM refused models'
    )
    assert named(proxy, "unlucky") == []
    assert task(litellm_key, **KEY)["summary"]["created"] == 1


@pytest.mark.parametrize("status", [429, 503])
def test_busy_proxy_is_asked_again_a_few_times(task: Task, forward: Forward, status: int) -> None:
    busy = (status, {"retry-after": "0.1"}, '{"error": {"message": "slow down", "type": "throttling_error"}}')
    forward.answers["/key/list"] = [busy] * 3
    assert task(litellm_key, **KEY)["summary"]["created"] == 1
    assert forward.seen[:4] == [("GET", "/key/list")] * 4
    forward.answers["/key/update"] = [busy] * 2
    assert task(litellm_key, **KEY, rpm_limit=3)["summary"]["updated"] == 1
    forward.seen.clear()
    forward.answers["/key/list"] = [busy] * 9
    assert f'"slow down" ({status})' in task(litellm_key, **KEY)["msg"]
    assert forward.seen == [("GET", "/key/list")] * 4
    forward.answers.clear()


def test_creation_is_repeated_after_429_only(task: Task, forward: Forward, proxy: Proxy) -> None:
    forward.answers["/key/generate"] = [(429, {"retry-after": "0.1"}, "{}")]
    assert task(litellm_key, **KEY)["summary"]["created"] == 1
    assert forward.writes()[:2] == [("POST", "/key/generate")] * 2
    task(litellm_key, alias="unlucky", state="absent")
    forward.seen.clear()
    forward.answers["/key/generate"] = [(503, {"retry-after": "0.1"}, '{"detail": "no database"}')]
    assert '"no database" (503)' in task(litellm_key, **KEY)["msg"]
    assert forward.writes() == [("POST", "/key/generate")]
    assert named(proxy, "unlucky") == []


def test_creation_that_the_database_took_back_is_made_again(
    task: Task, forward: Forward, proxy: Proxy, database: Any
) -> None:
    """LiteLLM's transactions end after 5 seconds: here one waits longer, for a table that somebody else holds."""
    slow = (
        "SELECT 1 FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock' "
        "AND now() - query_start > interval '6 s'"
    )
    waited = threading.Event()

    def hold() -> None:
        with database() as watching, database() as holding, holding.transaction():
            holding.execute('LOCK TABLE "LiteLLM_AccessGroupTable" IN ACCESS EXCLUSIVE MODE')
            held.set()
            while not waited.wait(0.2) and not watching.execute(slow).fetchone():
                pass

    held = threading.Event()
    holder = threading.Thread(target=hold)
    holder.start()
    held.wait()
    try:
        result = task(litellm_team, team="unlucky", models=["qwen-local"])
    finally:
        waited.set()
        holder.join()
    assert not result.get("msg"), result["msg"]
    assert forward.writes() == [("POST", "/team/new")] * 2
    assert task(litellm_team, team="unlucky", models=["qwen-local"])["changed"] is False
    # What was changed in vain is sent again, too, and not for ever.
    taken_back = (400, {}, '{"error": {"message": "Authentication Error, Transaction already closed: A query"}}')
    forward.answers["/team/update"] = [taken_back]
    assert task(litellm_team, team="unlucky", rpm_limit=3)["summary"]["updated"] == 1
    forward.answers["/team/update"] = [taken_back] * 9
    assert "Transaction already closed" in task(litellm_team, team="unlucky", rpm_limit=4)["msg"]
    assert len(forward.answers["/team/update"]) == 5
    # Adding a member is the only way to have it: one that is there by then is told.
    forward.answers["/team/member_add"] = [(503, {}, '{"error": {"message": "Please retry shortly."}}')]
    assert task(litellm_team, team="unlucky", members=[{"user": "unlucky"}])["summary"]["updated"] == 1


def test_failure_of_the_server_is_told_from_a_refusal(task: Task, forward: Forward) -> None:
    forward.answers["/key/generate"] = [(500, {}, '{"error": {"message": "Internal server error"}}')]
    message = task(litellm_key, **KEY)["msg"]
    assert (
        'key "unlucky": LiteLLM failed at models: "Internal server error" (500). Run it again; if it stays' in message
    )
    assert task(litellm_key, **KEY)["summary"]["created"] == 1


@pytest.mark.parametrize("kind", CREATIONS)
def test_creation_that_was_cut_in_the_middle_is_found_and_completed_by_the_next_run(
    task: Task, forward: Forward, proxy: Proxy, kind: str
) -> None:
    module, path, options, more = CREATIONS[kind]
    before = proxy.names()[kind]
    forward.lose.add(path)
    forward.dies = True
    message = task(module, **options)["msg"]
    assert f'{kind} "unlucky": no answer from {forward.url}' in message
    forward.dead = False
    assert task(module, **options, **more)["summary"]["updated"] == 1
    assert len(proxy.names()[kind] - before) == 1
    assert task(module, **options, **more)["changed"] is False


def test_stale_read_ends_in_the_declared_state_without_a_second_key(task: Task, forward: Forward, proxy: Proxy) -> None:
    """Another worker has not seen yet that the key is there: then that it is gone."""
    task(litellm_key, **KEY)
    forward.answers["/key/list"] = [(200, {"content-type": "application/json"}, EMPTY)] * 2
    result = task(litellm_key, **KEY, rpm_limit=7)
    assert not result.get("msg"), result["msg"]
    assert [row["rpm_limit"] for row in named(proxy, "unlucky")] == [7]
    listed = proxy.http.get("/key/list", params={"key_alias": "unlucky", "return_full_object": "true"}).text
    proxy.post("/key/delete", key_aliases=["unlucky"])
    forward.answers["/key/list"] = [(200, {"content-type": "application/json"}, listed)] * 2
    message = task(litellm_key, **KEY, rpm_limit=9)["msg"]
    assert 'key "unlucky": it was deleted by somebody else since it was read: ' in message
    assert "Run it again" in message
    assert task(litellm_key, **KEY, rpm_limit=9)["summary"]["created"] == 1


def test_alias_that_somebody_else_took_meanwhile_is_refused_and_theirs_left_alone(
    task: Task, forward: Forward, proxy: Proxy
) -> None:
    theirs = proxy.post("/key/generate", key_alias="unlucky", models=["qwen-local"], rpm_limit=3)
    task.secrets.append(theirs["key"])
    message = task(litellm_key, **KEY)["msg"]
    assert 'key "unlucky": the proxy\'s key of this alias is ' in message
    assert message.endswith("Nothing was changed.")
    forward.answers["/key/list"] = [(200, {"content-type": "application/json"}, EMPTY)] * 2
    message = task(litellm_key, **KEY)["msg"]
    assert 'key "unlucky": the proxy\'s key of this alias is ' in message
    assert "Restore the secret, say by grace" in message
    assert [(row["token"], row["rpm_limit"]) for row in named(proxy, "unlucky")] == [(theirs["token"], 3)]


def test_what_was_deleted_by_hand_is_made_again(task: Task, forward: Forward, proxy: Proxy, tmp_path: Path) -> None:
    (tmp_path / "unlucky").write_text(VALUE)
    declared: dict[str, Any] = {
        "secrets_directory": str(tmp_path),
        "models": [{"name": "unlucky", **BACKEND}],
        "teams": [{"team": "unlucky", "models": ["unlucky"]}],
        "keys": [{"alias": "unlucky", "team": "unlucky", "models": ["unlucky"]}],
    }
    assert task(litellm_tenants, **declared)["summary"]["created"] == 3
    proxy.post("/team/delete", team_ids=["unlucky"])  # and its key with it
    proxy.post("/model/delete", id="unlucky")
    assert task(litellm_tenants, check=True, **declared)["summary"]["created"] == 3
    assert task(litellm_tenants, **declared)["summary"]["created"] == 3
    assert task(litellm_tenants, **declared)["changed"] is False
    assert 'there is no team "gone"' in task(litellm_key, **{**KEY, "alias": "other"}, team="gone")["msg"]


def test_team_stays_with_the_key_that_could_not_leave_it(
    task: Task, forward: Forward, proxy: Proxy, tmp_path: Path
) -> None:
    """LiteLLM would delete it with the team, and what it has spent would be forgotten."""
    (tmp_path / "unlucky").write_text(VALUE)
    whole: dict[str, Any] = {"secrets_directory": str(tmp_path), "unmanaged": "keep"}
    teams = [{"team": name, "models": ["qwen-local"]} for name in ("unlucky", "lucky")]
    key: dict[str, Any] = {"alias": "unlucky", "models": ["qwen-local"], "team": "unlucky"}
    assert task(litellm_tenants, **whole, teams=teams, keys=[key])["summary"]["created"] == 3
    gone = {**teams[0], "state": "absent", "delete_keys": True}
    moved: dict[str, Any] = {**whole, "teams": [gone, teams[1]], "keys": [{**key, "team": "lucky"}]}
    forward.answers["/key/update"] = [(500, {}, '{"error": {"message": "broken"}}')]
    result = task(litellm_tenants, **moved)
    assert 'team "unlucky": left as it was, since key "unlucky" was to leave it, and failed' in result["msg"]
    assert result["summary"] == {"created": 0, "updated": 0, "unchanged": 1, "deleted": 0}
    assert named(proxy, "unlucky")[0]["team_id"] == "unlucky"
    assert task(litellm_tenants, **moved)["summary"] == {"created": 0, "updated": 1, "unchanged": 1, "deleted": 1}
    assert named(proxy, "unlucky")[0]["team_id"] == "lucky"


def test_strange_names_are_as_good_as_others(task: Task, forward: Forward, proxy: Proxy, tmp_path: Path) -> None:
    store = tmp_path / "store"
    store.mkdir()
    for name in STRANGE:
        secret = key_secret_name(name)
        value = f"sk-{token_hex(24)}"
        task.secrets.append(value)
        (store / secret).write_text(value)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["store"]
    assert len(list(store.iterdir())) == len(STRANGE)
    declared: dict[str, Any] = {
        "secrets_directory": str(store),
        "models": [{"name": name, **BACKEND} for name in STRANGE],
        "teams": [{"team": name, "models": [name]} for name in STRANGE],
        "keys": [{"alias": name, "team": name, "models": [name], "rpm_limit": 5} for name in STRANGE],
    }
    result = task(litellm_tenants, **declared)
    assert not result.get("msg"), result["msg"]
    assert result["summary"]["created"] == 3 * len(STRANGE)
    assert {row["key_alias"] for row in proxy.all_keys()} >= set(STRANGE)
    declared["keys"] = [{**key, "rpm_limit": 6} for key in declared["keys"]]
    assert task(litellm_tenants, **declared)["summary"]["updated"] == len(STRANGE)
    forward.seen.clear()
    assert task(litellm_tenants, **declared)["changed"] is False
    assert forward.writes() == []
    gone = {name: [{**entry, "state": "absent"} for entry in declared[name]] for name in ("models", "teams", "keys")}
    assert task(litellm_tenants, **gone)["summary"]["deleted"] == 3 * len(STRANGE)
    for name in ("..", "../../etc/passwd", "a\nb", "", "  "):
        assert "Nothing was changed." in task(litellm_tenants, keys=[{"alias": name, "models": ["qwen-local"]}])["msg"]


def test_two_runs_at_once_end_in_the_declared_state_without_duplicates(
    forward: Forward, proxy: Proxy, tmp_path: Path
) -> None:
    for number in range(12):
        (tmp_path / f"twin-{number}").write_text(f"sk-{token_hex(24)}")
    declared = {
        "api_url": forward.url,
        "secrets_directory": str(tmp_path),
        "models": [{"name": "twin", **BACKEND}],
        "teams": [{"team": "twin", "models": ["twin"]}],
        "keys": [
            {"alias": f"twin-{number}", "team": "twin", "models": ["twin"], "rpm_limit": 5} for number in range(12)
        ],
    }
    python = {"ansible_python_interpreter": "{{ ansible_playbook_python }}"}
    here = {"hosts": "localhost", "connection": "local", "gather_facts": False, "vars": python}
    play = tmp_path / "play.yml"
    play.write_text(json.dumps([{**here, "tasks": [{"tollgate.llm.litellm_tenants": declared}]}]))
    ended: list[str] = []

    def run() -> None:
        done = subprocess.run(
            [str(BIN / "ansible-playbook"), str(play), "-i", "localhost,"],
            cwd=ROOT,
            env={**environment(), "LITELLM_API_KEY": proxy.key},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
        )
        ended.append(done.stdout if done.returncode else "")

    threads = [threading.Thread(target=run) for _each in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert ended == ["", ""]
    twins = [row for row in proxy.all_keys() if str(row["key_alias"]).startswith("twin-")]
    assert sorted(row["key_alias"] for row in twins) == sorted(f"twin-{number}" for number in range(12))
    assert {row["rpm_limit"] for row in twins} == {5}
    assert (proxy.team("twin") or {})["models"] == ["twin"]
    run()
    assert ended == ["", "", ""]
