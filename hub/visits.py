"""Visit sources from time to time, each in a task of its own, less often after failures."""

import asyncio
import logging
import random
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any

from hub.ending import end
from hub.mirror.pace import Pace
from protocols.errors import Fault

_log = logging.getLogger("chieng.visits")


class Visits:
    """Hold when each source is due again, and who is being visited."""

    def __init__(self, now_ms: Callable[[], int]):
        self._now_ms = now_ms
        self._paces: dict[str, Pace] = {}
        self.due_ms: dict[str, int] = {}
        self.tasks: dict[str, asyncio.Task[None]] = {}

    async def run(self, begin: Callable[[], Awaitable[None]], every_s: int) -> None:
        """Call `begin` again and again until cancelled; end the visits then."""
        try:
            while True:
                await begin()
                await asyncio.sleep(every_s)
        finally:
            await end(self.tasks.values())

    def is_due(self, name: str) -> bool:
        """Tell whether a source is neither being visited nor to be left alone yet."""
        task = self.tasks.get(name)
        is_free = task is None or task.done()
        return is_free and self.due_ms.get(name, 0) <= self._now_ms()

    def begin(self, name: str, visit: Coroutine[Any, Any, None]) -> None:
        """Begin a visit."""
        self.tasks[name] = asyncio.create_task(visit)

    async def make(self, name: str, work: Awaitable[object], again_s: int) -> Fault | None:
        """Do the work of a visit; return what failed. The next is due after `again_s`, or later.

        A fault may name the time itself (`retry_after_ms`). A bug in the work is logged, and the
        source left alone like after a failure.
        """
        pace = self._paces.setdefault(name, Pace(random.random))
        try:
            await work
        except Fault as fault:
            _log.warning("%s: %s", name, fault)
            self._put_off(name, pace, getattr(fault, "retry_after_ms", None))
            return fault
        except Exception:
            _log.exception("%s: a bug", name)
            self._put_off(name, pace, None)
            raise
        pace.passed()
        self.due_ms[name] = self._now_ms() + again_s * 1000
        return None

    def _put_off(self, name: str, pace: Pace, wait_ms: int | None) -> None:
        pace.failed(self._now_ms(), wait_ms)
        self.due_ms[name] = pace.until_ms
