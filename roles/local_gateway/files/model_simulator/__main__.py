# Copyright: Contributors to the Tollgate project
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""`python -m model_simulator --port 24000 --api-key-file FILE`."""

from __future__ import annotations

import argparse
import signal
import sys
from pathlib import Path

import uvicorn  # type: ignore[import-not-found, unused-ignore]  # the runtime has it

from .server import Simulator
from .settings import Settings


def arguments(given: list[str] | None = None) -> argparse.Namespace:
    """The command line. There is no option for the key itself: command lines are public."""
    default = Settings()
    parser = argparse.ArgumentParser(prog="model_simulator", description="What a gateway sees of a vLLM server.")
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=24000)
    parser.add_argument("--model", action="append", metavar="NAME", help="served name; may be repeated (qwen-local)")
    parser.add_argument("--api-key-file", type=Path, metavar="FILE", help="without it no key is asked for")
    parser.add_argument("--max-model-len", type=int, default=default.max_model_len, metavar="TOKENS")
    parser.add_argument("--time-to-first-token", type=float, default=0.0, metavar="MS")
    parser.add_argument("--time-per-token", type=float, default=0.0, metavar="MS")
    parser.add_argument(
        "--enable-force-include-usage", action=argparse.BooleanOptionalAction, default=default.force_include_usage
    )
    parser.add_argument("--max-num-seqs", type=int, default=default.max_num_seqs, metavar="N")
    parser.add_argument("--block-size", type=int, default=default.block_size, metavar="TOKENS")
    parser.add_argument("--num-gpu-blocks", type=int, default=default.num_gpu_blocks, metavar="N")
    parser.add_argument("--embedding-dimensions", type=int, default=default.embedding_dimensions, metavar="N")
    parser.add_argument(
        "--shutdown-timeout", type=int, default=20, metavar="S", help="for requests under way at the end"
    )
    return parser.parse_args(given)


def settings(options: argparse.Namespace) -> Settings:
    """The settings of a command line; ends the program when the key can't be read."""
    key = None
    if options.api_key_file is not None:
        try:
            key = options.api_key_file.read_text().strip()
        except OSError as error:
            sys.exit(f"model_simulator: {options.api_key_file} can't be read: {error.strerror}")
        if not key:
            sys.exit(f"model_simulator: {options.api_key_file} is empty")
    return Settings(
        models=tuple(options.model or ["qwen-local"]),
        api_key=key,
        max_model_len=options.max_model_len,
        time_to_first_token=options.time_to_first_token / 1000,
        time_per_token=options.time_per_token / 1000,
        force_include_usage=options.enable_force_include_usage,
        max_num_seqs=options.max_num_seqs,
        block_size=options.block_size,
        num_gpu_blocks=options.num_gpu_blocks,
        embedding_dimensions=options.embedding_dimensions,
    )


def main() -> None:
    """Serve until SIGTERM or SIGINT, then finish what is under way."""
    options = arguments()
    configuration = uvicorn.Config(
        Simulator(settings(options)),
        host=options.host,
        port=options.port,
        log_level="warning",
        access_log=False,
        timeout_graceful_shutdown=options.shutdown_timeout,
    )
    # uvicorn raises the signal again when it has finished; this makes that an ordinary end.
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_received: None)
    uvicorn.Server(configuration).run()


if __name__ == "__main__":
    main()
