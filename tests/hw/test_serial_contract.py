"""Every serial port carries bytes, ends reads in time, and comes back after a loss."""

import asyncio
import contextlib
import os
import time

import pytest

from hw.linux.clock import Clock
from hw.linux.serial import open_serial
from hw.sim.serial import Serial as SimSerial
from protocols.errors import WorldFault
from tools.demo_line import Line


class Pty:
    """Look at a Linux port from the far side."""

    def __init__(self, path) -> None:
        self.link = path / "port"
        self.plug()
        self.port = open_serial(str(self.link), 115200)

    def plug(self) -> None:
        self.line = Line(115200)
        self.line.link(self.link)

    def unplug(self) -> None:
        self.link.unlink()
        for fd in self.line._masters + self.line._slaves:
            os.close(fd)

    def feed(self, data: bytes) -> None:
        os.write(self.line._masters[0], data)

    def sent(self) -> bytes:
        with contextlib.suppress(BlockingIOError):
            return os.read(self.line._masters[0], 4096)
        return b""


class Sim:
    """Look at a simulated port from the far side."""

    def __init__(self, path) -> None:
        self.taken = bytearray()
        self.port = SimSerial(Clock(), self.taken.extend)

    def plug(self) -> None:
        self.port.plugged = True

    def unplug(self) -> None:
        self.port.plugged = False

    def feed(self, data: bytes) -> None:
        self.port.feed(data)

    def sent(self) -> bytes:
        data = bytes(self.taken)
        self.taken.clear()
        return data


@pytest.fixture(params=[Pty, Sim], ids=["linux", "sim"])
def far(request, tmp_path):
    side = request.param(tmp_path)
    yield side
    with contextlib.suppress(OSError):
        side.unplug()


async def test_bytes_cross_both_ways_unchanged(far):
    await far.port.open()
    every = bytes(range(256))
    await far.port.write(every)
    await asyncio.sleep(0.01)
    assert far.sent() == every
    far.feed(every)
    got = b""
    while len(got) < 256:
        piece = await far.port.read(100, 200)
        assert 1 <= len(piece) <= 100
        got += piece
    assert got == every
    await far.port.close()


async def test_a_read_ends_in_time_and_wakes_early(far):
    await far.port.open()
    started = time.monotonic()
    assert await far.port.read(9, 0) == b""
    assert await far.port.read(9, 60) == b""
    assert 0.05 < time.monotonic() - started < 0.5
    asyncio.get_running_loop().call_later(0.02, far.feed, b"x")
    started = time.monotonic()
    assert await far.port.read(9, 5000) == b"x"
    assert time.monotonic() - started < 1
    await far.port.close()


async def test_loss_and_return(far):
    await far.port.open()
    far.unplug()
    with pytest.raises(WorldFault) as caught:
        await far.port.write(b"x")
    assert caught.value.code == "serial.lost"
    await far.port.close()
    with pytest.raises(WorldFault) as caught:
        await far.port.open()
    assert caught.value.code == "serial.missing"
    far.plug()
    await far.port.open()
    far.feed(b"y")
    assert await far.port.read(1, 500) == b"y"
    await far.port.close()
    with pytest.raises(WorldFault):
        await far.port.read(1, 0)
