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
CHECKS := $(STAGED) $(MAKE) --no-print-directory --keep-going --output-sync=target -f tests/checks.mk
# More workers than cores, since some tests wait most of the time. All tests of a file run in one worker, which has a lab
# and what else they share. The files that take longest come first.
PYTEST := pytest -q --numprocesses=$(shell expr $$(nproc) + 1) --dist=loadfile --no-loadscope-reorder
IN_LAB := tests/plays tests/robustness tests/modules tests/molecule tests/package tests/guides
UNITS := tests/lab/tests tests/unit tests/tools/tests
CORES := $(patsubst tests/requirements/core-%.txt,%,$(wildcard tests/requirements/core-$(CORE)*.txt))
# Compiled files go where make clean finds them.
export PYTHONPYCACHEPREFIX := $(CURDIR)/.build/cache/pycache

# $(call everything,TARGET OF checks.mk,OPTIONS FOR pytest): the checks, then the tests, whether the checks fail or not.
define everything
	@began=$$(date +%s); failed=; \
	$(CHECKS) --jobs=$$(nproc) $(1) || failed="$$failed checks"; \
	$(STAGED) $(PYTEST) $(2) $(IN_LAB) $(UNITS) || failed="$$failed tests"; \
	seconds=$$(($$(date +%s) - began)); \
	if [ -n "$$failed" ]; then echo "make $@: FAILED:$$failed (in $$seconds seconds)"; exit 1; fi; \
	echo "make $@: all checks and tests passed (in $$seconds seconds)"
endef

.DEFAULT_GOAL := help
.PHONY: help setup demo check test test-all exhaustive matrix lint docs sanity bench format lab clean

help:  ## List the commands
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-10s %s\n", $$1, $$2 }' Makefile

setup:  ## Make .venv and install what the tests and the demo need
	@tests/tools/setup.sh

demo: setup  ## Watch the collection open real doors, in a lab on this machine
	@$(STAGED) python tests/lab run -- tests/demo/run

check: setup  ## What to run before a commit: style, types, documentation, and the unit tests of what changed
	@$(CHECKS) --jobs=$$(nproc) check

test: setup  ## Run all checks and tests, or the tests that ARGS names
ifdef ARGS
	@$(STAGED) pytest $(if $(filter tests/%,$(ARGS)),,$(IN_LAB) $(UNITS)) $(ARGS)
else
	$(call everything,checks)
endif

test-all: exhaustive matrix  ## Run exhaustive and matrix

exhaustive: setup  ## Run all checks and tests, and those that are too dear for make test
	$(call everything,checks-all,--all)

matrix: $(CORES:%=matrix-%)  ## Run the tests on each supported ansible-core (CORE=2.20)
	@$(if $(CORES),,$(error There is no ansible-core $(CORE) in tests/requirements))

matrix-%:
	@echo "-- ansible-core $*"
	@tests/tools/setup.sh .build/matrix/$*/venv tests/requirements/core-$*.txt
	@.build/matrix/$*/venv/bin/python tests/tools/staged.py $(PYTEST) tests/plays tests/modules tests/unit

lint: setup  ## Check style, types and spelling
	@$(CHECKS) --jobs=$$(nproc) lint

docs: setup  ## Build the documentation as HTML: .build/docs/html/index.html
	@$(CHECKS) docs

sanity: setup  ## Run ansible-test sanity
	@$(CHECKS) sanity

bench: setup  ## Measure the collection against what people do without it (FULL=1: extrapolate nothing)
	@tests/tools/setup.sh .build/bench/venv tests/bench/requirements.txt
	@$(STAGED) python tests/bench --collections ../../.. --output ../../../bench --aws ../../../bench/venv/bin/aws \
		$(if $(FULL),--full)

format: setup  ## Format the Python code and fix what can be fixed
	@.venv/bin/ruff check --quiet --fix-only . && .venv/bin/ruff format .

lab: setup  ## Start the lab and keep it running until Ctrl-C
	@$(STAGED) python tests/lab up

clean:  ## Delete everything that was made here
	rm -rf .build .venv
