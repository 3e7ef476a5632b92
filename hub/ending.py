"""End what runs beside a hub, for certain."""

import asyncio
from collections.abc import Iterable
from typing import Any

# As long as a work may take to clean up after itself.
CLEAN_UP_S = 10


async def end(tasks: "Iterable[asyncio.Task[Any]]", again_s: float = CLEAN_UP_S) -> None:
    """Cancel tasks and wait until all have ended; what they raised stays with them.

    Libraries wait by `asyncio.wait_for`, which before CPython 3.12 swallows a cancellation that
    meets the end of what it waits for: whoever still runs is cancelled again.
    """
    left = set(tasks)
    while left:
        for task in left:
            task.cancel()
        _, left = await asyncio.wait(left, timeout=again_s)
