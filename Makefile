# Tollgate: from a fresh machine to a gateway. Every target works from a clean clone.
SHELL := /bin/bash
.DEFAULT_GOAL := help
.ONESHELL:
.SHELLFLAGS := -eu -o pipefail -c

ARGS ?=
STATE ?= .tollgate
# What somebody's shell exports for other projects must not reach this one.
unexport ANSIBLE_INVENTORY ANSIBLE_ROLES_PATH ANSIBLE_LIBRARY ANSIBLE_STDOUT_CALLBACK
# Images of containers set this; each run would compile all that it imports, for seconds.
unexport PYTHONDONTWRITEBYTECODE
export ANSIBLE_CONFIG := $(CURDIR)/ansible.cfg
export ANSIBLE_COLLECTIONS_PATH := $(CURDIR)/.venv/collections
export LC_ALL := C.UTF-8
PLAYBOOK := .venv/bin/ansible-playbook

.PHONY: help
help: ## Show the targets
	@sed -n 's/^\([a-z-]*\):.*## /\1\t/p' $(MAKEFILE_LIST) | expand -t 16

.PHONY: environment
environment: ## Make the private virtual environment .venv
	@tools/bootstrap.sh requirements/controller.txt

.PHONY: test-environment
test-environment: ## Add what the tests need to it
	@tools/bootstrap.sh requirements/controller.txt requirements/test.txt requirements/cluster.txt requirements/google.txt
	.venv/bin/python tools/bundled.py kubernetes.core
	.venv/bin/python tests/support/runtime.py

.PHONY: up
up: environment ## Bring up the gateway on this machine (ARGS="-e gateway_port=4010" for more)
	@$(PLAYBOOK) site.yml $(ARGS)

.PHONY: down
down: environment ## Stop it, keep its data
	@$(PLAYBOOK) playbooks/teardown.yml $(ARGS)

.PHONY: clean
clean: environment ## Remove it with its data and secrets (asks for its name; CONFIRM=name answers)
	@confirm='$(CONFIRM)'
	if [ -z "$$confirm" ]; then
	    read -r -p 'This removes the gateway, its keys, its spend and its secrets for good. Its name? ' confirm || true
	fi
	$(PLAYBOOK) playbooks/teardown.yml -e "gateway_remove=$${confirm:?nothing was removed}" $(ARGS)

.PHONY: status
status: environment ## Print what runs, as JSON; exit code 0 or 2
	@verdict=$$(mktemp) log=$$(mktemp)
	trap 'rm -f "$$verdict" "$$log"' EXIT
	code=0
	$(PLAYBOOK) playbooks/status.yml -e "gateway_status_file=$$verdict" $(ARGS) >"$$log" 2>&1 || code=2
	if [ -s "$$verdict" ]; then cat "$$verdict"; else cat "$$log" >&2; fi
	exit $$code

.PHONY: drift
drift: environment ## Print what differs between the proxy and the gateway file, as JSON; exit code 0 or 2
	@report=$$(mktemp) log=$$(mktemp)
	trap 'rm -f "$$report" "$$log"' EXIT
	code=0
	$(PLAYBOOK) playbooks/drift.yml -e "gateway_drift_file=$$report" $(ARGS) >"$$log" 2>&1 || code=2
	if [ -s "$$report" ]; then cat "$$report"; else cat "$$log" >&2; fi
	exit $$code

.PHONY: proof
proof: environment ## Prove now that it serves, stops and bills
	@$(PLAYBOOK) playbooks/proof.yml -e gateway_proof_always=true $(ARGS)

.PHONY: vllm-up vllm-down
vllm-up: environment ## Start the models on a cluster (ARGS="-i inventories/kubernetes")
	@$(PLAYBOOK) playbooks/vllm.yml -e gateway_vllm=up $(ARGS)
vllm-down: environment ## Stop them; later runs leave them stopped
	@$(PLAYBOOK) playbooks/vllm.yml -e gateway_vllm=down $(ARGS)

.PHONY: logs
logs: ## Follow the logs of all processes (STATE=directory for another gateway's)
	@tail -n 20 -F $(STATE)/log/*.log

.PHONY: test
test: test-environment ## Formats, lint, sanity, units, integration, molecule
	@.venv/bin/python tests/support/check.py $(STEPS)

CLUSTER := PYTHONPATH=tests/cluster .venv/bin/python -m tollgate_cluster
IMAGES ?=

.PHONY: cluster-environment
cluster-environment: # what the two below need
	@tools/bootstrap.sh requirements/controller.txt requirements/cluster.txt

.PHONY: cluster
cluster: cluster-environment ## A real Kubernetes on this machine, as root (IMAGES="a b" makes a part of the images)
	@$(CLUSTER) up $(if $(strip $(IMAGES)),--images "$(IMAGES)")

.PHONY: cluster-down
cluster-down: cluster-environment ## Remove it, with its data
	@$(CLUSTER) down

CHECKS := .venv/bin/pytest -q tests/cluster/checks

.PHONY: test-cluster
test-cluster: test-environment $(if $(TOLLGATE_KUBECONFIG),,cluster) ## Check the cluster that TOLLGATE_KUBECONFIG names, else that of make cluster
	@$(if $(ARGS),exec $(CHECKS) -n 4 --dist worksteal $(ARGS))
	# The whole platform: from nothing to the proof, again, through bad luck, and away. Its operators stay for the others.
	$(CHECKS) -m "platform and not soak"
	$(CHECKS) -n 4 --dist worksteal
	PATH="$(CURDIR)/.venv/bin:$$PATH" molecule test --scenario-name kubernetes
	# What stops or breaks the cluster, one after the other; afterwards it runs again.
	$(if $(TOLLGATE_KUBECONFIG),,$(CHECKS) -m "alone and not soak")

.PHONY: bench
bench: test-environment ## Measure the modules beside a bare client and other ways, on a gateway of its own (ARGS=--publish: into docs)
	@.venv/bin/python tests/bench/bench.py $(ARGS)

SEED ?= 1
ROUNDS ?= 10

.PHONY: test-soak
test-soak: test-environment ## What is too long for every day, at random moments (SEED=, ROUNDS=); with a cluster its checks too
	@install -d -m 0700 .tollgate .tollgate/soak
	TOLLGATE_RACES=20 .venv/bin/pytest -q -p no:cacheprovider -k creators_end_with_one_value tests/unit 2>&1 | tee .tollgate/soak/races.log | tail -1
	.venv/bin/python tests/support/gsm_bench.py 2>&1 | tee .tollgate/soak/gsm_bench.log
	.venv/bin/python tests/support/killed.py --rounds $(ROUNDS) --seed $(SEED) 2>&1 | tee .tollgate/soak/killed-$(SEED).log | grep -E '^(round|seed)'
	.venv/bin/python tests/support/versions.py 2>&1 | tee .tollgate/soak/versions.log | grep -E '^(LiteLLM |[0-9]+ (passed|failed))'
	if [ -e "$${TOLLGATE_KUBECONFIG:-.tollgate/cluster/kubeconfig}" ]; then
	    $(CHECKS) -m "soak and not alone and not platform" --rounds $(ROUNDS) --seed $(SEED) 2>&1 | tee .tollgate/soak/cluster-$(SEED).log
	    $(CHECKS) -m "soak and platform" --rounds $(ROUNDS) --seed $(SEED) 2>&1 | tee .tollgate/soak/platform-$(SEED).log
	    $(if $(TOLLGATE_KUBECONFIG),,$(CHECKS) -m "soak and alone" --rounds $(ROUNDS) --seed $(SEED) 2>&1 | tee .tollgate/soak/life-$(SEED).log)
	else
	    echo 'no cluster, so its long checks were left out: make cluster, or name one in TOLLGATE_KUBECONFIG'
	fi
