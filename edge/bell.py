"""Wait for a ring or for a duration, whichever comes first."""

import asyncio

from hw.ports import Clock


class Bell:
    """Wake one waiting task."""

    def __init__(self) -> None:
        self._rung = asyncio.Event()

    def ring(self) -> None:
        """Wake the task that waits, or the next one that will."""
        self._rung.set()

    def silence(self) -> None:
        """Forget a ring that nobody has heard."""
        self._rung.clear()

    async def wait(self, clock: Clock, duration_ms: int) -> None:
        """Return at a ring, or after a duration of the clock."""
        alarm = clock.alarm(duration_ms, self._rung.set)
        if alarm is None:
            alarm = asyncio.create_task(self._ring_after(clock, duration_ms))
        try:
            await self._rung.wait()
        finally:
            self._rung.clear()
            alarm.cancel()  # type: ignore[attr-defined]

    async def _ring_after(self, clock: Clock, duration_ms: int) -> None:
        await clock.sleep_ms(duration_ms)
        self._rung.set()
