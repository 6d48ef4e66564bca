# Every target sets up what it needs first; where that is there already, it costs a fraction of a second.
# STACK=onedl behind a target takes the maintained fork of OpenMMLab, in an environment of its own (`.venv-onedl`).
PYTHON ?= python3
JOBS ?= 2
ENV = PY=$$($(PYTHON) tools/setup_env.py $(WITH)) && cd $(CURDIR)
# One thread a test process: several processes of several threads on few cores are many times slower.
PYTEST = OMP_NUM_THREADS=1 "$$PY" -m pytest -n $(JOBS) --dist worksteal -q

# This checkout comes before any other mmfusenas that the environment knows.
export PYTHONPATH := $(CURDIR)$(if $(PYTHONPATH),:$(PYTHONPATH))

.PHONY: env demo test test-all lint docs

env:   ## set up the environment and say which Python it is
	@$(ENV) && echo "$$PY"

demo:  ## train, test and look at the task-guided detector on built-in scenes
	@$(ENV) && "$$PY" tools/demo.py

test:  ## the tests that are run at every change, and the examples of the docstrings
	@$(ENV) && $(PYTEST) -m 'not slow'

test-all: WITH = --with docs
test-all:  ## also the slow tests, those of the documentation among them
	@$(ENV) && $(PYTEST)

lint:
	@$(ENV) && "$$PY" -m ruff check .

docs: WITH = --with docs
docs:  ## build the documentation; a warning is an error
	@$(ENV) && "$$PY" -m sphinx -W --keep-going -q -j auto docs/en build/docs && echo build/docs/index.html
