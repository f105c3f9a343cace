# `make test` is everything that must hold before a change lands: it installs what it needs on a bare Debian machine with Rust.
# Plain `cargo test` runs with Rust alone, and says what it skipped.

CARGO ?= cargo
TOOLS := $(CURDIR)/.tools
VENV := $(TOOLS)/venv
VALIDATOR := $(VENV)/bin/openapi-spec-validator
DENY := $(TOOLS)/bin/cargo-deny
FUZZ := $(TOOLS)/bin/cargo-fuzz
TSC := $(TOOLS)/node_modules/.bin/tsc
AXE := $(TOOLS)/node_modules/axe-core/axe.min.js

.PHONY: test tools debian fmt lint deny advisories check-tests clients browser fuzz bench openapi conformance

test: tools fmt lint check-tests clients browser deny
	$(MAKE) fuzz SECONDS=20

tools: $(VENV)/ready $(TSC) $(AXE) $(DENY) $(FUZZ)

# What is missing of Debian's packages: a C++ compiler, Python, a Java to run openapi-generator, Node, a browser.
debian:
	@missing=; \
	command -v c++ >/dev/null || missing="$$missing build-essential"; \
	python3 -c 'import venv, ensurepip' 2>/dev/null || missing="$$missing python3 python3-venv"; \
	command -v java >/dev/null || missing="$$missing default-jre-headless"; \
	{ command -v node && command -v npm; } >/dev/null || missing="$$missing nodejs npm"; \
	{ command -v chromium && command -v chromedriver; } >/dev/null || missing="$$missing chromium chromium-driver"; \
	test -z "$$missing" || { apt-get update -q && apt-get install -qy --no-install-recommends $$missing; }

$(VENV)/ready: tests/clients/requirements.txt | debian
	python3 -m venv $(VENV)
	$(VENV)/bin/pip install --quiet --disable-pip-version-check --requirement $<
	touch $@

# Both at once: npm removes what it is not asked for.
$(TSC) $(AXE) &: | debian
	npm install --silent --no-save --no-audit --no-fund --prefix $(TOOLS) typescript@5.9.3 axe-core@4.14.1

$(DENY): | debian
	$(CARGO) install --quiet --locked --root $(TOOLS) cargo-deny@0.20.2

$(FUZZ): | debian
	$(CARGO) install --quiet --locked --root $(TOOLS) cargo-fuzz@0.13.2

fmt:
	$(CARGO) fmt --check
	rustfmt --check --edition 2024 tests/clients/rust/src/main.rs  # cargo would look for the SDK, which the tests generate
	$(CARGO) fmt --check --manifest-path tests/fuzz/Cargo.toml

lint:
	$(CARGO) clippy --locked --all-targets -- -D warnings
	$(CARGO) check --quiet --locked --manifest-path tests/fuzz/Cargo.toml --target-dir target/fuzz

check-tests:
	USHER_TEST_OPENAPI_VALIDATOR=$(VALIDATOR) $(CARGO) test --locked --lib --bins --tests

# Other people's clients against a live server: a SCIM checker, an API fuzzer, generated SDKs.
clients: tools
	USHER_TEST_TOOLS=$(TOOLS) $(CARGO) test --locked --test it -- --ignored clients::

# The pages in a real browser, and what axe-core says of them. Pictures of every screen lie in target/browser afterwards.
browser: $(AXE)
	USHER_TEST_TOOLS=$(TOOLS) $(CARGO) test --locked --test it -- --ignored browser::

# Each target of tests/fuzz for so long, on from what earlier runs found interesting. A stable compiler will do, since no
# sanitizer is asked for: there is no unsafe code to watch.
SECONDS ?= 600
TARGETS := filter path patch bulk body
fuzz: $(FUZZ)
	python3 tests/fuzz/seeds.py target/fuzz/seeds
	@set -e; for target in $(TARGETS); do \
		mkdir -p target/fuzz/corpus/$$target; \
		RUSTC_BOOTSTRAP=1 $(FUZZ) fuzz run --fuzz-dir tests/fuzz --target-dir target/fuzz --sanitizer none $$target \
			target/fuzz/corpus/$$target target/fuzz/seeds/$$target -- -max_total_time=$(SECONDS) -seed=1 -timeout=5 \
			-max_len=16384 -dict=tests/fuzz/scim.dict -print_final_stats=1 -verbosity=0; \
	done

deny:
	$(DENY) check licenses bans sources

advisories:
	$(DENY) check advisories

bench:
	$(CARGO) bench --bench usher

# Writes the generated document anew; a test fails while it is stale.
openapi:
	$(CARGO) run --quiet -- openapi > openapi/usher.json

# Writes the tables of rows and their tests, and of operations and their scopes anew; a test fails while one is stale.
conformance:
	USHER_TEST_WRITE=1 $(CARGO) test --quiet --locked --test it -- coverage scopes
