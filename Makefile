# The words a person here needs: make demo, make test, make check. `make help` explains each.
.DEFAULT_GOAL := help
PYTHON ?= python3
VENV := .venv
TRANSFER := $(VENV)/bin/transfer

help:  ## What each word does
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-12s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

# Created once, from hash-locked requirements; made anew when they change.
$(VENV)/.ready: requirements/bootstrap.txt requirements/lock.txt pyproject.toml
	@echo "Preparing .venv (once, a minute or two) ..."
	@$(PYTHON) -c 'import sys; assert (3, 11) <= sys.version_info < (3, 14), "Python 3.11 to 3.13 is needed: make PYTHON=python3.11 ..."'
	@test -x $(VENV)/bin/python || $(PYTHON) -m venv $(VENV)
	@$(VENV)/bin/pip install --quiet --require-hashes -r requirements/bootstrap.txt
	@VIRTUAL_ENV=$(VENV) $(VENV)/bin/uv pip sync --quiet --compile-bytecode --require-hashes requirements/lock.txt requirements/bootstrap.txt
	@VIRTUAL_ENV=$(VENV) $(VENV)/bin/uv pip install --quiet --no-deps --no-build-isolation -e .
	@touch $@

# make demo ARCHIVE=orthanc: images from Orthanc, where it is installed
ARCHIVE ?= sandbox

.PHONY: help venv demo up down test test-quick peers check bench lock

venv: $(VENV)/.ready  ## Prepare .venv with the command `transfer`

demo: $(VENV)/.ready  ## One case from referral to verified packet, on real parts
	@$(TRANSFER) demo --archive $(ARCHIVE)

up: $(VENV)/.ready  ## Start everything and leave it running
	@$(TRANSFER) up

down: $(VENV)/.ready  ## Stop everything started by `make up`
	@$(TRANSFER) down

test: $(VENV)/.ready  ## All tests: first those without servers, then those on real ones
	@$(VENV)/bin/pytest -q -m "not servers" -n 2
	@$(VENV)/bin/pytest -q -m "servers and not slow" -n 2 --dist loadfile

test-quick: $(VENV)/.ready  ## The tests without servers, in seconds
	@$(VENV)/bin/pytest -q -m "not servers" -n 2

peers: $(VENV)/.ready  ## Install real third-party servers and clients to test with
	@nice peers/install.sh

check: $(VENV)/.ready  ## Lint, types, architecture, the compose file's schema
	@$(VENV)/bin/ruff check .
	@$(VENV)/bin/ruff format --check .
	@$(VENV)/bin/mypy
	@$(VENV)/bin/lint-imports
	@$(VENV)/bin/check-jsonschema --builtin-schema vendor.compose-spec docker-compose.yaml

bench: $(VENV)/.ready  ## Ratios, interleaved
	@$(VENV)/bin/python -m tests.bench

lock: $(VENV)/.ready  ## Resolve the requirements anew
	@$(VENV)/bin/uv pip compile pyproject.toml --all-extras $(LOCKED) -o requirements/lock.txt
	@$(VENV)/bin/uv pip compile pyproject.toml --extra celery $(LOCKED) -o requirements/production.txt
	@$(VENV)/bin/uv pip compile requirements/bootstrap.in $(LOCKED) -o requirements/bootstrap.txt

LOCKED := --upgrade --generate-hashes --python-version 3.11 --no-emit-index-url --no-emit-find-links --no-header --no-annotate --quiet
