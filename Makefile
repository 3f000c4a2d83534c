# `make` alone lists what there is. Every target that needs the environment sets it up first.
SHELL = /bin/sh
PYTHON ?= python3
SEED ?= 0
TESTS ?= tests
RUNS ?= 20
BIN = .venv/bin
CODE = rl rewards sandbox data launch tests
TORCH_WHEELS ?= https://download.pytorch.org/whl/cpu/torch/
COMPILE = uv pip compile --quiet --universal --python-version 3.11 --generate-hashes \
	--no-header --no-annotate --no-emit-index-url --no-emit-find-links

.DEFAULT_GOAL := help
.PHONY: help setup quickstart sandbox test agents trackers soak lint bench lock clean

help:
	@echo "Plumb: reinforcement learning for language models whose answers can be checked"
	@echo
	@echo "  make setup        install everything into .venv (CPU or CUDA, by what this host has)"
	@echo "  make quickstart   train a small model end to end; results in runs/quickstart"
	@echo "  make sandbox      build the image in which untrusted programs run (needs Docker)"
	@echo "  make test         run all tests; TESTS=tests/rewards runs some"
	@echo "  make agents       install agent frameworks for their tests into build/agents"
	@echo "  make trackers     install W&B, MLflow and trackio into build/trackers, for the setting trackers"
	@echo "  make soak         kill runs at drawn instants, and processes under them; RUNS=5 SEED=1 for others"
	@echo "  make lint         ruff, its formatter, and mypy in strict mode"
	@echo "  make bench        run the benchmarks"
	@echo "  make lock         resolve launch/locks anew (needs uv)"
	@echo "  make clean        remove .venv and all caches; runs/ stays"
	@echo
	@echo "  SEED=1            the quickstart's seed        PLUMB_HARDWARE=cpu|cuda   choose the lock"
	@echo "  PYTHON=python3.12 the Python that starts set-up"

setup:
	@command -v $(PYTHON) >/dev/null || { \
		echo "make: no $(PYTHON) here; sudo apt install python3 python3-venv" >&2; exit 1; }
	@$(PYTHON) -m launch.setup.bootstrap

quickstart: setup
	$(BIN)/plumb train launch/configs/quickstart.yaml run_dir=runs/quickstart seed=$(SEED) --overwrite

sandbox: setup
	$(BIN)/plumb sandbox build

test: setup
	$(BIN)/python -m pytest -n 2 --dist loadfile --no-loadscope-reorder $(TESTS)

# PLUMB_AGENTS_PYTHON=build/agents/bin/python make test TESTS=tests/rl/test_endpoint_frameworks.py
agents:
	test -x build/agents/bin/python || $(PYTHON) -m venv build/agents
	build/agents/bin/python -m pip install --quiet --disable-pip-version-check --no-compile \
		--require-hashes --no-deps -r launch/locks/agents.txt -r launch/locks/alone.txt

trackers:
	test -x build/trackers/bin/python || $(PYTHON) -m venv build/trackers
	build/trackers/bin/python -m pip install --quiet --disable-pip-version-check --no-compile \
		--require-hashes --no-deps -r launch/locks/trackers.txt

soak: setup
	$(BIN)/python -m tests.soak --runs $(RUNS) --seed $(SEED)
	$(BIN)/python -m tests.chaos

lint: setup
	$(BIN)/ruff check $(CODE)
	$(BIN)/ruff format --check $(CODE)
	$(BIN)/mypy

bench: setup
	$(BIN)/python -m tests.bench
	$(BIN)/python -m tests.bench.loop
	$(BIN)/python -m tests.bench.publish
	$(BIN)/python -m tests.bench.head
	$(BIN)/python -m tests.bench.checkpoint
	$(BIN)/python -m tests.bench.math
	$(BIN)/python -m tests.bench.sandbox
	$(BIN)/python -m tests.bench.data
	$(BIN)/python -m tests.bench.view

lock:
	@command -v uv >/dev/null || { echo "make: no uv here; pip install uv" >&2; exit 1; }
	cd launch/locks && $(COMPILE) --find-links $(TORCH_WHEELS) \
		--override all.overrides --override cpu.overrides cpu.in -o cpu.txt
	cd launch/locks && { test -s cuda.txt || cp cpu.txt cuda.txt; }
	cd launch/locks && $(COMPILE) --override all.overrides cuda.in -o cuda.txt
	cd launch/locks && $(COMPILE) --find-links $(TORCH_WHEELS) -c cpu.txt dev.in -o dev.txt
	cd launch/locks && $(COMPILE) --allow-unsafe build.in -o build.txt
	cd launch/locks && $(COMPILE) agents.in -o agents.txt
	cd launch/locks && $(COMPILE) --no-deps alone.in -o alone.txt
	cd launch/locks && $(COMPILE) trackers.in -o trackers.txt

clean:
	rm -rf .venv .mypy_cache .pytest_cache .ruff_cache .hypothesis build dist *.egg-info
	find $(CODE) -name __pycache__ -type d -prune -exec rm -rf {} +
