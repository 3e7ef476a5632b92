"""Seeds that found something once, and what a run promises: the same again, and no breach."""

import pytest

from tests.simulation.world import Scale, run

# What each met when it was found; all are short.
REGRESSIONS = {
    2: "torn writes and power cuts",
    5: "a short run of everything drawn",
    8: "everything but weather",
    9: "33 power cuts in six node-days",
    10: "clocks that step while the hub is restored",
    11: "all kinds but clocks",
    14: "a hub away for hours",
    20: "bad weather over flipped bits",
    21: "torn writes and flipped bits on one node",
}


@pytest.mark.parametrize("seed", sorted(REGRESSIONS))
def test_a_seed_that_once_found_something_is_clean(seed):
    outcome = run(Scale(), seed)
    assert outcome.fault is None
    assert outcome.counts["records"] > 0


def test_the_same_seed_gives_the_same_trace_and_another_does_not():
    first, again, other = (run(Scale(1, 1), seed) for seed in (14, 14, 15))
    assert first.trace == again.trace and first.steps == again.steps
    assert first.trace != other.trace
