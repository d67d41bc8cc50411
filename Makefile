# Every target installs what it needs; a second call installs nothing.
# `make` without a target lists the targets.

PYTHON ?= python3
HOST   ?= 127.0.0.1
PORT   ?= 8000
DATA   ?= data/ml-latest-small
STORE  ?= models_store
# Training never writes to the shipped models: its default store is store/.
TRAIN_STORE := $(if $(filter command environment,$(firstword $(origin STORE))),$(STORE),store)

VENV := .venv
BIN  := $(VENV)/bin
UV_LOCK := $(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-header
UV_COMPILE := $(UV_LOCK) pyproject.toml
# The tools that check the lock files have their own packages, which neither `make check` nor `make test` needs.
TOOLS := .venv-tools
SBOM ?= sbom.json
MINUTES ?= 10
FIGURES := benchmarks/results/reliability.jsonl
# Number of parallel test processes: one per core. Each loads TensorFlow (about 700 MB).
JOBS ?= auto
SIDE_BY_SIDE := -n $(JOBS) --maxprocesses 4 --dist worksteal
# `make test` and `make test-ci` try the same examples each time; `make test-long` and `make fuzz` try new ones.
AT_RANDOM := --hypothesis-profile thorough

.DEFAULT_GOAL := help
.PHONY: help setup check format test test-long test-ci fuzz soak train serve bench bench-serving bench-reevaluate bench-page bench-fold-in shipped-models frontier docker-test lock audit licences sbom

help: ## list the targets
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | sort | awk -F'\t' '{printf "  make %-16s %s\n", $$1, $$2}'

setup: $(VENV)/.dev ## make .venv with everything (service, training, tests) from the hashed locks

# One environment with three growing sets of packages: `make serve` installs only those of the service.
$(VENV)/bin/python:
	@$(PYTHON) -c 'import sys; sys.exit(0 if (3, 11) <= sys.version_info < (3, 14) else f"Python 3.11, 3.12 or 3.13 is required, but {sys.executable} is {sys.version.split()[0]}: make PYTHON=python3.12 ...")'
	@$(PYTHON) -m venv $(VENV)

# Disk space of each set of packages, the smaller sets included.
SIZE_serve := 0.2 GB
SIZE_train := 2.2 GB, half of it TensorFlow
SIZE_dev   := 2.8 GB, half of it TensorFlow

$(VENV)/.%: requirements/%.txt | $(VENV)/bin/python
	@echo "Installing the packages of requirements/$*.txt into $(VENV), which then takes about $(SIZE_$*)."
	$(BIN)/python -m pip install --disable-pip-version-check --require-hashes --no-deps -r $<
	@touch $@

check: $(VENV)/.dev ## check format, lint, types and the lock files
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	@# Compiling keeps pins that are still valid, so an up-to-date lock file does not change.
	@before=$$(mktemp -d) && cp requirements/*.txt $$before && $(MAKE) --no-print-directory --silent lock \
	  && diff -rq $$before requirements || { echo "the lock files did not match pyproject.toml and were updated: commit them" >&2; exit 1; }

format: $(VENV)/.dev ## reformat the code
	$(BIN)/ruff check --fix-only .
	$(BIN)/ruff format .

test: $(VENV)/.dev ## run the tests that every change must pass, in JOBS (auto) processes (3 minutes)
	$(BIN)/python -m pytest $(SIDE_BY_SIDE)

test-long: $(VENV)/.dev ## run the long tests, one at a time: clocks, kills, fuzz, soak, every browser test
	$(BIN)/python -m pytest -m long $(AT_RANDOM)

test-ci: $(VENV)/.dev ## run the part of test-long that CI runs (30 minutes)
	@# The same examples each time, so that a failure comes back when it is looked at.
	$(BIN)/python -m pytest -m "long and not nightly"

fuzz: $(VENV)/.dev ## run every property test with a thousand new examples, then the long fuzz tests (minutes)
	$(BIN)/python -m pytest $(SIDE_BY_SIDE) -m "hypothesis and not long" $(AT_RANDOM)
	$(BIN)/python -m pytest -m long -s $(AT_RANDOM) tests/fuzz

soak: $(VENV)/.dev ## run MINUTES (10) of mixed load with reloads and memory checks, then every long test
	@# The tests run even if the soak fails; their figures are written next to those of the soak.
	@rm -f $(FIGURES); mkdir -p $(dir $(FIGURES)); $(BIN)/python -m benchmarks.soak --minutes $(MINUTES) $(ARGS); soaked=$$?; \
	  RELIABILITY_FIGURES=$(FIGURES) $(BIN)/python -m pytest -m long -s $(AT_RANDOM) && exit $$soaked

train: $(VENV)/.train ## run `fit` on DATA (default: the bundled set): the best model and the published pair, into store/
	@test "$(abspath $(TRAIN_STORE))" != "$(abspath models_store)" || { echo "models_store holds the shipped models: make train STORE=store" >&2; exit 1; }
	$(BIN)/python -m training fit --data "$(DATA)" --store "$(TRAIN_STORE)" $(ARGS)

serve: $(VENV)/.serve ## serve STORE (default: the shipped models) on HOST:PORT
	RATINGS_STORE="$(STORE)" RATINGS_HOST=$(HOST) RATINGS_PORT=$(PORT) exec $(BIN)/python -m app

bench: $(VENV)/.dev ## measure every figure of docs/performance.md and its reference into benchmarks/results (an hour)
	$(BIN)/python -m benchmarks --data "$(DATA)"

bench-serving: $(VENV)/.dev ## compare /predict with the no-op and with other servers, which are installed first
	$(BIN)/python -m benchmarks.serving --peers $(ARGS)

bench-reevaluate: $(VENV)/.dev ## verify the errors of the shipped models on every test row of ML1M=folder through a running service
	$(BIN)/python -m benchmarks.reevaluate --data $(ML1M)

bench-page: $(VENV)/.dev ## measure the bytes, first paint and slowest request of the page (needs Chromium)
	$(BIN)/python -m benchmarks.page_weight

bench-fold-in: $(VENV)/.dev ## compare folded-in users with trained ones on DATA (ARGS="--models tiny ..." needs their data)
	$(BIN)/python -m benchmarks.fold_in --data "$(DATA)" $(ARGS)

shipped-models: $(VENV)/.train ## rebuild models_store/ from ML1M=folder (MovieLens 1M may not be redistributed)
	$(BIN)/python -m training fit baseline memory_efficient tiny compact accurate --recipe reference --ranking-bytes 48000 --data $(ML1M) --store models_store --shareable --report runs

frontier: $(VENV)/.train ## train the grid on DATA and plot error against bytes; resumes an interrupted run (long)
	$(BIN)/python -m training frontier --data "$(DATA)" $(ARGS)

docker-test: ## build the images, run them with compose, call, kill and replace services, stop them
	tests/docker/smoke.sh
	tests/docker/replicas.sh
	tests/docker/pod.sh

lock: $(VENV)/.dev ## update the hashed lock files from pyproject.toml
	$(UV_COMPILE) --extra train --extra cluster --extra otel --extra cloud --group dev -o requirements/dev.txt $(UPGRADE)
	$(UV_COMPILE) -c requirements/dev.txt --extra train -o requirements/train.txt
	$(UV_COMPILE) -c requirements/dev.txt --extra train --extra cluster -o requirements/cluster.txt
	$(UV_COMPILE) -c requirements/dev.txt -o requirements/serve.txt
	$(UV_COMPILE) -c requirements/dev.txt --extra otel -o requirements/otel.txt
	$(UV_COMPILE) -c requirements/dev.txt --extra cloud -o requirements/cloud.txt
	$(UV_LOCK) --group tools -o requirements/tools.txt $(UPGRADE)

$(TOOLS)/.done: requirements/tools.txt | $(VENV)/bin/python
	@echo "Installing the packages of requirements/tools.txt into $(TOOLS), which then takes about 0.1 GB."
	$(BIN)/python -m venv $(TOOLS)
	$(TOOLS)/bin/python -m pip install --disable-pip-version-check --require-hashes --no-deps -r $<
	@touch $@

audit: $(TOOLS)/.done ## check every lock file for known vulnerabilities; "Error 3": the advisory service was not reachable
	@$(TOOLS)/bin/python -m tools.audit $(ARGS)

licences: $(VENV)/.dev ## write docs/licences.md; fails if a licence is unknown or not allowed
	@$(BIN)/python -m tools.licences

sbom: $(TOOLS)/.done ## write the bill of materials of the service, as CycloneDX JSON, to SBOM (default: sbom.json)
	@# A lock file has no dependency graph; the warning about that is expected.
	$(TOOLS)/bin/python -W ignore -m cyclonedx_py requirements requirements/serve.txt --pyproject pyproject.toml --of JSON --output-reproducible -o "$(SBOM)"
