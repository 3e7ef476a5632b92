"""The system clock of Linux, through libc."""

import asyncio
import time
from collections.abc import Callable
from typing import cast

from hw import ports
from protocols.errors import WorldFault
from protocols.limits import CLOCK_WALL_MS_MIN


class Clock(ports.Clock):
    """Tell the system's time."""

    def wall_ms(self) -> int | None:
        """Return Unix UTC milliseconds, or None while the system was never set."""
        wall_ms = time.time_ns() // 1000000
        return wall_ms if wall_ms >= CLOCK_WALL_MS_MIN else None

    def ticks_ms(self) -> int:
        """Return monotonic milliseconds since boot."""
        return time.monotonic_ns() // 1000000

    def set_wall_ms(self, wall_ms: int) -> None:
        """Step the system clock; raises `WorldFault("clock.denied")` without the right to."""
        try:
            time.clock_settime_ns(time.CLOCK_REALTIME, wall_ms * 1000000)
        except OSError as error:
            raise WorldFault(
                "clock.denied", "the system clock may not be set", "grant CAP_SYS_TIME"
            ) from error

    async def sleep_ms(self, duration_ms: int) -> None:
        """Wait for a duration."""
        await asyncio.sleep(duration_ms / 1000)

    def alarm(self, duration_ms: int, ring: "object") -> asyncio.TimerHandle:
        """Have `ring()` called after a duration, without a task that sleeps."""
        return asyncio.get_running_loop().call_later(
            duration_ms / 1000, cast(Callable[[], None], ring)
        )
