#!/usr/bin/python
# Copyright: Contributors to the Tollgate project
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: vllm_servers
short_description: Work out what runs each declared model, and refuse what can't work
version_added: 1.0.0
description:
  - Checks the declared models, all of them before anything is written, and says what their Deployments are made of.
    It reads the Deployments that there are, and changes nothing.
  - A model that was stopped stays stopped, and a number of replicas that something else set, such as an autoscaler or
    C(kubectl scale), is left to it. With O(scale) both are overruled.
  - Deployment, Service and the label C(app) of the pods are named C(vllm-) and the model's id.
options:
  namespace:
    description: Where the models run.
    type: str
    required: true
  models:
    description: The models.
    type: list
    elements: dict
    required: true
    suboptions:
      name:
        description: The name by which the model is asked for.
        type: str
        required: true
      id:
        description:
          - What its objects are called, behind C(vllm-). By default it is the name, when that has only a-z, 0-9 and
            dashes inside and at most 40 characters, else a slug of it with ten digits of its SHA-256.
        type: str
      model:
        description: What vLLM loads, a model of Hugging Face or an absolute path. By default it is the name.
        type: str
      image:
        description: The image, if not O(image).
        type: str
      replicas:
        description: How many pods. With V(null) the number is not applied, so that an autoscaler may own it.
        type: raw
        default: 1
      max_model_len:
        description: Tokens of prompt and answer together.
        type: int
      max_num_seqs:
        description: How many requests are worked on at a time.
        type: int
      max_num_batched_tokens:
        description: Tokens of one step.
        type: int
      gpu_memory_utilization:
        description: The part of a GPU's memory that it takes, such as V(0.9).
        type: float
      tensor_parallel_size:
        description: How many GPUs share each layer. With O(models[].pipeline_parallel_size) it makes the GPUs.
        type: int
      pipeline_parallel_size:
        description: How many GPUs share the layers.
        type: int
      dtype:
        description: How weights and activations are kept.
        type: str
        choices: [auto, bfloat16, float16, float32, half, float]
      quantization:
        description: How the weights are quantized, if the model does not say it.
        type: str
      kv_cache_dtype:
        description: How the key-value cache is kept, such as V(fp8).
        type: str
      kv_cache_memory_bytes:
        description: The size of the key-value cache, instead of what is left of a GPU.
        type: int
      block_size:
        description: Tokens of a block of the cache. An endpoint picker that scores prefixes has to know it.
        type: int
      enable_prefix_caching:
        description: Whether prompts that begin alike share their cache.
        type: bool
      enable_chunked_prefill:
        description: Whether long prompts are worked on in pieces.
        type: bool
      enforce_eager:
        description: Whether nothing is compiled, for a faster start and slower answers.
        type: bool
      tool_call_parser:
        description: How calls of tools are read from answers. It switches the choice of tools on too.
        type: str
      reasoning_parser:
        description: How thoughts are told from answers.
        type: str
      chat_template:
        description: A chat template, or the path of one.
        type: str
      tokenizer:
        description: Another tokenizer than the model's.
        type: str
      revision:
        description: The commit, tag or branch of the model. A commit is what stays the same.
        type: str
      load_format:
        description: How the weights are loaded.
        type: str
      generation_config:
        description: Where defaults of sampling come from, such as V(vllm).
        type: str
      limit_mm_per_prompt:
        description: How many images and the like a prompt may have, by their kind.
        type: dict
      hf_overrides:
        description: Values for the model's own configuration.
        type: dict
      seed:
        description: The seed of sampling.
        type: int
      trust_remote_code:
        description: Whether code that comes with the model is run. It may do all that the pod may.
        type: bool
      extra_args:
        description: More arguments of C(vllm serve), word by word. Never a secret.
        type: list
        elements: str
        default: []
      env:
        description:
          - More environment variables, with a value or from a Secret. A value that looks like a secret is refused.
        type: list
        elements: dict
        default: []
        suboptions:
          name:
            description: The variable.
            type: str
            required: true
          value:
            description: Its value.
            type: str
          secret:
            description: Where its value is, in the same namespace.
            type: dict
            suboptions:
              name:
                description: The Secret.
                type: str
                required: true
              key:
                description: The key in it.
                type: str
                required: true
      gpus:
        description: How many GPUs each pod gets.
        type: int
        default: 0
      cpu:
        description: How many cores a pod asks for. It may use more.
        type: str
      memory:
        description: How much memory a pod gets, with its shared memory.
        type: str
      shm_size:
        description: How large the shared memory at C(/dev/shm) may become. vLLM needs more than 240 MiB.
        type: str
      volume:
        description: Where weights are kept. Without a claim they end with their pod.
        type: dict
        suboptions:
          claim:
            description: A PersistentVolumeClaim that is there.
            type: str
          size:
            description: The size of a claim to be made. It is removed with the model.
            type: str
          storage_class:
            description: The class of that claim.
            type: str
          access_modes:
            description: Who may mount that claim. By default one node at a time.
            type: list
            elements: str
            choices: [ReadWriteOnce, ReadOnlyMany, ReadWriteMany]
          limit:
            description: How large a volume that ends with its pod may become.
            type: str
          path:
            description: Where it is mounted. Downloads lie in C(huggingface) below it.
            type: str
            default: /models
      hf_token_secret:
        description: Where the token for Hugging Face is, in the same namespace, for models that want one.
        type: dict
        suboptions:
          name:
            description: The Secret.
            type: str
            required: true
          key:
            description: The key in it.
            type: str
            required: true
      startup_seconds:
        description: How long a pod may take to download and load its weights, if not O(startup_seconds).
        type: int
      node_selector:
        description: Labels of the nodes that it may run on.
        type: dict
      tolerations:
        description: Taints of nodes that it may run on nevertheless. The usual taint of nodes with GPUs needs no entry.
        type: list
        elements: dict
        default: []
      runtime_class:
        description: The RuntimeClass, where that of GPUs is not the default.
        type: str
      state:
        description: Shall the model be there?
        type: str
        choices: [present, absent]
        default: present
  image:
    description: The image of models that name none.
    type: str
    required: true
  size:
    description:
      - The defaults of C(cpu), C(memory) and C(shm_size), V(4), V(32Gi) and V(2Gi), or with V(small) V(100m), V(256Mi)
        and V(128Mi).
    type: str
    choices: [small, standard]
    default: standard
  state:
    description: With V(absent) every model is to be removed.
    type: str
    choices: [present, absent]
    default: present
  scale:
    description: V(up) starts models and V(down) stops them; V(keep) leaves stopped what is stopped.
    type: str
    choices: [keep, up, down]
    default: keep
  scale_models:
    description: The models that O(scale) concerns, by name. By default all.
    type: list
    elements: str
    default: []
  generation_seconds:
    description: How long a pod that ends goes on with the answers it has begun.
    type: int
    default: 120
  drain_seconds:
    description: How long a pod that ends takes requests yet, until nobody sends it any more.
    type: int
    default: 10
  startup_seconds:
    description: How long a pod may take to download and load its weights.
    type: int
    default: 3600
  gpu_resource:
    description: The resource that stands for a GPU.
    type: str
    default: nvidia.com/gpu
attributes:
  check_mode:
    support: full
  diff_mode:
    support: none
extends_documentation_fragment:
  - tollgate.llm._attributes
  - tollgate.llm._kubernetes
author: The Tollgate developers (@tollgate)
"""

EXAMPLES = r"""
- name: Work out what runs the models
  tollgate.llm.vllm_servers:
    namespace: llm
    image: docker.io/vllm/vllm-openai:v0.32.0
    models:
      - name: qwen-local
        model: Qwen/Qwen3-8B
        gpus: 1
        max_model_len: 16384
        gpu_memory_utilization: 0.9
        volume: {size: 100Gi}
  register: vllm_plan
"""

RETURN = r"""
servers:
  description: What the Deployment of each model is made of.
  type: list
  elements: dict
  returned: always
  contains:
    name:
      description: The model's name.
      type: str
    object:
      description: Deployment, Service and label of the pods.
      type: str
    replicas:
      description: The number to be applied; null leaves it to whoever owns it.
      type: int
    running:
      description: Whether there should be pods.
      type: bool
    stopped:
      description: Whether it was stopped.
      type: bool
    note:
      description: Who owns the number of replicas, when that is somebody else.
      type: str
removed:
  description: The models to be removed.
  type: list
  elements: dict
  returned: always
undeclared:
  description: Deployments of models that are not declared any more. They are left alone.
  type: list
  elements: str
  returned: always
force:
  description: Whether somebody else's number of replicas is to be overruled.
  type: bool
  returned: always
"""

from typing import Any

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.tollgate.llm.plugins.module_utils._kubernetes import cluster, connection
from ansible_collections.tollgate.llm.plugins.module_utils._libraries import require
from ansible_collections.tollgate.llm.plugins.module_utils._vllm import options, plan

MINE = "app.kubernetes.io/managed-by=tollgate,app.kubernetes.io/component=vllm"


def settings(given: dict[str, Any]) -> plan.Settings:
    """What holds for all models."""
    return plan.Settings(
        image=given["image"],
        size=given["size"],
        state=given["state"],
        scale=given["scale"],
        only=tuple(given["scale_models"]),
        generation_seconds=given["generation_seconds"],
        drain_seconds=given["drain_seconds"],
        startup_seconds=given["startup_seconds"],
        gpu_resource=given["gpu_resource"],
    )


def main() -> None:
    spec = {
        "namespace": {"type": "str", "required": True},
        "models": {"type": "list", "elements": "dict", "required": True, "options": options.MODEL},
        "image": {"type": "str", "required": True},
        "size": {"type": "str", "choices": ["small", "standard"], "default": "standard"},
        "state": {"type": "str", "choices": ["present", "absent"], "default": "present"},
        "scale": {"type": "str", "choices": ["keep", "up", "down"], "default": "keep"},
        "scale_models": {"type": "list", "elements": "str", "default": []},
        "generation_seconds": {"type": "int", "default": 120},
        "drain_seconds": {"type": "int", "default": 10},
        "startup_seconds": {"type": "int", "default": 3600},
        "gpu_resource": {"type": "str", "default": "nvidia.com/gpu"},
        **connection.ARGUMENTS,
    }
    module = AnsibleModule(argument_spec=spec, supports_check_mode=True)
    require(module, kubernetes=cluster.KUBERNETES_IMPORT_ERROR)
    given = module.params
    try:
        plan.planned(given["models"], settings(given), [])  # before the cluster is asked
        asked = cluster.Cluster(given["kubeconfig"], given["context"])
        live = asked.find("apps/v1", "Deployment", given["namespace"], labels=MINE)[1]
        found = plan.planned(given["models"], settings(given), live)
    except plan.Refused as error:
        module.fail_json(msg=f"vllm_models can't work:\n{error}")
    except cluster.ClusterError as error:
        module.fail_json(msg=f"models: {error}")
    for name in found.undeclared:
        module.warn(
            f"Deployment {given['namespace']}/{name} runs a model that is not declared any more. It is left alone: "
            "declare the model with state: absent to remove it."
        )
    module.exit_json(
        changed=False,
        servers=found.servers,
        removed=found.removed,
        undeclared=found.undeclared,
        force=found.force,
    )


if __name__ == "__main__":
    main()
