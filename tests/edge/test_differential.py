"""Our client and `tuf.ngclient` agree on more than 500 generated repositories."""

from collections import Counter

import pytest

from tests.edge import differential
from tests.edge.differences import DIFFERENCES, explain

GROUPS = 4
STORIES = 128


@pytest.mark.parametrize("group", range(GROUPS))
def test_both_clients_agree(group):
    verdicts = differential.run(f"test{group}", STORIES)
    disagreements = [str(verdict) for verdict in verdicts if verdict.kind == "disagree"]
    assert not disagreements, "\n".join(disagreements)
    tally = Counter(verdict.kind for verdict in verdicts)
    # A family in which nearly all is taken, or nearly all is refused, would show little.
    assert tally["accepted"] > STORIES / 5 and tally["refused"] > STORIES / 5, tally
    assert tally["explained"] < STORIES / 5, tally


def test_every_difference_is_told_once():
    names = [one.name for one in DIFFERENCES]
    assert len(set(names)) == len(names)


def test_no_difference_explains_a_sound_story():
    bad = [differential.Step("refresh", False, "trust.threshold: json.duplicate length is below 1")]
    good = [differential.Step("refresh", True, "")]
    assert explain((), "refresh", bad, good) == ""
    assert explain((), "refresh", good, bad) == ""
    assert explain((), "store", bad, bad) == ""
    # The right breakage, but on the other side.
    assert explain(("raw root: key twice",), "refresh", good, bad) == ""
    assert explain(("raw root: key twice",), "refresh", bad, good)
