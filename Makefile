# The README's two commands, `make demo` and `make test`, set up everything they need in .venv.
PYTHON ?= python3
BIN := .venv/bin

.PHONY: demo test check format docs clean

.venv/installed: pyproject.toml constraints.txt
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e ".[dev]"
	touch $@

demo: .venv/installed  ## train LeNet-5 on real handwritten digits, evaluate it, predict some images
	$(BIN)/python examples/demo.py

test: check  ## all checks and tests
	$(BIN)/python -m pytest --cov --cov-report=term

check: .venv/installed  ## style and types
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

format: .venv/installed
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

docs: .venv/installed  ## the generated pages
	$(BIN)/python docs/generate.py

clean:
	rm -rf .venv .pytest_cache .mypy_cache .ruff_cache .coverage runs
