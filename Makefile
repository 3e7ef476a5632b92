# Everything a person types. `make demo` is the place to start.
PYTHON = .venv/bin/python

.PHONY: setup demo test check mutants simulate killtest bench lab deb clean

setup:
	@tools/setup.sh && tools/unpack_chrony.sh

demo: setup
	@$(PYTHON) -m tools.demo $(if $(ONCE),--once)

# The portable tests run under pytest and on both MicroPythons (tests/test_micropython.py).
test: setup check
	@$(PYTHON) -m pytest -n 3 --dist loadgroup

check:
	@test -x $(PYTHON) || tools/setup.sh
	@$(PYTHON) -m tools.check

# Puts every bug of tests/mutants into the trust code, one at a time: all must be noticed (minutes).
mutants: setup
	@$(PYTHON) -m tests.mutants.run --jobs 2

# Fleets for days in virtual time; a failing seed prints the command that replays it.
SEEDS = 20
simulate: setup
	@$(PYTHON) -m tests.simulation.main --seeds $(SEEDS) $(ARGS)

# Kills a real node and its hub at random instants behind a poor radio, and looks what is left.
ROUNDS = 200
killtest: setup
	@$(PYTHON) -m tests.kill.main --rounds $(ROUNDS) $(ARGS)

bench: setup
	@for file in tests/bench/*.py; do \
		echo "== $$file"; $(PYTHON) -m "tests.bench.$$(basename "$$file" .py)" || exit 1; \
	done

# The real adapters on a real arm64 kernel in QEMU, proved from outside of it (four minutes).
lab: setup
	@tests/lab/fetch.sh && $(PYTHON) -m tests.lab.main

# Debian packages of hub and node, with the locked libraries inside: dist/*.deb.
deb: setup
	@$(PYTHON) -m tools.deb

clean:
	rm -rf .cache .venv demo build dist artefacts *.egg-info
	rm -rf .mypy_cache .ruff_cache .pytest_cache .hypothesis
