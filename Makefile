# Two commands on a bare machine: `make run`, and `make test`. Everything else is for developers.

PYTHON_WITH_TOOLS = deploy/bootstrap.sh --dev

.PHONY: help run setup test unit lint format types migrations bench bench-voice bench-levers bench-turn-end bench-capacity bench-search bench-knowledge bench-staff pictures audit hooks simulate

help: ## list these commands
	@sed -n 's/^\([a-z-]*\):.*## /\1	/p' Makefile | while IFS='	' read -r name what; do printf '  make %-14s %s\n' "$$name" "$$what"; done

run: ## everything a newcomer needs, then all processes until Ctrl-C
	@deploy/bootstrap.sh python manage.py run --setup

setup: ## the part of `make run` before anything is started
	@deploy/bootstrap.sh python manage.py setup

test: ## the whole suite: style, types, migrations, tests, browser and real calls
	@deploy/test.sh

unit: ## the default tests only, in about a minute
	@$(PYTHON_WITH_TOOLS) pytest -n auto --nomigrations

lint: ## style of Python and templates
	@$(PYTHON_WITH_TOOLS) deploy/lint.sh

format: ## put Python into the house style
	@$(PYTHON_WITH_TOOLS) sh -c 'ruff check --fix --quiet . ; ruff format .'

types: ## types of the four packages
	@$(PYTHON_WITH_TOOLS) mypy concierge knowledge voice agent_worker

migrations: ## do the models have their migrations?
	@$(PYTHON_WITH_TOOLS) python manage.py makemigrations --check --dry-run

bench: ## latency and memory; search; knowledge; staff: half an hour
	@$(PYTHON_WITH_TOOLS) sh -c 'for part in bench bench_search bench_knowledge bench_staff; do python -m tests.$$part || exit 1; done'

bench-voice: ## how long a visitor waits for each kind of answer
	@$(PYTHON_WITH_TOOLS) python -m tests.bench_voice

bench-levers: ## what each thing done for speed gives, alone and together
	@$(PYTHON_WITH_TOOLS) python -m tests.bench_levers

bench-turn-end: ## how often a pause is taken for the end of a sentence
	@$(PYTHON_WITH_TOOLS) python -m tests.bench_turn_end

bench-capacity: ## how many calls one agent worker holds
	@$(PYTHON_WITH_TOOLS) python -m tests.bench_capacity

bench-search: ## search at 1,000, 10,000 and 100,000 passages; from Publish to found
	@$(PYTHON_WITH_TOOLS) python -m tests.bench_search

bench-knowledge: ## publish to heard, imports, golden questions
	@$(PYTHON_WITH_TOOLS) python -m tests.bench_knowledge

bench-staff: ## how soon staff see what is said and the concierge obeys them
	@$(PYTHON_WITH_TOOLS) python -m tests.bench_staff

simulate: ## Deepgram, OpenAI and ElevenLabs on this machine, without an account
	@$(PYTHON_WITH_TOOLS) python -m tests.simulators

pictures: ## the README's pictures, taken anew
	@$(PYTHON_WITH_TOOLS) python -m tests.pictures

audit: ## known vulnerabilities in the locked packages (needs the network)
	@$(PYTHON_WITH_TOOLS) deploy/audit.sh

hooks: ## have git run style and types before each commit
	@$(PYTHON_WITH_TOOLS) pre-commit install
