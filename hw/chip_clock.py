"""A platform's clock with a clock chip behind it: the chip tells the time at boot, and is set.

The system's own time is not asked while the chip answers: on boards without a battery it is what a
file said at the last shutdown. A chip that has lost the time makes the time unknown; one that is
missing leaves the platform's word, and a fault.
"""

from hw.ds3231 import Ds3231
from hw.ports import Clock
from protocols.errors import Fault, WorldFault


class ChipClock(Clock):
    """Count from what the chip said; `sets_platform` sets the platform's clock as well."""

    def __init__(self, behind: Clock, chip: Ds3231, sets_platform: bool):
        self._behind = behind
        self._chip = chip
        self._sets_platform = sets_platform
        self._wall_ms: int | None = None
        self._ticks_ms = behind.ticks_ms()
        try:
            self._wall_ms = chip.read_ms()
            if self._wall_ms is None:
                text = "the clock chip has lost the time"
                self.fault = WorldFault("rtc.lost", text, "Replace its battery; it is set anew.")
        except Fault as fault:
            self.fault = fault
            self._wall_ms = behind.wall_ms()

    def wall_ms(self) -> int | None:
        """Return Unix UTC ms, or None."""
        if self._wall_ms is None:
            return None
        return self._wall_ms + self.ticks_ms() - self._ticks_ms

    def ticks_ms(self) -> int:
        """Return the platform's monotonic milliseconds."""
        return self._behind.ticks_ms()

    def set_wall_ms(self, wall_ms: int) -> None:
        """Set the chip, whose failure is kept in `fault`, and the platform's clock where wanted."""
        self._wall_ms, self._ticks_ms = wall_ms, self.ticks_ms()
        try:
            self._chip.set_ms(wall_ms)
            self.fault = None
        except Fault as fault:
            self.fault = fault
        if self._sets_platform:
            self._behind.set_wall_ms(wall_ms)

    async def sleep_ms(self, duration_ms: int) -> None:
        """Wait for a duration."""
        await self._behind.sleep_ms(duration_ms)

    def alarm(self, duration_ms: int, ring: "object") -> "object":
        """Have `ring()` called after a duration, where the platform can."""
        return self._behind.alarm(duration_ms, ring)
