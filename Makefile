# Every target sets up .venv by itself; a second run reuses it.
# make test PARITY=1 also compares with open_clip and transformers (installs PyTorch, 6 GB).
BIN := .venv/bin
EXTRA := $(if $(PARITY),parity,dev)
# A process for each core; who has done its share takes half of what another has still to do.
SPREAD := -n logical --maxprocesses 4 --dist worksteal

.PHONY: demo test test-lowest check bench clean

demo: .venv/demo.installed
	PATH="$(CURDIR)/$(BIN):$$PATH" scripts/demo

test: .venv/$(EXTRA).installed
	$(if $(PARITY),SAFELIGHT_TEST_PARITY=1) $(BIN)/python -m pytest $(SPREAD)

# What reads, keeps and writes photos, with the lowest versions that pyproject.toml allows. Old versions
# of other packages may warn of newer NumPy. How processes are killed, and what Chromium shows, depends on
# no version.
test-lowest: .venv/dev.installed
	test -x .venv-lowest/bin/python || .venv/bin/python -m venv --without-pip .venv-lowest
	.venv/bin/uv pip install --quiet --resolution lowest-direct --python .venv-lowest/bin/python -e ".[dev]"
	.venv-lowest/bin/python -m pytest -n logical --dist loadfile -W ignore::DeprecationWarning \
		--ignore-glob '*/test_crash.py' --ignore tests/imaging/test_chromium.py \
		tests/imaging tests/ingest tests/library tests/exchange/parquet

check: .venv/dev.installed
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports --no-logo
	$(BIN)/python scripts/synchronous-client --check
	$(BIN)/python scripts/openapi --check
	$(BIN)/python scripts/help-texts --check
	$(BIN)/python scripts/words

bench: .venv/$(EXTRA).installed
	scripts/bench

clean:
	rm -rf .venv .venv-lowest .demo build dist bench/results .mypy_cache .ruff_cache .pytest_cache .hypothesis

.venv/%.installed: pyproject.toml constraints.txt
	scripts/environment $*
	touch $@
