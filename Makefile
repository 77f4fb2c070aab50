# What a person does with a clone. Every target sets up what it needs; `make help` lists them.

PYTHON ?= python3
FUZZ_SECONDS ?= 60
FUZZ := cargo +nightly fuzz run --fuzz-dir rust/fuzz
FUZZ_LIMITS = -max_total_time=$(FUZZ_SECONDS) -rss_limit_mb=1024
VENV := .venv
BIN := $(VENV)/bin
INSTALLED := $(VENV)/.installed
# The native engine is built where there is a Rust toolchain; elsewhere podname runs without it, and says so.
NATIVE_SOURCES := _build/backend.py $(wildcard rust/Cargo.* rust/src/*.rs)
CARGO := $(shell command -v cargo)

.DEFAULT_GOAL := help
.PHONY: help install serve test test-erlang test-cluster fuzz lint format lock clean

help: ## List the targets
	@grep -E '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed 's/:.*## /\t/' | expand -t 16

install: $(INSTALLED) ## Set up .venv with podname and all that its tests need (Python 3.11 or newer)

$(INSTALLED): requirements/dev.txt pyproject.toml $(NATIVE_SOURCES)
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
	  { echo "podname needs Python 3.11 or newer; name one with: make PYTHON=python3.11 $(MAKECMDGOALS)" >&2; exit 1; }
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements/dev.txt
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --editable .
	@touch $@

serve: install ## Answer DNS on 127.0.0.1:1053 from the example cluster
	$(BIN)/podname serve -dns.port 1053

test: install ## Run every test that needs nothing but this (under five minutes)
	$(BIN)/python -m pytest tests/unit
ifneq ($(CARGO),)
	cargo test --quiet --release --manifest-path rust/Cargo.toml
endif

test-erlang: ## Run the EUnit tests of the Erlang module (Debian: erlang-dev, -eunit, -inets, -src, -ssl)
	$(MAKE) --no-print-directory -C clients/erlang test

fuzz: ## Feed the native module broken packets, changes and objects (needs nightly Rust and cargo-fuzz; FUZZ_SECONDS=60 each)
	ASAN_OPTIONS=detect_leaks=0 $(FUZZ) packet -- $(FUZZ_LIMITS) # its table is static, and its packed pointers look like leaks
	$(FUZZ) table -- $(FUZZ_LIMITS)
	$(FUZZ) protobuf -- $(FUZZ_LIMITS)

test-cluster: install ## Run the tests on a real Kubernetes cluster (root, Go, Debian's packages; ten minutes more the first time)
	tests/cluster/prepare.sh
	$(BIN)/python -m pytest tests/cluster

lint: install ## Check style, types and floors
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy
	$(BIN)/lint-imports
ifneq ($(CARGO),)
	cargo fmt --manifest-path rust/Cargo.toml --check
	PYO3_PYTHON=$(CURDIR)/$(BIN)/python cargo clippy --quiet --manifest-path rust/Cargo.toml --features python --all-targets -- -D warnings
	$(BIN)/python -m mypy.stubtest podname._core
endif

format: install ## Format the code
	$(BIN)/ruff check --fix
	$(BIN)/ruff format

lock: ## Write requirements/*.txt anew from requirements/*.in (needs uv)
	for set in build runtime dev; do \
	  uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --upgrade \
	    --no-header --no-annotate requirements/$$set.in -o requirements/$$set.txt; \
	done

clean: ## Remove what the targets made
	rm -rf rust/target rust/fuzz/target src/podname/_core.*.so
	rm -rf $(VENV) .mypy_cache .ruff_cache .pytest_cache .hypothesis
