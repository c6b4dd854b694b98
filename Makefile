# Copyright (c) sshkeys.aws contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# The commands of a developer. `make` lists them.
#
#   make test ARGS="-k rotation"         the tests of that name and nothing else: arguments for pytest
#   make test ARGS=tests/unit/test_imports.py
#   make matrix CORE=2.20                one ansible-core instead of all that are supported
#   make bench FULL=1
#   make setup PYTHON=/path/to/python3

STAGED := .venv/bin/python tests/tools/staged.py
CHECKS := $(STAGED) $(MAKE) --no-print-directory --keep-going -f tests/checks.mk
CORES := $(patsubst tests/requirements/core-%.txt,%,$(wildcard tests/requirements/core-$(CORE)*.txt))
# Taken from the command line alone: another program's variable of that name must not leave tests out.
ARGS := $(if $(filter command,$(firstword $(origin ARGS))),$(ARGS))
# Compiled files go where make clean finds them.
export PYTHONPYCACHEPREFIX := $(CURDIR)/.build/cache/pycache

.NOTPARALLEL:
.DEFAULT_GOAL := help
.PHONY: help setup demo check test test-all exhaustive matrix lint docs sanity changelog bench format lab clean

help:  ## List the commands
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-10s %s\n", $$1, $$2 }' Makefile

setup:  ## Make .venv and install what the tests and the demo need
	@tests/setup.sh

demo: setup  ## Watch the collection open real doors, in a lab on this machine
	@$(STAGED) python tests/lab run -- tests/demo/run

check: setup  ## What to run before a commit: style, types, documentation, and the unit tests of what changed
	@$(CHECKS) check

test: setup  ## Run all checks and tests, or the tests that ARGS names
	@$(CHECKS) test ARGS='$(ARGS)'

test-all: setup  ## Run exhaustive and matrix
	@$(MAKE) --no-print-directory --keep-going exhaustive matrix

exhaustive: setup  ## Run all checks and tests, and those that are too dear for make test
	@$(CHECKS) exhaustive

matrix:  ## Run the tests on each supported ansible-core (CORE=2.20)
	@$(if $(CORES),,$(error There is no ansible-core $(CORE) in tests/requirements))
	@$(MAKE) --no-print-directory --keep-going $(CORES:%=matrix-%)

matrix-%:
	@echo "-- ansible-core $*"
	@tests/setup.sh .build/matrix/$*/venv tests/requirements/core-$*.txt
	@.build/matrix/$*/venv/bin/python tests/tools/staged.py \
		$(MAKE) --no-print-directory -f tests/checks.mk tests-of-matrix CORE=$*

lint: setup  ## Check style, types and spelling
	@$(CHECKS) lint

docs: setup  ## Build the documentation as HTML: .build/docs/html/index.html
	@$(CHECKS) docs

sanity: setup  ## Run ansible-test sanity
	@$(CHECKS) sanity

bench: setup  ## Measure the collection against what people do without it (FULL=1: extrapolate nothing)
	@tests/setup.sh .build/bench/venv tests/bench/requirements.txt
	@$(STAGED) python tests/bench --collections ../../.. --output ../../../bench --aws ../../../bench/venv/bin/aws \
		$(if $(FULL),--full)

changelog: setup  ## Make the changelog of the version in galaxy.yml from the fragments (ARGS: options of antsibull-changelog)
	@$(CHECKS) changelog ARGS='$(ARGS)'

format: setup  ## Format the Python code and fix what can be fixed
	@.venv/bin/ruff check --quiet --fix-only . && .venv/bin/ruff format .

lab: setup  ## Start the lab and keep it running until Ctrl-C
	@.venv/bin/python tests/lab up

clean:  ## Delete everything that was made here
	rm -rf .build .venv
