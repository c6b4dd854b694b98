# Copyright (c) sshkeys.aws contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# The checks that are no tests: plain commands, which fail by their exit status; run.py prints a line for each. And the
# tests. All run in the staged copy of the collection, with the environment of staged.py.

OURS := ansible_collections/sshkeys/aws
BUILD := ../../..
RUN := python tests/tools/run.py
# Those that modules support.
PYTHONS := 3.8 3.9 3.10 3.11 3.12 3.13
# What documentation is made of.
DOCUMENTED := README.md CHANGELOG.rst galaxy.yml meta docs plugins roles playbooks
JOBS := $(shell nproc)
MANY := $(MAKE) --no-print-directory --keep-going --output-sync=target --jobs=$(JOBS) -f tests/checks.mk

# --- Everything -----------------------------------------------------------------------------------------------------

# More workers than cores, since some tests wait most of the time. All tests of a file run in one worker, which has a lab
# and what else they share. The files that take longest come first.
WORKERS := --numprocesses=$(shell expr $(JOBS) + 1) --dist=loadfile --no-loadscope-reorder
IN_LAB := tests/plays tests/robustness tests/modules tests/molecule tests/package tests/guides
UNITS := tests/lab/tests tests/unit tests/tools/tests tests/docsite/tests

.PHONY: test exhaustive tests-of-matrix checks checks-all check lint docs sanity changelog

# $(call everything,CHECKS,OPTIONS OF pytest): the checks, then the tests, whether the checks fail or not.
define everything
	@began=$$(date +%s); failed=; \
	$(MANY) $(1) || failed="$$failed checks"; \
	pytest -q $(WORKERS) $(2) $(IN_LAB) $(UNITS) || failed="$$failed tests"; \
	seconds=$$(($$(date +%s) - began)); \
	if [ -n "$$failed" ]; then echo "make $@: FAILED:$$failed (in $$seconds seconds)"; exit 1; fi; \
	echo "make $@: all checks and tests passed (in $$seconds seconds)"
endef

test:
	$(if $(ARGS),@pytest $(if $(findstring tests/,$(ARGS)),,$(IN_LAB) $(UNITS)) $(ARGS),$(call everything,checks))

exhaustive:
	$(call everything,checks-all,--all)

# CORE: a file of tests/requirements. Unit tests compare with the services as botocore describes them today, so they do not
# run with an older one.
tests-of-matrix:
	@pytest -q $(WORKERS) tests/plays tests/modules $(if $(findstring sdk,$(CORE)),,tests/unit)

# The longest first, so that none is left to run alone.
checks: sanity mypy-collection ansible-lint docs mypy-lab mypy-bench mypy-tools ruff yamllint workflows codespell

checks-all: checks sanity-pylint-all $(PYTHONS:%=sanity-import-%)

check:
	@$(MANY) checks-of-changes && echo "make check: passed"

lint:
	@$(MANY) lint-all && echo "make lint: passed"

.PHONY: lint-all checks-of-changes

lint-all: mypy-collection ansible-lint mypy-lab mypy-bench mypy-tools ruff yamllint workflows codespell

checks-of-changes: mypy-collection units-of-changes docs-lint ansible-lint-of-changes mypy-lab mypy-bench mypy-tools ruff \
	yamllint codespell

# --- Style, types and spelling --------------------------------------------------------------------------------------

.PHONY: ruff mypy-collection mypy-lab mypy-bench mypy-tools ansible-lint ansible-lint-of-changes yamllint workflows codespell

ruff:
	@$(RUN) "ruff check" -- ruff check --output-format concise .
	@$(RUN) "ruff format" -- ruff format --check .

# Each program on its own: the lab, the bench and the tools are no part of the collection's package.
mypy-collection: FILES := $(addprefix $(OURS)/,plugins $(wildcard tests/*.py) \
	$(addprefix tests/,guides modules molecule package plays robustness unit))
mypy-lab: FILES := $(OURS)/tests/lab
mypy-bench: FILES := $(OURS)/tests/bench
mypy-tools: FILES := $(OURS)/tests/tools $(OURS)/tests/docsite
mypy-collection mypy-lab mypy-bench mypy-tools: mypy-%:
	@cd $(BUILD) && MYPYPATH=.:$(OURS)/tests/$* python $(OURS)/tests/tools/run.py "mypy $*" -- \
		mypy --config-file $(OURS)/pyproject.toml --cache-dir cache/mypy/$* \
		--namespace-packages --explicit-package-bases $(FILES)

ansible-lint:
	@$(RUN) "ansible-lint" . -- ansible-lint --strict

ansible-lint-of-changes:
	@files=$$(python tests/tools/changed.py yaml) || exit 1; [ -z "$$files" ] || $(RUN) "ansible-lint of what changed" -- ansible-lint --strict $$files

yamllint:
	@$(RUN) "yamllint" -- yamllint --strict --format parsable .

# Their form, and whether a workflow gives more rights away than it needs.
workflows:
	@$(RUN) "check-jsonschema, workflows" -- check-jsonschema --builtin-schema=vendor.github-workflows .github/workflows/*.yml
	@$(RUN) "check-jsonschema, issue forms" -- check-jsonschema --builtin-schema=vendor.github-issue-forms \
		$(filter-out %/config.yml,$(wildcard .github/ISSUE_TEMPLATE/*.yml))
	@$(RUN) "check-jsonschema, issues" -- check-jsonschema --builtin-schema=vendor.github-issue-config .github/ISSUE_TEMPLATE/config.yml
	@$(RUN) "check-jsonschema, dependabot" -- check-jsonschema --builtin-schema=vendor.dependabot .github/dependabot.yml
	@$(RUN) "zizmor" -- zizmor --offline --no-progress .github

# pyproject.toml says what is left out.
codespell:
	@$(RUN) "codespell" -- codespell

# --- Documentation --------------------------------------------------------------------------------------------------

.PHONY: docs-lint

docs-lint:
	@$(RUN) "antsibull-docs" $(DOCUMENTED) -- \
		antsibull-docs lint-collection-docs --plugin-docs --validate-collection-refs=dependent .
	@$(RUN) "antsibull-changelog" -- antsibull-changelog lint

# Made anew each time: a page that is gone must not stay, nor a warning be lost with a page that is kept.
# antsibull-docs takes files of reStructuredText alone, so the images are copied, and it writes only to a folder that
# nobody else can write to.
docs: docs-lint
	@$(RUN) "sphinx, .build/docs/html/index.html" -- sh -euc ' \
		rm -rf $(BUILD)/docs; mkdir -p -m 755 $(BUILD)/docs/rst; \
		antsibull-docs collection --use-current --squash-hierarchy --fail-on-error --dest-dir $(BUILD)/docs/rst sshkeys.aws; \
		cp -r docs/docsite/rst/images $(BUILD)/docs/rst/docsite/images; \
		python tests/docsite/make_pages.py $(BUILD)/docs/rst; \
		sphinx-build --builder=html --fail-on-warning --keep-going --nitpicky --quiet --conf-dir=tests/docsite \
			$(BUILD)/docs/rst $(BUILD)/docs/html; \
		python tests/docsite/check_site.py $(BUILD)/docs/html'

# --- ansible-test sanity --------------------------------------------------------------------------------------------

.PHONY: seed-pip sanity-main sanity-pylint sanity-pylint-all $(PYTHONS:%=sanity-import-%)
SANITY := ansible-test sanity --local --color no

# Everything, with pylint for the plugins alone: for the tests it takes three times as long. What depends on the version
# of Python runs on the oldest and the newest one that modules run on.
sanity: sanity-pylint sanity-main sanity-import-$(firstword $(PYTHONS)) sanity-import-$(lastword $(PYTHONS))

sanity-main: seed-pip
	@$(RUN) "ansible-test sanity" . -- $(SANITY) --skip-test pylint --skip-test compile --skip-test import

sanity-pylint: seed-pip
	@$(RUN) "ansible-test sanity, pylint" galaxy.yml meta plugins -- $(SANITY) --test pylint plugins/

sanity-pylint-all: seed-pip
	@$(RUN) "ansible-test sanity, pylint everywhere" . -- $(SANITY) --test pylint

$(PYTHONS:%=sanity-import-%): sanity-import-%: seed-pip
	@if command -v python$* >/dev/null; then \
		$(RUN) "ansible-test sanity on Python $*" . -- \
			$(SANITY) --python $* --test compile --test import; \
	else echo "skipped ansible-test sanity on Python $*, which is not on this machine"; fi

# The versions of pip that this ansible-test asks for. Where PyPI cannot be reached, it is left to try its own way.
seed-pip:
	@cache="$$HOME/.ansible/test/cache"; mkdir -p "$$cache"; \
	source=$$(python -c 'import ansible_test._internal as there; print(there.__path__[0])')/python_requirements.py; \
	for version in $$(sed -nE "s/.*\bpip *= *'([0-9.]+)'.*/\1/p" "$$source" | sort -u); do \
		script="$$cache/get_pip_$$(echo $$version | tr . _).py"; \
		[ -e "$$script" ] || ! pip download --quiet --no-deps --dest "$$cache" pip==$$version || cp tests/tools/get_pip.py "$$script"; \
	done

# --- The unit tests of what changed ---------------------------------------------------------------------------------

.PHONY: units-of-changes

units-of-changes:
	@files=$$(python tests/tools/changed.py units) || exit 1; \
	if [ -n "$$files" ]; then $(RUN) "unit tests of what changed" -- pytest -q $$files; \
	else echo "skipped unit tests: no file that has some has changed since the last commit"; fi

# --- The changelog --------------------------------------------------------------------------------------------------

changelog:
	@antsibull-changelog release --reload-plugins $(ARGS)
	@rm -rf "$$CHECKOUT/changelogs" && cp -R changelogs CHANGELOG.rst "$$CHECKOUT"
