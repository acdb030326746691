# Copyright: Contributors to the Tollgate project
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How one simulator behaves."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Settings:
    """Delays are seconds. The first model's name labels the metrics, the others are aliases, as in vLLM."""

    models: tuple[str, ...] = ("qwen-local",)
    api_key: str | None = field(default=None, repr=False)
    max_model_len: int = 8192
    time_to_first_token: float = 0.0
    time_per_token: float = 0.0
    force_include_usage: bool = True
    max_num_seqs: int = 256
    block_size: int = 16
    num_gpu_blocks: int = 4096
    embedding_dimensions: int = 1024
