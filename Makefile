# Each target installs what it needs into .venv and node_modules. Requires Python 3.11 or newer.
export PATH := $(CURDIR)/.venv/bin:$(PATH)
export JSII_RUNTIME_PACKAGE_CACHE := enabled
PYTHON ?= python3
# For python -c "import ...": fails if Python is older.
RECENT := sys; sys.exit(sys.version_info < (3, 11))
# One lock for every Python and machine.
LOCK := --universal --python-version 3.11 --generate-hashes --no-annotate --quiet --custom-compile-command "make lock"
INSTALLED := .venv/installed node_modules/.package-lock.json

.PHONY: demo rehearse test lint types synth schema picture site bench lock installed clean

demo: $(INSTALLED)  ## Deploy the example's stacks to an emulated AWS.
	@beanpod demo

rehearse: $(INSTALLED)  ## Deploy it with git push and run it in Docker; KEEP=--keep keeps it running.
	@python -m tools.rehearsal $(KEEP)

test: $(INSTALLED) lint types  ## Run all tests, linters and type checks.
	python -m pytest -n auto --dist loadfile --no-loadscope-reorder --durations 15

lint: $(INSTALLED)
	ruff check .
	ruff format --check .
	lint-imports --no-cache

types: $(INSTALLED)
	mypy

synth: $(INSTALLED)  ## Synthesise the first stage into cdk.out.
	node_modules/.bin/cdk synth --quiet --no-notices

schema: $(INSTALLED)  ## Write beanpod.schema.json from the manifest's models.
	python -m tools.schema

picture: $(INSTALLED)  ## Draw docs/architecture.svg from the synthesised stacks.
	python -m tools.picture docs/architecture.svg

site: $(INSTALLED)  ## Build the documentation site into build/site.
	python -m tools.site

bench: $(INSTALLED)  ## Run the benchmarks: synthesis, demo, polling, help, rehearsal.
	python -m benchmarks

lock: .venv/bin/python  ## Lock what runs near production keys, with hashes; make lock UPGRADE=--upgrade for newer versions.
	.venv/bin/python -m pip install --quiet --disable-pip-version-check uv==0.13.9
	uv pip compile pyproject.toml --group deploy --output-file requirements-deploy.txt $(LOCK) $(UPGRADE)
	uv pip compile --group release --output-file requirements-release.txt $(LOCK) $(UPGRADE)

installed: $(INSTALLED)  ## Install what the other targets need.

clean:
	rm -rf .venv node_modules benchmarks/node_modules cdk.out build dist

.venv/installed: requirements.txt requirements-deploy.txt requirements-dev.txt requirements-eb.txt pyproject.toml emulator/pyproject.toml
	@echo "Installing Python packages, Node and the linters into .venv: about a minute the first time."
	@.venv/bin/python -c 'import pip, $(RECENT)' 2>/dev/null || { rm -rf .venv && $(MAKE) --no-print-directory .venv/bin/python; }
	@.venv/bin/python -m pip install --quiet --disable-pip-version-check -r requirements-deploy.txt
	@.venv/bin/python -m pip install --quiet --disable-pip-version-check -r requirements-dev.txt
	@test -x .venv/eb/bin/python || $(PYTHON) -m venv .venv/eb
	@.venv/eb/bin/python -m pip install --quiet --disable-pip-version-check -r requirements-eb.txt
	@touch $@

# All or nothing: the next run would use an incomplete one, or one of an old Python.
.venv/bin/python:
	@$(PYTHON) -c 'import $(RECENT)' || \
	  { echo "Python 3.11 or newer is needed: name one, e.g. make PYTHON=python3.12" >&2; exit 2; }
	@$(PYTHON) -m venv .venv || { rm -rf .venv; exit 2; }

node_modules/.package-lock.json: package.json package-lock.json .venv/installed
	@echo "Installing the CDK CLI into node_modules."
	@npm ci --silent --no-audit --no-fund
	@touch $@
