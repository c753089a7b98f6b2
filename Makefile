# The words a person here needs: make demo, make test, make check. `make help` explains each.
.DEFAULT_GOAL := help
PYTHON ?= python3
VENV := .venv
TRANSFER := $(VENV)/bin/transfer

# What is compiled is kept, or each run of the tests would compile every test and every module anew.
unexport PYTHONDONTWRITEBYTECODE

help:  ## What each word does
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-12s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

# Whom this machine trusts, where its pip does not know it: one before 24.2 brings authorities of its own. uv reads
# pyproject.toml.
AUTHORITIES := $(firstword $(SSL_CERT_FILE) $(wildcard /etc/ssl/certs/ca-certificates.crt /etc/pki/tls/certs/ca-bundle.crt \
	/etc/ssl/ca-bundle.pem /etc/ssl/cert.pem))

# Created once, from hash-locked requirements; made anew when they change.
$(VENV)/.ready: requirements/bootstrap.txt requirements/lock.txt pyproject.toml
	@echo "Preparing .venv (once, a minute or two) ..."
	@$(PYTHON) -c 'import sys; assert (3, 11) <= sys.version_info < (3, 14), "Python 3.11 to 3.13 is needed: make PYTHON=python3.11 ..."'
	@test -x $(VENV)/bin/python || $(PYTHON) -m venv $(VENV)
	@$(VENV)/bin/pip config list | grep '\.cert=' > /dev/null || export PIP_CERT="$(AUTHORITIES)"; \
		$(VENV)/bin/pip install --quiet --require-hashes -r requirements/bootstrap.txt
	@VIRTUAL_ENV=$(VENV) $(VENV)/bin/uv pip sync --quiet --compile-bytecode --require-hashes requirements/lock.txt requirements/bootstrap.txt
	@VIRTUAL_ENV=$(VENV) $(VENV)/bin/uv pip install --quiet --no-deps --no-build-isolation -e .
	@touch $@

# make demo ARCHIVE=orthanc: images from Orthanc, where it is installed
ARCHIVE ?= sandbox
# make demo DISEASE=breast: a patient with another disease; transfer demo --help names them
DISEASE ?= colorectal

.PHONY: help venv demo up down test test-quick test-slow peers peers-slow fuzz provisions identity pictures pages walk mutants crash-points desk-day chaos hostile compose-test compose-slow check bench lock

venv: $(VENV)/.ready  ## Prepare .venv with the command `transfer`

demo: $(VENV)/.ready  ## One case from referral to verified packet, on real services
	@$(TRANSFER) demo --archive $(ARCHIVE) --disease $(DISEASE)

up: $(VENV)/.ready  ## Start everything and leave it running
	@$(TRANSFER) up

down: $(VENV)/.ready  ## Stop everything started by `make up`
	@$(TRANSFER) down

test: $(VENV)/.ready  ## All tests but the slow: first those without servers, then those on real ones
	@$(VENV)/bin/pytest -q -m "not servers" -n 3 --dist worksteal
	@$(VENV)/bin/pytest -q -m "servers and not slow" -n 3 --dist loadfile

test-quick: $(VENV)/.ready  ## The tests without servers, in some minutes
	@$(VENV)/bin/pytest -q -m "not servers" -n 3 --dist worksteal

test-slow: $(VENV)/.ready  ## The tests that take minutes or gigabytes; with Ceph where it is installed
	@$(VENV)/bin/pytest -q -m slow

peers: $(VENV)/.ready  ## Install real third-party servers and clients to test with
	@nice peers/install.sh

peers-slow: $(VENV)/.ready  ## The same, and those that only campaigns use (Ceph RGW, systemd, an image registry)
	@nice peers/install.sh slow

check: $(VENV)/.ready  ## Lint, types, architecture, what is unused, the compose file's schema, known vulnerabilities
	@$(VENV)/bin/ruff check .
	@$(VENV)/bin/ruff format --check .
	@$(VENV)/bin/mypy
	@$(VENV)/bin/lint-imports --no-cache  # its cache goes by the times of files, and says what was before a checkout
	@$(VENV)/bin/python checks/unused.py
	@$(VENV)/bin/check-jsonschema --builtin-schema vendor.compose-spec docker-compose.yaml
	@$(VENV)/bin/python requirements/audit.py

# make fuzz SECONDS=1800 TARGETS="hl7v2 packet": so long for each, these alone
SECONDS ?= 60
TARGETS ?=

fuzz: $(VENV)/.ready  ## Throw bytes at every parser of ours, SECONDS for each target; ends with 1 at a finding
	@nice $(VENV)/bin/python -m tests.campaigns.fuzz --seconds $(SECONDS) $(TARGETS)

# make provisions TREES=2000 SEED=7: so many; the seed of an earlier campaign draws the same
TREES ?= 20000

provisions: $(VENV)/.ready  ## Judge drawn release forms twice: by the product, and by a naive evaluator
	@nice $(VENV)/bin/python -m tests.campaigns.provisions $(TREES) $(if $(SEED),--seed $(SEED))

# make pages DOCUMENTS="/one/folder /another": the files of these folders
DOCUMENTS ?= tests/samples/documents

pictures: $(VENV)/.ready  ## Draw docs/pictures anew: every page of desk, doors and audit, as Chromium shows it
	@nice $(VENV)/bin/python -m tests.kit.pictures

pages: $(VENV)/.ready  ## Lay documents beside our pages of them: words, columns, PDF pages as another program draws both
	@nice $(VENV)/bin/python -m tests.campaigns.pages $(DOCUMENTS)

# make mutants OF="transfer.matching.* transfer.facts.frame.*": of these functions alone
OF ?=

mutants: $(VENV)/.ready  ## Change the rules that keep promises in one place at a time; list what no test without servers sees
	@nice $(VENV)/bin/mutmut run --max-children 2 $(OF) > mutants.log 2>&1 || { tail -5 mutants.log; exit 1; }
	@$(VENV)/bin/mutmut results 2> /dev/null | grep -v 'not checked' || echo 'Each change that was tried was seen.'

# make crash-points ONLY="purge desk" or EVERY=1: some verbs, or every line of all of them
crash-points: $(VENV)/.ready  ## Kill every verb that writes at every line that matters, and look at what is left
	@$(VENV)/bin/python -m tests.campaigns.chaos.points $(ONLY) $(if $(EVERY),--every-line)

# make chaos N=200 SEED=7: the seed of an earlier campaign makes the same list of kills
N ?= 200

chaos: $(VENV)/.ready  ## Kill N processes of a whole installation while eight cases run; nothing may be lost
	@$(VENV)/bin/python -m tests.campaigns.chaos $(N) $(if $(SEED),--seed $(SEED))

# SAMPLES=/where/they/are make hostile DOORS="verify pages" EVERY_FILE=10: these doors alone, every tenth file
EVERY_FILE ?= 1

hostile: $(VENV)/.ready  ## Every sample file, as itself and mutated, and bombs, to every door; ends with 1 if one gives way
	@$(VENV)/bin/python -m tests.campaigns.hostile --every $(EVERY_FILE) $(DOORS)

compose-test: $(VENV)/.ready  ## The production shape on a Docker Engine of its own: one case, then all of it away
	@nice $(VENV)/bin/python -m tests.campaigns.compose

# make compose-slow ROWS="redis worker": some rows of the table
ROWS ?=

compose-slow: $(VENV)/.ready  ## What the production shape stands: services killed, stopped, doubled; a table
	@nice $(VENV)/bin/python -m tests.campaigns.compose.slow $(if $(ROWS),--only $(ROWS))

# make walk STEPS=2000 SEED=7: the same steps again
walk: $(VENV)/.ready  ## Draw STEPS verbs and answers at random; ends with 1 if nothing leads on from somewhere
	@nice $(VENV)/bin/python -m tests.campaigns.walk $(STEPS) $(if $(SEED),--seed $(SEED))

# make desk-day PATIENTS=3: so many; with twenty it writes the table of docs/desk.md
PATIENTS ?= 20

desk-day: $(VENV)/.ready  ## Lead PATIENTS through the desk in a browser, beside a shared folder and a spreadsheet, counted
	@nice $(VENV)/bin/python -m tests.campaigns.deskday $(PATIENTS) $(if $(filter 20,$(PATIENTS)),--table)

# make identity N=5000 SEED=7: the same people again
identity: $(VENV)/.ready  ## Match what N patients' sources send; ends with 1 if one record joins somebody else
	@$(VENV)/bin/python -m tests.campaigns.identity $(if $(filter command%,$(origin N)),$(N)) $(if $(SEED),--seed $(SEED))

# make bench ONLY="intake cases": these alone; python -m tests.campaigns.bench --list says what there is
bench: $(VENV)/.ready  ## Ratios, interleaved, as a table and as var/bench/*.json
	@$(VENV)/bin/python -m tests.campaigns.bench $(ONLY)

lock: $(VENV)/.ready  ## Resolve the requirements anew
	@$(VENV)/bin/uv pip compile pyproject.toml --all-extras $(LOCKED) -o requirements/lock.txt
	@$(VENV)/bin/uv pip compile pyproject.toml --extra celery $(LOCKED) -o requirements/production.txt
	@$(VENV)/bin/uv pip compile tests/campaigns/fuzz/requirements.in $(LOCKED) -o tests/campaigns/fuzz/requirements.txt
	@$(VENV)/bin/uv pip compile requirements/bootstrap.in $(LOCKED) -o requirements/bootstrap.txt

LOCKED := --upgrade --generate-hashes --python-version 3.11 --no-emit-index-url --no-emit-find-links --no-header --no-annotate --quiet
