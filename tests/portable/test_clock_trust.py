"""What the node believes about the time, the same on every interpreter."""

from protocols import clock_trust
from protocols.clock_trust import HUB, KEPT, NETWORK, REFUSED, RTC, SUSPECT, TAKEN, UNKNOWN

T = 1_800_000_000_000
DAY = 86_400_000


def test_a_dead_battery_leaves_the_time_unknown():
    for rtc_ms in (None, 0, 946_684_800_000, T - 1, clock_trust.LATEST_MS + 1):
        clock = clock_trust.ClockTrust(T, rtc_ms, 0)
        assert clock.now(1000) == (None, UNKNOWN, None)


def test_an_rtc_beyond_the_floor_is_believed_and_drifts():
    clock = clock_trust.ClockTrust(T, T + DAY, 500)
    assert clock.now(500) == (T + DAY, RTC, clock_trust.RTC_UNCERTAINTY_MS)
    later = clock.now(500 + DAY)
    assert later.wall_ms == T + 2 * DAY
    assert later.uncertainty_ms == clock_trust.RTC_UNCERTAINTY_MS + 8640


def test_the_hub_always_wins_but_not_past_the_floor():
    clock = clock_trust.ClockTrust(T, T + 5 * DAY, 0)
    assert clock.offer_hub(T - 1, 0, 100).verdict == REFUSED
    outcome = clock.offer_hub(T + DAY, 1000, 1200)
    assert outcome == (TAKEN, "step", T + DAY + 100 - (T + 5 * DAY + 1200))
    assert clock.now(1200) == (T + DAY + 100, HUB, 101)
    assert clock.offer_hub(T + DAY, 2000, 2000 + clock_trust.ROUND_TRIP_MS_MAX + 1).verdict == KEPT
    assert clock.offer_hub(T + DAY, 2000, 1999).verdict == KEPT


def test_a_stranger_cannot_move_a_believed_clock():
    for lie in (-DAY, -3 * 3_600_000, 3 * 3_600_000, 400 * DAY):
        clock = clock_trust.ClockTrust(T - DAY, T, 0)
        before = clock.now(10)
        outcome = clock.offer_network(T + 10 + lie, 10, 20)
        assert outcome.verdict in (SUSPECT, REFUSED)
        assert clock.now(10) == before


def test_the_network_sets_an_unknown_clock_and_sharpens_a_known_one():
    clock = clock_trust.ClockTrust(T, None, 0)
    assert clock.offer_network(T - 5, 0, 20).verdict == REFUSED
    assert clock.offer_network(T + 5, 0, 20) == (TAKEN, "first", None)
    assert clock.now(0) == (T + 5, NETWORK, 20)
    clock = clock_trust.ClockTrust(T, T + DAY, 0)
    assert clock.offer_network(T + DAY + 3000, 0, 20) == (TAKEN, "step", 3000)
    assert clock.offer_network(T + DAY + 3000, 0, 30).verdict == KEPT
    clock.offer_hub(T + DAY + 3000, 0, 2000)
    assert clock.now(2000) == (T + DAY + 5000, HUB, 20)
    assert clock.offer_network(T + DAY + 5010, 2000, 10) == (TAKEN, "drift", 10)
    assert clock.now(2000) == (T + DAY + 5010, HUB, 10)


def test_the_floor_only_rises_and_unmasks_a_clock_that_lies_behind():
    clock = clock_trust.ClockTrust(T, T + 1000, 0)
    assert clock.raise_floor(T - 1, 0).verdict == KEPT
    assert clock.raise_floor(clock_trust.LATEST_MS + 1, 0).verdict == KEPT
    assert clock.raise_floor(T + 2000, 0) == (TAKEN, "floor", 0)
    assert clock.now(0).source == RTC
    assert clock.raise_floor(T + DAY, 0) == (TAKEN, "clock-behind-floor", None)
    assert clock.now(0).source == UNKNOWN
    assert clock.floor_ms == T + DAY


def test_two_of_three_servers_must_agree():
    agreed = clock_trust.agreed
    assert agreed([]) is None
    assert agreed([(0, 10)]) is None
    assert agreed([(0, 10), (5000, 10)]) is None
    assert agreed([(0, 30), (400, 10)]) == (400, 10)
    assert agreed([(0, 30), (9_000_000, 1), (-400, 20)]) == (-400, 20)


def test_a_more_certain_clock_that_agrees_becomes_the_hubs_word():
    clock = clock_trust.ClockTrust(T, None, 0)
    clock.offer_network(T + DAY, 0, 5)
    assert clock.offer_hub(T + DAY + 1900, 1000, 3000) == (TAKEN, "drift", 0)
    assert clock.now(3000) == (T + DAY + 3000, HUB, 5)


def test_a_clock_kept_on_the_hubs_word_stays_within_the_answers_trip():
    clock = clock_trust.ClockTrust(0, None, 0)
    clock.offer_hub(T, 0, 2)
    clock.offer_hub(T, 2, 4)
    assert clock.now(4) == (T + 2, HUB, 2)
