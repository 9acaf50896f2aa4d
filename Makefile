# make demo   set up and run the demo: a camera, the tracker node and a client; writes demo_out/
# make test   set up and run every check
# Both need git, make and Python 3.10 to 3.13 with its venv module, nothing else.

PYTHON ?= python3
# More arguments for every `pip install`, another index for one.
PIP_ARGS ?=
# Pinned, so that the tests run on the version that the expected numbers were checked with. The
# common index has it with CUDA (several GB); an index of CPU builds can be given in PIP_ARGS.
TORCH ?= torch==2.13.0
DEMO_ARGS ?=
PYTEST_ARGS ?=

# The demo's environment stays free of torch.
DEMO_ENV := .venv
TEST_ENV := .venv-test
WHEEL_ENV := .venv-wheel
BIN := $(TEST_ENV)/bin
SETUP := pyproject.toml setup.py Makefile
PIP := -m pip --disable-pip-version-check install --quiet $(PIP_ARGS)

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
.PHONY: help demo test lint check-python wheel-test clean

help:
	@echo 'make demo    set up .venv (no torch) and run the demo: camera, tracker node and client,'
	@echo '             three processes over DDS; results in demo_out/'
	@echo 'make test    set up .venv-test and run every check: style, types, imports, tests, wheel'
	@echo 'make lint    style, types and imports only'
	@echo 'make clean   remove environments, builds and demo_out/'
	@echo
	@echo 'Variables: PYTHON (interpreter), PIP_ARGS (for pip install), TORCH (requirement),'
	@echo '           DEMO_ARGS (for hit-rfgm demo), PYTEST_ARGS (for pytest)'

demo: $(DEMO_ENV)/ready
	@echo '==> Running: hit-rfgm demo --out demo_out $(DEMO_ARGS)'
	@$(DEMO_ENV)/bin/hit-rfgm demo --out demo_out $(DEMO_ARGS)

test: lint
	@echo '==> Running the tests'
	@$(BIN)/python -m pytest $(PYTEST_ARGS)
	@$(MAKE) --no-print-directory wheel-test
	@echo '==> Everything passed'

lint: $(TEST_ENV)/ready
	@echo '==> Checking style (ruff)'
	@$(BIN)/ruff check
	@$(BIN)/ruff format --check
	@echo '==> Checking types (mypy)'
	@$(BIN)/mypy
	@echo '==> Checking imports between the rooms (import-linter)'
	@$(BIN)/lint-imports --no-cache

wheel-test: $(TEST_ENV)/ready
	@echo '==> Building the wheel and tracking with it in a clean environment without torch'
	@rm -rf build dist $(WHEEL_ENV)
	@$(BIN)/python -m pip --disable-pip-version-check wheel --quiet $(PIP_ARGS) --no-deps \
		--wheel-dir dist .
	@$(PYTHON) -m venv $(WHEEL_ENV)
	@$(WHEEL_ENV)/bin/python $(PIP) dist/*.whl
	@cd test/no_torch && ../../$(WHEEL_ENV)/bin/python track.py

# Editable installs: the sources are used as they stand, only new requirements mean a new set-up.
$(DEMO_ENV)/ready: $(SETUP) | check-python
	@echo '==> Setting up $(DEMO_ENV) (numpy, OpenCV, ONNX Runtime, Cyclone DDS, matplotlib)'
	@$(PYTHON) -m venv $(DEMO_ENV)
	@$(DEMO_ENV)/bin/python $(PIP) --editable '.[demo,dds]'
	@touch $@

$(TEST_ENV)/ready: $(SETUP) | check-python
	@echo '==> Setting up $(TEST_ENV) with the tools of development and $(TORCH)'
	@$(PYTHON) -m venv $(TEST_ENV)
	@$(TEST_ENV)/bin/python $(PIP) '$(TORCH)' --editable '.[dev]'
	@touch $@

check-python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 10))' || \
		{ echo '$(PYTHON) must be Python 3.10 or newer; name another with: make PYTHON=python3.12'; exit 1; }
	@$(PYTHON) -c 'import venv, ensurepip' || \
		{ echo 'Python lacks its venv module; on Debian and Ubuntu: sudo apt install python3-venv'; exit 1; }

clean:
	rm -rf $(DEMO_ENV) $(TEST_ENV) $(WHEEL_ENV) build dist demo_out ./*.egg-info
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
