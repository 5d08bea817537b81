# What people type. `make help` lists it.
SHELL := /bin/sh
PYTHON ?= python3
BIN := .venv/bin
# A URL may hold $, & and quotes: it travels in the environment and is never expanded.
export CRAWL_URL := $(value URL)
WORKERS ?= 1
ARGS ?=
QUICK ?=
ON_MYSQL := $(wildcard tests/integration/test_storage_*.py) $(patsubst %,tests/integration/test_%.py,doctor_command \
  export_command outages prune_command)

SAMPLED := $(patsubst %,tests/cluster/test_%.py,crash_points interrupt kills workers) \
  tests/integration/test_frontier_model.py tests/integration/test_liveness_model.py \
  tests/end_to_end/test_dashboard_pages.py tests/cluster/test_schedule_storm.py
# Most tests wait, so more processes than cores; a file stays in one, which shares its servers.
SIDE_BY_SIDE := $(BIN)/pytest --numprocesses 4 --dist loadfile --no-loadscope-reorder

# List the targets.
help:
	@awk '/^# /{text=substr($$0,3)} /^[a-z.]+:/{split($$1,name,":"); if (text) printf "  make %-8s %s\n", name[1], text; text=""} /^$$/{text=""}' $(MAKEFILE_LIST)

# Crawl URL=https://example.com/ with WORKERS=1 and ARGS for scrapy; without URL, the demo site.
crawl: .venv
	@if [ -n "$$CRAWL_URL" ]; then \
	  TYPED_AS=make exec $(BIN)/scrapy crawl links -a start_urls="$$CRAWL_URL" --workers $(WORKERS) $(ARGS); \
	else \
	  TYPED_AS=make exec $(BIN)/python -m demo.crawl --workers $(WORKERS) $(ARGS); \
	fi

# Run all tests side by side with real servers, which it installs.
test: .venv/dev
	@sh tests/install_servers.sh
	$(SIDE_BY_SIDE)

# The unit tests on other Pythons, the frontier on every Redis, and on MySQL, which it fetches, what uses MariaDB.
matrix: .venv/dev
	@sh tests/install_servers.sh
	@sh tests/install_mysql.sh
	sh tests/other_pythons.sh
	REDIS_KINDS=all $(SIDE_BY_SIDE) tests/integration -k "redis-6.2 or valkey-9"
	SQL_SERVER=mysql $(BIN)/pytest $(ON_MYSQL) -k "not sqlite"

# Format, lint, types, floors and unit tests, in under a minute.
check: .venv/dev
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports --no-cache
	$(BIN)/pytest -q --numprocesses 2 tests/unit

# Measure, and print the figures beside their goals; QUICK=1 takes some three minutes.
bench: .venv/dev
	@sh tests/install_servers.sh
	$(BIN)/python -m benchmarks.frontier $(if $(QUICK),--quick)
	$(BIN)/python -m benchmarks.longest_script $(if $(QUICK),--quick)
	$(if $(QUICK),,$(BIN)/python -m benchmarks.distance)
	$(BIN)/python -m benchmarks.kills $(if $(QUICK),--kills 1)
	$(BIN)/python -m benchmarks.politeness $(if $(QUICK),--quick)
	$(if $(QUICK),,$(BIN)/python -m benchmarks.storage)
	$(if $(QUICK),,$(BIN)/python -m benchmarks.exports)
	$(BIN)/python -m benchmarks.dashboard $(if $(QUICK),--quick)
	$(BIN)/python -m benchmarks.speed $(if $(QUICK),--quick)

# All crash points, models, looks of pages and lost replies, and long kill storms; ARGS='--seeds 20 --kills 20', '--files' for workers with files.
storm: .venv/dev
	@sh tests/install_servers.sh
	STORM=1 $(BIN)/pytest $(SAMPLED)
	$(BIN)/python -m tests.lost_replies
	$(BIN)/python -m tests.storm $(ARGS)

# Make the environment with the pinned packages.
.venv: .venv/run

.venv/run: requirements.txt
	@sh tools/make_venv.sh $(PYTHON) requirements.txt
	@touch $@

.venv/dev: requirements.txt requirements-dev.txt
	@sh tools/make_venv.sh $(PYTHON) requirements-dev.txt
	@touch .venv/run $@

.PHONY: help crawl test matrix check bench storm .venv
