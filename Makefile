# The commands of this project. `make run` and `make test` need only git, curl, make and a C
# compiler: they install what else is missing, say so, and do nothing twice.

SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
.PHONY: help run install package test checks bench fuzz fmt lint doc ci setup-rust setup-postgres clean

# Where rustup puts cargo; a shell that was open before the installation does not look there.
export PATH := $(or $(CARGO_HOME),$(HOME)/.cargo)/bin:$(PATH)
TARGET := $(or $(CARGO_TARGET_DIR),target)
CARGO_AUDITABLE := 0.7.7

help: ## list these commands
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "make %-12s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

run: setup-rust ## build and serve on this machine; users are kept in ./vestibule.db
	@echo "run: building (the first build takes about 2 minutes on 2 cores, the next ones seconds)"
	@cargo build --workspace --locked
	@exec $(TARGET)/debug/vestibule serve --dev

install: setup-rust ## build the release binary and install it into ~/.cargo/bin, or into ROOT=…/bin
	@echo "install: building (the first release build takes about 5 minutes on 2 cores)"
	@cargo install --path . --locked $(if $(ROOT),--root "$(ROOT)")

package: setup-rust ## build the release binary with the list of its dependencies inside, and its SBOM
	@cargo install --quiet --locked --root $(TARGET)/tools cargo-auditable@$(CARGO_AUDITABLE)
	@echo "package: building (the first release build takes about 5 minutes on 2 cores)"
	@PATH="$(abspath $(TARGET))/tools/bin:$$PATH" cargo auditable build --workspace --release --locked
	@mkdir -p $(TARGET)/dist
	@cp $(TARGET)/release/vestibule $(TARGET)/dist/
	@scripts/sbom.py >$(TARGET)/dist/vestibule.cdx.json
	@echo "package: $(TARGET)/dist/vestibule and vestibule.cdx.json"

test: setup-rust setup-postgres ## run every test, on SQLite and on Postgres
	@echo "test: building and testing (the first build takes about 2 minutes on 2 cores)"
	@VESTIBULE_TEST_POSTGRES=required cargo test --workspace --locked

checks: setup-rust setup-postgres ## run the same tests at the size of the reliability scorecard
	@echo "checks: the tests at full size, optimised (the first build takes about 10 minutes on 2 cores, the tests longer)"
	@ulimit -Sn hard; VESTIBULE_TEST_POSTGRES=required VESTIBULE_CHECKS=scorecard \
		cargo test --workspace --locked --profile checks

bench: setup-rust $(if $(filter sqlite,$(DB)),,setup-postgres) ## measure the release binary; QUICK=1, ONLY=… and DB=… take a part
	@echo "bench: building (the first release build takes about 5 minutes on 2 cores); a complete run takes about 10"
	@cargo build --workspace --release --locked
	@cargo bench --package benches --locked -- $(if $(QUICK),--quick) $(if $(ONLY),--only=$(ONLY)) $(if $(DB),--db=$(DB))

fuzz: setup-rust ## run each fuzz target for a minute, or FUZZ_SECONDS=…; needs a nightly Rust and a C++ compiler
	@scripts/fuzz.sh

fmt: setup-rust ## format the Rust code
	@cargo fmt --all

lint: setup-rust ## check formatting and lints as the continuous integration does
	@cargo fmt --all --check
	@cargo clippy --workspace --all-targets --locked -- -D warnings

doc: setup-rust ## build the documentation of the code
	@RUSTDOCFLAGS=-Dwarnings cargo doc --workspace --no-deps --document-private-items --locked

ci: ## run everything that the continuous integration runs
	@.ci/run

clean: ## remove what the builds made; the database stays
	@cargo clean

setup-rust:
	@scripts/setup-rust.sh

setup-postgres:
	@scripts/setup-postgres.sh
