# On a machine with Python 3.11 or newer and make, `make demo` and `make test` set up everything they need.
# All paths are relative to this file, so a checkout may lie anywhere, also below a folder with spaces.

VENV  := .venv
BIN   := $(VENV)/bin
PY    := $(BIN)/python
PIP   := PYTHONWARNINGS=ignore $(PY) -m pip install --quiet --disable-pip-version-check --constraint constraints.txt
# The first of these that is new enough; `make PYTHON=/path/to/python3` overrules it.
PYTHON ?= $(shell for p in python3 python3.13 python3.12 python3.11; do \
	$$p -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && { echo $$p; break; }; done)
# Stamps: what was installed into the environment, so that a second call installs nothing.
RUN_STAMP   := $(VENV)/.stamp-run
DEV_STAMP   := $(VENV)/.stamp-dev
FORGE_STAMP := $(VENV)/.stamp-forge
RECIPES := $(wildcard specialists/forge/recipes/*.yaml)
PACKAGES := hive specialists conductor simulation
# Extra arguments for `demo`, `bench`, `pytest` and `models`: make demo ARGS="--json"
ARGS ?=

.DEFAULT_GOAL := help
.NOTPARALLEL:
.PHONY: help setup demo test lint format types contracts docs pytest bench forge models clean

help: ## show this list
	@printf '\n  \033[1mHive\033[0m: a mesh of tiny specialist models\n\n'
	@sed -n 's/^\([a-z]*\):.*## \(.*\)$$/\1|\2/p' $(MAKEFILE_LIST) | \
	while IFS='|' read -r name text; do printf '  \033[36mmake %-10s\033[0m %s\n' "$$name" "$$text"; done
	@printf '\n'

setup: $(DEV_STAMP) ## create .venv with everything for work on the project
	@echo "Ready. Activate it with: . $(BIN)/activate"

demo: $(RUN_STAMP) ## run the mesh with real models, break it, and see that nothing is lost
	@$(BIN)/hive demo $(ARGS)

test: lint types contracts docs pytest ## check everything: style, types, import contracts, docs, tests

lint: $(DEV_STAMP) ## ruff: rules and format; interrogate: every public name has a docstring
	@$(PY) -m ruff check .
	@$(PY) -m ruff format --check .
	@$(BIN)/interrogate --quiet --config pyproject.toml $(PACKAGES)

format: $(DEV_STAMP) ## let ruff rewrite what it can
	@$(PY) -m ruff check --fix-only .
	@$(PY) -m ruff format .

types: $(DEV_STAMP) ## mypy --strict on the four packages
	@$(PY) -m mypy --strict $(addprefix -p ,$(PACKAGES))

contracts: $(DEV_STAMP) ## import-linter: who may import whom, and what is fenced in
	@$(BIN)/lint-imports

docs: $(DEV_STAMP) ## build the documentation into site/, strictly
	@NO_MKDOCS_2_WARNING=1 $(PY) -m mkdocs build --quiet --strict
	@echo "Docs: site/index.html"

pytest: $(DEV_STAMP) ## the tests alone
	@$(PY) -m pytest $(ARGS)

bench: $(DEV_STAMP) ## measure the dispatcher against its gates, on this machine
	@$(BIN)/hive bench dispatch $(ARGS)

forge: $(FORGE_STAMP) ## install what making specialists needs: torch and more
	@echo "Ready. Make your own: docs/tutorials/make-your-own.md"

models: $(FORGE_STAMP) ## make the bundled specialists again, into build/models; HIVE_DATA names the data's folder
	@for recipe in $(RECIPES); do \
		$(BIN)/hive forge build $$recipe --out build/models/$$(basename $$recipe .yaml) $(ARGS) || exit 1; done

clean: ## remove what builds and checks left; .venv stays
	rm -rf build dist site reports *.egg-info .mypy_cache .pytest_cache .ruff_cache .import_linter_cache .hypothesis
	find $(PACKAGES) tests -type d -name __pycache__ -prune -exec rm -rf {} +

$(PY):
	@if [ -z "$(PYTHON)" ]; then \
		echo "Hive needs Python 3.11 or newer, and none was found. Install one, or name it: make PYTHON=/path/to/python3" >&2; \
		exit 1; fi
	@"$(PYTHON)" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null || { \
		echo "Hive needs Python 3.11 or newer; $(PYTHON) is older or does not run. Name another: make PYTHON=/path/to/python3" >&2; \
		exit 1; }
	@"$(PYTHON)" -c 'import ensurepip, venv' 2>/dev/null || { \
		echo "$(PYTHON) cannot make a virtual environment: its ensurepip module is missing." >&2; \
		echo "On Debian and Ubuntu 'apt-get install python3-venv' adds it; or name another: make PYTHON=/path/to/python3" >&2; \
		exit 1; }
	@echo "Creating $(VENV) with $(PYTHON)"
	@"$(PYTHON)" -m venv $(VENV)

# The demo needs neither the tools nor torch, so that it starts soon on a fresh machine.
$(RUN_STAMP): pyproject.toml constraints.txt | $(PY)
	@echo "Installing what a mesh needs (once)"
	@$(PIP) --editable '.[conductor]'
	@touch $@

$(DEV_STAMP): pyproject.toml constraints.txt | $(PY)
	@echo "Installing what a mesh needs and the tools for work on it (once)"
	@$(PIP) --editable '.[conductor,dev]'
	@touch $(RUN_STAMP) $@

$(FORGE_STAMP): pyproject.toml constraints.txt | $(PY)
	@echo "Installing the forge (once; torch is large)"
	@$(PIP) torch
	@$(PIP) --editable '.[conductor,dev,forge]'
	@touch $(RUN_STAMP) $(DEV_STAMP) $@
