"""When a bulletin plays: what is accepted, and what nodes are told."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hub import timing
from protocols.errors import RemoteFault
from protocols.rules import check_time

VIETNAM = 420
NOON_S = 1_795_500_000


@given(st.integers(0, 4_000_000_000), st.integers(0, 600))
def test_now_becomes_a_time_that_every_node_reads_and_that_means_this_second(now_s, lead_s):
    fixed = timing.fix({"mode": "now"}, now_s, lead_s, VIETNAM)
    assert check_time(fixed["time"], "time") == (now_s + lead_s + VIETNAM * 60) % 86400
    assert timing.first_start_s(fixed, VIETNAM) == now_s + lead_s
    assert timing.rule(fixed)["times"] == [fixed["time"]]


@pytest.mark.parametrize(("typed", "kept"), [("05:30", "05:30"), ("05:30:00", "05:30")])
def test_full_minutes_are_written_one_way(typed, kept):
    assert timing.once("2026-11-24", typed)["time"] == kept


def test_a_daily_rule_is_sorted_and_without_doubles():
    when = timing.daily(["17:00", "05:30", "05:30:00"], [3, 1], "2026-11-24", "2026-12-24")
    assert timing.rule(when) == {
        "times": ["05:30", "17:00"],
        "weekdays": [1, 3],
        "from": "2026-11-24",
        "until": "2026-12-24",
    }
    assert timing.last_start_s(when, VIETNAM) > timing.first_start_s(when, VIETNAM)


@pytest.mark.parametrize(
    ("make", "code"),
    [
        (lambda: timing.once("24/11/2026", "05:30"), "timing.day"),
        (lambda: timing.once("2026-11-24", "5h30"), "timing.time"),
        (lambda: timing.once("2026-11-24", "24:00"), "timing.time"),
        (lambda: timing.daily([], [1], "2026-11-24", "2026-11-24"), "timing.times"),
        (lambda: timing.daily(["05:30"], [], "2026-11-24", "2026-11-24"), "timing.weekdays"),
        (lambda: timing.daily(["05:30"], [8], "2026-11-24", "2026-11-24"), "timing.weekdays"),
        (lambda: timing.daily(["05:30"], [1], "2026-11-24", "2026-11-23"), "timing.days"),
        (lambda: timing.daily(["05:30"], [1], "2026-11-24", "2036-11-23"), "timing.days"),
        (lambda: timing.alert(0, 10, False), "timing.alert"),
        (lambda: timing.alert(2, -1, False), "timing.alert"),
    ],
)
def test_what_makes_no_sense_is_refused(make, code):
    with pytest.raises(RemoteFault) as caught:
        make()
    assert caught.value.code == code


def test_the_past_is_refused_and_an_alert_is_never_past():
    yesterday = timing.once("2020-01-01", "05:30")
    with pytest.raises(RemoteFault) as caught:
        timing.check_future(yesterday, NOON_S, VIETNAM)
    assert caught.value.code == "timing.past"
    timing.check_future(timing.alert(1, 0, True), NOON_S, VIETNAM)
