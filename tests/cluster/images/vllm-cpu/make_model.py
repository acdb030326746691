# Copyright: Contributors to the Tollgate project
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Make a small chat model of random weights, without a network: make_model.py DIRECTORY

A Qwen2 of two layers with a tokenizer made on the spot. The same version of this file makes the same bytes.
"""

from __future__ import annotations

import os
import random
import sys
from collections.abc import Iterator
from pathlib import Path

os.environ["HF_HUB_OFFLINE"] = os.environ["TRANSFORMERS_OFFLINE"] = "1"
os.environ["CUDA_VISIBLE_DEVICES"] = ""

import torch
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
from transformers import GenerationConfig, PreTrainedTokenizerFast, Qwen2Config, Qwen2ForCausalLM

SEED = 7
VOCABULARY = 4096
POSITIONS = 32768
# vLLM on a CPU serves heads of 32 and more; of 16 it starts, and dies at the first request.
HIDDEN, HEADS = 64, 2
END, START, STOP = "<|endoftext|>", "<|im_start|>", "<|im_end|>"
CHAT_TEMPLATE = (
    "{%- for message in messages -%}<|im_start|>{{ message.role }}\n"
    "{%- if message.content is string -%}{{ message.content }}"
    "{%- else -%}{%- for part in message.content -%}{{ part.text | default('') }}{%- endfor -%}{%- endif -%}"
    "<|im_end|>\n{%- endfor -%}"
    "{%- if add_generation_prompt -%}<|im_start|>assistant\n{%- endif -%}"
)
ONSETS = [
    "b",
    "c",
    "d",
    "f",
    "g",
    "h",
    "k",
    "l",
    "m",
    "n",
    "p",
    "r",
    "s",
    "t",
    "v",
    "w",
    "br",
    "cl",
    "dr",
    "fl",
    "gr",
    "pl",
    "st",
    "tr",
    "sh",
    "ch",
    "th",
]
VOWELS = ["a", "e", "i", "o", "u", "ai", "ea", "ee", "oo", "ou"]
ENDS = ["", "", "n", "r", "s", "t", "l", "nd", "st", "ck", "ng"]


def sentences() -> Iterator[str]:
    """Enough of made-up language for a vocabulary of some thousand pieces."""
    chance = random.Random(SEED)  # noqa: S311 (no secret)
    words = [
        "".join(chance.choice(ONSETS) + chance.choice(VOWELS) + chance.choice(ENDS) for part in range(parts))
        for parts in (chance.randint(1, 3) for word in range(6000))
    ]
    for number in range(8000):
        text = " ".join(chance.choice(words) for word in range(chance.randint(6, 18)))
        yield f"{text.capitalize()}{chance.choice('.?!')} {number}"


def tokenizer() -> Tokenizer:
    """Pairs of bytes, as Qwen's."""
    made = Tokenizer(models.BPE())
    made.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    made.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=VOCABULARY,
        special_tokens=[END, START, STOP],
        show_progress=False,
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
    )
    made.train_from_iterator(sentences(), trainer)
    return made


def main() -> None:
    """Write all files of the model."""
    target = Path(sys.argv[1])
    target.mkdir(parents=True, exist_ok=True)
    made = tokenizer()
    fast = PreTrainedTokenizerFast(
        tokenizer_object=made,
        eos_token=STOP,
        pad_token=END,
        additional_special_tokens=[END, START],
        model_max_length=POSITIONS,
        clean_up_tokenization_spaces=False,
    )
    fast.chat_template = CHAT_TEMPLATE
    fast.save_pretrained(target)
    numbers = {name: made.token_to_id(name) for name in (END, STOP)}
    ends = {"eos_token_id": numbers[STOP], "pad_token_id": numbers[END]}
    configuration = Qwen2Config(
        vocab_size=(made.get_vocab_size() + 63) // 64 * 64,
        hidden_size=HIDDEN,
        intermediate_size=4 * HIDDEN,
        num_hidden_layers=2,
        num_attention_heads=HEADS,
        num_key_value_heads=1,
        max_position_embeddings=POSITIONS,
        tie_word_embeddings=False,
        bos_token_id=numbers[END],
        **ends,
    )
    torch.manual_seed(SEED)
    torch.set_num_threads(1)
    model = Qwen2ForCausalLM(configuration).to(torch.bfloat16).eval()
    model.generation_config = GenerationConfig(**ends)
    model.save_pretrained(target, safe_serialization=True)


if __name__ == "__main__":
    main()
