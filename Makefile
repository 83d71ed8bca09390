# make demo       the whole method on this machine, in minutes
# make xas-mini   the free benchmark, in data/xas_mini
# make test       the test suite
# make lint       style and spelling
# make docs-check run the commands of the documentation, small, and check all
# make env        only set up the environment (the others do so themselves)
# make clean      remove caches; the environment and results stay
#
# XAS_VENV    where the environment lies (default: .venv)
# DEMO_ARGS   passed on to the demo, e.g. DEMO_ARGS='--h36m-root data/h36m'
# MINI_ARGS   passed on to tools/make_xas_mini.py
# TESTS       what to test, e.g. TESTS=tests/geometry

XAS_VENV ?= .venv
PYTHON := $(XAS_VENV)/bin/python
TESTS ?= tests

# The environment may serve several checkouts: this one comes first.
export PYTHONPATH := $(CURDIR)$(if $(PYTHONPATH),:$(PYTHONPATH))
export XAS_VENV

.DEFAULT_GOAL := help
.PHONY: help env demo xas-mini test lint docs-check clean

help:
	@sed -n 's/^# \?//; /^$$/q; p' Makefile

env:
	@tools/setup_env.sh

demo: env
	$(PYTHON) tools/demo.py $(DEMO_ARGS)

xas-mini: env
	$(PYTHON) tools/make_xas_mini.py --out data/xas_mini \
		--workers $$(nproc) $(MINI_ARGS)

test: env
	$(PYTHON) -m pytest $(TESTS)

lint: env
	$(PYTHON) -m ruff check .
	$(PYTHON) -m codespell_lib .

docs-check: env
	$(PYTHON) tools/check_docs.py

clean:
	rm -rf build dist *.egg-info .pytest_cache .ruff_cache
	find . -name __pycache__ -not -path './.venv/*' -prune \
		-exec rm -rf {} +
