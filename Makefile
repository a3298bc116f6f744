# Two commands do everything on a fresh machine: `make demo` and `make test`. `make help` lists the rest.
.DEFAULT_GOAL := help
SHELL := /bin/bash
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
INSTALLED := $(VENV)/.installed

.PHONY: help demo test coverage bench bench-short lint format protocol clean install-demo install-test install-bench

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-12s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

demo: install-demo $(INSTALLED) ## record this machine (or a virtual desk) for some seconds into demo.mp4
	@$(BIN)/python -m tests.demo

# What measures time and kills processes runs alone, afterwards; the rest side by side, since it mostly waits.
COVER :=
COVER_AGAIN :=

test: install-test $(INSTALLED) ## install what is missing and run all tests
	@$(BIN)/python -m pytest -q -n 4 --dist worksteal $(COVER) -m 'not alone'
	@$(BIN)/python -m pytest -q $(COVER_AGAIN) -m alone

coverage: COVER := --cov --cov-report=
coverage: COVER_AGAIN := --cov --cov-append --cov-report=term:skip-covered --cov-fail-under=85
coverage: test ## the same with coverage, which makes it half as fast

bench: install-bench $(INSTALLED) ## measure the budgets beside their peers
	@$(BIN)/python -m tests.bench

bench-short: install-test $(INSTALLED) ## the same, a few seconds a row: a smoke test
	@$(BIN)/python -m tests.bench --short

lint: $(INSTALLED) ## ruff and strict types
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/mypy

format: $(INSTALLED) ## format the sources
	@$(BIN)/ruff check --fix .
	@$(BIN)/ruff format .

protocol: $(INSTALLED) ## write proto/PROTOCOL.md from the message types
	@$(BIN)/python -m reeld_proto.docs

clean: ## remove the virtual environment and caches
	@rm -rf $(VENV) .mypy_cache .ruff_cache .pytest_cache .hypothesis .coverage .coverage.*

install-demo:
	@.ci/install demo

install-test:
	@.ci/install test

install-bench:
	@.ci/install bench

$(INSTALLED): pyproject.toml | install-demo
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
	  { echo "reeld: Python 3.11 or newer is needed, $$($(PYTHON) --version) found; set PYTHON=..." >&2; exit 1; }
	@echo "reeld: installing the Python packages into $(VENV)" >&2
	@[ -x $(BIN)/python ] || $(PYTHON) -m venv $(VENV)
	@$(BIN)/python -m pip install -q --disable-pip-version-check -e '.[dev]' 2> >(grep -v '^WARNING: Location' >&2 || true)
	@touch $@
