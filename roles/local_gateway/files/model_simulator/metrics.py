# Copyright: Contributors to the Tollgate project
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Metrics under the names, labels and buckets of vLLM 0.32, in Prometheus' text format."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field

from .settings import Settings

FINISH_REASONS = ("stop", "length", "abort", "error", "repetition")
FIRST_TOKEN_BUCKETS = (
    *(0.001, 0.005, 0.01, 0.02, 0.04, 0.06, 0.08, 0.1, 0.25, 0.5, 0.75, 1.0),
    *(2.5, 5.0, 7.5, 10.0, 20.0, 40.0, 80.0, 160.0, 640.0, 2560.0),
)
NEXT_TOKEN_BUCKETS = (
    *(0.01, 0.025, 0.05, 0.075, 0.1, 0.15, 0.2, 0.3, 0.4, 0.5, 0.75, 1.0),
    *(2.5, 5.0, 7.5, 10.0, 20.0, 40.0, 80.0),
)
LATENCY_BUCKETS = (
    *(0.3, 0.5, 0.8, 1.0, 1.5, 2.0, 2.5, 5.0, 10.0, 15.0, 20.0, 30.0, 40.0, 50.0),
    *(60.0, 120.0, 240.0, 480.0, 960.0, 1920.0, 7680.0),
)


@dataclass(slots=True)
class Histogram:
    """Observations in seconds."""

    bounds: tuple[float, ...]
    counts: Counter[float] = field(default_factory=Counter)
    total: float = 0.0

    def observe(self, seconds: float) -> None:
        """Add one."""
        self.total += seconds
        self.counts[next((bound for bound in self.bounds if seconds <= bound), float("inf"))] += 1


class Metrics:
    """What the server has done, and what it is doing."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.running = 0
        self.waiting = 0
        self.tokens_held = 0
        self.prompt_tokens = 0
        self.generation_tokens = 0
        self.finished: Counter[str] = Counter()
        self.first_token = Histogram(FIRST_TOKEN_BUCKETS)
        self.next_token = Histogram(NEXT_TOKEN_BUCKETS)
        self.latency = Histogram(LATENCY_BUCKETS)
        self.queue = Histogram(LATENCY_BUCKETS)

    @property
    def cache_usage(self) -> float:
        """Share of the key-value cache that running requests hold, 0 to 1."""
        return min(1.0, self.tokens_held / (self.settings.block_size * self.settings.num_gpu_blocks))

    def text(self) -> str:
        """The page."""
        lines: list[str] = []
        self._single(
            lines, "num_requests_running", "gauge", "Number of requests in model execution batches.", self.running
        )
        self._single(
            lines, "num_requests_waiting", "gauge", "Number of requests waiting to be processed.", self.waiting
        )
        self._single(
            lines, "kv_cache_usage_perc", "gauge", "KV-cache usage. 1 means 100 percent usage.", self.cache_usage
        )
        self._single(lines, "prefix_cache_queries_total", "counter", "Queried prefix cache tokens.", self.prompt_tokens)
        self._single(lines, "prefix_cache_hits_total", "counter", "Cached prefix tokens: always none here.", 0)
        self._single(lines, "num_preemptions_total", "counter", "Preemptions by the engine: always none here.", 0)
        self._single(lines, "prompt_tokens_total", "counter", "Number of prefill tokens processed.", self.prompt_tokens)
        self._single(
            lines,
            "generation_tokens_total",
            "counter",
            "Number of generation tokens processed.",
            self.generation_tokens,
        )
        _head(lines, "request_success_total", "counter", "Count of successfully processed requests.")
        for reason in FINISH_REASONS:
            labels = self._labels(finished_reason=reason)
            lines.append(f"vllm:request_success_total{labels} {float(self.finished[reason])}")
        self._histogram(lines, "time_to_first_token_seconds", "time to first token", self.first_token)
        self._histogram(lines, "inter_token_latency_seconds", "inter-token latency", self.next_token)
        self._histogram(lines, "e2e_request_latency_seconds", "e2e request latency", self.latency)
        self._histogram(lines, "request_queue_time_seconds", "time spent in WAITING phase", self.queue)
        _head(lines, "cache_config_info", "gauge", "Information of the LLMEngine CacheConfig")
        size, blocks = self.settings.block_size, self.settings.num_gpu_blocks
        lines.append(f'vllm:cache_config_info{{block_size="{size}",engine="0",num_gpu_blocks="{blocks}"}} 1.0')
        return "\n".join(lines) + "\n"

    def _labels(self, **more: str) -> str:
        model = self.settings.models[0].replace("\\", "\\\\").replace('"', '\\"')
        labels = {"engine": "0", **more, "model_name": model}
        return "{" + ",".join(f'{name}="{value}"' for name, value in labels.items()) + "}"

    def _single(self, lines: list[str], name: str, kind: str, text: str, value: float) -> None:
        _head(lines, name, kind, text)
        lines.append(f"vllm:{name}{self._labels()} {float(value)}")

    def _histogram(self, lines: list[str], name: str, what: str, histogram: Histogram) -> None:
        _head(lines, name, "histogram", f"Histogram of {what} in seconds.")
        seen = 0
        for bound in (*histogram.bounds, float("inf")):
            seen += histogram.counts[bound]
            edge = "+Inf" if bound == float("inf") else str(bound)
            lines.append(f"vllm:{name}_bucket{self._labels(le=edge)} {float(seen)}")
        lines.append(f"vllm:{name}_count{self._labels()} {float(seen)}")
        lines.append(f"vllm:{name}_sum{self._labels()} {histogram.total}")


def _head(lines: list[str], name: str, kind: str, text: str) -> None:
    lines += [f"# HELP vllm:{name} {text}", f"# TYPE vllm:{name} {kind}"]
