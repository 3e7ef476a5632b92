"""One contract over the clocks."""

import asyncio
import time

import pytest

from edge.feed import Feed
from edge.node_time import NodeTime
from hw.linux.clock import Clock as LinuxClock
from hw.sim.clock import Clock as SimClock
from hw.sim.storage import Storage
from protocols.errors import WorldFault


async def test_linux_clock_follows_libc(monkeypatch):
    clock = LinuxClock()
    assert abs(clock.wall_ms() - time.time() * 1000) < 1000
    before = clock.ticks_ms()
    await clock.sleep_ms(20)
    assert 15 <= clock.ticks_ms() - before < 1000
    monkeypatch.setattr(time, "time_ns", lambda: 5_000_000_000)
    assert clock.wall_ms() is None


async def test_an_alarm_rings_once_or_not_at_all_through_every_clock_before_it():
    rung, clock = [], NodeTime(LinuxClock(), Storage(), Feed(), None, False)
    done = asyncio.Event()
    clock.alarm(0, lambda: rung.append("cancelled")).cancel()
    clock.alarm(1, lambda: rung.append("rung"))
    clock.alarm(20, done.set)
    await done.wait()
    assert rung == ["rung"]
    assert SimClock().alarm(1, done.set) is None


def test_linux_clock_names_a_refused_step(monkeypatch):
    def denied(*arguments):
        raise PermissionError(1, "no")

    monkeypatch.setattr(time, "clock_settime_ns", denied)
    with pytest.raises(WorldFault) as caught:
        LinuxClock().set_wall_ms(1_800_000_000_000)
    assert caught.value.code == "clock.denied"


async def test_sim_clock_moves_only_when_told():
    clock = SimClock()
    assert clock.wall_ms() is None and clock.ticks_ms() == 0
    clock.set_wall_ms(1000)
    woken = []

    async def sleeper(duration_ms):
        await clock.sleep_ms(duration_ms)
        woken.append(duration_ms)

    tasks = [asyncio.create_task(sleeper(ms)) for ms in (10, 30)]
    await asyncio.sleep(0)
    clock.advance(29)
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    assert woken == [10]
    clock.advance(1)
    await asyncio.gather(*tasks)
    assert woken == [10, 30]
    assert (clock.wall_ms(), clock.ticks_ms()) == (1030, 30)
    clock.set_wall_ms(5)
    assert (clock.wall_ms(), clock.ticks_ms()) == (5, 30)
    clock.forget_wall()
    clock.advance(5)
    assert clock.wall_ms() is None
