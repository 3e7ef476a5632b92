"""Whatever a work waits for, and whenever it is told to end: it ends."""

import asyncio
import time

import pytest

from hub.ending import end
from hub.programs import run_bounded


@pytest.mark.parametrize("rounds", range(12))
async def test_a_cancellation_that_meets_the_end_of_a_program_is_not_lost(rounds):
    ended = []

    async def work():
        await run_bounded(["sleep", "0.03"], b"", 5, "x.tool")
        ended.append(True)

    task = asyncio.create_task(work())
    await asyncio.sleep(0.02)
    # The program ends while nobody looks, as between a test and its fixtures' end.
    time.sleep(0.06)
    for _ in range(rounds):
        await asyncio.sleep(0)
    was_running = task.cancel()
    await asyncio.wait([task], timeout=5)
    assert task.done() and task.cancelled() is was_running is not bool(ended)


async def test_a_work_that_swallows_its_cancellation_is_told_again():
    told = []

    async def deaf():
        while len(told) < 3:
            try:
                await asyncio.Event().wait()
            except asyncio.CancelledError:
                told.append(True)

    tasks = [asyncio.create_task(deaf()), asyncio.create_task(asyncio.sleep(0))]
    await asyncio.sleep(0.01)
    async with asyncio.timeout(5):
        await end([])
        await end(tasks, again_s=0.01)
    assert len(told) == 3 and all(task.done() for task in tasks)
