# Every recipe is one or two plain commands that you can type yourself.
# PYTHON names the interpreter for the environment: make PYTHON=python3.12 quickstart

PYTHON ?= python3
PY := .venv/bin/python
# Whole files, see tests/spreading.py.
SPREAD := -n 3 --dist loadfile
INSTALL := $(PY) -m pip install --quiet --disable-pip-version-check --no-input -c constraints.txt

# pyright: do not ask the network for a newer release.
export PYRIGHT_PYTHON_IGNORE_WARNINGS := 1
# Tests start hundreds of processes: what is compiled once stays compiled, whatever the shell says.
export PYTHONDONTWRITEBYTECODE :=

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
.PHONY: help quickstart test coverage test-deps check lint imports types fix bench docs constraints clean

help:  ## list these targets
	@sed -n 's/^\([a-z]*\):.*## \(.*\)/\1|\2/p' $(MAKEFILE_LIST) | awk -F'|' '{printf "make %-12s %s\n", $$1, $$2}'

quickstart: .venv/.installed-local  ## compare two real local models and print the verdict
	.venv/bin/bakeoff quickstart

test: check test-deps  ## run every check and every test; the arithmetic must be covered whole
	$(PY) -m pytest --cov --cov-config=tests/whole.toml --cov-report= --cov-fail-under=0 $(SPREAD) tests/unit tests/contract
	$(PY) -m coverage report --rcfile=tests/whole.toml
	$(PY) -m pytest $(SPREAD) --durations=15 --ignore=tests/unit --ignore=tests/contract

coverage: .venv/.installed-dev test-deps  ## measure what the quick tests cover, and fail where it is too little
	$(PY) -m pytest --cov $(SPREAD) -m 'not slow'

test-deps:
	bash scripts/test-deps.sh

check: lint imports types  ## format, lint, import layers, types; runs no test

lint: .venv/.installed-dev
	.venv/bin/ruff format --check .
	.venv/bin/ruff check .

imports: .venv/.installed-dev
	.venv/bin/lint-imports

types: .venv/.installed-dev
	.venv/bin/mypy
	.venv/bin/pyright

fix: .venv/.installed-dev  ## format and apply the linter's safe fixes
	.venv/bin/ruff check --fix .
	.venv/bin/ruff format .

bench: .venv/.installed-dev  ## measure truth, speed, rates, faults and cost of bakeoff itself; ten minutes
	$(PY) -m bench

docs: .venv/.installed-dev  ## write the generated reference pages in docs/reference
	$(PY) scripts/docs.py

constraints:  ## resolve every dependency anew and write constraints.txt
	bash scripts/constraints.sh $(PYTHON)

clean:  ## remove the environment, caches and build output; runs/ and downloads stay
	rm -rf .venv .venv-clients .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache .coverage .coverage.* build dist
	find . -name __pycache__ -prune -exec rm -rf {} +

# The environment. Stamps stand for finished installs, so a finished one asks no network.
.venv/.created:
	@$(PYTHON) -c 'import sys; v = sys.version_info; sys.exit(0 if v >= (3, 11) else "bakeoff needs Python 3.11 or newer, $(PYTHON) is %d.%d; name another: make PYTHON=python3.12 ..." % (v[0], v[1]))'
	$(PYTHON) -m venv .venv
	@touch $@

.venv/.installed-local: .venv/.created pyproject.toml constraints.txt
	$(INSTALL) hatchling editables
	$(INSTALL) --no-build-isolation --editable '.[local]'
	@touch $@

.venv/.installed-dev: .venv/.installed-local
	$(INSTALL) --no-build-isolation --editable '.[local,dev]'
	@touch $@
