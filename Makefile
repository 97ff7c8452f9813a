# Two doors: `make demo` runs the main job, `make test` passes the tests. Both set up what they need in .venv, with
# the versions in constraints.txt; `make constraints` takes over the newest ones that pyproject.toml allows.
PYTHON ?= python3
BIN := .venv/bin

.PHONY: demo test check screenshots bench constraints clean

demo: .venv/.installed
	$(BIN)/exptui demo

test: .venv/.installed
	$(BIN)/python -m pytest -n 2 --dist loadfile

check: .venv/.installed
	$(BIN)/ruff check . && $(BIN)/ruff format --check . && $(BIN)/mypy && $(BIN)/lint-imports

screenshots: .venv/.installed
	$(BIN)/python screenshots/make.py

bench: .venv/.installed
	$(BIN)/python tests/bench/run.py

.venv/.installed: pyproject.toml constraints.txt
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --upgrade "pip>=25.1"
	$(BIN)/python -m pip install --quiet --constraint constraints.txt --editable . --group test --group lint
	touch $@

constraints:
	$(BIN)/python -m pip install --quiet --upgrade --upgrade-strategy eager --editable . --group test --group lint
	$(BIN)/python -m pip freeze --exclude-editable > constraints.txt

clean:
	rm -rf .venv dist build .pytest_cache .mypy_cache .ruff_cache .hypothesis
