# `make help` lists the targets. The virtual environment is set up only when it is missing or out of date.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready
# Two processes; the tests of a file stay in one, where they share what the file sets up.
PYTEST := OMP_NUM_THREADS=1 $(BIN)/python -m pytest -n 2 --dist loadfile --no-loadscope-reorder

.DEFAULT_GOAL := help
.PHONY: help setup train smoke check test test-cluster lint format lock benchmarks clean

help: ## List the targets
	@grep -E '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | awk -F ':.*## ' '{printf "  make %-13s %s\n", $$1, $$2}'

setup: $(READY) ## Set up .venv with the pinned packages

$(READY): requirements.lock pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 13))' || \
	  { echo "micacl needs Python 3.11 to 3.13, $(PYTHON) is $$($(PYTHON) --version 2>&1). Try: make PYTHON=python3.12 $(MAKECMDGOALS)"; exit 1; }
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --progress-bar off -r requirements.lock
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --editable .
	@touch $@

train: $(READY) ## Train MICACL on the built-in data set: minutes on 2 CPU cores
	$(BIN)/python -m micacl.train

smoke: $(READY) ## Try everything, tiny: a minute
	$(BIN)/python -m micacl.train experiment=smoke

check: lint ## Run the linters, the type checker and the fast tests: under 3 minutes on 2 cores
	$(PYTEST) -m "not slow"

test: lint ## Run every test, linter and type check
	$(PYTEST)

test-cluster: $(READY) ## Test on a Slurm cluster of two nodes that is started here (root on Debian)
	@if bash tests/cluster/install.sh; \
	  then timeout --signal=INT --kill-after=60 1200 $(BIN)/python -m pytest tests/cluster/test_slurm.py; \
	  else echo "Slurm is not here and cannot be installed (Debian, root): nothing is tested on a cluster."; fi

lint: $(READY) ## Run the linters and the type checker
	$(BIN)/python -m ruff check .
	$(BIN)/python -m ruff format --check .
	$(BIN)/python -m mypy
	$(BIN)/lint-imports

format: $(READY) ## Format the code
	$(BIN)/python -m ruff check --fix .
	$(BIN)/python -m ruff format .

benchmarks: $(READY) ## Measure the speed of a training step and of what MICACL adds
	$(BIN)/python benchmarks/step.py

lock: $(READY) ## Pin the newest packages that pyproject.toml allows
	$(BIN)/python -m pip install --quiet uv
	$(BIN)/python -m uv pip compile --quiet --universal --python-version 3.11 --group dev --upgrade \
	  --custom-compile-command "make lock" --output-file requirements.lock pyproject.toml

clean: ## Remove .venv
	rm -rf $(VENV)
