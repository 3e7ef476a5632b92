"""Events that wait for one task."""

import asyncio

from edge.bell import Bell
from edge.feed import Taker
from hw.ports import Clock
from protocols.limits import INBOX_EVENTS_MAX


class Inbox(Taker):
    """Hold events in order until the task takes them out."""

    def __init__(self) -> None:
        self._events: list[object] = []
        self._bell = Bell()

    def take(self, event: object) -> None:
        """Add an event; when too many wait, news of a single blob go first, then the oldest."""
        if len(self._events) >= INBOX_EVENTS_MAX:
            self._events.pop(self._least())
        self._events.append(event)
        self._bell.ring()

    def next(self) -> object:
        """Return the oldest event, or None."""
        return self._events.pop(0) if self._events else None

    def has_news(self) -> bool:
        """Tell whether an event waits."""
        return len(self._events) > 0

    def drop_answers(self) -> None:
        """Forget what answers a `Play` of an earlier session."""
        self._events = [event for event in self._events if not hasattr(event, "play")]

    async def wait(self, clock: Clock, duration_ms: int) -> None:
        """Wait until an event is there, or for a duration."""
        if self._events or duration_ms <= 0:
            await asyncio.sleep(0)
            return
        self._bell.silence()
        await self._bell.wait(clock, duration_ms)

    def _least(self) -> int:
        for index, event in enumerate(self._events):
            if event.trigger == "blob":  # type: ignore[attr-defined]
                return index
        return 0
