# The README's two commands, `make demo` and `make test`, set up everything they need in .venv.
PYTHON ?= python3
BIN := .venv/bin
CHROMIUM := chromium chromium-sandbox fonts-wqy-microhei

.PHONY: demo test coverage quick check chromium format docs clean

.venv/installed: pyproject.toml constraints.txt
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e ".[dev]"
	touch $@

demo: .venv/installed  ## train LeNet-5 on real handwritten digits, evaluate it, predict some images
	$(BIN)/python examples/demo.py

# A process a core, each of one thread, as most tests are too small for more. The tests of a file
# stay together, for what is built once for all of them. In the order of tests/conftest.py: xdist
# would take the files with the fewest tests last, and these are the longest.
ALL_TESTS := OMP_NUM_THREADS=1 $(BIN)/python -m pytest \
	-n auto --maxprocesses 8 --dist loadfile --no-loadscope-reorder

test: check chromium  ## all checks and tests
	$(ALL_TESTS) --durations 20

# By itself, as watching each line makes Python's part of the tests take 1.6 times as long.
coverage: check chromium  ## the tests, and which lines of the package they don't reach
	$(ALL_TESTS) --cov --cov-report=term

quick: check  ## style, types and the tests that train nothing
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest -m "not slow" -n auto --maxprocesses 8 --dist loadfile

check: .venv/installed  ## style and types
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

# For the tests in tests/browser, with the smallest font of Chinese. Failing is no error here: the
# tests say what is missing, and skip or, under CI=true, fail.
chromium:  ## the browser of the tests, where none is found
	@for name in chromium chromium-browser google-chrome google-chrome-stable; do \
		if command -v $$name >/dev/null; then exit 0; fi; \
	done; \
	if ! command -v apt-get >/dev/null; then \
		echo "browser tests need Chromium or Google Chrome; without it they are skipped"; exit 0; \
	fi; \
	sudo=; if [ "$$(id -u)" != 0 ] && command -v sudo >/dev/null; then sudo=sudo; fi; \
	$$sudo apt-get update -qq && $$sudo env DEBIAN_FRONTEND=noninteractive \
		apt-get install -y -qq --no-install-recommends $(CHROMIUM) \
	|| echo "Chromium could not be installed; browser tests are skipped without it"

format: .venv/installed
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

docs: .venv/installed  ## the generated pages
	$(BIN)/python docs/generate.py

clean:
	rm -rf .venv .pytest_cache .mypy_cache .ruff_cache .coverage runs evaluations
