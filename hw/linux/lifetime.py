"""End a program in good order when the system or a person asks."""

import asyncio
import contextlib
import signal
from collections.abc import Coroutine


async def run_until_told(work: Coroutine[object, object, None]) -> None:
    """Run `work` until it ends, or cancel it on SIGTERM or SIGINT and wait for its clean-up."""
    task = asyncio.ensure_future(work)
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, task.cancel)
    with contextlib.suppress(asyncio.CancelledError):
        await task


def trial_passed() -> None:
    """Take back the time limit that the chooser set on a new image (`hw/linux/chooser.py`)."""
    signal.alarm(0)
