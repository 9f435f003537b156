# make demo    sets up what is needed and designs microstructures; IMAGE=micrograph.png for your own picture, OUT=folder for the run folder
# make test    sets up what is needed and passes the tests, but for the slow ones
# make test-all  the slow tests too (about twice the time)
# make check   everything that has to hold: tests, lint, types, contracts, and the wheel in a clean environment

ifndef PYTHON
PYTHON := $(shell for p in python3 python python3.13 python3.12 python3.11; do \
	$$p -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && { echo $$p; break; }; done)
endif
VENV ?= .venv
JOBS ?= 2
UV := $(shell command -v uv 2>/dev/null)
PY := $(VENV)/bin/python

# An environment chosen elsewhere must not decide where this one comes from.
unexport UV_PYTHON VIRTUAL_ENV PYTHONPATH PYTHONHOME
export IMAGE OUT

ifneq ($(UV),)
make_venv = "$(UV)" venv --quiet --seed --allow-existing --python "$$($(1) -c 'import sys; print(sys.executable)')" $(2)
install = "$(UV)" pip install --python $(1) -c constraints.txt
wheel = "$(UV)" build --quiet --wheel --python $(PY) --out-dir $(1)
else
make_venv = $(1) -m venv $(2)
install = $(1) -m pip install --disable-pip-version-check --progress-bar off -c constraints.txt
wheel = $(PY) -m pip wheel --quiet --disable-pip-version-check --no-deps --wheel-dir $(1) .
endif

.PHONY: demo test test-all lint format types contracts wheel-test check clean help
.DEFAULT_GOAL := help

help:
	@sed -n 's/^# \(make .*\)/\1/p' Makefile

demo: $(VENV)/.installed
	@$(VENV)/bin/jaxmicro demo $${IMAGE:+--image "$$IMAGE"} $${OUT:+--out "$$OUT"}

test: $(VENV)/.installed-dev
	$(PY) -m pytest -n $(JOBS) --dist worksteal --durations=15 -m "not slow" $(ARGS)

test-all: $(VENV)/.installed-dev
	$(PY) -m pytest -n $(JOBS) --dist worksteal --durations=15 $(ARGS)

lint: $(VENV)/.installed-dev
	$(PY) -m ruff format --check .
	$(PY) -m ruff check .

format: $(VENV)/.installed-dev
	$(PY) -m ruff check --fix .
	$(PY) -m ruff format .

types: $(VENV)/.installed-dev
	$(VENV)/bin/pyright --pythonpath $(PY)

contracts: $(VENV)/.installed-dev
	$(VENV)/bin/lint-imports --no-logo --no-cache

# The wheel in an environment of its own, imported away from the sources.
wheel-test: $(VENV)/.installed-dev
	rm -rf build/wheel
	mkdir -p build/wheel
	$(call wheel,build/wheel)
	$(call make_venv,$(PY),build/wheel/venv)
	$(call install,build/wheel/venv/bin/python) --quiet build/wheel/*.whl
	cd build/wheel && venv/bin/python -I "$(CURDIR)/tests/house/installed_wheel.py"

check: test lint types contracts wheel-test

clean:
	rm -rf build dist .cache .pytest_cache .ruff_cache

$(PY):
	@test -n "$(PYTHON)" || { echo "jaxmicro needs Python 3.11 or newer, but none was found. Install one, or pass PYTHON=/path/to/python3.11." >&2; exit 1; }
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { \
		echo "jaxmicro needs Python 3.11 or newer, but $(PYTHON) is $$($(PYTHON) --version 2>&1). Pass PYTHON=/path/to/python3.11 instead." >&2; exit 1; }
	@echo "Making the environment $(VENV) with $$($(PYTHON) --version)"
	@$(call make_venv,$(PYTHON),$(VENV))
	@rm -f $(VENV)/.installed $(VENV)/.installed-dev

$(VENV)/.installed: pyproject.toml constraints.txt | $(PY)
	@echo "Installing jaxmicro and what it needs"
	@$(call install,$(PY)) -e .
	@touch $@

$(VENV)/.installed-dev: pyproject.toml constraints.txt | $(PY)
	@echo "Installing jaxmicro, what it needs, and the tools of its developers"
	@$(call install,$(PY)) -e '.[dev]'
	@touch $(VENV)/.installed $@
