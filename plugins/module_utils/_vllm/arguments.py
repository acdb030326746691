# Copyright: Contributors to the Tollgate project
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The arguments of `vllm serve` that a model may declare by name."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

PORT = 8000
DTYPES = ("auto", "bfloat16", "float16", "float32", "half", "float")


@dataclass(frozen=True)
class Argument:
    """One argument: its option's name and type. C(switch): vLLM has a `--no-` form too."""

    option: str
    kind: str
    choices: tuple[str, ...] = ()
    switch: bool = False

    @property
    def flag(self) -> str:
        """As vLLM has it."""
        return self.option.replace("_", "-")

    def spec(self) -> dict[str, Any]:
        """Its entry in a module's argument_spec. No argument is a secret, whatever its name sounds like."""
        return {"type": self.kind, "no_log": False, **({"choices": list(self.choices)} if self.choices else {})}

    def words(self, value: Any) -> list[str]:
        """On the command line."""
        if self.kind == "bool":
            if value:
                return [f"--{self.flag}"]
            return [f"--no-{self.flag}"] if self.switch else []
        if self.kind == "dict":
            return [f"--{self.flag}", json.dumps(value, sort_keys=True, separators=(",", ":"))]
        return [f"--{self.flag}", str(value)]


# vLLM 0.32, `vllm serve --help`.
ARGUMENTS = (
    Argument("max_model_len", "int"),
    Argument("max_num_seqs", "int"),
    Argument("max_num_batched_tokens", "int"),
    Argument("gpu_memory_utilization", "float"),
    Argument("tensor_parallel_size", "int"),
    Argument("pipeline_parallel_size", "int"),
    Argument("dtype", "str", DTYPES),
    Argument("quantization", "str"),
    Argument("kv_cache_dtype", "str"),
    Argument("kv_cache_memory_bytes", "int"),
    Argument("block_size", "int"),
    Argument("enable_prefix_caching", "bool", switch=True),
    Argument("enable_chunked_prefill", "bool", switch=True),
    Argument("enforce_eager", "bool"),
    Argument("tool_call_parser", "str"),
    Argument("reasoning_parser", "str"),
    Argument("chat_template", "str"),
    Argument("tokenizer", "str"),
    Argument("revision", "str"),
    Argument("load_format", "str"),
    Argument("generation_config", "str"),
    Argument("limit_mm_per_prompt", "dict"),
    Argument("hf_overrides", "dict"),
    Argument("seed", "int"),
    Argument("trust_remote_code", "bool"),
)
# What the role itself says, and where a user says it instead.
RESERVED = {
    "model": "model",
    "served-model-name": "name",
    "host": "nothing: it listens on every address of its pod",
    "port": f"nothing: it is {PORT}",
    "api-key": "vllm_api_key_secret, so that the key is in no process list",
    "hf-token": "hf_token_secret, so that the token is in no process list",
    "shutdown-timeout": "vllm_generation_seconds",
}
# Usage in each stream is what spend is counted by; cached tokens are a part of it.
ALWAYS = ("--enable-force-include-usage", "--enable-prompt-tokens-details", "--disable-fastapi-docs")
POSITIVE = ("max_model_len", "max_num_seqs", "max_num_batched_tokens", "tensor_parallel_size", "pipeline_parallel_size")


def given(model: Mapping[str, Any]) -> dict[str, Any]:
    """Those that a model declares."""
    return {each.option: model[each.option] for each in ARGUMENTS if model.get(each.option) is not None}


def flags(words: Sequence[str]) -> Iterator[str]:
    """The names of the arguments in a command line, as vLLM reads them: `_` is `-`, a value may follow `=`."""
    for word in words:
        if word.startswith("--"):
            yield word[2:].partition("=")[0].replace("_", "-")


def command(name: str, model: str, chosen: Mapping[str, Any], extra: Sequence[str], drain: int) -> list[str]:
    """The arguments of the container."""
    words = ["serve", model, "--served-model-name", name, "--port", str(PORT), "--shutdown-timeout", str(drain)]
    words += ALWAYS
    for argument in ARGUMENTS:
        if argument.option in chosen:
            words += argument.words(chosen[argument.option])
    if "tool_call_parser" in chosen:
        words.append("--enable-auto-tool-choice")
    return [*words, *extra]


def faults(chosen: Mapping[str, Any], extra: Sequence[str], gpus: int) -> Iterator[str]:
    """What is wrong with a model's arguments."""
    for option in POSITIVE:
        if chosen.get(option, 1) < 1:
            yield f"{option} is {chosen[option]}; it must be 1 or more"
    share = chosen.get("gpu_memory_utilization")
    if share is not None and not 0 < share <= 1:
        yield f"gpu_memory_utilization is {share}; it is a part of a GPU's memory, more than 0 and at most 1"
    if share is not None and gpus == 0:
        yield "gpu_memory_utilization is given, but gpus is 0: say how many GPUs it needs, or leave it out"
    parallel = chosen.get("tensor_parallel_size", 1) * chosen.get("pipeline_parallel_size", 1)
    if parallel != max(gpus, 1) and not any("data-parallel" in flag for flag in flags(extra)):
        yield (
            f"tensor_parallel_size x pipeline_parallel_size is {parallel}, but gpus is {gpus}: "
            "vLLM starts one process for each, with one GPU"
        )
    typed = {argument.flag for argument in ARGUMENTS if argument.option in chosen}
    for flag in flags(extra):
        bare = flag.removeprefix("no-")
        if flag in RESERVED:
            yield f"extra_args has --{flag}: use {RESERVED[flag]}"
        elif bare in typed:
            yield f"extra_args has --{flag}, and {bare.replace('-', '_')} says it too: keep one of them"
