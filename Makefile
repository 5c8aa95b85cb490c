# Two commands matter: `make run` and `make test`. Both need Python 3.11 or newer and nothing else; each first installs
# what is missing into this folder (.venv, node_modules, .build).

PYTHON ?= python3
ARGS ?=

bootstrap = @$(PYTHON) sandbox/bootstrap.py
venv = .venv/bin/python

# Where no bytecode is wanted beside the sources it is kept apart: without any, each of the many processes compiles the
# libraries anew, which takes seconds.
ifdef PYTHONDONTWRITEBYTECODE
unexport PYTHONDONTWRITEBYTECODE
export PYTHONPYCACHEPREFIX := $(CURDIR)/.build/bytecode
endif

.DEFAULT_GOAL := help
.PHONY: help run test test-all check fmt messages clean

help:
	@echo "make run              the portal with everything it needs, on http://portal.localhost:8000 (PORT= for another)"
	@echo "make test             the tests; ARGS='tests/cases -k reply' reaches pytest, E2E=skip leaves the browser out"
	@echo "make test-all         and what is slow: every page at both widths and themes, long random runs"
	@echo "make check            style, types, import directions, migrations, production settings"
	@echo "make fmt              put the code into the project's style"
	@echo "make messages         collect what the sources say into locale/, to be translated"
	@echo "make clean            forget the data of make run"

run:
	$(bootstrap)
	@exec $(venv) -m sandbox run

test:
	$(bootstrap) --browser
	@exec $(venv) -m sandbox test $(ARGS)

test-all:
	$(bootstrap) --browser
	@TEST_ALL=1 exec $(venv) -m sandbox test $(ARGS)

check:
	$(bootstrap)
	@exec $(venv) -m sandbox check

fmt:
	$(bootstrap)
	@$(venv) -m ruff check --fix --quiet .
	@$(venv) -m ruff format .

messages:
	$(bootstrap)
	@$(venv) -m sandbox messages

clean:
	$(bootstrap)
	@$(venv) -m sandbox clean
