"""The supervisor: restarts with growing pauses, safe state after every crash."""

import asyncio
import contextlib
from itertools import pairwise

import pytest

from edge.supervisor import (
    ENDING_MS,
    HEALTHY_MS,
    RESTART_MS_MAX,
    RESTART_MS_MIN,
    Reporter,
    Supervisor,
    Task,
)
from hw.sim.clock import Clock


class Book(Reporter):
    def __init__(self):
        self.entries = []

    def task_failed(self, name, error):
        self.entries.append((name, str(error)))

    def task_well(self, name):
        self.entries.append((name, "well"))


class Flaky(Task):
    """Crash as often as told, after running as long as told."""

    name = "flaky"

    def __init__(self, clock, crashes, lasting_ms=0):
        self.clock = clock
        self.crashes = crashes
        self.lasting_ms = lasting_ms
        self.starts_ms = []
        self.safe = 0

    async def run(self):
        self.starts_ms.append(self.clock.ticks_ms())
        if self.lasting_ms:
            await self.clock.sleep_ms(self.lasting_ms)
        if len(self.starts_ms) <= self.crashes:
            raise ValueError("crash %d" % len(self.starts_ms))

    async def make_safe(self):
        self.safe += 1


async def pass_time(clock, duration_ms, step_ms=500):
    for _ in range(duration_ms // step_ms):
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        clock.advance(step_ms)
    await asyncio.sleep(0)


async def test_a_crash_is_reported_made_safe_and_tried_again_later_and_later():
    clock, book = Clock(), Book()
    task = Flaky(clock, 9)
    running = asyncio.create_task(Supervisor(clock, book).run([task]))
    await pass_time(clock, 400_000)
    await asyncio.wait_for(running, 1)
    assert book.entries == [("flaky", "crash %d" % n) for n in range(1, 10)]
    assert task.safe == 10
    pauses = [b - a for a, b in pairwise(task.starts_ms)]
    assert pauses[0] == RESTART_MS_MIN
    assert pauses[1] == 2 * RESTART_MS_MIN
    assert pauses[-1] == RESTART_MS_MAX


async def test_a_long_healthy_life_forgives_earlier_crashes():
    clock, book = Clock(), Book()
    task = Flaky(clock, 3, HEALTHY_MS)
    running = asyncio.create_task(Supervisor(clock, book).run([task]))
    await pass_time(clock, 5 * HEALTHY_MS, 1000)
    await asyncio.wait_for(running, 1)
    starts = task.starts_ms
    pauses = [b - a - HEALTHY_MS for a, b in pairwise(starts)]
    assert pauses == [RESTART_MS_MIN] * 3


async def test_a_task_that_lasts_after_a_crash_is_reported_well_once():
    class Mended(Flaky):
        async def run(self):
            self.starts_ms.append(0)
            if len(self.starts_ms) == 1:
                raise ValueError("crash")
            await self.clock.sleep_ms(3 * HEALTHY_MS)

    clock, book = Clock(), Book()
    running = asyncio.create_task(Supervisor(clock, book).run([Mended(clock, 1)]))
    await pass_time(clock, 4 * HEALTHY_MS, 1000)
    await asyncio.wait_for(running, 1)
    assert book.entries == [("flaky", "crash"), ("flaky", "well")]


async def test_one_task_crashing_does_not_touch_another():
    clock, book = Clock(), Book()
    flaky, steady = Flaky(clock, 100), Flaky(clock, 0, 50_000)
    running = asyncio.create_task(Supervisor(clock, book).run([flaky, steady]))
    await pass_time(clock, 49_000)
    assert len(steady.starts_ms) == 1 and steady.safe == 0
    assert len(flaky.starts_ms) > 3
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running
    assert steady.safe == 1


async def test_a_cancellation_from_within_is_a_crash_and_no_end():
    class Leaky(Flaky):
        async def run(self):
            self.starts_ms.append(self.clock.ticks_ms())
            if len(self.starts_ms) < 3:
                inner = asyncio.create_task(asyncio.sleep(60))
                inner.cancel()
                await inner
            await asyncio.Event().wait()

    clock, book = Clock(), Book()
    task = Leaky(clock, 0)
    running = asyncio.create_task(Supervisor(clock, book).run([task]))
    await pass_time(clock, 10_000)
    assert len(task.starts_ms) == 3 and task.safe == 2
    assert book.entries == [("flaky", "cancelled by nobody")] * 2
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running
    assert task.safe == 3


async def test_a_failing_safe_state_is_reported_too():
    class Unsafe(Flaky):
        async def make_safe(self):
            raise OSError("relay does not answer")

    clock, book = Clock(), Book()
    await Supervisor(clock, book).run([Unsafe(clock, 0)])
    assert book.entries == [("flaky", "relay does not answer")]


async def test_a_task_that_loses_its_cancellation_ends_all_the_same():
    class Deaf(Flaky):
        async def run(self):
            # As `wait_for` does when what it waits for ends in the same instant.
            with contextlib.suppress(asyncio.CancelledError):
                await asyncio.Event().wait()
            await asyncio.Event().wait()

    clock = Clock()
    deaf = Deaf(clock, 0)
    running = asyncio.create_task(Supervisor(clock, Book()).run([deaf, Flaky(clock, 0, 50_000)]))
    await pass_time(clock, 1000)
    running.cancel()
    await pass_time(clock, ENDING_MS - 1000)
    assert not running.done()
    await pass_time(clock, 2000)
    with pytest.raises(asyncio.CancelledError):
        await asyncio.wait_for(running, 60)
    assert deaf.safe == 1
