# `make test` is everything that must hold before a change lands: it installs what it needs on a bare Debian machine with Rust.
# Plain `cargo test` runs with Rust alone, and says what it skipped.

CARGO ?= cargo
TOOLS := $(CURDIR)/.tools
VALIDATOR := $(TOOLS)/venv/bin/openapi-spec-validator
DENY := $(TOOLS)/bin/cargo-deny

.PHONY: test tools fmt lint deny advisories check-tests bench openapi conformance

test: tools fmt lint check-tests deny

tools: $(VALIDATOR) $(DENY)

$(VALIDATOR):
	@command -v cc >/dev/null 2>&1 && python3 -c 'import venv, ensurepip' 2>/dev/null \
		|| { apt-get update -q && apt-get install -qy --no-install-recommends build-essential python3 python3-venv; }
	python3 -m venv $(TOOLS)/venv
	$(TOOLS)/venv/bin/pip install --quiet --disable-pip-version-check openapi-spec-validator==0.9.0

$(DENY):
	$(CARGO) install --quiet --locked --root $(TOOLS) cargo-deny@0.20.2

fmt:
	$(CARGO) fmt --check

lint:
	$(CARGO) clippy --locked --all-targets -- -D warnings

check-tests:
	USHER_TEST_OPENAPI_VALIDATOR=$(VALIDATOR) $(CARGO) test --locked --lib --bins --tests

deny:
	$(DENY) check licenses bans sources

advisories:
	$(DENY) check advisories

bench:
	$(CARGO) bench --bench usher

# Writes the generated document anew; a test fails while it is stale.
openapi:
	$(CARGO) run --quiet -- openapi > openapi/usher.json

# Writes the table of rows and their tests anew; a test fails while it is stale.
conformance:
	USHER_TEST_WRITE=1 $(CARGO) test --quiet --locked --test it -- coverage
