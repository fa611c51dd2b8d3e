# One screen: every command a person needs. `make help` prints it.
PYTHON ?= python3
VENV   := .venv
BIN    := $(VENV)/bin
RUN    := $(VENV)/.run-installed
DEV    := $(VENV)/.dev-installed

.DEFAULT_GOAL := help
.PHONY: help run demo test check fmt bench bench-turns bench-heard chaos live-check docs requirements clean

help:            ## list the commands
	@awk -F':.*## ' '/^[a-z-]+:.*## /{printf "  make %-13s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

run: $(RUN)      ## set everything up and serve an interview at http://127.0.0.1:8000
	@$(BIN)/viva serve --recordings tests/data/candidate

demo: $(RUN)     ## place a call with a recorded candidate and print what happens
	@$(BIN)/viva demo

test: $(DEV)     ## set everything up, check style, types and layers, run all tests
	@$(MAKE) --no-print-directory check
	@$(BIN)/pytest -n 3 --dist worksteal -m "not alone"
	@$(BIN)/pytest -n 2 -m alone tests/bench tests/e2e

check: $(DEV)    ## style, types, layers
	@$(BIN)/ruff check . && $(BIN)/ruff format --check -q . && $(BIN)/mypy && $(BIN)/lint-imports

fmt: $(DEV)      ## format the code
	@$(BIN)/ruff check -q --fix . ; $(BIN)/ruff format .

bench: $(DEV)    ## measure the frame path, the store and the loop under load
	@$(BIN)/python -m bench

bench-turns: $(DEV)  ## play recorded scenes to the server path in simulated time, report turn-taking
	@$(BIN)/python -m bench.turns

bench-heard: $(DEV)  ## record the sound of a real Chromium and compare it with what the log says was heard
	@$(BIN)/python -m bench.heard

chaos: $(DEV)    ## hold calls while servers, the database, networks and Gemini fail, and check every law (42 min)
	@$(BIN)/python -m bench.chaos

live-check: $(DEV)  ## exercise what only the real Gemini can confirm (needs GEMINI_API_KEY)
	@if [ -z "$$GEMINI_API_KEY" ]; then echo "live-check skipped: set GEMINI_API_KEY to ask the real Gemini"; \
	else $(BIN)/pytest tests/live -m live -p no:cacheprovider; fi

docs: $(DEV)     ## write the parts of docs/ that are drawn from the code
	@PYTHONPATH=. $(BIN)/python docs/generate.py

requirements: $(DEV)  ## pin and hash the dependencies again
	@$(BIN)/python requirements/compile.py

clean:           ## remove the environment, the caches and the local data
	rm -rf $(VENV) data .pytest_cache .mypy_cache .ruff_cache .import_linter_cache .hypothesis *.egg-info

$(VENV)/bin/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Viva needs Python 3.11 or newer: make PYTHON=python3.11 ...")'
	@$(PYTHON) -m venv $(VENV)

$(RUN): requirements/rehearsal.txt requirements/networks.txt pyproject.toml | $(VENV)/bin/python
	@echo "Installing Viva and what it needs into $(VENV) ..."
	@$(BIN)/python -m pip install -q --disable-pip-version-check --require-hashes -r requirements/rehearsal.txt
	@$(BIN)/python -m pip install -q --disable-pip-version-check --no-deps --require-hashes -r requirements/networks.txt
	@$(BIN)/python -m pip install -q --disable-pip-version-check --no-deps --no-build-isolation -e .
	@touch $@

$(DEV): requirements/dev.txt requirements/networks.txt pyproject.toml | $(VENV)/bin/python
	@echo "Installing Viva, its tests and its tools into $(VENV) ..."
	@$(BIN)/python -m pip install -q --disable-pip-version-check --require-hashes -r requirements/dev.txt
	@$(BIN)/python -m pip install -q --disable-pip-version-check --no-deps --require-hashes -r requirements/networks.txt
	@$(BIN)/python -m pip install -q --disable-pip-version-check --no-deps --no-build-isolation -e .
	@touch $@ $(RUN)
