"""The clock of this interpreter's own adapter."""

import asyncio

from hw.platform import Clock


def test_platform_clock_tells_time():
    clock = Clock()
    assert clock.wall_ms() > 1700000000000
    before = clock.ticks_ms()
    asyncio.run(clock.sleep_ms(20))
    assert 15 <= clock.ticks_ms() - before < 2000
