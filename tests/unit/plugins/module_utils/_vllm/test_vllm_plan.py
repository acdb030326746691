# Copyright: Contributors to the Tollgate project
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from typing import Any

import pytest
from ansible.module_utils.common.arg_spec import ArgumentSpecValidator
from ansible_collections.tollgate.llm.plugins.module_utils._vllm import options, plan
from ansible_collections.tollgate.llm.plugins.module_utils._vllm.plan import Refused, Settings, planned

SETTINGS = Settings(image="vllm:1")


def model(**declared: Any) -> dict[str, Any]:
    """A model as the module gets it."""
    checked = ArgumentSpecValidator(options.MODEL).validate({"name": "qwen", **declared})
    assert not checked.error_messages, checked.error_messages
    return dict(checked.validated_parameters)


def server(settings: Settings = SETTINGS, **declared: Any) -> dict[str, Any]:
    return planned([model(**declared)], settings, []).servers[0]


def refused(*models: dict[str, Any], **settings: Any) -> str:
    with pytest.raises(Refused) as caught:
        planned(models, Settings(image="vllm:1", **settings), [])
    return str(caught.value)


def deployment(name: str, replicas: int, stopped: bool = False, **owners: bool) -> dict[str, Any]:
    rows = [{"manager": name.replace("_", "-"), "fieldsV1": {"f:spec": {"f:replicas": {}}}} for name in owners]
    annotations = {"tollgate.llm/stopped": "true"} if stopped else {}
    return {
        "metadata": {"name": name, "annotations": annotations, "managedFields": rows},
        "spec": {"replicas": replicas},
    }


def test_a_model_without_more_than_a_name_has_what_it_needs() -> None:
    found = server()
    assert found["object"] == "vllm-qwen"
    assert found["image"] == "vllm:1"
    assert found["args"][:6] == ["serve", "qwen", "--served-model-name", "qwen", "--port", "8000"]
    assert "--enable-force-include-usage" in found["args"]
    assert found["replicas"] == 1
    assert found["running"]
    assert not found["disruption_budget"]
    assert found["resources"]["limits"] == {"memory": "32Gi"}
    assert found["grace_seconds"] == 140
    assert found["startup_failures"] * plan.PERIOD == 3600
    assert found["progress_deadline"] > 3600


@pytest.mark.parametrize(
    ("declared", "words"),
    [
        ({"max_model_len": 4096}, ["--max-model-len", "4096"]),
        ({"gpu_memory_utilization": "0.90", "gpus": 1}, ["--gpu-memory-utilization", "0.9"]),
        ({"enable_prefix_caching": True}, ["--enable-prefix-caching"]),
        ({"enable_prefix_caching": False}, ["--no-enable-prefix-caching"]),
        ({"enforce_eager": False}, []),
        ({"tool_call_parser": "hermes"}, ["--tool-call-parser", "hermes", "--enable-auto-tool-choice"]),
        ({"limit_mm_per_prompt": {"image": 2}}, ["--limit-mm-per-prompt", '{"image":2}']),
        ({"extra_args": ["--swap-space", "4"]}, ["--swap-space", "4"]),
    ],
)
def test_arguments_are_written_as_vllm_has_them(declared: dict[str, Any], words: list[str]) -> None:
    plain = server(**({"gpus": declared["gpus"]} if "gpus" in declared else {}))["args"]
    assert server(**declared)["args"] == [*plain, *words]


def test_every_argument_can_be_declared() -> None:
    values = {"int": 1, "float": 0.5, "bool": True, "str": "x", "dict": {"a": 1}}
    declared = {each.option: values[each.kind] for each in plan.arguments.ARGUMENTS if not each.choices}
    words = server(**declared, gpus=1)["args"]
    for option in declared:
        assert f"--{option.replace('_', '-')}" in words


def test_gpus_are_asked_for_and_their_taint_is_tolerated() -> None:
    found = server(gpus=2, tensor_parallel_size=2)
    assert found["resources"]["limits"]["nvidia.com/gpu"] == "2"
    assert found["resources"]["requests"]["nvidia.com/gpu"] == "2"
    assert {"key": "nvidia.com/gpu", "operator": "Exists", "effect": "NoSchedule"} in found["tolerations"]
    assert found["strategy"] == {"type": "Recreate"}
    assert server(gpus=1, replicas=2)["strategy"]["rollingUpdate"] == {"maxSurge": 0, "maxUnavailable": 1}
    assert server(replicas=2)["strategy"]["rollingUpdate"] == {"maxSurge": 1, "maxUnavailable": 0}
    assert server(volume={"claim": "weights"})["strategy"] == {"type": "Recreate"}
    other = planned([model(gpus=1)], Settings(image="x", gpu_resource="nvidia.com/gpu.shared"), []).servers[0]
    assert other["resources"]["limits"]["nvidia.com/gpu.shared"] == "1"


def test_replicas_that_an_autoscaler_owns_are_not_applied() -> None:
    found = server(replicas=None)
    assert found["replicas"] is None
    assert found["disruption_budget"]
    assert found["running"]


REFUSALS: dict[str, tuple[dict[str, Any], str]] = {
    "an id that can't be": ({"id": "Qwen"}, "the id 'Qwen' is not a name for objects"),
    "memory of no GPU": ({"gpu_memory_utilization": 0.9}, "gpus is 0"),
    "more than the memory": ({"gpu_memory_utilization": 1.5, "gpus": 1}, "at most 1"),
    "GPUs that nobody uses": ({"gpus": 4}, "tensor_parallel_size x pipeline_parallel_size is 1, but gpus is 4"),
    "more processes than GPUs": ({"tensor_parallel_size": 2}, "is 2, but gpus is 0"),
    "no tokens": ({"max_model_len": 0}, "max_model_len is 0"),
    "the key as an argument": ({"extra_args": ["--api-key=abc"]}, "use vllm_api_key_secret"),
    "another name": ({"extra_args": ["--served_model_name", "x"]}, "extra_args has --served-model-name: use name"),
    "said twice": ({"extra_args": ["--no-enable-prefix-caching"], "enable_prefix_caching": True}, "keep one of them"),
    "a token as an argument": ({"extra_args": ["--x", "hf_abcdefghijklmnop"]}, "looks like a secret"),
    "a secret by its name": ({"env": [{"name": "AWS_SECRET_ACCESS_KEY", "value": "x"}]}, "looks like a secret"),
    "a secret by its value": ({"env": [{"name": "X", "value": "hf_abcdefghijklmnop"}]}, "looks like a secret"),
    "a variable of the role": ({"env": [{"name": "VLLM_API_KEY", "value": "x"}]}, "use vllm_api_key_secret"),
    "no value": ({"env": [{"name": "X"}]}, "give it a value, or name a Secret and its key"),
    "a variable twice": ({"env": [{"name": "X", "value": "1"}, {"name": "X", "value": "2"}]}, "env has X 2 times"),
    "no amount": ({"memory": "much"}, "memory: 'much' is not an amount"),
    "shared memory without memory": ({"memory": "1Gi", "shm_size": "1Gi"}, "raise memory"),
    "two volumes": ({"volume": {"claim": "a", "size": "1Gi"}}, "names a claim and a size"),
    "a class of nothing": ({"volume": {"storage_class": "ssd"}}, "which needs a size"),
    "one volume for many": ({"replicas": 2, "volume": {"size": "1Gi"}}, "ReadWriteMany"),
    "a volume nowhere": ({"volume": {"path": "models"}}, "an absolute path is needed"),
    "an argument as model": ({"model": "--help"}, "vLLM would take it for an argument"),
    "less than nothing": ({"replicas": -1}, "0 or more, or null"),
    "no number": ({"replicas": "two"}, "replicas is 'two'"),
    "fewer GPUs than none": ({"gpus": -1}, "gpus is -1"),
}


@pytest.mark.parametrize("name", REFUSALS)
def test_what_cannot_work_is_refused(name: str) -> None:
    declared, said = REFUSALS[name]
    message = refused(model(**declared))
    assert 'model "qwen": ' in message
    assert said in message
    assert message.endswith("Nothing was changed.")


def test_everything_that_is_wrong_is_told_at_once() -> None:
    message = refused(model(gpus=4, memory="much"), model(), model(name="other", max_model_len=0))
    for said in ("declared 2 times", "gpus is 4", "'much'", 'model "other": max_model_len'):
        assert said in message


def test_two_models_with_one_id_are_refused() -> None:
    assert 'models "qwen" and "b" both have the id qwen' in refused(model(), model(name="b", id="qwen"))


def test_harmless_variables_are_taken() -> None:
    rows = [
        {"name": "TOKENIZERS_PARALLELISM", "value": "false"},
        {"name": "TOLLGATE_SIMULATOR_ARGS", "value": "--time-to-first-token 20ms"},
        {"name": "AWS_SECRET_ACCESS_KEY", "secret": {"name": "s3", "key": "key"}},
    ]
    found = server(env=rows)["env"]
    assert found[:2] == rows[:2]
    assert found[2]["valueFrom"] == {"secretKeyRef": {"name": "s3", "key": "key"}}


def test_a_claim_to_be_made_is_named_after_the_model() -> None:
    volume = server(volume={"size": "100Gi"})["volume"]
    assert (volume["claim"], volume["made"], volume["access_modes"]) == ("vllm-qwen-models", True, ["ReadWriteOnce"])
    assert server(volume={"claim": "weights"})["volume"]["claim"] == "weights"
    assert not server()["volume"]["claim"]


# What there is, how it is to be scaled, and then: the replicas applied, stopped, marked, overruling.
SCALES: dict[str, tuple[dict[str, Any] | None, str, tuple[Any, ...]]] = {
    "new": (None, "keep", (2, False, False, False)),
    "new and down": (None, "down", (0, True, True, False)),
    "as declared": (deployment("vllm-qwen", 2, tollgate=True), "keep", (2, False, False, False)),
    "declared anew": (deployment("vllm-qwen", 1, tollgate=True), "keep", (2, False, False, False)),
    "stopped stays so": (deployment("vllm-qwen", 0, stopped=True, tollgate=True), "keep", (0, True, True, False)),
    "stopped is started": (deployment("vllm-qwen", 0, stopped=True, tollgate=True), "up", (2, False, False, False)),
    "running is stopped": (deployment("vllm-qwen", 2, tollgate=True), "down", (0, True, True, False)),
    "somebody scaled it": (deployment("vllm-qwen", 5, kubectl=True), "keep", (None, False, False, False)),
    "somebody stopped it": (deployment("vllm-qwen", 0, kubectl=True), "keep", (None, True, False, False)),
    "overruled": (deployment("vllm-qwen", 5, kubectl=True), "up", (2, False, False, True)),
    "overruled with none": (deployment("vllm-qwen", 5, kubectl=True), "down", (0, True, True, True)),
    "agreed": (deployment("vllm-qwen", 2, kubectl=True, tollgate=True), "keep", (None, False, False, False)),
    "stopped, then scaled": (
        deployment("vllm-qwen", 3, stopped=True, kubectl=True),
        "keep",
        (None, False, False, False),
    ),
}


@pytest.mark.parametrize("name", SCALES)
def test_what_is_stopped_stays_stopped_and_what_others_scale_is_theirs(name: str) -> None:
    live, scale, wanted = SCALES[name]
    found = planned([model(replicas=2)], Settings(image="x", scale=scale), [live] if live else [])
    (row,) = found.servers
    assert (row["replicas"], row["stopped"], row["marked"], found.force) == wanted


def test_the_owner_of_another_number_is_named() -> None:
    live = deployment("vllm-qwen", 5, kube_controller_manager=True)
    (row,) = planned([model()], SETTINGS, [live]).servers
    assert row["note"] == "5 replicas as set by kube-controller-manager"


def test_an_autoscaled_model_starts_with_one_pod() -> None:
    stopped = deployment("vllm-qwen", 0, stopped=True, tollgate=True)
    (row,) = planned([model(replicas=None)], Settings(image="x", scale="up"), [stopped]).servers
    assert row["replicas"] == 1


def test_one_model_of_several_is_scaled() -> None:
    both = [model(), model(name="other")]
    found = planned(both, Settings(image="x", scale="down", only=("other",)), [])
    assert [row["stopped"] for row in found.servers] == [False, True]
    assert 'there is no model "x" to scale; declared are: qwen' in refused(model(), scale="up", only=("x",))


def test_what_is_removed_and_what_is_not_declared() -> None:
    live = [deployment("vllm-qwen", 1, tollgate=True), deployment("vllm-old", 1, tollgate=True)]
    found = planned([model(state="absent", volume={"size": "1Gi"})], SETTINGS, live)
    assert found.removed == [{"name": "qwen", "object": "vllm-qwen", "claim": "vllm-qwen-models"}]
    assert found.undeclared == ["vllm-old"]
    assert not found.servers
    assert [row["object"] for row in planned([model()], Settings(image="x", state="absent"), live).removed] == [
        "vllm-qwen"
    ]
