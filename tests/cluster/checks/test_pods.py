# Copyright: Contributors to the Tollgate project
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Pods run, answer commands, print logs, start in order, and say why when their image is not there."""

from __future__ import annotations

from tollgate_checks.cluster import Cluster
from tollgate_checks.conditions import phase, ready, succeeded
from tollgate_checks.objects import Object, container, mounted, pod

SHARED = {"name": "data", "emptyDir": {}}


def test_a_command_in_a_pod_gives_its_output_and_its_exit_code(cluster: Cluster, namespace: str) -> None:
    running = cluster.run(pod(namespace, "shell"), ready)
    code, output = cluster.execute(running, "sh", "-c", "echo out; echo err >&2; exit 7")
    assert (code, sorted(output.split())) == (7, ["err", "out"])


def test_logs_hold_what_each_container_printed(cluster: Cluster, namespace: str) -> None:
    wanted = pod(
        namespace,
        "talkative",
        container("echo", "first", name="one"),
        container("sh", "-c", "echo second; echo third >&2", name="two"),
        restartPolicy="Never",
    )
    ended = cluster.run(wanted, succeeded)
    assert cluster.logs(ended, container="one") == "first\n"
    assert sorted(cluster.logs(ended, container="two").splitlines()) == ["second", "third"]


def test_logs_of_a_crashed_container_are_kept_for_its_successor(cluster: Cluster, namespace: str) -> None:
    crash = container("sh", "-c", "test -e /data/again && exec sleep 600; touch /data/again; echo last words; exit 3")
    wanted = pod(namespace, "crash", {**crash, **mounted("/data")}, volumes=[SHARED])
    again = cluster.wait(cluster.apply(wanted), ready, 60)
    died = cluster.wait(
        again, lambda found: found["status"]["containerStatuses"][0]["restartCount"] == 1, 60, "again up"
    )
    assert died["status"]["containerStatuses"][0]["lastState"]["terminated"]["exitCode"] == 3
    assert cluster.logs(died, previous=True) == "last words\n"


def test_init_containers_run_one_after_the_other_before_the_rest(cluster: Cluster, namespace: str) -> None:
    def writer(name: str) -> Object:
        return container("sh", "-c", f"echo {name} >>/data/order", name=name, **mounted("/data"))

    last = container("sh", "-c", "echo main >>/data/order; cat /data/order", **mounted("/data"))
    wanted = pod(
        namespace,
        "ordered",
        last,
        initContainers=[writer("first"), writer("second")],
        volumes=[SHARED],
        restartPolicy="Never",
    )
    assert cluster.logs(cluster.run(wanted, succeeded)).split() == ["first", "second", "main"]


def test_a_failed_init_container_keeps_the_rest_from_starting(cluster: Cluster, namespace: str) -> None:
    wanted = pod(
        namespace,
        "stuck",
        initContainers=[container("sh", "-c", "exit 4", name="broken")],
        restartPolicy="Never",
    )
    status = cluster.run(wanted, phase("Failed"))["status"]
    assert status["initContainerStatuses"][0]["state"]["terminated"]["exitCode"] == 4
    assert "terminated" not in status["containerStatuses"][0]["state"]


def test_a_missing_image_is_reported_with_its_name(cluster: Cluster, namespace: str) -> None:
    image = "registry.k8s.io/tollgate-checks/nobody-made-this:v0"
    wanted = pod(namespace, "imageless", container(image=image))

    def refused(found: Object) -> bool:
        statuses = found["status"].get("containerStatuses", [])
        waiting = statuses[0]["state"].get("waiting", {}) if statuses else {}
        return waiting.get("reason") in {"ErrImagePull", "ImagePullBackOff"} and image in waiting.get("message", "")

    cluster.wait(cluster.apply(wanted), refused, 60, "waiting for an image that is not there")
    messages = [event.get("message", "") for event in cluster.all("v1", "Event", namespace)]
    assert any("not found" in message and image in message for message in messages), messages


def test_configuration_and_secrets_arrive_as_files_and_variables(cluster: Cluster, namespace: str) -> None:
    metadata = {"name": "settings", "namespace": namespace}
    cluster.apply({"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata, "data": {"colour": "green"}})
    cluster.apply({"apiVersion": "v1", "kind": "Secret", "metadata": metadata, "stringData": {"word": "swordfish"}})
    reader = container("sh", "-c", "cat /data/colour; echo; echo $WORD", **mounted("/data"))
    reader["env"] = [{"name": "WORD", "valueFrom": {"secretKeyRef": {"name": "settings", "key": "word"}}}]
    volume = {"name": "data", "configMap": {"name": "settings"}}
    ended = cluster.run(pod(namespace, "reader", reader, volumes=[volume], restartPolicy="Never"), succeeded)
    assert cluster.logs(ended) == "green\nswordfish\n"
