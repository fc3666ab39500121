# Everything runs in its own virtual environment, which needs only python3 and pip.
# If uv is on the PATH, it is used, because it installs faster.

PYTHON ?= python3
VENV ?= .venv
DOCS ?= .venv-docs
BIN := $(VENV)/bin
BENCH := $(VENV)-bench
EXAMPLES := $(VENV)-examples
NO_POSTGRES = echo 'no Postgres for this machine: its test is skipped'
RAY ?= .venv-ray
PACKAGES := workersai langchain_workersai llamaindex_workersai
CHECKED := $(PACKAGES) packaging tests benchmarks examples docs/pictures docs/notebooks/run.py
# More processes than two cores: many tests wait for a clock or another process.
WORKERS ?= 4
STANDARD := tests/langchain_workersai/test_standard_recorded.py
# During recording, LangChain's benchmark sends its request once, without measuring.
RECORDING := --quiet --benchmark-disable -W 'ignore:Benchmark fixture was not used'

UV := $(shell command -v uv 2>/dev/null)
ifdef UV
  MAKE_VENV = uv venv --quiet --python $(PYTHON) $(1)
  INSTALL = VIRTUAL_ENV=$(abspath $(VENV)) uv pip install --quiet
  PIP = uv tool run pip
  FREEZE = VIRTUAL_ENV=$(abspath $(VENV)) uv pip freeze
else
  MAKE_VENV = $(PYTHON) -m venv $(1)
  # Dependency groups need pip 25.1; a fresh machine has an older one.
  INSTALL = $(BIN)/python -m pip install --quiet --disable-pip-version-check
  PIP = $(BIN)/python -m pip
  FREEZE = $(BIN)/python -m pip freeze
endif

.DEFAULT_GOAL := help
.PHONY: help demo examples test test-fast test-smol test-dist test-peers test-workers test-types matrix notebooks record record-live lint format type check serve pictures models facts benchmark benchmark-all comparison test-comparison soak load cancel fuzz audit test-ray docs dist clean

help: ## Show this list
	@grep -hE '^[a-z-]+:.*?## ' $(MAKEFILE_LIST) | sed -E 's/:.*?## /\t/' | sort | awk -F '\t' '{printf "  make %-15s %s\n", $$1, $$2}'

$(BIN)/python:
	$(call MAKE_VENV,$(VENV))
ifndef UV
	$(INSTALL) --upgrade 'pip>=25.1'
endif

$(VENV)/.dev: pyproject.toml | $(BIN)/python
	$(INSTALL) --editable '.[langchain,llamaindex,serve,bulk]' --group dev
	$(INSTALL) --no-deps 'langchain-tests>=1.1.9,<2'
	@touch $@

# Python compiles the modules that the demo imports; pip would compile all.
$(VENV)/.demo: pyproject.toml | $(BIN)/python
	$(INSTALL) --no-compile --editable '.[all]' 'langchain>=1.4,<2'
	@touch $@

demo: $(VENV)/.demo ## Run the main job: an agent with tools and a RAG, on the local server or on Cloudflare
	$(BIN)/python examples/demo.py

# The vector stores, MCP and the web service stay out of the environment of the test suite.
$(EXAMPLES)/.examples: pyproject.toml
	$(call MAKE_VENV,$(EXAMPLES))
ifdef UV
	VIRTUAL_ENV=$(abspath $(EXAMPLES)) uv pip install --quiet --editable '.[langchain,llamaindex,serve]' --group examples
	VIRTUAL_ENV=$(abspath $(EXAMPLES)) uv pip install --quiet --group postgres --only-binary :all: || $(NO_POSTGRES)
else
	$(EXAMPLES)/bin/python -m pip install --quiet --disable-pip-version-check --upgrade 'pip>=25.1'
	$(EXAMPLES)/bin/python -m pip install --quiet --disable-pip-version-check --no-compile \
		--editable '.[langchain,llamaindex,serve]' --group examples
	$(EXAMPLES)/bin/python -m pip install --quiet --disable-pip-version-check --no-compile \
		--group postgres --only-binary :all: || $(NO_POSTGRES)
endif
	@touch $@

examples: $(EXAMPLES)/.examples ## Run all example programs on the local server, and check what they print
	$(EXAMPLES)/bin/python -m pytest examples/tests

test: lint type test-fast ## Run lint, strict type checks and the whole offline test suite

test-fast: $(VENV)/.dev ## Run only the test suite
	$(BIN)/python -m pytest --benchmark-disable --numprocesses=$(WORKERS) --dist=loadfile

test-smol: $(VENV)/.dev $(VENV)/.demo ## Run the end-to-end tests on the real local models
	$(BIN)/python -m workersai.cli pull
	WORKERSAI_TEST_ENGINE=smol $(BIN)/python -m pytest --benchmark-disable --timeout=300 \
		tests/test_end_to_end.py tests/local \
		tests/langchain_workersai/test_standard_chat.py tests/langchain_workersai/test_standard_embeddings.py

test-dist: $(VENV)/.dev ## Install the distributions into empty environments, and import them
	$(BIN)/python -m pytest tests/packaging -m installs

test-peers: $(VENV)/.dev ## Run Cloudflare's TypeScript client against the local server, if node and npm are installed
	@if command -v node >/dev/null && command -v npm >/dev/null; then \
		npm install --prefix tests/peers --no-package-lock --no-audit --no-fund --loglevel=error; \
	else echo 'node or npm is missing: the tests are skipped'; fi
	$(BIN)/python -m pytest tests/peers

test-types: $(VENV)/.dev ## Check typical user code with mypy, basedpyright and, if node and npm are installed, pyright
	$(INSTALL) --group checkers
	@if command -v node >/dev/null && command -v npm >/dev/null; then \
		npm install --prefix tests/typing --no-package-lock --no-audit --no-fund --loglevel=error; \
	else echo 'node or npm is missing: pyright is left out'; fi
	$(BIN)/python -m pytest tests/typing -m types

test-workers: $(VENV)/.dev ## Run the core in Pyodide, as a Python Worker does, where node and npm are
	@if command -v node >/dev/null && command -v npm >/dev/null; then \
		npm install --prefix tests/workers --no-package-lock --no-audit --no-fund --loglevel=error && \
		$(PIP) install --quiet --disable-pip-version-check --upgrade --no-compile \
			--target tests/workers/node_modules/.site --only-binary=:all: --implementation cp \
			--python-version 3.14 --abi cp314 --platform pyemscripten_2026_0_wasm32 --platform any \
			--requirement tests/workers/requirements.txt; \
	else echo 'node or npm is missing: the tests are skipped'; fi
	WORKERSAI_TEST_PYODIDE=1 $(BIN)/python -m pytest tests/workers

matrix: $(VENV)/.dev ## Run the tests on each Python of this machine, with the newest and the lowest versions
	$(INSTALL) 'nox>=2025.2.9'
	$(BIN)/nox --tags matrix

$(RAY)/.dev: pyproject.toml
	$(call MAKE_VENV,$(RAY))
ifdef UV
	VIRTUAL_ENV=$(abspath $(RAY)) uv pip install --quiet --editable '.[langchain,llamaindex,serve,ray]' --group ray
else
	$(RAY)/bin/python -m pip install --quiet --upgrade 'pip>=25.1'
	$(RAY)/bin/python -m pip install --quiet --editable '.[langchain,llamaindex,serve,ray]' --group ray
endif
	@touch $@

# Ray opens sockets of its own, so the suite's block of the network is off here.
test-ray: $(RAY)/.dev ## Both faces in a real Ray cluster of two nodes, with a worker killed
	$(RAY)/bin/python -m pytest tests/ray --force-enable-socket --show-capture=no -s -W ignore

notebooks: $(VENV)/.dev ## Run the notebooks of the documentation and keep their outputs
	$(INSTALL) --group notebooks
	$(BIN)/python docs/notebooks/run.py

record: $(VENV)/.dev ## Record all cassettes anew from the local Workers AI
	rm -rf cassettes
	$(BIN)/python -m tests.cassettes.recording
	$(BIN)/python -m pytest $(STANDARD) --record-mode=rewrite $(RECORDING)

record-live: $(VENV)/.dev ## Record the cassettes from Cloudflare, with the credentials of the environment
	$(BIN)/python -m tests.cassettes.recording --live
	WORKERSAI_RECORD=live $(BIN)/python -m pytest $(STANDARD) --record-mode=rewrite $(RECORDING)

lint: $(VENV)/.dev ## Check style and format
	$(BIN)/ruff check $(CHECKED)
	$(BIN)/ruff format --check $(CHECKED)

format: $(VENV)/.dev ## Fix style and format
	$(BIN)/ruff check --fix $(CHECKED)
	$(BIN)/ruff format $(CHECKED)

type: $(VENV)/.dev ## Check types, strictly
	$(BIN)/mypy $(PACKAGES) tests

check: lint type ## Run lint and type checks, without running the code

models: $(VENV)/.dev ## Compare the tables of models with the live catalogue (ARGS="--write" changes them)
	$(BIN)/workersai refresh $(ARGS)

facts: $(VENV)/.dev ## Write docs/facts.md: what is confirmed, documented, observed or unknown
	$(BIN)/python -m workersai.probe.standing > docs/facts.md

serve: $(VENV)/.demo ## Start the local Workers AI with the real models
	$(BIN)/workersai serve

pictures: $(VENV)/.dev $(VENV)/.demo ## Draw the demo and the command `workersai` in docs/pictures
	$(BIN)/python -m workersai.cli pull
	$(BIN)/python docs/pictures/draw.py

# Peers of the benchmarks have requirements of their own, so they have an environment of their own.
$(BENCH)/.bench: pyproject.toml
	$(call MAKE_VENV,$(BENCH))
ifdef UV
	VIRTUAL_ENV=$(abspath $(BENCH)) uv pip install --quiet --editable '.[langchain,llamaindex]' --group bench
else
	$(BENCH)/bin/python -m pip install --quiet --upgrade 'pip>=25.1'
	$(BENCH)/bin/python -m pip install --quiet --editable '.[langchain,llamaindex]' --group bench
endif
	@touch $@

benchmark: $(BENCH)/.bench ## What the adapters cost: the main table, in about two minutes
	$(BENCH)/bin/python -m benchmarks

benchmark-all: $(BENCH)/.bench ## The same with more rounds and scaling curves, in about twelve minutes
	$(BENCH)/bin/python -m benchmarks --all

comparison: $(BENCH)/.bench ## Try this project's chat classes and three others, and write README's table
	$(BENCH)/bin/python -m tests.comparison

test-comparison: $(BENCH)/.bench ## Check that every cell of README's table is what happens now
	$(BENCH)/bin/python -m pytest tests/comparison

soak: $(VENV)/.dev ## Make calls with 20 % injected faults, and check that memory stays flat
	$(BIN)/python -m benchmarks.soak

load: $(VENV)/.dev ## Run 1,000 concurrent streams through each face: none lost, doubled or reordered
	$(BIN)/python -m benchmarks.load

cancel: $(VENV)/.dev ## Cancel 10,000 calls: no lost slot, connection or descriptor
	$(BIN)/python -m benchmarks.cancel

fuzz: $(VENV)/.dev ## Run 10,000 examples for each rule about streams
	$(BIN)/python -m pytest tests/faults/test_answers.py --hypothesis-profile=fuzz --timeout=1800 -k 'fuzz'

$(DOCS)/.docs: pyproject.toml
	$(call MAKE_VENV,$(DOCS))
ifdef UV
	VIRTUAL_ENV=$(abspath $(DOCS)) uv pip install --quiet --editable '.[langchain,llamaindex,bulk,limits]' --group docs
else
	$(DOCS)/bin/python -m pip install --quiet --disable-pip-version-check --upgrade 'pip>=25.1'
	$(DOCS)/bin/python -m pip install --quiet --disable-pip-version-check --no-compile \
		--editable '.[langchain,llamaindex,bulk,limits]' --group docs
endif
	@touch $@

docs: $(DOCS)/.docs ## Build the documentation site in site/; a warning is an error
	$(DOCS)/bin/mkdocs build --quiet --strict

audit: $(VENV)/.dev $(VENV)/.demo ## Check all installed packages against PyPI's advisories; unknown packages fail
	$(INSTALL) 'pip-audit>=2.9,<3'
	$(FREEZE) --exclude-editable > $(VENV)/audit.txt
	$(BIN)/pip-audit --strict --no-deps --disable-pip --progress-spinner off --requirement $(VENV)/audit.txt

dist: audit ## Build the distributions, after a clean audit
	$(INSTALL) 'build>=1.2,<2'
	rm -rf dist
	for project in . packaging/*/; do $(BIN)/python -m build --outdir dist $$project || exit 1; done

clean: ## Remove the virtual environment and caches
	rm -rf $(VENV) $(DOCS) site $(BENCH) $(EXAMPLES) .mypy_cache .ruff_cache .pytest_cache .hypothesis
