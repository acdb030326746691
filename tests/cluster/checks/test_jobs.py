# Copyright: Contributors to the Tollgate project
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Jobs run to their end, again when they fail, and by the clock."""

from __future__ import annotations

import pytest
from tollgate_checks.cluster import Cluster
from tollgate_checks.conditions import complete, condition
from tollgate_checks.objects import Object, container, pod_spec
from tollgate_checks.watching import eventually


def job_spec(*command: str, **fields: object) -> Object:
    """What a Job and a template of Jobs have in common."""
    return {"template": {"spec": pod_spec(container(*command), restartPolicy="Never")}, **fields}


def job(namespace: str, name: str, *command: str, **fields: object) -> Object:
    """A Job that runs one command."""
    metadata = {"name": name, "namespace": namespace}
    return {"apiVersion": "batch/v1", "kind": "Job", "metadata": metadata, "spec": job_spec(*command, **fields)}


def test_a_job_runs_each_of_its_completions(cluster: Cluster, namespace: str) -> None:
    done = cluster.run(job(namespace, "twice", "true", completions=2, parallelism=2), complete)
    assert done["status"]["succeeded"] == 2


def test_a_failing_job_is_tried_again_and_given_up(cluster: Cluster, namespace: str) -> None:
    wanted = job(namespace, "hopeless", "false", backoffLimit=1)
    failed = cluster.run(wanted, condition("Failed"), 90)
    assert failed["status"]["failed"] == 2
    assert failed["status"]["conditions"][-1]["reason"] == "BackoffLimitExceeded"


def test_a_job_that_takes_too_long_is_ended(cluster: Cluster, namespace: str) -> None:
    failed = cluster.run(job(namespace, "slow", "sleep", "600", activeDeadlineSeconds=2), condition("Failed"))
    assert failed["status"]["conditions"][-1]["reason"] == "DeadlineExceeded"


@pytest.mark.first
def test_a_cron_job_starts_its_jobs_and_stops_when_it_is_suspended(cluster: Cluster, namespace: str) -> None:
    wanted = {
        "apiVersion": "batch/v1",
        "kind": "CronJob",
        "metadata": {"name": "tick", "namespace": namespace},
        "spec": {"schedule": "* * * * *", "jobTemplate": {"spec": job_spec("echo", "tick")}},
    }
    made = cluster.apply(wanted)
    jobs = eventually(lambda: cluster.all("batch/v1", "Job", namespace), 75, "the first Job of the CronJob")
    cluster.wait(jobs[0], complete)
    pods = cluster.all("v1", "Pod", namespace, f"job-name={jobs[0]['metadata']['name']}")
    assert cluster.logs(pods[0]) == "tick\n"
    cluster.patch(made, {"spec": {"suspend": True}})
    cluster.wait(made, lambda found: not found["status"].get("active"), 20, "without an active Job")
