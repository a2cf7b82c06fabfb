# make demo | test | check: each sets up .venv by itself.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed
FILES ?=
N ?= 300
SEED ?= 1

.DEFAULT_GOAL := help
.PHONY: help demo test check format sim mutants twins tla replay bench clean

help: ## this list
	@grep -E '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed -E 's/^([a-z]+):[^#]*## /\1\t/' | expand -t 12

$(STAMP): pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(0 if (3, 11) <= sys.version_info[:2] <= (3, 13) else "Python 3.11, 3.12 or 3.13 is needed, this is " + sys.version.split()[0] + "; set PYTHON=python3.x")'
	@test -d $(VENV) || $(PYTHON) -m venv $(VENV)
	@echo "installing into $(VENV)"
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check -e '.[dev]'
	@touch $@

demo: $(STAMP) ## four validators, a killed leader, a proof verified offline; FILES="a.pdf b.jpg" for your own files
	@$(BIN)/hanchain demo $(FILES)

test: $(STAMP) ## everything that CI runs
	$(BIN)/python -m pytest -n 2 --dist loadgroup

check: $(STAMP) ## format, lint, types, imports: seconds
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports

format: $(STAMP) ## format the sources
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

sim: $(STAMP) ## N seeds of the consensus simulator
	$(BIN)/hanchain sim run --seeds $(N)

mutants: $(STAMP) ## bugs planted in consensus, and the seeds until the simulator finds each
	$(BIN)/hanchain sim mutants tests/consensus/mutants

twins: $(STAMP) ## a validator run twice under one key: all scenarios of two views and 2,000 random ones
	$(BIN)/hanchain sim twins --exhaustive --scenarios 2000

tla: $(STAMP) ## the TLA+ specification: TLC searches it, finds planted bugs, and follows runs of the simulator
	$(BIN)/python tests/consensus/tla/check.py

replay: $(STAMP) ## one SEED of the simulator with its trace
	$(BIN)/hanchain sim replay $(SEED)

bench: $(STAMP) ## throughput and latency of four validators
	$(BIN)/hanchain bench throughput --validators 4 --duration 20

clean: ## remove what make made
	rm -rf $(VENV) build dist .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
