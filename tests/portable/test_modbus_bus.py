"""The shared bus in virtual time: late replies, rests, echoing adapters, unplugging."""

import asyncio

from hw.modbus_bus import ModbusBus, bus_settings
from hw.modbus_relay import ModbusRelay, relay_settings
from hw.sim.clock import Clock
from hw.sim.serial import Serial
from protocols import modbus
from protocols.errors import Fault


class Board:
    """Answer for one coil, each reply after its own delay; `delays` are used up one by one."""

    def __init__(self, clock, port):
        self.clock = clock
        self.port = port
        self.coil = 0
        self.delays = []
        self.due = []
        self.echo = False
        self.seen = []

    def take(self, data):
        self.seen.append(data)
        if self.echo:
            self.port.feed(data)
        delay_ms = self.delays.pop(0) if self.delays else 5
        if delay_ms is None:
            return
        if data[1] == modbus.WRITE_COIL:
            self.coil = 1 if data[4:6] != b"\x00\x00" else 0
            reply = data
        else:
            reply = modbus.frame(data[0], data[1], bytes((1, self.coil)))
        self.due.append((self.clock.ticks_ms() + delay_ms, reply))

    def pass_time(self):
        self.clock.advance(1)
        for item in list(self.due):
            if item[0] <= self.clock.ticks_ms():
                self.due.remove(item)
                if self.port.plugged:
                    self.port.feed(item[1])


def rig():
    clock = Clock()
    port = Serial(clock)
    board = Board(clock, port)
    port.device = board.take
    numbers = bus_settings(timeout_ms=50, late_ms=120, attempts=1, rest_ms=1000)
    bus = ModbusBus(port, clock, numbers)
    return board, ModbusRelay(bus, relay_settings())


async def drive(board, coroutine):
    """Let time pass until it is done; returns its result or the code of its fault."""
    task = asyncio.create_task(settle(coroutine))
    while not task.done():
        for _ in range(6):
            await asyncio.sleep(0)
        board.pass_time()
    return await task


async def settle(coroutine):
    try:
        return await coroutine
    except Fault as fault:
        return fault.code


async def one_late_reply(delay_ms):
    board, relay = rig()
    await drive(board, relay.read())
    board.delays = [delay_ms]
    first = await drive(board, relay.read())
    assert first in (0, "modbus.silent")
    await drive(board, relay.on(5000))
    assert board.coil == 1
    assert await drive(board, relay.read()) == 1
    board.delays = [delay_ms]
    await drive(board, relay.read())
    await drive(board, relay.off())
    assert board.coil == 0
    assert await drive(board, relay.read()) == 0


def test_a_late_reply_never_answers_a_later_question():
    for delay_ms in range(40, 130, 1):
        asyncio.run(one_late_reply(delay_ms))


async def late_confirmation(delay_ms):
    board, relay = rig()
    board.delays = [delay_ms]
    assert await drive(board, relay.off()) in ([], None, "modbus.silent")
    await drive(board, relay.on(5000))
    # This switch-off is lost on the line: an old confirmation must not stand in for it.
    board.delays = [None, None, None]
    assert await drive(board, relay.off()) == "modbus.silent"
    assert board.coil == 1


def test_a_late_confirmation_never_confirms_a_later_order():
    for delay_ms in range(40, 130, 3):
        asyncio.run(late_confirmation(delay_ms))


def test_an_order_takes_effect_at_once_while_the_unit_is_unsettled():
    async def scene():
        board, relay = rig()
        await drive(board, relay.on(5000))
        board.delays = [None]
        assert await drive(board, relay.read()) == "modbus.silent"
        started_ms = board.clock.ticks_ms()
        task = asyncio.create_task(settle(relay.off()))
        while board.coil and board.clock.ticks_ms() < started_ms + 1000:
            for _ in range(6):
                await asyncio.sleep(0)
            board.pass_time()
        assert board.clock.ticks_ms() - started_ms <= 10
        while not task.done():
            for _ in range(6):
                await asyncio.sleep(0)
            board.pass_time()

    asyncio.run(scene())


def test_an_echoing_adapter_confirms_nothing():
    async def scene():
        board, relay = rig()
        board.echo = True
        assert await drive(board, relay.read()) == 0
        board.delays = [None]
        assert await drive(board, relay.on(5000)) == "modbus.silent"
        assert await drive(board, relay.on(5000)) is None
        assert await drive(board, relay.read()) == 1

    asyncio.run(scene())


def test_unplug_and_plug_in_again():
    async def scene():
        board, relay = rig()
        assert await drive(board, relay.read()) == 0
        board.port.plugged = False
        assert await drive(board, relay.read()) == "serial.lost"
        assert await drive(board, relay.read()) == "serial.missing"
        board.port.plugged = True
        assert await drive(board, relay.read()) == 0
        assert board.port.opened == 2

    asyncio.run(scene())


def test_a_babbling_line_is_named():
    async def scene():
        board, relay = rig()

        async def babble(count, timeout_ms):
            return b"\x55" * count

        board.port.read = babble
        assert await drive(board, relay.read()) == "modbus.oversize"

    asyncio.run(scene())


def test_rest_and_recovery():
    async def scene():
        board, relay = rig()
        board.delays = [None] * 4
        request = modbus.read(modbus.READ_COILS, 1, 0, 1)
        for _ in range(3):
            assert await drive(board, relay._bus.exchange(request)) == "modbus.silent"
        assert await drive(board, relay._bus.exchange(request)) == "modbus.resting"
        board.clock.advance(1000)
        assert await drive(board, relay._bus.exchange(request)) == "modbus.silent"
        board.clock.advance(1000)
        assert await drive(board, relay._bus.exchange(request)) == [0]
        assert await drive(board, relay._bus.exchange(request)) == [0]

    asyncio.run(scene())
