// Copyright: Contributors to the Tollgate project
// GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
// SPDX-License-Identifier: GPL-3.0-or-later

package main

import (
	"fmt"
	"strconv"
	"strings"
	"time"
)

type kind int

const (
	ours      kind = iota // read here
	passed                // the simulator has an argument of that name
	withValue             // vLLM's, without a meaning for a simulator
	alone                 // the same, takes no value
)

// Arguments of `vllm serve` 0.32. What is not here is refused, as vLLM refuses what it does not know.
var known = map[string]kind{
	"model": ours, "host": ours, "port": ours, "api-key": ours, "shutdown-timeout": ours,
	"served-model-name": passed, "max-num-seqs": passed, "max-model-len": passed, "max-loras": passed,
	"max-cpu-loras": passed, "lora-modules": passed, "seed": passed, "block-size": passed,

	"tensor-parallel-size": withValue, "pipeline-parallel-size": withValue, "gpu-memory-utilization": withValue,
	"max-num-batched-tokens": withValue, "dtype": withValue, "quantization": withValue, "download-dir": withValue,
	"load-format": withValue, "revision": withValue, "tokenizer": withValue, "chat-template": withValue,
	"max-lora-rank": withValue, "kv-cache-dtype": withValue, "kv-cache-memory-bytes": withValue,
	"tool-call-parser": withValue, "reasoning-parser": withValue, "generation-config": withValue,
	"uvicorn-log-level": withValue, "root-path": withValue, "limit-mm-per-prompt": withValue,
	"hf-overrides": withValue, "api-server-count": withValue, "max-log-len": withValue,
	"otlp-traces-endpoint": withValue, "swap-space": withValue,

	"trust-remote-code": alone, "enable-lora": alone, "enforce-eager": alone, "disable-fastapi-docs": alone,
	"enable-prefix-caching": alone, "no-enable-prefix-caching": alone, "enable-chunked-prefill": alone,
	"enable-auto-tool-choice": alone, "enable-force-include-usage": alone, "enable-prompt-tokens-details": alone,
	"enable-log-requests": alone, "disable-log-requests": alone, "disable-uvicorn-access-log": alone,
	"enable-sleep-mode": alone, "async-scheduling": alone, "enable-request-id-headers": alone,
}

type options struct {
	host, port string
	keys       []string
	shutdown   time.Duration
	simulator  []string
}

// parse reads vLLM's arguments; key is what the environment says.
func parse(words []string, key string) (options, error) {
	read := options{port: "8000"}
	if key != "" {
		read.keys = []string{key}
	}
	model := ""
	for len(words) > 0 {
		word := words[0]
		words = words[1:]
		if !strings.HasPrefix(word, "--") {
			if model != "" {
				return read, fmt.Errorf("unrecognized arguments: %s", word)
			}
			model = word
			continue
		}
		name, value, joined := strings.Cut(strings.ReplaceAll(word[2:], "_", "-"), "=")
		if joined {
			_, value, _ = strings.Cut(word, "=") // its underscores are its own
		}
		kind, isKnown := known[name]
		if !isKnown {
			return read, fmt.Errorf("unrecognized arguments: --%s", name)
		}
		values := []string{value}
		if kind == alone {
			continue
		} else if !joined {
			values, words = takeValues(words, name == "api-key" || name == "served-model-name" || name == "lora-modules")
			if len(values) == 0 {
				return read, fmt.Errorf("argument --%s: expected an argument", name)
			}
		}
		switch {
		case name == "model":
			model = values[0]
		case name == "host":
			read.host = values[0]
		case name == "port":
			read.port = values[0]
		case name == "api-key":
			read.keys = values
		case name == "shutdown-timeout":
			seconds, err := strconv.Atoi(values[0])
			if err != nil {
				return read, fmt.Errorf("argument --shutdown-timeout: invalid int value: %q", values[0])
			}
			read.shutdown = time.Duration(seconds) * time.Second
		case kind == passed:
			read.simulator = append(read.simulator, append([]string{"--" + name}, values...)...)
		}
	}
	if model == "" {
		model = "Qwen/Qwen3-0.6B" // vLLM's default
	}
	read.simulator = append([]string{"--model", model, "--mode", "echo", "--force-dummy-tokenizer"}, read.simulator...)
	return read, nil
}

// takeValues returns the value or values at the start of words, and the rest.
func takeValues(words []string, many bool) ([]string, []string) {
	count := 0
	for count < len(words) && !strings.HasPrefix(words[count], "--") && (many || count == 0) {
		count++
	}
	return words[:count], words[count:]
}
