"""The session's view of wall time: monotonic ticks plus an offset, and how far it is trusted."""

UNKNOWN = "unknown"
RTC = "rtc"
NETWORK = "network"
HUB = "hub"
# Smaller corrections are drift: they move deadlines, no decision.
STEP_MS = 1000


class WallClock:
    """Translate between ticks and wall time."""

    def __init__(self) -> None:
        self.trust = UNKNOWN
        self.floor_ms = 0
        self._offset_ms = 0

    def set(self, wall_ms: int | None, trust: str, floor_ms: int, now_ms: int) -> int:
        """Take a new reading at tick `now_ms`; returns the step in ms (0 from or to unknown)."""
        self.floor_ms = max(self.floor_ms, floor_ms)
        before = self.wall_ms(now_ms)
        if wall_ms is None or trust == UNKNOWN:
            self.trust = UNKNOWN
            return 0
        self.trust = trust
        self._offset_ms = wall_ms - now_ms
        return 0 if before is None else wall_ms - before

    def wall_ms(self, now_ms: int) -> int | None:
        """Return the wall time at a tick, or None while it is unknown."""
        return None if self.trust == UNKNOWN else now_ms + self._offset_ms

    def ticks_ms(self, wall_ms: int) -> int:
        """Return the tick of a wall time; only meaningful while the time is known."""
        return wall_ms - self._offset_ms
