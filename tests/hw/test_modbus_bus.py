"""The shared bus against pymodbus devices: every operation, faults, rests, lanes and losses."""

import asyncio
import random

import pytest

from hw.relay import Order
from protocols import modbus
from protocols.errors import Fault, RemoteFault, WorldFault
from tests.hw.modbus_rig import Rig, rig


async def test_raw_bytes_of_every_operation():
    async with rig() as r:
        assert await r.relay.read() == 0
        await r.relay.on(700)
        assert r.devices.board.coils[0] and await r.relay.read() == 1
        await r.relay.off()
        assert not r.devices.board.coils[0] and await r.relay.read() == 0
        await r.bus.exchange(modbus.write_coils(1, 0, [1, 0, 1]), True)
        assert r.devices.board.coils[:3] == [True, False, True]
        reading = await r.meter.read()
        assert (reading.millivolts, reading.milliwatts, reading.millihertz) == (223000, 8000, 50000)
        assert [p for p in r.packets if p[0] == "in"] == [
            ("in", "010100000001fdca"),
            ("in", "0105020000078db0"),
            ("in", "010100000001fdca"),
            ("in", "010500000000cdca"),
            ("in", "010100000001fdca"),
            ("in", "010f0000000301054f54"),
            ("in", "02040000000a703e"),
        ]
        assert r.packets[3] == ("out", "0105020000078db0")


async def test_the_board_switches_off_by_itself():
    async with rig() as r:
        await r.relay.on(200)
        assert await r.relay.read() == 1
        await asyncio.sleep(0.35)
        assert await r.relay.read() == 0
        assert [e["cause"] for e in r.devices.events] == ["flash-on", "timer"]


async def test_silent_unit_fails_then_rests_then_is_asked_again():
    async with rig(attempts=1, fails_max=2, timeout_ms=60, late_ms=120) as r:
        request = modbus.read(modbus.READ_INPUT_REGISTERS, 9, 0, 1)
        codes = []
        for _ in range(4):
            with pytest.raises(WorldFault) as caught:
                await r.bus.exchange(request)
            codes.append(caught.value.code)
        assert codes == ["modbus.silent", "modbus.silent", "modbus.resting", "modbus.resting"]
        sent = r.bus.attempts
        await asyncio.sleep(0.35)
        with pytest.raises(WorldFault):
            await r.bus.exchange(request)
        assert r.bus.attempts == sent + 1


async def test_refusal_is_not_repeated():
    async with rig() as r:
        with pytest.raises(RemoteFault) as caught:
            await r.bus.exchange(modbus.read(modbus.READ_COILS, 1, 0x300, 8))
        assert caught.value.code == "modbus.refused" and r.bus.attempts == 1


async def test_a_sick_device_never_delays_the_relay():
    async with rig(fails_max=1000, timeout_ms=200) as r:
        request = modbus.read(modbus.READ_INPUT_REGISTERS, 9, 0, 10)

        async def ask_in_vain() -> None:
            while True:
                with pytest.raises(WorldFault):
                    await r.bus.exchange(request)

        tasks = [asyncio.create_task(ask_in_vain()) for _ in range(4)]
        worst_ms = 0
        for i in range(12):
            await asyncio.sleep(0.01)
            started_ms = r.clock.ticks_ms()
            await (r.relay.on(5000) if i % 2 else r.relay.off())
            worst_ms = max(worst_ms, r.clock.ticks_ms() - started_ms)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        assert worst_ms < r.bus.worst_wait_ms() + 200


async def test_cancelled_waiters_leave_the_line_usable():
    async with rig(fails_max=1000) as r:
        request = modbus.read(modbus.READ_INPUT_REGISTERS, 9, 0, 10)
        rng = random.Random(4)
        for _ in range(20):
            tasks = [asyncio.create_task(r.bus.exchange(request, i % 2 == 0)) for i in range(5)]
            await asyncio.sleep(rng.random() * 0.02)
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
        await r.relay.on(5000)
        assert r.devices.board.coils[0]


async def test_a_withdrawn_order_is_not_sent_again():
    async with rig() as r:
        r.change = lambda sending, data: b"" if sending else data
        order = Order()
        task = asyncio.create_task(r.relay.on(5000, order))
        await asyncio.sleep(0.03)
        order.withdraw()
        with pytest.raises(WorldFault) as caught:
            await task
        assert caught.value.code == "modbus.withdrawn"
        assert len([p for p in r.packets if p[0] == "in"]) == 1


async def test_a_late_reply_is_not_taken_for_the_answer_to_a_later_question():
    async with rig(attempts=1, timeout_ms=60, late_ms=120) as r:
        loop = asyncio.get_running_loop()

        def delay(sending: bool, data: bytes) -> bytes:
            if sending:
                loop.call_later(0.09, r.line.inject, data)
                return b""
            return data

        r.change = delay
        with pytest.raises(WorldFault):
            await r.relay.read()
        r.change = None
        await r.relay.on(5000)
        assert r.devices.board.coils[0]
        assert await r.relay.read() == 1


async def test_unplug_in_the_middle_of_a_frame_and_plug_in_again():
    async with rig() as r:
        assert await r.relay.read() == 0
        r.change = lambda sending, data: data[:3] if sending else data
        task = asyncio.create_task(r.relay.read())
        await asyncio.sleep(0.02)
        await r.devices.stop()
        await r.line.close()
        with pytest.raises(WorldFault) as caught:
            await task
        assert caught.value.code in ("serial.lost", "serial.missing")
        with pytest.raises(WorldFault):
            await r.relay.read()


async def one_exchange(r: Rig, rng: random.Random) -> str:
    """Change the world, ask or order one thing, and say whether the answer was right."""
    board = r.devices.board
    watts = rng.randrange(1, 20000) / 10
    r.devices.meter.watts = lambda: watts
    board.coils[1] = rng.random() < 0.5
    kind = rng.randrange(4)
    try:
        if kind == 0:
            right = (await r.meter.read()).milliwatts == int(watts * 10) * 100
        elif kind == 1:
            bits = await r.bus.exchange(modbus.read(modbus.READ_COILS, 1, 0, 8), True)
            right = bits == [int(on) for on in board.coils]
        elif kind == 2:
            await r.relay.on(600000)
            right = board.coils[0]
        else:
            await r.relay.off()
            right = not board.coils[0]
    except Fault:
        return "failed"
    return "right" if right else "wrong"


async def run_exchanges(count: int, seed: int) -> dict[str, int]:
    """Run exchanges with 5 % of the frames of each direction corrupted, dropped or delayed."""
    rng = random.Random(seed)
    tally = {"right": 0, "failed": 0, "wrong": 0, "spoilt": 0}
    async with rig(timeout_ms=25, late_ms=60, fails_max=1000000) as r:
        loop = asyncio.get_running_loop()

        def spoil(sending: bool, data: bytes) -> bytes:
            if not data or rng.random() >= 0.05:
                return data
            tally["spoilt"] += 1
            kind = rng.randrange(3)
            if kind == 0:
                changed = bytearray(data)
                for _ in range(rng.randrange(1, 4)):
                    changed[rng.randrange(len(data))] ^= rng.randrange(1, 256)
                return bytes(changed)
            if kind == 1 and sending:
                loop.call_later(0.02 + rng.random() * 0.03, r.line.inject, data)
            return b""

        r.change = spoil
        for _ in range(count):
            tally[await one_exchange(r, rng)] += 1
    return tally


async def test_faulty_line_never_reports_a_wrong_state_as_right():
    tally = await run_exchanges(200, 20250711)
    assert tally["wrong"] == 0
    assert tally["right"] >= 150 and tally["spoilt"] >= 10
