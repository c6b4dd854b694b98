# Copyright (c) sshkeys.aws contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# The tools of a developer under short names. `make` lists them.
#
#   make units ARGS="-k expiry"          arguments for pytest
#   make integration TARGET=transfer_ssh_key
#   make matrix CORE=2.20                one ansible-core instead of all that are supported
#   make molecule SCENARIO=default
#   make bench FULL=1
#   make sanity V=1                      all output, as it comes
#   make test JOBS=1                     one step at a time

TOOLS := .venv/bin/python tests/tools
# Compiled files go where make clean finds them.
export PYTHONPYCACHEPREFIX := $(CURDIR)/.build/cache/pycache
VERBOSE := $(if $(V),--verbose)

.DEFAULT_GOAL := help
.PHONY: help setup demo test lint docs docs-lint guides sanity units integration robustness molecule package matrix bench format lab clean

help:  ## List the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-13s %s\n", $$1, $$2 }' Makefile

setup:  ## Make .venv and install what the tests and the demo need
	@tests/tools/setup.sh

demo: setup  ## Watch the collection open real doors, in a lab on this machine
	@$(TOOLS) demo

test: setup  ## Run all tests
	@$(TOOLS) test $(VERBOSE) $(if $(JOBS),--jobs $(JOBS))

lint: setup  ## Check style, types and spelling
	@$(TOOLS) test lint $(VERBOSE)

docs: setup  ## Build the documentation as HTML and say where it is
	@$(TOOLS) test docs $(VERBOSE)

docs-lint: setup  ## Check the documentation of the plugins and the changelog
	@$(TOOLS) test docs-lint $(VERBOSE)

guides: setup  ## Check what the guides say, and run examples of them in the lab
	@$(TOOLS) test guides $(VERBOSE)

sanity: setup  ## Run ansible-test sanity
	@$(TOOLS) test sanity $(VERBOSE)

units: setup  ## Run the unit tests (ARGS="-k name")
	@$(TOOLS) test units $(VERBOSE) --pytest="$(ARGS)"

integration: setup  ## Run the integration targets in the lab (TARGET=name)
	@$(TOOLS) test integration $(VERBOSE) $(foreach target,$(TARGET),--target $(target))

robustness: setup  ## Let everything go wrong, in the lab (ARGS="--mutants=1000000")
	@$(TOOLS) test robustness $(VERBOSE) --pytest="$(ARGS)"

package: setup  ## Build the tarball, install it, and use it as an automation controller does
	@$(TOOLS) test package $(VERBOSE)

matrix: setup  ## Run the unit and integration tests on each supported ansible-core (CORE=2.20)
	@$(TOOLS) matrix $(VERBOSE) $(CORE) $(if $(JOBS),--jobs $(JOBS))

bench: setup  ## Measure the collection against what people do without it (FULL=1: extrapolate nothing)
	@$(TOOLS) bench $(if $(FULL),--full)

molecule: setup  ## Run the molecule scenarios, in a lab of their own (SCENARIO=name)
	@$(TOOLS) test molecule $(VERBOSE) $(foreach scenario,$(SCENARIO),--scenario $(scenario))

format: setup  ## Format the Python code and fix what can be fixed
	@.venv/bin/ruff check --quiet --fix-only . && .venv/bin/ruff format .

lab: setup  ## Start the lab and keep it running until Ctrl-C
	@$(TOOLS) lab up

clean:  ## Delete everything that was made here
	rm -rf .build .venv
