"""Bugs put into the trust code are noticed: each still fits its line, and a sample is tried.

`make mutants` tries all of them; that takes minutes.
"""

import subprocess
import sys
from pathlib import Path

import pytest

from tests.mutants.run import TOP, altered
from tests.mutants.table import MUTANTS

EVERY = 16
PARTS = 2


def test_every_bug_fits_its_line():
    for mutant in MUTANTS:
        source = altered(mutant)
        assert source != (TOP / mutant.file).read_text(), mutant
        compile(source, mutant.file, "exec")


def test_no_bug_stands_twice_and_each_has_its_tests():
    assert len({(one.file, one.breaks) for one in MUTANTS}) == len(MUTANTS) >= 200
    assert len({(one.file, one.old, one.new) for one in MUTANTS}) == len(MUTANTS)
    for mutant in MUTANTS:
        assert mutant.killers
        for killer in mutant.killers:
            assert (TOP / Path(killer)).is_file(), killer


def _run(*words: str) -> subprocess.CompletedProcess:
    command = [sys.executable, "-m", "tests.mutants.run", *words]
    return subprocess.run(command, cwd=TOP, capture_output=True, text=True, timeout=300)


@pytest.mark.parametrize("part", range(PARTS))
def test_a_sample_is_killed(part):
    done = _run("--part", str(part * EVERY), "--of", str(EVERY * PARTS))
    assert done.returncode == 0, done.stdout + done.stderr
    assert ", 0 not" in done.stdout


def test_a_harmless_change_survives():
    # The runner itself can tell the difference.
    done = _run("--harmless")
    assert "SURVIVED" in done.stdout and done.returncode == 1, done.stdout + done.stderr
