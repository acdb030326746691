// Copyright: Contributors to the Tollgate project
// GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
// SPDX-License-Identifier: GPL-3.0-or-later

package main

import (
	"reflect"
	"strings"
	"testing"
)

func TestArgumentsOfADeployment(t *testing.T) {
	words := strings.Fields("Qwen/Qwen3 --served-model-name qwen-local other --port=8001 --max_model_len 4096 " +
		"--gpu-memory-utilization 0.9 --enforce-eager --shutdown-timeout 20 --api-key one two")
	read, err := parse(words, "from-environment")
	if err != nil {
		t.Fatal(err)
	}
	wanted := strings.Fields("--model Qwen/Qwen3 --mode echo --force-dummy-tokenizer " +
		"--served-model-name qwen-local other --max-model-len 4096")
	if !reflect.DeepEqual(read.simulator, wanted) {
		t.Errorf("the simulator got %q", read.simulator)
	}
	if read.port != "8001" || !reflect.DeepEqual(read.keys, []string{"one", "two"}) || read.shutdown.Seconds() != 20 {
		t.Errorf("read %+v", read)
	}
}

func TestUnknownArgumentsAreRefused(t *testing.T) {
	if _, err := parse([]string{"model", "--no-such-thing"}, ""); err == nil {
		t.Error("--no-such-thing was taken")
	}
}

func TestKeysAreCheckedAsVLLMDoes(t *testing.T) {
	for header, wanted := range map[string]bool{
		"Bearer right": true, "bearer right": true, "Bearer wrong": false, "right": false, "": false,
	} {
		if allowed(header, []string{"first", "right"}) != wanted {
			t.Errorf("%q: not %v", header, wanted)
		}
	}
}
