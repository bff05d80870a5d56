# Two commands matter: `make book` and `make test`. Everything else serves them.
SHELL := /bin/sh
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready
UV := $(shell command -v uv 2>/dev/null)
# Many small loops run slower on several BLAS threads than on one; the pages run in parallel instead.
export OMP_NUM_THREADS ?= 1
export OPENBLAS_NUM_THREADS ?= 1

.PHONY: book test lint bench clean lock environment sample help

help: ## what can be made
	@grep -hE '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed 's/:.*##/\t/'

environment: $(READY) ## .venv with everything that requirements.lock pins

$(READY): requirements.lock pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(0 if (3, 11) <= sys.version_info[:2] < (3, 14) else "gbanalysis needs Python 3.11, 3.12 or 3.13; set PYTHON=python3.12 or the like")'
ifneq ($(UV),)
	uv venv --quiet --allow-existing --python $(PYTHON) $(VENV)
	uv pip install --quiet --python $(BIN)/python -r requirements.lock
	uv pip install --quiet --python $(BIN)/python --no-deps -e .
else
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -r requirements.lock
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps -e .
endif
	@touch $(READY)

book: $(READY) ## execute and build the book; prints the path of its first page
	@$(BIN)/gbanalysis build

test: $(READY) ## the whole test suite, doctests included
	$(BIN)/python -m pytest -n auto --dist loadfile

lint: $(READY) ## format, lint rules, types
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy

ifeq (bench,$(firstword $(MAKECMDGOALS)))
BENCHES := $(wordlist 2,$(words $(MAKECMDGOALS)),$(MAKECMDGOALS))
$(eval $(BENCHES):;@:)
endif
bench: $(READY) ## benchmarks against their peers: make bench, or make bench validate
	$(BIN)/python -m benchmarks $(BENCHES)

sample: $(READY) ## data/sample/ again, from its recorded seed
	$(BIN)/python -m tools.make_sample

lock: ## requirements.lock again, from the bounds in pyproject.toml (needs uv)
	uv pip compile --universal --no-header --no-annotate --extra dev -o requirements.lock pyproject.toml

clean: ## everything that can be made again
	rm -rf _build .pytest_cache .mypy_cache .ruff_cache .hypothesis data/market
