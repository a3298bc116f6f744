# Two commands do everything on a fresh machine: `make demo` and `make test`. `make help` lists the rest.
.DEFAULT_GOAL := help
SHELL := /bin/bash
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
INSTALLED := $(VENV)/.installed

.PHONY: help demo test soak coverage bench bench-short lint format protocol clean install-demo install-test install-bench

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-12s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

demo: install-demo $(INSTALLED) ## record this machine (or a virtual desk) for some seconds into demo.mp4
	@$(BIN)/python -m tests.demo

# What measures time and kills processes runs alone, afterwards; what waits for real devices and clocks, three at a time; the
# rest side by side, since it mostly waits.
COVER :=
COVER_AGAIN :=
# A thousand small stores wait for the disk at every commit. Where memory can be a disk of 4 GB they need not; what is
# measured or killed alone afterwards is on the real one.
MEMORY_DISK = $(shell df -Pk /dev/shm 2>/dev/null | awk '$$4 > 4e6 && $$6 == "/dev/shm" {print $$6}')

# Continuous integration has a quarter of an hour on two cores.
NOT_LONG := $(if $(CI), and not long)

test: install-test $(INSTALLED) ## install what is missing and run all tests
	@failed=0; \
	  $(if $(MEMORY_DISK),TMPDIR=$(MEMORY_DISK)) $(BIN)/python -m pytest -q -n 3 --dist worksteal $(COVER) -m 'not alone and not paired$(NOT_LONG)' || failed=1; \
	  $(BIN)/python -m pytest -q -n 3 --dist loadfile $(COVER_AGAIN) -m 'paired$(NOT_LONG)' || failed=1; \
	  $(BIN)/python -m pytest -q $(COVER_AGAIN) -m 'alone$(NOT_LONG)' || failed=1; \
	  exit $$failed

soak: export REELD_MODEL_STEPS := 10000
soak: export REELD_KILLS := 200
soak: export REELD_ROUNDS := 10
soak: export REELD_FUZZ := 100000
soak: export REELD_EXAMPLES := 5000
soak: export REELD_CLOCK_MINUTES := 120
soak: export REELD_SOUND_MINUTES := 60
soak: install-test $(INSTALLED) ## what `make test` tries a few times, very often: about half an hour
	@$(BIN)/python -m pytest -q -s --timeout=7200 tests/daemon/store/test_state_machine.py tests/daemon/store/test_kills.py \
	  tests/daemon/store/test_ingest_fuzz.py tests/daemon/copies/test_bundle.py tests/daemon/sessions/test_any_order.py \
	  tests/daemon/supervisor/test_any_order.py tests/e2e/test_kill_matrix.py tests/e2e/test_enrich_kills.py tests/daemon/audio/test_drift.py \
	  tests/daemon/audio/test_stream.py tests/daemon/audio/test_growth.py
	@$(BIN)/python -m tests.bench.endurance
	@$(BIN)/python -m tests.bench.flood --pace 10000
	@$(BIN)/python -m tests.bench.sync

coverage: COVER := --cov --cov-report=
coverage: COVER_AGAIN := --cov --cov-append --cov-report=term:skip-covered --cov-fail-under=85
coverage: test ## the same with coverage, which makes it half as fast

bench: install-bench $(INSTALLED) ## measure the budgets beside their peers
	@$(BIN)/python -m pip install -q --disable-pip-version-check -e '.[bench]' 2> >(grep -v '^WARNING: Location' >&2 || true)
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
	@# Tests start thousands of processes; where Python may not keep what it compiled, each would compile it again.
	@$(BIN)/python -m compileall -q daemon client proto tests || true
	@touch $@
