# What a person does with a clone. Every target sets up what it needs; `make help` lists them.

PYTHON ?= python3
FUZZ_SECONDS ?= 60
FUZZ := cargo +nightly fuzz run --fuzz-dir rust/fuzz
FUZZ_LIMITS = -max_total_time=$(FUZZ_SECONDS) -rss_limit_mb=1024
VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip --quiet --disable-pip-version-check install
# What is done: .runtime, podname itself; .installed, what its tests and checks need, too.
RUNTIME := $(VENV)/.runtime
INSTALLED := $(VENV)/.installed
# The native engine is built where there is a Rust toolchain; elsewhere podname runs without it, and says so.
NATIVE := src/podname/_core.abi3.so
NATIVE_SOURCES := _build/native.py $(wildcard rust/Cargo.* rust/src/*.rs rust/src/*/*.rs)
CARGO_CAN := $(BIN)/python _build/native.py can

.DEFAULT_GOAL := help
.PHONY: help install serve test test-rust test-erlang test-debians test-cluster fuzz lint lint-rust format lock clean

help: ## List the targets
	@grep -E '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed 's/:.*## /\t/' | expand -t 16

install: $(INSTALLED) $(NATIVE) ## Set up .venv with podname, its tests' needs and, with Rust, the native engine

$(RUNTIME): requirements/runtime.txt requirements/editable.txt pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
	  { echo "podname needs Python 3.11 or newer; name one with: make PYTHON=python3.11 $(MAKECMDGOALS)" >&2; exit 1; }
	@echo "podname: installing what it needs to run in $(VENV)" >&2
	@$(PYTHON) -m venv $(VENV)
	@$(PIP) --require-hashes -r requirements/runtime.txt -r requirements/editable.txt
	@PODNAME_PURE=1 $(PIP) --no-deps --no-build-isolation --editable .
	@touch $@

$(INSTALLED): $(RUNTIME) requirements/dev.txt
	@echo "podname: installing what its tests and checks need (a minute, once)" >&2
	@$(PIP) --require-hashes -r requirements/dev.txt
	@touch $@

$(NATIVE): $(RUNTIME) $(NATIVE_SOURCES)
	@$(BIN)/python _build/native.py build

ifneq ($(PODNAME_PURE),)
.PHONY: $(NATIVE) # remove what was built before
endif

# After a `make install` it keeps up to date what that made; before, the tests' needs and the native engine can wait.
serve: $(if $(wildcard $(INSTALLED)),install,$(RUNTIME)) ## Answer DNS on 127.0.0.1:1053 from the example cluster
	$(BIN)/podname serve -dns.port 1053

test: install ## Run every test that needs nothing but this, on all cores (two minutes on two)
	$(BIN)/python -m pytest --numprocesses=auto --maxprocesses=8 --dist=worksteal tests/unit
	@! $(CARGO_CAN) || $(MAKE) --no-print-directory test-rust

test-rust: # the native engine's own tests
	cargo test --quiet --release --manifest-path rust/Cargo.toml

test-erlang: ## Run the EUnit tests of the Erlang module (Debian: erlang-dev, -eunit, -inets, -src, -ssl)
	$(MAKE) --no-print-directory -C clients/erlang test

fuzz: ## Feed the native module broken packets, changes and objects (needs nightly Rust and cargo-fuzz; FUZZ_SECONDS=60 each)
	ASAN_OPTIONS=detect_leaks=0 $(FUZZ) packet -- $(FUZZ_LIMITS) # its table is static, and its packed pointers look like leaks
	$(FUZZ) table -- $(FUZZ_LIMITS)
	$(FUZZ) protobuf -- $(FUZZ_LIMITS)
	$(FUZZ) reply -- $(FUZZ_LIMITS)

test-debians: install ## Run make serve and make test as a new user of several Debians (root, debootstrap; DEBIANS=bookworm)
	$(BIN)/python -m tests.debians $(DEBIANS)

test-cluster: install ## Run the tests on a real Kubernetes cluster (root, Go, Debian's packages; ten minutes more the first time)
	tests/cluster/prepare.sh
	$(BIN)/python -m pytest tests/cluster

lint: install ## Check style, types and floors
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy
	$(BIN)/lint-imports
	@! $(CARGO_CAN) fmt clippy || $(MAKE) --no-print-directory lint-rust

lint-rust:
	cargo fmt --manifest-path rust/Cargo.toml --check
	PYO3_PYTHON=$(CURDIR)/$(BIN)/python cargo clippy --quiet --manifest-path rust/Cargo.toml --features python --all-targets -- -D warnings
	$(BIN)/python -m mypy.stubtest podname._core

format: install ## Format the code
	$(BIN)/ruff check --fix
	$(BIN)/ruff format

lock: ## Write requirements/*.txt anew from requirements/*.in (needs uv)
	for set in editable build runtime dev; do \
	  uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --upgrade \
	    --no-header --no-annotate requirements/$$set.in -o requirements/$$set.txt; \
	done

clean: ## Remove what the targets made
	rm -rf rust/target rust/fuzz/target src/podname/_core.*.so
	rm -rf $(VENV) .mypy_cache .ruff_cache .pytest_cache .hypothesis
