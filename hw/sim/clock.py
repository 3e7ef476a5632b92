"""A clock that moves only when told to."""

import asyncio

from hw import ports


class Clock(ports.Clock):
    """Tell a settable time; `advance` wakes the sleepers whose time has come."""

    def __init__(self, wall_ms: int | None = None, ticks_ms: int = 0):
        self._wall_ms = wall_ms
        self._ticks_ms = ticks_ms
        self._moved = asyncio.Event()

    def wall_ms(self) -> int | None:
        """Return the time that was set, or None."""
        return self._wall_ms

    def ticks_ms(self) -> int:
        """Return monotonic milliseconds."""
        return self._ticks_ms

    def set_wall_ms(self, wall_ms: int) -> None:
        """Step the wall clock."""
        self._wall_ms = wall_ms

    def forget_wall(self) -> None:
        """Lose the wall time, as a board without a battery does."""
        self._wall_ms = None

    def advance(self, duration_ms: int) -> None:
        """Let time pass."""
        self._ticks_ms += duration_ms
        if self._wall_ms is not None:
            self._wall_ms += duration_ms
        moved = self._moved
        self._moved = asyncio.Event()
        moved.set()

    async def sleep_ms(self, duration_ms: int) -> None:
        """Wait until `advance` has passed the duration."""
        deadline = self._ticks_ms + duration_ms
        while self._ticks_ms < deadline:
            await self._moved.wait()
