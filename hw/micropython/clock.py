"""MicroPython's clocks: the wall time of the port and its wrapping millisecond counter."""

import asyncio
import time

from hw import ports
from protocols.errors import WorldFault
from protocols.limits import CLOCK_WALL_MS_MIN

# Ports count from 1970 or from 2000.
_EPOCH_MS = 946684800000 if time.gmtime(0)[0] == 2000 else 0


class Clock(ports.Clock):
    """Tell the port's time; call `ticks_ms` at least once a day, as its counter wraps."""

    def __init__(self) -> None:
        self._last = time.ticks_ms()
        self._ticks = 0

    def wall_ms(self) -> int | None:
        """Return Unix UTC milliseconds, or None while the clock was never set."""
        wall_ms = time.time_ns() // 1000000 + _EPOCH_MS
        return wall_ms if wall_ms >= CLOCK_WALL_MS_MIN else None

    def ticks_ms(self) -> int:
        """Return monotonic milliseconds since this clock was made."""
        now = time.ticks_ms()
        self._ticks += time.ticks_diff(now, self._last)
        self._last = now
        return self._ticks

    def set_wall_ms(self, wall_ms: int) -> None:
        """Step the RTC; raises `WorldFault("clock.denied")` on a port without one."""
        try:
            from machine import RTC  # noqa: PLC0415
        except ImportError:
            raise WorldFault("clock.denied", "this port has no RTC", "set the time of the system")
        seconds, ms = divmod(wall_ms - _EPOCH_MS, 1000)
        year, month, day, hour, minute, second, weekday = time.gmtime(seconds)[:7]
        RTC().datetime((year, month, day, weekday, hour, minute, second, ms * 1000))

    async def sleep_ms(self, duration_ms: int) -> None:
        """Wait for a duration."""
        await asyncio.sleep_ms(duration_ms)
