# Two commands to begin with: `make run` serves, `make test` tests. `make` alone lists all.
.DEFAULT_GOAL := help
SHELL := /bin/sh
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
SERVING := $(VENV)/.serving
READY := $(VENV)/.ready
# A project of its own, as a team would have it.
ENROLMENT := $(MAKE) --no-print-directory -C examples/enrolment PYTHON=$(CURDIR)/$(BIN)/python
ADDRESS ?= 127.0.0.1:50051
DATA ?=
DAY ?=
AGAINST ?=

.PHONY: help
help: ## list the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## /{printf "  %-14s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

# Serving needs a fraction of what working on it needs: who only serves waits for that alone.
$(SERVING): requirements-serving.lock pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
		{ echo "$(PYTHON) is too old or missing: make $(MAKECMDGOALS) PYTHON=<Python 3.11 or later>" >&2; exit 1; }
	@echo "Making the environment in $(VENV), once."
	@$(PYTHON) -m venv $(VENV)
	@$(BIN)/python tools/install.py requirements-serving.lock
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e .
	@touch $@

$(READY): $(SERVING) requirements.lock
	@$(BIN)/python tools/install.py requirements.lock
	@touch $@

.PHONY: run
run: $(SERVING) ## serve ./foldlog-data on 127.0.0.1:50051, and print what to try first
	@$(BIN)/foldlog serve --examples

.PHONY: test
test: $(READY) ## run all tests except the slow ones, on all cores and in random order
	@echo "Some minutes on two cores; the percentage at the right is of all tests."
	@$(BIN)/python -m pytest -n auto --dist worksteal -m "not slow"
	@$(ENROLMENT) test

.PHONY: lint
lint: $(READY) ## check style, imports and protos, and that no released client is broken
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/lint-imports --no-logo
	$(BIN)/buf lint
	$(BIN)/buf format --diff --exit-code protos
	$(BIN)/buf format --diff --exit-code examples/enrolment/protos
	$(BIN)/buf breaking protos --against protos/released.binpb

.PHONY: format
format: $(READY) ## format code and protos
	$(BIN)/ruff check --fix-only --quiet
	$(BIN)/ruff format
	$(BIN)/buf format --write protos
	$(BIN)/buf format --write examples/enrolment/protos

.PHONY: types
types: $(READY) ## check the types
	$(BIN)/mypy
	@$(ENROLMENT) types

.PHONY: generate
generate: $(READY) ## generate generated/ and docs/errors.md from protos/, and the quotes in docs/clients.md
	$(BIN)/python tools/generate.py
	@$(ENROLMENT) generate
	$(BIN)/python -m tests.architecture.error_catalogue
	$(BIN)/python -m tests.architecture.quotes

.PHONY: check-generated
check-generated: $(READY) ## check that generated/ matches protos/
	$(BIN)/python tools/generate.py --check
	@$(ENROLMENT) check-generated

.PHONY: release-contract
release-contract: $(READY) ## only at a release: make protos/ the contract that clients may rely on
	$(BIN)/buf build protos --exclude-source-info --output protos/released.binpb

.PHONY: bench
bench: $(READY) ## measure against the bare gRPC echo, or AGAINST=<commit>; needs h2load (nghttp2-client)
	$(BIN)/python -m bench$(if $(AGAINST),.against $(AGAINST)) $(BENCH_FLAGS)

# Otherwise gRPC's C core writes lines of its own.
demo clients retail: export GRPC_VERBOSITY ?= NONE

.PHONY: demo
demo: $(SERVING) ## run a small shop from an empty directory, which explains what happens
	@$(BIN)/python -m examples.demo

.PHONY: clients
clients: $(READY) ## build the example clients of other languages, and run each through kills of its server
	@$(BIN)/python -m examples.clients

.PHONY: retail
retail: $(SERVING) ## replay DATA=<.csv or .csv.gz> [DAY=2010-12-01] and compare every read model
	@test -n "$(DATA)" || { echo "make retail: name the data, as in DATA=2010-12.csv.gz" >&2; exit 2; }
	@$(BIN)/python -m examples.online_retail "$(DATA)" $(if $(DAY),--day $(DAY)) $(RETAIL_FLAGS)

.PHONY: third-party
third-party: $(SERVING) ## copy google.rpc's protos to third_party/, for tools that read refusals without reflection
	@$(BIN)/python tools/third_party.py third_party

LOCK := pip-compile --quiet --strip-extras --generate-hashes --no-emit-index-url --no-emit-trusted-host \
	--no-emit-find-links --allow-unsafe --no-header --no-build-isolation --build-deps-for editable \
	--extra server pyproject.toml

.PHONY: lock
lock: $(READY) ## update both lock files from pyproject.toml: of everything, and of what serving needs
	$(BIN)/$(LOCK) --extra testing --extra dev --constraint constraints.txt --output-file requirements.lock
	$(BIN)/$(LOCK) --constraint requirements.lock --output-file requirements-serving.lock

.PHONY: dist
dist: $(READY) ## build the wheel and the sdist into dist/
	$(BIN)/hatchling build -t sdist -t wheel -d dist

.PHONY: check
check: lint types check-generated test ## everything that a change must pass

.PHONY: check-slow
check-slow: $(READY) ## real data, crashes, and the tools that people use
	$(BIN)/python -m pytest -q -m slow
	@$(ENROLMENT) check-slow

.PHONY: conformance
conformance: $(READY) ## check the server at ADDRESS (127.0.0.1:50051) against the contract, sentence by sentence
	@FOLDLOG_CONFORMANCE_ADDRESS=$(ADDRESS) $(BIN)/python -m pytest -p no:randomly -p tests.conformance.report tests/conformance

.PHONY: clean
clean: ## remove everything that can be generated again
	rm -rf $(VENV) build dist third_party .tools .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
	rm -rf examples/clients/*/build examples/clients/*/target examples/clients/*/Cargo.lock examples/clients/go/gen/*/*/
	rm -rf $(addprefix examples/enrolment/,dist foldlog-data .mypy_cache .ruff_cache .pytest_cache .hypothesis)
	rm -rf examples/clients/node/dist examples/clients/node/node_modules examples/clients/node/src/gen
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
