"""Clock trust as a state machine: no sequence of offers tells a time before the floor."""

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from protocols.clock_trust import (
    EARLIEST_MS,
    HUB,
    LATEST_MS,
    SUSPECT_MS,
    TAKEN,
    UNKNOWN,
    ClockTrust,
)

TIMES = st.one_of(
    st.integers(-1, LATEST_MS + 1000),
    st.integers(EARLIEST_MS, EARLIEST_MS + 40 * 86_400_000),
)


class AnyOffers(RuleBasedStateMachine):
    @initialize(floor_ms=TIMES, rtc_ms=st.none() | TIMES)
    def boot(self, floor_ms, rtc_ms):
        self.ticks_ms = 0
        self.floor_ms = max(0, floor_ms)
        self.clock = ClockTrust(self.floor_ms, rtc_ms, 0)

    @rule(duration_ms=st.integers(0, 86_400_000))
    def wait(self, duration_ms):
        self.ticks_ms += duration_ms

    @rule(hub_ms=TIMES, trip_ms=st.integers(0, 20_000))
    def hub(self, hub_ms, trip_ms):
        sent = self.ticks_ms
        self.ticks_ms += trip_ms
        outcome = self.clock.offer_hub(hub_ms, sent, self.ticks_ms)
        if max(self.clock.floor_ms, EARLIEST_MS) <= hub_ms <= LATEST_MS:
            assert outcome.verdict == TAKEN
            instant = self.clock.now(self.ticks_ms)
            assert instant.source == HUB
            assert hub_ms <= instant.wall_ms <= hub_ms + trip_ms
        else:
            assert outcome.verdict != TAKEN

    @rule(wall_ms=TIMES, uncertainty_ms=st.integers(0, 5000))
    def network(self, wall_ms, uncertainty_ms):
        before = self.clock.now(self.ticks_ms)
        self.clock.offer_network(wall_ms, self.ticks_ms, uncertainty_ms)
        after = self.clock.now(self.ticks_ms)
        if before.source != UNKNOWN:
            moved = abs(after.wall_ms - before.wall_ms)
            assert moved <= SUSPECT_MS + before.uncertainty_ms
            assert after.uncertainty_ms <= before.uncertainty_ms

    @rule(issued_ms=TIMES)
    def verified(self, issued_ms):
        before = self.clock.floor_ms
        self.clock.raise_floor(issued_ms, self.ticks_ms)
        assert self.clock.floor_ms in (before, issued_ms)
        assert self.clock.floor_ms >= before

    @invariant()
    def never_before_the_floor(self):
        if not hasattr(self, "clock"):
            return
        instant = self.clock.now(self.ticks_ms)
        if instant.source == UNKNOWN:
            assert instant.wall_ms is None
        else:
            assert instant.wall_ms + instant.uncertainty_ms >= self.clock.floor_ms


AnyOffers.TestCase.settings = settings(max_examples=60, stateful_step_count=20, deadline=None)
TestAnyOffers = AnyOffers.TestCase
