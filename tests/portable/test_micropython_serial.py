"""The UART adapter against the stand-in for `machine`, on every interpreter."""

import asyncio
import sys

from hw.sim import machine
from hw.sim.clock import Clock
from protocols.errors import Fault


def adapter():
    """Import the adapter with the stand-in in place of the interpreter's own module."""
    sys.modules["machine"] = machine
    from hw.micropython import serial

    return serial


async def drive(clock, coroutine):
    task = asyncio.create_task(settle(coroutine))
    while not task.done():
        for _ in range(6):
            await asyncio.sleep(0)
        clock.advance(1)
    return await task


async def settle(coroutine):
    try:
        return await coroutine
    except Fault as fault:
        return fault.code


def test_bytes_cross_and_reads_end_in_time():
    async def scene():
        clock = Clock()
        wire = machine.wires[2] = machine.Wire()
        port = adapter().open_serial("2:17:16", 9600, clock)
        assert await settle(port.read(1, 0)) == "serial.closed"
        await port.open()
        await port.open()
        assert await drive(clock, port.write(bytes(range(50)))) is None
        assert bytes(wire.sent) == bytes(range(50))
        started_ms = clock.ticks_ms()
        assert await drive(clock, port.read(9, 40)) == b""
        assert 40 <= clock.ticks_ms() - started_ms <= 43
        wire.feed(b"abc")
        assert await drive(clock, port.read(2, 40)) == b"ab"
        assert await drive(clock, port.read(9, 40)) == b"c"
        wire.stuck = True
        assert await drive(clock, port.write(b"x")) == "serial.lost"
        await port.close()
        await port.close()

    asyncio.run(scene())


def test_absent_uarts_and_wrong_names():
    async def scene():
        serial = adapter()
        assert await settle(serial.open_serial("7", 9600, Clock()).open()) == "serial.missing"
        for name in ("", "tty", "1:2", "1:2:3:4"):
            try:
                serial.open_serial(name, 9600, Clock())
            except Fault as fault:
                assert fault.code == "config.amplifier"
            else:
                raise AssertionError(name)

    asyncio.run(scene())
