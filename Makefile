# Every target installs what it needs into .venv and node_modules; Python 3.11 or newer is the only prerequisite.
export PATH := $(CURDIR)/.venv/bin:$(PATH)
export JSII_RUNTIME_PACKAGE_CACHE := enabled
PYTHON ?= python3
# For python -c "import ...": fails with an older one.
RECENT := sys; sys.exit(sys.version_info < (3, 11))
INSTALLED := .venv/installed node_modules/.package-lock.json

.PHONY: demo rehearse test lint types synth schema picture bench installed clean

demo: $(INSTALLED)  ## Deploy the example for real on an AWS embedded in this machine.
	@python -m beanpod_emulator.e2e.demo

rehearse: $(INSTALLED)  ## From git push to a page in the browser, with Docker; KEEP=--keep leaves it running.
	@python -m beanpod_emulator.e2e.rehearsal $(KEEP)

test: $(INSTALLED) lint types  ## Every test, lint and types.
	python -m pytest -n auto --dist loadfile --no-loadscope-reorder --durations 15

lint: $(INSTALLED)
	ruff check .
	ruff format --check .

types: $(INSTALLED)
	mypy

synth: $(INSTALLED)  ## The templates of the first stage, into cdk.out.
	node_modules/.bin/cdk synth --quiet --no-notices

schema: $(INSTALLED)  ## beanpod.schema.json, from the manifest's model.
	python -m tools.schema

picture: $(INSTALLED)  ## docs/architecture.svg, from the synthesised stacks.
	python -m tools.picture docs/architecture.svg

bench: $(INSTALLED)  ## The figures: synthesis beside its JavaScript twin, the demonstration, waiting beside how others wait.
	python -m benchmarks

installed: $(INSTALLED)  ## Everything the other targets need.

clean:
	rm -rf .venv node_modules benchmarks/node_modules cdk.out build dist

.venv/installed: requirements.txt requirements-deploy.txt requirements-dev.txt requirements-eb.txt pyproject.toml emulator/pyproject.toml
	@echo "Installing Python packages, Node and the linters into .venv: about a minute the first time."
	@.venv/bin/python -c 'import pip, $(RECENT)' 2>/dev/null || { rm -rf .venv && $(MAKE) --no-print-directory .venv/bin/python; }
	@.venv/bin/python -m pip install --quiet --disable-pip-version-check -r requirements-dev.txt
	@test -x .venv/eb/bin/python || $(PYTHON) -m venv .venv/eb
	@.venv/eb/bin/python -m pip install --quiet --disable-pip-version-check -r requirements-eb.txt
	@touch $@

# Whole or not at all: half of one, of an old Python or without pip, would be taken for a good one the next time.
.venv/bin/python:
	@$(PYTHON) -c 'import $(RECENT)' || \
	  { echo "Python 3.11 or newer is needed: name one, e.g. make PYTHON=python3.12" >&2; exit 2; }
	@$(PYTHON) -m venv .venv || { rm -rf .venv; exit 2; }

node_modules/.package-lock.json: package.json package-lock.json .venv/installed
	@echo "Installing the CDK CLI into node_modules."
	@npm ci --silent --no-audit --no-fund
	@touch $@
