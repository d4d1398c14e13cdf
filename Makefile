# Needs Python >= 3.11 and make. PYTHON= chooses the interpreter, VENV= the folder of the virtual environment.

ENOUGH  := import sys, venv; sys.exit(sys.version_info < (3, 11))
PYTHON  ?= $(shell for p in python3 python3.13 python3.12 python3.11; do \
               if "$$p" -c '$(ENOUGH)' 2>/dev/null; then echo "$$p"; exit; fi; done)
VENV    ?= .venv
RUN     := $(VENV)/bin/python
PIP     := $(RUN) -m pip --disable-pip-version-check --no-input --quiet install --no-compile --require-hashes --no-deps
APPS    := failover_project debugtools jobs validation networks inventory audit database cloudstack cloudstack_simulator
# Checks read the settings, which make their secrets on first use: not in var/, which belongs to the service.
CHECKED := VAR_DIR=$(VENV)/check PATH="$(VENV)/bin:$$PATH"
# The demo starts processes by lists of arguments; starting one by a shell is still an error.
STARTS  := B404,B603,B606

PORT     ?= 8082
CASE     ?= single
KILLS    ?= 50
JOBS     ?= 50
SEED     ?= 1
SCHEDULES ?= 1000
PROCESSES ?= 1

# Where it is set, each of the many processes of a test run would compile all tests and the whole service anew.
unexport PYTHONDONTWRITEBYTECODE

.DEFAULT_GOAL := help
.PHONY: help setup demo serve serve-processes flower quick test all-tests check types style bench conformance kills mutate schemathesis campaign seeded-bugs kill-campaign parallel-starts verbs-machine

help: ## this list
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/  make \1|\2/p' Makefile | while IFS='|' read -r name text; do printf '%-20s %s\n' "$$name" "$$text"; done

setup: $(VENV)/.runtime ## make the virtual environment with what the service needs, checked by hash

demo: setup ## watch VMs be tested and fail over on a simulated cloud (ONCE=1 ends by itself; SCENARIO=, PORT=, FAULT=)
	$(RUN) manage.py demo --port $(PORT) $(if $(filter-out 0,$(ONCE)),--once) $(if $(SCENARIO),--scenario $(SCENARIO)) \
	    $(if $(FAULT),--fault $(FAULT))

serve: setup ## run the service on your own cloud, in one process (BIND_HOST=, BIND_PORT=: docs/settings.md)
	$(RUN) manage.py migrate --verbosity 0
	exec $(RUN) manage.py serve

serve-processes: setup ## the same as web, two workers, two watchers and Flower, with a Redis or Valkey of their own
	$(RUN) manage.py migrate --verbosity 0
	exec $(RUN) manage.py serve_processes

flower: setup ## look at the workers in Flower, read-only, with a password (FLOWER_PORT=; needs BROKER_URL)
	exec $(RUN) manage.py flower

quick: $(VENV)/.dev ## the fast tests, in less than 90 s
	$(RUN) -m pytest --nomigrations -n 2 --dist worksteal -m "not slow and not processes"

test: $(VENV)/.dev ## check, then all tests on SQLite, then on PostgreSQL where there is one (ALL=1: there those of `any_database` too)
	@$(MAKE) --no-print-directory style
	@$(MAKE) --no-print-directory --jobs 2 types all-tests

all-tests: $(VENV)/.dev ## the tests of `make test` alone
	$(if $(ALL),ALL_ON_POSTGRESQL=1) $(RUN) -m tests

check: $(VENV)/.dev ## style, types, import contracts, migrations, security, house rules, the API's description
	@$(MAKE) --no-print-directory --jobs 2 types style
	$(RUN) -m pytest tests/house tests/schema/test_description_file.py -m "not (database or postgresql or redis)"

# The two sides of what needs no test run take about as long as each other.
types: $(VENV)/.dev ## the half of check that looks at types
	$(CHECKED) mypy .

style: $(VENV)/.dev ## the half of check that looks at style, import contracts, migrations, settings and security
	$(CHECKED) ruff check .
	$(CHECKED) ruff format --check .
	$(CHECKED) lint-imports
	$(CHECKED) $(RUN) manage.py makemigrations --check --dry-run
	$(CHECKED) HTTPS=true PROXY_PROTO_HEADER=X-Forwarded-Proto $(RUN) manage.py check --deploy --fail-level WARNING
	$(CHECKED) bandit --quiet --recursive --skip $(STARTS) $(APPS) manage.py

bench: $(VENV)/.dev ## measure a case (CASE=single JOB_SECONDS=5, CASE=call, CASE=api-list-1m, CASE=metrics-100k); JSON lines
	$(RUN) -m tests.bench $(CASE) $(if $(JOB_SECONDS),--job-seconds $(JOB_SECONDS))

conformance: $(VENV)/.dev ## replay recordings of a real CloudStack against the simulator (FILES=)
	$(RUN) -m cloudstack_simulator.conformance $(FILES)

schemathesis: $(VENV)/.dev ## hold the API's answers to its description, for every role (N=20 examples of each kind)
	SCHEMATHESIS_EXAMPLES=$(or $(N),20) $(RUN) -m pytest tests/schema/test_described.py

mutate: $(VENV)/.dev ## send the API N mutated requests (N=100000, SEED=1); none may be answered with a defect
	MUTATIONS=$(or $(N),100000) MUTATIONS_SEED=$(SEED) $(RUN) -m pytest tests/schema/test_mutations.py

campaign: $(VENV)/.dev ## look for a schedule of faults that does harm (SCHEDULES=, BRANCHES=4,4, SEED=, PROCESSES=, SINGLES=1, REPLAY=, REPORT=)
	$(RUN) -m tests.campaign --schedules $(SCHEDULES) --seed $(SEED) --jobs $(PROCESSES) \
	    $(if $(BRANCHES),--branches $(BRANCHES)) $(if $(SINGLES),--singles $(filter-out 1,$(SINGLES))) $(if $(REPLAY),--replay $(REPLAY)) $(if $(REPORT),--report $(REPORT))

seeded-bugs: $(VENV)/.dev ## sow safety bugs into a copy of the code, one by one; each must be caught (ONLY= part of a name)
	$(RUN) -m tests.campaign.seeded_bugs $(if $(ONLY),--only "$(ONLY)")

parallel-starts: $(VENV)/.dev ## press the start of one VM a hundred times at once, on PostgreSQL (ROUNDS=100)
	PARALLEL_ROUNDS=$(or $(ROUNDS),100) $(RUN) -m tests.support.servers postgresql -- \
	    $(RUN) -m pytest -q -n 0 --show-capture=no tests/api/test_parallel_starts.py

verbs-machine: $(VENV)/.dev ## press all verbs in orders of chance (EXAMPLES=200, SEED=1)
	VERBS_EXAMPLES=$(or $(EXAMPLES),200) VERBS_SEED=$(SEED) $(RUN) -m pytest -q -n 0 tests/campaign/test_verbs_machine.py

kills: $(VENV)/.dev ## kill the running service again and again, and judge every job (KILLS=, JOBS=, SEED=)
	$(RUN) -m tests.processes.kills --kills $(KILLS) --jobs $(JOBS) --seed $(SEED)

kill-campaign: $(VENV)/.dev ## the same on PostgreSQL and a broker, all in processes of their own (KILLS=, JOBS=, SEED=, BROKER=redis|rabbitmq)
	$(RUN) -m tests.processes.kills_production --kills $(KILLS) --jobs $(JOBS) --seed $(SEED) --broker $(or $(BROKER),redis)

$(VENV)/bin/python:
	@test -n "$(PYTHON)" || { echo "No Python >= 3.11 with venv was found; name one: make PYTHON=/path/to/python3.13"; exit 1; }
	"$(PYTHON)" -m venv "$(VENV)"

# The stamps are newer than the lock files they were made from, so a second call has nothing to do. What tests need
# includes what the service needs.
$(VENV)/.runtime: requirements.lock | $(VENV)/bin/python
	$(PIP) --requirement requirements.lock
	@touch $@

$(VENV)/.dev: requirements-dev.lock | $(VENV)/bin/python
	$(PIP) --requirement requirements-dev.lock
	@touch $(VENV)/.runtime $@
