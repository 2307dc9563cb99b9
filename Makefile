# All commands of the project, for people and for CI. `make help` lists the targets.

SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := help
.DELETE_ON_ERROR:

# All clones share one target folder, unless the caller sets another: compiling takes long.
export CARGO_TARGET_DIR ?= $(HOME)/.cache/crv/target
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
DEMO_ROOT ?= out
FUZZ_SECONDS ?= 60
# The toolchain of `cargo fuzz`. Stable has no address sanitizer; use FUZZ_WITH="" FUZZ_SANITIZER=none with it.
FUZZ_WITH ?= +nightly
FUZZ_SANITIZER ?= address

.PHONY: help
help: ## List the targets
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | awk -F':.*## ' '{printf "  %-12s %s\n", $$1, $$2}'

# In a shared target folder, Cargo distinguishes clones only by the times of their files. So after a build of another
# clone, the crates of this workspace are rebuilt.
.PHONY: target-dir
target-dir:
	@mkdir -p "$(CARGO_TARGET_DIR)"
	@if [ "$$(cat "$(CARGO_TARGET_DIR)/.last-clone" 2>/dev/null)" != "$(CURDIR)" ]; then \
		find crates fuzz -name '*.rs' -exec touch {} +; \
		echo "$(CURDIR)" > "$(CARGO_TARGET_DIR)/.last-clone"; fi

.PHONY: demo
demo: develop ## Record two simulations, read them back, and draw a picture
	@echo "recording two simulations under $(DEMO_ROOT)/"
	$(BIN)/crv --root $(DEMO_ROOT) demo
	$(BIN)/python examples/sugarscape.py --root $(DEMO_ROOT) \
		--run sugarscape-$$(date +%Y%m%d-%H%M%S) --picture $(DEMO_ROOT)/sugarscape.png

.PHONY: test
test: lint gates test-rust test-python ## Run everything that CI runs: format, lints, tests, docs, types, examples

.PHONY: lint
lint: target-dir ## Check the format and lints of the Rust code
	cargo fmt --all --check
	cargo clippy --workspace --all-targets --all-features --locked -- -D warnings
	cargo fmt --manifest-path fuzz/Cargo.toml --check
	cargo clippy --manifest-path fuzz/Cargo.toml --no-default-features --locked -- -D warnings

.PHONY: gates
gates: ## Which crate, and which room of a crate, may use which
	$(PYTHON) scripts/arrows.py

.PHONY: test-rust
test-rust: target-dir ## Run the Rust tests and doc tests, and build the documentation
	cargo test --workspace --all-features --locked
	RUSTDOCFLAGS="-D warnings" cargo doc --workspace --all-features --no-deps --locked

.PHONY: test-python
test-python: develop $(VENV)/.tested ## Run the Python tests, doc tests and examples, and check types
	$(BIN)/python -m pytest -q
	$(BIN)/python -m mypy python tests examples scripts benches
	MYPYPATH=python $(BIN)/python -m mypy.stubtest crv._native --mypy-config-file pyproject.toml

# The versions of Mesa beside the one of the examples, and a Python that the newest one needs.
MESA := 3.0.3 3.1.5 3.2.0
NEWER_PYTHON ?= $(shell for p in python3.13 python3.12; do $$p -c '' 2> /dev/null && echo $$p && break; done)

.PHONY: test-more
test-more: develop $(VENV)/.tested ## Run the tests that need more: other versions of Mesa
	@for version in $(MESA); do \
		echo "testing with Mesa $$version"; \
		$(BIN)/python -m pip install --quiet --no-deps --upgrade --target $(VENV)/mesa-$$version mesa==$$version; \
		PYTHONPATH=$(VENV)/mesa-$$version $(BIN)/python -m pytest -q tests/test_mesa.py || exit 1; \
	done
	@if [ -z "$(NEWER_PYTHON)" ]; then echo "no Python 3.12: the data sets of Mesa 3.5 are not tested"; exit 0; fi; \
	echo "testing with Mesa 3.5"; \
	$(BIN)/maturin build --quiet --locked --out $(VENV)/wheels > /dev/null; \
	$(NEWER_PYTHON) -m venv $(VENV)/newer; \
	$(VENV)/newer/bin/python -m pip install --quiet --force-reinstall --no-deps $(VENV)/wheels/crv-*.whl; \
	$(VENV)/newer/bin/python -m pip install --quiet 'mesa[network]>=3.5,<3.6' -r $(VENV)/requirements-test.txt; \
	cp tests/test_mesa.py $(VENV)/newer/test_mesa.py; \
	cd $(VENV)/newer && bin/python -m pytest -q -p no:cacheprovider -c /dev/null test_mesa.py

# The packages are installed while the Rust code is compiled.
.PHONY: develop
develop: target-dir $(VENV)/.maturin ## Build the Python package into .venv
	@$(MAKE) --no-print-directory -j2 $(VENV)/.installed native
	$(BIN)/maturin develop --quiet --locked > /dev/null

.PHONY: native
native: target-dir $(VENV)/.maturin
	@echo "compiling crv and what it is built on: some minutes on two cores the first time, seconds after that"
	$(BIN)/maturin develop --skip-install --locked

$(VENV)/.maturin:
	@echo "creating the virtual environment $(VENV)"
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet 'maturin>=1.9,<2'
	touch $@

$(VENV)/.installed: $(VENV)/.maturin pyproject.toml examples/requirements.txt
	@echo "installing the Python packages that crv and the examples need"
	$(BIN)/python -c "import tomllib; p = tomllib.load(open('pyproject.toml', 'rb'))['project']; \
		print('\n'.join(p['dependencies']))" > $(VENV)/requirements.txt
	$(BIN)/python -m pip install --quiet -r $(VENV)/requirements.txt -r examples/requirements.txt
	touch $@

$(VENV)/.tested: $(VENV)/.installed pyproject.toml
	@echo "installing the Python packages that the tests need"
	$(BIN)/python -c "import tomllib; p = tomllib.load(open('pyproject.toml', 'rb'))['project']; \
		print('\n'.join(p['dependencies'] + p['optional-dependencies']['test']))" > $(VENV)/requirements-test.txt
	$(BIN)/python -m pip install --quiet -r $(VENV)/requirements-test.txt
	touch $@

.PHONY: tables-doc
tables-doc: develop ## Write docs/tables from the table descriptors
	$(BIN)/python scripts/tables_doc.py

.PHONY: wheel
wheel: target-dir $(VENV)/.installed ## Build the wheel into dist/
	$(BIN)/maturin build --release --locked --out dist

.PHONY: bench
bench: target-dir $(VENV)/.installed ## Benchmark crv and its peers (BENCH_ARGS)
	$(BIN)/python -m pip install --quiet -r benches/requirements.txt
	$(BIN)/maturin develop --quiet --release --locked
	$(BIN)/python benches/peers.py $(BENCH_ARGS)

.PHONY: bench-limits
bench-limits: target-dir $(VENV)/.installed ## Measure reads, short runs, wide ticks and many writers (BENCH_ARGS)
	cargo build --release --locked --package crv-io --example native_scan
	$(BIN)/maturin develop --quiet --release --locked
	$(BIN)/python benches/limits.py --native $(CARGO_TARGET_DIR)/release/examples/native_scan $(BENCH_ARGS)

.PHONY: bench-catalog
bench-catalog: target-dir $(VENV)/.installed ## Measure listings of runs, scans of many, digests, followers (BENCH_ARGS)
	$(BIN)/python -m pip install --quiet -r benches/requirements.txt
	$(BIN)/maturin develop --quiet --release --locked
	$(BIN)/python benches/catalog.py $(BENCH_ARGS)

.PHONY: bench-inner
bench-inner: target-dir ## Benchmark internals: encode, split, manifests, commit files (BENCH_ARGS)
	cargo bench --locked --package crv-io --features inner --bench inner -- $(BENCH_ARGS)

.PHONY: soak
soak: target-dir ## Test the store with crashes, faults, damage and kills: a million states, 10,000 kills (SOAK_ARGS)
	cargo run --release --locked --quiet --package crv-harness -- all $(SOAK_ARGS)

.PHONY: fuzz
fuzz: target-dir ## Fuzz each target for FUZZ_SECONDS (needs cargo-fuzz, a C++ compiler, nightly Rust)
	cargo run --manifest-path fuzz/Cargo.toml --no-default-features --locked --quiet --bin seeds fuzz/corpus
	@cd fuzz && for target in fuzz_targets/*.rs; do \
		target=$$(basename $$target .rs); dictionary=; \
		case $$target in \
			manifest|commit_file|base_file|facts|status) dictionary=-dict=dictionaries/json.dict ;; \
			settings) dictionary=-dict=dictionaries/settings.dict ;; \
		esac; \
		cargo $(FUZZ_WITH) fuzz run --sanitizer $(FUZZ_SANITIZER) $$target -- $$dictionary -max_len=16384 \
			-timeout=20 -rss_limit_mb=3072 -malloc_limit_mb=1024 -max_total_time=$(FUZZ_SECONDS) \
			-print_final_stats=1; done

.PHONY: mutants
mutants: target-dir ## List small changes to the store that no test detects (needs cargo-mutants; MUTANTS_ARGS)
	CARGO_TARGET_DIR="$(CARGO_TARGET_DIR)/mutants" $(PYTHON) scripts/mutants.py $(MUTANTS_ARGS)

.PHONY: deny
deny: ## Check licences, bans and sources of the dependencies (needs cargo-deny)
	cargo deny --all-features check bans licenses sources

.PHONY: fmt
fmt: ## Format the Rust code
	cargo fmt --all
	cargo fmt --manifest-path fuzz/Cargo.toml

.PHONY: clean
clean: ## Remove the build outputs in this folder (not the shared target folder)
	rm -rf $(VENV) dist $(DEMO_ROOT)
