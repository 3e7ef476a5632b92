"""Seeds that stay clean, and what a run promises: the same again, and no breach."""

import pytest

from tests.simulation.world import Scale, run

# What each one meets; all are short.
SEEDS = {
    2: "torn writes and power cuts",
    8: "everything but weather",
    10: "clocks that step while the hub is restored",
    11: "all kinds but clocks",
    14: "a hub away for hours",
    20: "bad weather over flipped bits",
    15: "an alert that comes while the card is full",
    21: "torn writes and flipped bits on one node",
    56: "a spoilt position between two records of the journal",
    93: "the same, and a hub that is away",
    78: "a full card that makes room while the hub is restored twice",
    110: "power that goes between the memo of a play and its first sample",
}


@pytest.mark.parametrize("seed", sorted(SEEDS))
def test_a_seed_stays_clean(seed):
    outcome = run(Scale(), seed)
    assert outcome.fault is None
    assert outcome.counts["records"] > 0


def test_the_same_seed_gives_the_same_trace_and_another_does_not():
    first, again, other = (run(Scale(1, 1), seed) for seed in (14, 14, 15))
    assert first.trace == again.trace and first.steps == again.steps
    assert first.trace != other.trace
