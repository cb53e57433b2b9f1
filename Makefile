.DEFAULT_GOAL := help
.PHONY: help setup demo demo-svg docs test test-fast check format bench lock goldens mutants

PYTHON_BIN := .venv/bin/python
# Tests start hundreds of processes, and each worker imports all tests: modules are compiled once.
unexport PYTHONDONTWRITEBYTECODE
WORKERS ?= 3
# More than two on two cores: tests mostly wait for containers and for processes to start.
SIDE_BY_SIDE := -n $(WORKERS) --dist loadscope --no-loadscope-reorder

help:  ## show this list
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 12

setup:  ## prepare .venv with exactly the pinned packages
	@PYTHON="$(PYTHON)" scripts/setup.sh

demo: setup  ## build, deploy, break and delete an app in the sandbox (APP=folder; AWS=1 acts on AWS)
	@.venv/bin/expressway demo $(if $(APP),$(APP),) $(if $(AWS),--aws,)

demo-svg: setup  ## record the demo as docs/demo.svg
	@.venv/bin/expressway demo --svg docs/demo.svg

docs: setup  ## build the documentation as a site in site/; fails on a broken link
	@.venv/bin/zensical build --clean --strict

test: setup  ## run all tests in several processes (WORKERS=3); on Debian as root, starts a container engine if there is none
	@EXPRESSWAY_INSTALL=1 $(PYTHON_BIN) -m pytest $(SIDE_BY_SIDE) $(PYTEST_ARGS)

test-fast: setup  ## run the tests that need no other program: no engine, no sandbox, no Node
	@$(PYTHON_BIN) -m pytest $(SIDE_BY_SIDE) -m "not (engine or sandbox or cdk_cli or process)" $(PYTEST_ARGS)

check: setup  ## lint, formatting, types, import contracts
	@.venv/bin/ruff check .
	@.venv/bin/ruff format --check .
	@.venv/bin/pyright
	@.venv/bin/lint-imports

format: setup  ## format the code and fix what the linter can
	@.venv/bin/ruff format .
	@.venv/bin/ruff check --fix .

bench: setup  ## measure side by side with cdk, docker and awslabs.ecs-mcp-server; prints ratios
	@$(PYTHON_BIN) -m benchmarks

mutants: setup  ## change the code in small ways and print which changes no test notices (SAMPLE=6 SEED=1 MODULES=…)
	@.venv/bin/uv pip install --quiet --python $(PYTHON_BIN) --require-hashes -r requirements/mutants.txt
	@$(PYTHON_BIN) -m tests.mutants --sample $(or $(SAMPLE),6) --seed $(or $(SEED),1) $(MODULES)

goldens: setup  ## regenerate the golden templates, plans and generated pages of the documentation
	@$(PYTHON_BIN) -m tests.golden.regenerate

lock: setup  ## resolve and pin every dependency with hashes
	@.venv/bin/uv pip compile requirements/bootstrap.in --quiet --universal --generate-hashes --python-version 3.11 --custom-compile-command "make lock" -o requirements/bootstrap.txt
	@.venv/bin/uv pip compile pyproject.toml requirements/build.in --extra all --group dev --quiet --universal --generate-hashes --python-version 3.11 --custom-compile-command "make lock" -o requirements/dev.txt
	@.venv/bin/uv pip compile pyproject.toml --extra all --constraint requirements/dev.txt --quiet --universal --generate-hashes --python-version 3.11 --custom-compile-command "make lock" -o requirements/install.txt
	@.venv/bin/uv pip compile requirements/peer.in --quiet --universal --generate-hashes --python-version 3.11 --custom-compile-command "make lock" -o requirements/peer.txt
	@.venv/bin/uv pip compile requirements/agent.in --quiet --universal --generate-hashes --python-version 3.11 --custom-compile-command "make lock" -o requirements/agent.txt
	@.venv/bin/uv pip compile packaging/constructs/pyproject.toml requirements/constructs.in --upgrade --resolution lowest-direct --quiet --universal --generate-hashes --python-version 3.10 --custom-compile-command "make lock" -o requirements/constructs-lowest.txt
	@.venv/bin/uv pip compile pyproject.toml requirements/lowest.in --extra deploy --extra node --extra dockerfile --upgrade --resolution lowest-direct --quiet --universal --generate-hashes --python-version 3.11 --custom-compile-command "make lock" -o requirements/lowest.txt
	@.venv/bin/uv pip compile --group mutants --constraint requirements/dev.txt --quiet --universal --generate-hashes --python-version 3.11 --custom-compile-command "make lock" -o requirements/mutants.txt
	@$(PYTHON_BIN) -m tests.locks
