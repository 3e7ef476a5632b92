"""A bell wakes its task at once, or a while later at the latest."""

import asyncio

from edge.bell import Bell
from hw.sim.clock import Clock


async def waiting(bell, clock, duration_ms):
    task = asyncio.create_task(bell.wait(clock, duration_ms))
    for _ in range(5):
        await asyncio.sleep(0)
    return task


async def test_it_waits_for_its_time_or_for_a_ring():
    bell, clock = Bell(), Clock()
    task = await waiting(bell, clock, 5000)
    clock.advance(4999)
    await waiting(Bell(), clock, 0)
    assert not task.done()
    clock.advance(1)
    await task
    task = await waiting(bell, clock, 5000)
    assert not task.done()
    bell.ring()
    await task


async def test_a_ring_before_the_wait_counts_and_two_count_once():
    bell, clock = Bell(), Clock()
    bell.ring()
    bell.ring()
    await bell.wait(clock, 5000)
    task = await waiting(bell, clock, 5000)
    assert not task.done()
    task.cancel()


async def test_the_timer_of_a_wait_that_was_rung_wakes_nobody_later():
    bell, clock = Bell(), Clock()
    task = await waiting(bell, clock, 1000)
    bell.ring()
    await task
    task = await waiting(bell, clock, 10_000)
    clock.advance(1000)
    for _ in range(5):
        await asyncio.sleep(0)
    assert not task.done()
    task.cancel()
