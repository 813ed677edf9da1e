# One command each. Everything is installed into .venv in this folder; nothing else is touched.
#   make demo    ingest the sample corpus and answer its questions
#   make test    the whole test suite
#   make lint | types | docs | bench | clean

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check --quiet
CONSTRAINTS := $(if $(wildcard constraints.txt),--constraint constraints.txt)
ROOMS := rag loaders retrievers generators pipelines
SOURCES := $(shell find $(ROOMS) examples -type f -not -name '*.pyc' 2>/dev/null | sed 's/ /\\ /g')

.PHONY: demo test lint types docs bench clean
.DELETE_ON_ERROR:

demo: $(VENV)/.plain
	$(BIN)/rag demo

test: $(VENV)/.dev
	$(BIN)/python -m pytest -q -n auto --dist loadfile --no-loadscope-reorder

lint: $(VENV)/.dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

types: $(VENV)/.dev
	$(BIN)/mypy $(ROOMS)

docs: $(VENV)/.dev
	$(BIN)/python docs/tables.py
	$(BIN)/python -m pytest -q tests/docs

bench: $(VENV)/.dev
	$(BIN)/python benchmarks/run.py

clean:
	rm -rf $(VENV) build dist *.egg-info .mypy_cache .ruff_cache .pytest_cache .hypothesis .coverage

# A development install serves the demo as well, so the plain one is left out where it exists.
# setuptools would take modules that were deleted since from an old build folder, so that goes first.
$(VENV)/.plain: $(VENV)/.made pyproject.toml $(wildcard constraints.txt) $(SOURCES)
	@if [ -e $(VENV)/.dev ]; then $(MAKE) --no-print-directory $(VENV)/.dev; else \
	  rm -rf build && echo "Installing Argus into $(VENV) ..." && $(PIP) install $(CONSTRAINTS) . ; fi
	@touch $@

$(VENV)/.dev: $(VENV)/.made pyproject.toml $(wildcard constraints.txt)
	@echo "Installing Argus and its development tools into $(VENV) ..."
	$(PIP) install $(CONSTRAINTS) --editable '.[dev]'
	@touch $@

$(VENV)/.made:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null || { \
	  echo "Argus needs Python 3.11 or newer; '$(PYTHON)' is $$($(PYTHON) --version 2>&1 || true)."; \
	  echo "Name another one: make $(or $(MAKECMDGOALS),demo) PYTHON=/path/to/python3.11"; exit 1; }
	@$(PYTHON) -m venv $(VENV) || { rm -rf $(VENV); \
	  echo "'$(PYTHON) -m venv' failed; on Debian and Ubuntu it is the package python3-venv."; exit 1; }
	@touch $@
