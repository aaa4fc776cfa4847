# Every target sets up what it needs; `make help` lists them.
PYTHON ?= python3.11
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/ready
OLD := .venv-openai2
MAIN := deepseek siliconflow bailian qianfan volcengine
# What judging the recorded matrix has no use for, a quarter of its time.
PLAIN := logging unraisableexception threadexception faulthandler warnings hypothesispytest xdist pytest_cov
# Tests start many interpreters: let them compile a module once.
export PYTHONDONTWRITEBYTECODE :=

.PHONY: help compat docs evidence bench-gate test test-units test-matrix test-whole-matrix test-thorough test-thorough-units site test-site test-openai2 fuzz check format bench proof engines clients test-clients export schema address clean
.DEFAULT_GOAL := help

help: ## Show this list.
	@awk -F ':.*## ' '/^[a-z0-9-]+:.*## / {printf "  make %-12s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

$(READY): pyproject.toml constraints.txt
	$(PYTHON) -m venv $(VENV)
	$(BIN)/pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[dev]'
	@touch $@

compat: $(READY) ## Replay the recorded matrix, write reports/, print the table, put the start table into README.
	$(BIN)/harness run
	@$(BIN)/harness report reports/results.jsonl --into README.md --into README.zh-CN.md $(MAIN:%=--feature %)

$(VENV)/site: $(READY)
	$(BIN)/pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[site]'
	@touch $@

site: $(VENV)/site ## Build the site from reports/ into site/: static pages in English and Chinese.
	@test -e reports/results.jsonl || $(MAKE) compat
	$(BIN)/harness site

docs: $(READY) ## Write docs/commands.md, and the counts in docs/method.md, from the code and reports/proof.md.
	$(BIN)/python -m harness.pytest.reference

test: $(READY) ## Run the unit tests but those that take long, and the recorded matrix of the main providers beside them.
	@$(MAKE) --no-print-directory --keep-going --jobs 2 test-units test-matrix

test-units: $(READY)
	$(BIN)/pytest --quiet --numprocesses auto --dist worksteal tests

test-matrix: OF := $(MAIN:%=--compat-provider %)
test-matrix test-whole-matrix: $(READY)
	@$(BIN)/pytest --quiet $(PLAIN:%=-p no:%) providers.yaml $(OF) > $(VENV)/$@.txt 2>&1 || { cat $(VENV)/$@.txt; exit 1; }
	@echo "providers.yaml $(OF): $$(tail -n 1 $(VENV)/$@.txt)"

test-thorough: $(READY) ## Run the tests that take long, which `make test` leaves out, and the whole matrix beside them.
	@$(MAKE) --no-print-directory --keep-going --jobs 2 test-thorough-units test-whole-matrix

test-thorough-units: $(READY)
	$(BIN)/pytest --quiet --numprocesses auto --dist worksteal -m thorough tests

test-site: $(VENV)/site ## Build a site and read it in a Chromium, which is found in PATH or named by HARNESS_CHROMIUM.
	$(BIN)/pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[browser]'
	$(BIN)/pytest --quiet --numprocesses auto -m "thorough or not thorough" tests/site

test-openai2: $(OLD)/ready ## Run the tests of what speaks through the SDK once more, with the oldest openai that is driven.
	$(OLD)/bin/pytest --quiet --numprocesses auto --dist loadfile -p no:cacheprovider \
		tests/test_sdk.py tests/recording tests/live/test_capture.py tests/live/test_capture_sockets.py tests/live/test_deadline.py \
		tests/live/test_probe.py tests/live/test_record.py tests/pytest_plugin/test_plugin_live.py

fuzz: $(READY) ## Change recordings and files at random for SECONDS=60, with SEED=7; what breaks is written to .fuzz/.
	PYTHONPATH=tests $(BIN)/python -m fuzz --seconds $(or $(SECONDS),60) $(SEED:%=--seed %)

$(OLD)/ready: pyproject.toml constraints.txt
	$(PYTHON) -m venv $(OLD)
	sed 's/^openai==.*/openai==2.20.0/' constraints.txt > $(OLD)/constraints.txt
	$(OLD)/bin/pip install --quiet --disable-pip-version-check -c $(OLD)/constraints.txt -e '.[dev]'
	@touch $@

check: $(READY) ## Lint and check types.
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

format: $(READY) ## Format the code.
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

bench: $(READY) ## Measure speed and memory against the floor and the OpenAI SDK.
	$(BIN)/python benchmarks/typical.py
	$(BIN)/python benchmarks/run.py

bench-gate: $(READY) ## Hold the speed on short answers to twice what it was, against the OpenAI SDK in the same run.
	$(BIN)/python benchmarks/typical.py --gate

proof: $(READY) ## Try every fault against every rule, write reports/proof.md.
	$(BIN)/harness proof --write reports/proof.md
	$(BIN)/python -m harness.pytest.reference

evidence: $(READY) ## Hold profiles and listed deviations against the published recordings, write docs/fidelity.md and docs/registry.md.
	$(BIN)/harness reconstruct $(foreach folder,$(wildcard cassettes/*/published),--against $(folder)) --write docs/fidelity.md
	$(BIN)/harness registry $(wildcard cassettes/*/published) --write docs/registry.md

engines: $(READY) ## Install real servers into engines/build/ and probe each (1.4 GB, some minutes).
	$(PYTHON) engines/servers.py install
	PATH="$(CURDIR)/$(BIN):$$PATH" $(BIN)/python engines/probe.py
	$(BIN)/pytest --quiet tests/live/test_draft.py

clients: $(READY) ## Install every client library (1.6 GB) and run all client code, write reports/clients.md.
	$(BIN)/harness clients install --tier 1 --tier 2
	$(BIN)/python -m harness.clients.forecasting # traits of the faults as they are now
	$(BIN)/harness clients run > /dev/null
	$(BIN)/python -m harness.clients.forecasting
	$(BIN)/python -m harness.clients.claims

test-clients: $(READY) ## Install every client library, and hold reports/clients.jsonl against what they do, all or each of EVERY=2.
	$(BIN)/harness clients install --tier 1 --tier 2
	HARNESS_TEST_CLIENTS=$(or $(EVERY),1) $(BIN)/pytest --quiet -m "thorough or not thorough" tests/clients/test_committed.py

export: $(READY) ## Write what is known of each provider for other programs into reports/export/.
	$(BIN)/harness export --schema > harness/evidence/export/schema.json
	$(BIN)/harness export --into reports/export

schema: $(READY) ## Write the JSON Schemas: of providers.yaml for editors, of results files and what a probe prints for programs.
	$(BIN)/harness providers --schema > harness/matrix/providers.schema.json
	$(BIN)/harness report --schema > harness/results/results.schema.json
	$(BIN)/harness probe --schema > harness/results/probe.schema.json

ADDRESSED := pyproject.toml docs/install.md docs/install.zh-CN.md docs/guide-endpoint.md docs/guide-endpoint.zh-CN.md $(wildcard examples/*/workflow.yml examples/*/README.md)

address: ## Write the account that the repository belongs to, OWNER=name, into pages and examples.
	@test -n "$(OWNER)" || { echo "say whose: make address OWNER=name"; exit 2; }
	sed -i.before 's#OWNER\(/\|.github.io/\)llm-compat-harness#$(OWNER)\1llm-compat-harness#g' $(ADDRESSED)
	@rm -f $(ADDRESSED:%=%.before)

clean: ## Remove what the other targets made.
	rm -rf $(VENV) $(OLD) .mypy_cache .pytest_cache .ruff_cache .hypothesis
