# Everything a newcomer types. Needs Python 3.11 or 3.12 and make, nothing else.
VENV ?= .venv
BIN := $(VENV)/bin
PYTHON ?= $(shell for p in python3.11 python3.12 python3; do \
	$$p -c 'import sys; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 12))' 2>/dev/null && echo $$p && break; done)

.PHONY: help install run demo chaos chaos-short recovery day bench test lint format lock vendor clean

help: ## This list
	@sed -n 's/^\([a-z-]*\):.*## /  make \1	/p' $(MAKEFILE_LIST)

install: $(VENV)/.installed ## Make .venv; the command is then .venv/bin/drchrono-oncall

run: install ## The whole service on this machine, against the sandbox (Ctrl-C stops it)
	$(BIN)/drchrono-oncall run

demo: install ## The same, and a scripted day that checks itself
	$(BIN)/drchrono-oncall demo

chaos: $(VENV)/.installed-dev ## Break everything and forge webhooks while people work (SEED= EDITS= DATABASE= ATTACKER=0)
	$(BIN)/python -m chaos --edits $(or $(EDITS),2000) --database $(or $(DATABASE),postgresql) $(if $(SEED),--seed $(SEED)) $(if $(filter 0,$(ATTACKER)),--no-attacker)

chaos-short: $(VENV)/.installed-dev ## 40 edits and each kind of fault once, in about a minute (in test too)
	$(BIN)/pytest tests/chaos

recovery: $(VENV)/.installed-dev ## Break one thing at a time and measure until all is right again
	$(BIN)/python -m chaos --recovery

day: $(VENV)/.installed-dev ## A simulated day of fifty doctors, then a day without webhooks (DOCTORS= DATABASE=)
	$(BIN)/python -m chaos.day --doctors $(or $(DOCTORS),50) --database $(or $(DATABASE),sqlite)

bench: $(VENV)/.installed-dev ## Measure speed, cost and memory against bare floors, as a table and bench.json (ONLY= DATABASE= ROUNDS=)
	$(BIN)/python -m bench $(if $(ONLY),--only $(ONLY)) $(if $(DATABASE),--database $(DATABASE)) $(if $(ROUNDS),--rounds $(ROUNDS))

# The short chaos alone and last: what it breaks is time enough for it.
test: $(VENV)/.installed-dev ## Every test
	$(BIN)/pytest -n 3 --dist loadfile --no-loadscope-reorder --ignore tests/chaos
	$(BIN)/pytest tests/chaos

lint: $(VENV)/.installed-dev ## Style, types, import rules
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

format: $(VENV)/.installed-dev ## Put the code in order
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

COMPILE := uv pip compile --quiet --universal --python-version 3.11 --generate-hashes \
	--no-emit-index-url --no-emit-find-links --no-header

lock: ## Renew the lock files (needs uv)
	$(COMPILE) -o requirements.lock pyproject.toml
	$(COMPILE) --extra local -c requirements.lock -o requirements-local.lock pyproject.toml
	$(COMPILE) --extra local --extra alerts --extra dev -c requirements-local.lock -o requirements-dev.lock pyproject.toml
	$(COMPILE) --group build -o requirements-build.lock

vendor: $(VENV)/.installed ## Fetch the styles and scripts of the operations pages anew (needs npm)
	$(BIN)/python deploy/vendor.py

clean: ## Forget the environment and the world in var/
	rm -rf $(VENV) var

$(BIN)/python:
	@test -n "$(PYTHON)" || { echo "Python 3.11 or 3.12 is needed; none was found. Name one with: make PYTHON=/path/to/python $(MAKECMDGOALS)"; exit 1; }
	$(PYTHON) -m venv $(VENV)

$(VENV)/.installed: requirements-local.lock requirements-build.lock pyproject.toml | $(BIN)/python
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements-local.lock
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements-build.lock
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-build-isolation --no-deps -e .
	@touch $@

$(VENV)/.installed-dev: requirements-dev.lock $(VENV)/.installed
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements-dev.lock
	@touch $@
