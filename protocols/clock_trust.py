"""Decide what time it is, and how far that may be believed.

Theory of operation. Time is kept as one anchor: at monotonic tick T the wall time was W, from a
source with a claimed uncertainty that grows with the age of the anchor. Sources rank
`unknown < rtc < network < hub`. The *floor* is the largest issue time that a verified signature
has shown; nothing ever tells an earlier time, and only the floor outlives a reboot. An offer from
the network that contradicts a believed clock is *suspect*: it is reported and held, never used,
until the hub's signed answer settles it (a stranger's NTP server must not be able to move 05:00 to
02:00). The hub's signed time always wins, but not past the floor.
"""

from collections import namedtuple

UNKNOWN = "unknown"
RTC = "rtc"
NETWORK = "network"
HUB = "hub"
SOURCES = (UNKNOWN, RTC, NETWORK, HUB)

# 2026-01-01, before this code existed: an RTC that says less has lost its battery.
EARLIEST_MS = 1_767_225_600_000
# 2100-01-01: where the schedule's calendar ends (`protocols/dates.py`).
LATEST_MS = 4_102_444_800_000
# An uncompensated crystal drifts up to 100 ppm over the heat of a cabinet on a pole.
DRIFT_PPM = 100
# A battery-backed DS3231 (2 ppm) is read in whole seconds and may be weeks from its last setting.
RTC_UNCERTAINTY_MS = 5_000
# Disagreement beyond this between the network and a believed clock is nobody's drift: at 100 ppm
# it takes 70 days.
SUSPECT_MS = 600_000
# A step smaller than this is drift; a larger one is recorded.
STEP_MS = 1_000
# SNTP servers that agree lie within this.
AGREEMENT_MS = 1_000
# An answer that took longer says nothing useful about the instant.
ROUND_TRIP_MS_MAX = 20_000

# What became of an offer.
TAKEN = "taken"
KEPT = "kept"
SUSPECT = "suspect"
REFUSED = "refused"

Instant = namedtuple("Instant", ("wall_ms", "source", "uncertainty_ms"))
"""What time it is: `wall_ms` (Unix UTC) and `uncertainty_ms` are None while it is unknown."""

Outcome = namedtuple("Outcome", ("verdict", "reason", "step_ms"))
"""What became of an offer; `step_ms` is how far the wall clock moved (None from unknown)."""


def agreed(offers: "list[tuple[int, int]]") -> "tuple[int, int] | None":
    """Return the (offset_ms, uncertainty_ms) on which at least two time servers agree, or None.

    `offers` are (offset_ms, uncertainty_ms) of servers asked in one go, offsets against the same
    local clock. The largest group within `AGREEMENT_MS` wins, its most certain member speaks.
    """
    best: list[tuple[int, int]] = []
    for offset_ms, _ in offers:
        group = []
        for other_ms, uncertainty_ms in offers:
            if 0 <= other_ms - offset_ms <= AGREEMENT_MS:
                group.append((uncertainty_ms, other_ms))
        if len(group) > len(best):
            best = group
    if len(best) < 2:
        return None
    uncertainty_ms, offset_ms = min(best)
    return offset_ms, uncertainty_ms


class ClockTrust:
    """Keep the node's belief about the time.

    `floor_ms` is the persisted floor (0 when none), `rtc_ms` what the platform's clock says at boot
    (None when it knows none), `ticks_ms` the monotonic time of that reading.
    """

    def __init__(self, floor_ms: int, rtc_ms: "int | None", ticks_ms: int):
        self.floor_ms = floor_ms
        self._source = UNKNOWN
        self._wall_ms = 0
        self._ticks_ms = ticks_ms
        self._uncertainty_ms = 0
        if rtc_ms is not None and self._is_possible(rtc_ms):
            self._anchor(RTC, rtc_ms, ticks_ms, RTC_UNCERTAINTY_MS)

    def now(self, ticks_ms: int) -> Instant:
        """Return the believed time at a monotonic instant."""
        if self._source == UNKNOWN:
            return Instant(None, UNKNOWN, None)
        age_ms = ticks_ms - self._ticks_ms
        uncertainty_ms = self._uncertainty_ms + age_ms * DRIFT_PPM // 1_000_000
        return Instant(self._wall_ms + age_ms, self._source, uncertainty_ms)

    def raise_floor(self, issued_ms: int, ticks_ms: int) -> Outcome:
        """Take the issue time of something just verified.

        A clock that lies before the floor is wrong and becomes unknown, whatever set it.
        """
        if issued_ms <= self.floor_ms or issued_ms > LATEST_MS:
            return Outcome(KEPT, "older", 0)
        self.floor_ms = issued_ms
        instant = self.now(ticks_ms)
        if instant.source != UNKNOWN and instant.wall_ms + instant.uncertainty_ms < issued_ms:
            self._source = UNKNOWN
            return Outcome(TAKEN, "clock-behind-floor", None)
        return Outcome(TAKEN, "floor", 0)

    def void_floor(self) -> Outcome:
        """Forget the floor, and the time where the hub set it: its key was taken away."""
        self.floor_ms = 0
        if self._source != HUB:
            return Outcome(TAKEN, "floor", 0)
        self._source = UNKNOWN
        return Outcome(TAKEN, "floor-voided", None)

    def offer_hub(self, hub_ms: int, sent_ticks_ms: int, received_ticks_ms: int) -> Outcome:
        """Take the hub's signed answer to our nonce, sent and received at these ticks.

        The hub's clock was read at an unknown instant of the round trip: its middle is believed,
        half the trip is the uncertainty. A clock that agrees and is more certain stays, held to the
        span of the trip, and is now the hub's word. A trip over 20 s is kept out, not refused:
        ask again.
        """
        trip_ms = received_ticks_ms - sent_ticks_ms
        if not 0 <= trip_ms <= ROUND_TRIP_MS_MAX:
            return Outcome(KEPT, "slow-answer", 0)
        if not self._is_possible(hub_ms):
            return Outcome(REFUSED, "before-floor", 0)
        wall_ms, uncertainty_ms = hub_ms + trip_ms // 2, trip_ms // 2 + 1
        instant = self.now(received_ticks_ms)
        if instant.source != UNKNOWN and instant.uncertainty_ms <= uncertainty_ms:
            if abs(wall_ms - instant.wall_ms) <= uncertainty_ms + instant.uncertainty_ms:
                wall_ms = min(max(instant.wall_ms, hub_ms), hub_ms + trip_ms)
                uncertainty_ms = instant.uncertainty_ms
        return self._take(HUB, wall_ms, received_ticks_ms, uncertainty_ms)

    def offer_network(self, wall_ms: int, ticks_ms: int, uncertainty_ms: int) -> Outcome:
        """Take the time on which network servers (or a laptop) agree.

        Suspect when it contradicts a believed clock by more than 10 minutes; kept out while a
        better or more certain source stands.
        """
        if not self._is_possible(wall_ms):
            return Outcome(REFUSED, "before-floor", 0)
        instant = self.now(ticks_ms)
        if instant.source != UNKNOWN:
            if abs(wall_ms - instant.wall_ms) > SUSPECT_MS + instant.uncertainty_ms:
                return Outcome(SUSPECT, "contradicts-" + instant.source, 0)
            if instant.uncertainty_ms <= uncertainty_ms:
                return Outcome(KEPT, "less-certain", 0)
            if instant.source == HUB:
                return self._take(HUB, wall_ms, ticks_ms, uncertainty_ms)
        return self._take(NETWORK, wall_ms, ticks_ms, uncertainty_ms)

    def _is_possible(self, wall_ms: int) -> bool:
        return max(self.floor_ms, EARLIEST_MS) <= wall_ms <= LATEST_MS

    def _take(self, source: str, wall_ms: int, ticks_ms: int, uncertainty_ms: int) -> Outcome:
        before = self.now(ticks_ms)
        self._anchor(source, wall_ms, ticks_ms, uncertainty_ms)
        if before.source == UNKNOWN:
            return Outcome(TAKEN, "first", None)
        step_ms = wall_ms - before.wall_ms
        return Outcome(TAKEN, "step" if abs(step_ms) >= STEP_MS else "drift", step_ms)

    def _anchor(self, source: str, wall_ms: int, ticks_ms: int, uncertainty_ms: int) -> None:
        self._source = source
        self._wall_ms = wall_ms
        self._ticks_ms = ticks_ms
        self._uncertainty_ms = uncertainty_ms
