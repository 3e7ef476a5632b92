"""Events that wait for one task."""

import asyncio

from edge.feed import Taker
from protocols.limits import INBOX_EVENTS_MAX


class Inbox(Taker):
    """Hold events in order until the task takes them out."""

    def __init__(self) -> None:
        self._events: list[object] = []
        self._news = asyncio.Event()

    def take(self, event: object) -> None:
        """Add an event; the newest of one kind of state is enough when too many wait."""
        if len(self._events) >= INBOX_EVENTS_MAX:
            self._events.pop(0)
        self._events.append(event)
        self._news.set()

    def next(self) -> object:
        """Return the oldest event, or None."""
        return self._events.pop(0) if self._events else None

    async def wait(self, duration_ms: int) -> None:
        """Wait until an event is there, or for a duration."""
        if self._events:
            return
        self._news.clear()
        try:
            await asyncio.wait_for(self._news.wait(), duration_ms / 1000)
        except asyncio.TimeoutError:
            return
