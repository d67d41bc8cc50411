# Every target bootstraps what it needs; a second call installs nothing.
# `make` alone lists the targets.

PYTHON ?= python3
HOST   ?= 127.0.0.1
PORT   ?= 8000
DATA   ?= data/ml-latest-small
STORE  ?= models_store
# Training never writes to the shipped models, whatever STORE says.
TRAIN_STORE := $(if $(filter command environment,$(firstword $(origin STORE))),$(STORE),store)

VENV := .venv
BIN  := $(VENV)/bin
UV_LOCK := $(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-header
UV_COMPILE := $(UV_LOCK) pyproject.toml
# What looks at the locks has packages of its own, which neither `make check` nor `make test` needs.
TOOLS := .venv-tools
SBOM ?= sbom.json
MINUTES ?= 10
FIGURES := benchmarks/results/reliability.jsonl
# Processes that run tests side by side: one a core, and each holds TensorFlow (some 700 MB).
JOBS ?= auto
SIDE_BY_SIDE := -n $(JOBS) --maxprocesses 4 --dist worksteal
# `make test` tries the same examples each time; what is long tries new ones.
AT_RANDOM := --hypothesis-profile thorough

.DEFAULT_GOAL := help
.PHONY: help setup check format test test-long test-ci fuzz soak train serve bench bench-serving bench-reevaluate bench-page bench-fold-in shipped-models frontier docker-test lock audit licences sbom

help: ## list the targets
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | sort | awk -F'\t' '{printf "  make %-16s %s\n", $$1, $$2}'

setup: $(VENV)/.dev ## make .venv with everything (service, training, tests) from the hashed locks

# One environment, three growing sets: what serving needs is enough for `make serve`.
$(VENV)/bin/python:
	@$(PYTHON) -c 'import sys; sys.exit(0 if (3, 11) <= sys.version_info < (3, 14) else f"Python 3.11, 3.12 or 3.13 is needed, {sys.executable} is {sys.version.split()[0]}: make PYTHON=python3.12 ...")'
	@$(PYTHON) -m venv $(VENV)

$(VENV)/.%: requirements/%.txt | $(VENV)/bin/python
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes --no-deps -r $<
	@touch $@

check: $(VENV)/.dev ## format, lint, types, freshness of the locks
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	@# Pins that still fit are kept, so a fresh lock compiles to itself.
	@before=$$(mktemp -d) && cp requirements/*.txt $$before && $(MAKE) --no-print-directory --silent lock \
	  && diff -rq $$before requirements || { echo "the locks did not fit pyproject.toml and were renewed: commit them" >&2; exit 1; }

format: $(VENV)/.dev ## rewrite the code in the project's format
	$(BIN)/ruff check --fix-only .
	$(BIN)/ruff format .

test: $(VENV)/.dev ## every test that judges a change; JOBS (auto) processes side by side (3 minutes)
	$(BIN)/python -m pytest $(SIDE_BY_SIDE)

test-long: $(VENV)/.dev ## the rest, one after the other: clocks, kills, fuzz, soak, every browser test
	$(BIN)/python -m pytest -m long $(AT_RANDOM)

test-ci: $(VENV)/.dev ## the part of test-long that CI runs (30 minutes)
	$(BIN)/python -m pytest -m "long and not nightly" $(AT_RANDOM)

fuzz: $(VENV)/.dev ## every law with a thousand new examples, then the long fuzz; says how many cases (minutes)
	$(BIN)/python -m pytest $(SIDE_BY_SIDE) -m "hypothesis and not long" $(AT_RANDOM)
	$(BIN)/python -m pytest -m long -s $(AT_RANDOM) tests/fuzz

soak: $(VENV)/.dev ## MINUTES (10) of mixed load with reloads, memory watched, then every long test
	@# Both are run, whatever comes of the first; figures of the tests are kept beside those of the load.
	@rm -f $(FIGURES); mkdir -p $(dir $(FIGURES)); $(BIN)/python -m benchmarks.soak --minutes $(MINUTES) $(ARGS); soaked=$$?; \
	  RELIABILITY_FIGURES=$(FIGURES) $(BIN)/python -m pytest -m long -s $(AT_RANDOM) && exit $$soaked

train: $(VENV)/.train ## train both models on DATA (default: the bundled set) into store/
	@test "$(abspath $(TRAIN_STORE))" != "$(abspath models_store)" || { echo "models_store holds the shipped models: make train STORE=store" >&2; exit 1; }
	$(BIN)/python -m training fit --data "$(DATA)" --store "$(TRAIN_STORE)" $(ARGS)

serve: $(VENV)/.serve ## serve STORE (default: the shipped models) on HOST:PORT
	RATINGS_STORE="$(STORE)" RATINGS_HOST=$(HOST) RATINGS_PORT=$(PORT) exec $(BIN)/python -m app

bench: $(VENV)/.dev ## every figure of docs/performance.md beside its yardstick, into benchmarks/results (takes an hour)
	$(BIN)/python -m benchmarks --data "$(DATA)"

bench-serving: $(VENV)/.dev ## /predict beside the no-op and other servers, which are installed first
	$(BIN)/python -m benchmarks.serving --peers $(ARGS)

bench-reevaluate: $(VENV)/.dev ## the shipped models' errors over every test row of ML1M=folder, through a running service
	$(BIN)/python -m benchmarks.reevaluate --data $(ML1M)

bench-page: $(VENV)/.dev ## what the page weighs, its first paint and its slowest request (needs Chromium)
	$(BIN)/python -m benchmarks.page_weight

bench-fold-in: $(VENV)/.dev ## how close a new user comes to a trained one, on DATA (ARGS="--models tiny ..." needs their data)
	$(BIN)/python -m benchmarks.fold_in --data "$(DATA)" $(ARGS)

shipped-models: $(VENV)/.train ## rebuild models_store/ from ML1M=folder (MovieLens 1M may not be redistributed)
	$(BIN)/python -m training fit baseline memory_efficient --recipe reference --data $(ML1M) --store models_store --shareable
	$(BIN)/python -m training distil --data $(ML1M) --store models_store --shareable

frontier: $(VENV)/.train ## train the grid on DATA and draw error against bytes, from scratch or where it stopped (long)
	$(BIN)/python -m training frontier --data "$(DATA)" $(ARGS)

docker-test: ## build the image, bring the compose file up, call it, stop it
	tests/docker/smoke.sh

lock: $(VENV)/.dev ## renew the hashed locks from pyproject.toml
	$(UV_COMPILE) --extra train --extra otel --group dev -o requirements/dev.txt $(UPGRADE)
	$(UV_COMPILE) -c requirements/dev.txt --extra train -o requirements/train.txt
	$(UV_COMPILE) -c requirements/dev.txt -o requirements/serve.txt
	$(UV_COMPILE) -c requirements/dev.txt --extra otel -o requirements/otel.txt
	$(UV_LOCK) --group tools -o requirements/tools.txt $(UPGRADE)

$(TOOLS)/.done: requirements/tools.txt | $(VENV)/bin/python
	$(BIN)/python -m venv $(TOOLS)
	$(TOOLS)/bin/python -m pip install --quiet --disable-pip-version-check --require-hashes --no-deps -r $<
	@touch $@

audit: $(TOOLS)/.done ## known vulnerabilities in every lock; "Error 3": the advisory service could not be asked
	@$(TOOLS)/bin/python -m tools.audit $(ARGS)

licences: $(VENV)/.dev ## write docs/licences.md; fails where a licence is unknown or not allowed
	@$(BIN)/python -m tools.licences

sbom: $(TOOLS)/.done ## the bill of materials of the service, CycloneDX JSON, to SBOM (default: sbom.json)
	@# A lock does not tell who needs whom: no warning about that.
	$(TOOLS)/bin/python -W ignore -m cyclonedx_py requirements requirements/serve.txt --pyproject pyproject.toml --of JSON --output-reproducible -o "$(SBOM)"
