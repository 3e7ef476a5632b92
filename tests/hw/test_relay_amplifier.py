"""The amplifier over pymodbus devices: safe states, dead-man, over-run, welded and stuck relays."""

import asyncio

import pytest

from hw.modbus_amplifier import modbus_amplifier
from hw.modbus_relay import ModbusRelay, relay_settings
from hw.relay_amplifier import RelayAmplifier, amplifier_settings
from hw.settings import Settings
from protocols import evidence
from protocols.errors import LocalFault, WorldFault
from tests.hw.modbus_rig import Rig, rig


def amplifier(r: Rig, *, contactor: bool = False, timer: bool = True, **settings) -> RelayAmplifier:
    numbers = {"idle_milliwatts": 8000, "settle_ms": 100}
    numbers.update(settings)
    relay = ModbusRelay(r.bus, relay_settings(flash_base=0x0200 if timer else None))
    second = ModbusRelay(r.bus, relay_settings(coil=1)) if contactor else None
    return RelayAmplifier(relay, r.meter, r.clock, amplifier_settings(**numbers), contactor=second)


def codes(made: RelayAmplifier) -> list[str]:
    return [fault.code for fault in made.take_faults()]


async def test_open_switches_off_what_an_earlier_life_left_on():
    async with rig() as r:
        r.devices.board.coils[0] = True
        await amplifier(r).open()
        assert not r.devices.board.coils[0]


async def test_on_observe_off():
    async with rig() as r:
        made = amplifier(r)
        await made.open()
        assert evidence.grade(await made.observe()) == 1
        await made.on(5000)
        observed = await made.observe()
        assert observed == {
            "accepted": 1,
            "coil": 1,
            "milliwatts": 8000,
            "idle_milliwatts": 8000,
        }
        assert evidence.grade(observed) == 2
        r.devices.meter.watts = lambda: 31.0
        assert evidence.grade(await made.observe()) == 3
        await made.close()
        assert not r.devices.board.coils[0] and codes(made) == []


async def test_dead_man_of_the_board_fires_without_renewal():
    async with rig() as r:
        made = amplifier(r)
        await made.on(400)
        for _ in range(5):
            await asyncio.sleep(0.1)
            await made.renew(400)
            assert r.devices.board.coils[0]
        await asyncio.sleep(0.6)
        assert not r.devices.board.coils[0]
        await made.observe()
        assert codes(made) == ["amplifier.dropped"]


async def test_dead_man_of_the_node_on_a_board_without_timer():
    async with rig() as r:
        made = amplifier(r, timer=False)
        await made.on(300)
        await asyncio.sleep(0.2)
        await made.renew(300)
        await asyncio.sleep(0.2)
        assert r.devices.board.coils[0]
        await asyncio.sleep(0.3)
        assert not r.devices.board.coils[0]
        assert [e["cause"] for e in r.devices.events] == ["write", "write"]


async def test_over_run_is_cut_and_renewal_refused():
    async with rig() as r:
        made = amplifier(r, over_run_ms=250)
        await made.on(5000)
        await asyncio.sleep(0.4)
        assert not r.devices.board.coils[0]
        with pytest.raises(WorldFault) as caught:
            await made.renew(5000)
        assert caught.value.code == "amplifier.over_run"
        with pytest.raises(LocalFault) as refused:
            await made.renew(5000)
        assert refused.value.code == "amplifier.not_on"


async def test_welded_relay_is_seen_and_the_contactor_opens():
    async with rig() as r:
        board = r.devices.board
        board.welded.add(0)
        made = amplifier(r, contactor=True)
        r.devices.meter.watts = lambda: 8.0 if board.coils[1] else 0.0
        await made.on(5000)
        assert board.coils[:2] == [True, True]
        await made.off()
        assert board.coils[:2] == [False, True]
        await made.observe()
        assert codes(made) == []
        await asyncio.sleep(0.15)
        await made.observe()
        assert codes(made) == ["amplifier.welded"]
        assert board.coils[:2] == [False, False]
        assert (await made.observe())["milliwatts"] == 0


async def test_stuck_coil_is_seen_and_ordered_off_again():
    async with rig() as r:
        made = amplifier(r)
        await made.off()
        r.devices.board.coils[0] = True
        await made.observe()
        assert codes(made) == ["amplifier.stuck"]
        assert not r.devices.board.coils[0]


async def test_off_overtakes_a_renewal_that_is_being_retried():
    async with rig() as r:
        made = amplifier(r)
        await made.on(60000)
        silent = {"left": 1}

        def lose_one_reply(sending: bool, data: bytes) -> bytes:
            if sending and silent["left"]:
                silent["left"] -= 1
                return b""
            return data

        r.change = lose_one_reply
        renewal = asyncio.create_task(made.renew(60000))
        await asyncio.sleep(0.03)
        await made.off()
        with pytest.raises(WorldFault):
            await renewal
        await asyncio.sleep(0.4)
        assert not r.devices.board.coils[0]
        assert (await made.observe())["coil"] == 0


async def test_silent_meter_leaves_the_relay_working_and_is_reported():
    async with rig(attempts=1) as r:
        r.change = lambda sending, data: b"" if sending and data[:1] == b"\x02" else data
        made = amplifier(r)
        await made.on(5000)
        observed = await made.observe()
        assert observed == {"accepted": 1, "coil": 1, "idle_milliwatts": 8000}
        await made.observe()
        assert codes(made) == []
        await made.observe()
        assert codes(made) == ["modbus.silent"]
        await made.off()
        assert not r.devices.board.coils[0]


async def test_dead_line_is_a_fault_not_a_crash():
    async with rig(attempts=1) as r:
        await r.devices.stop()
        made = amplifier(r)
        await made.open()
        assert codes(made) == ["modbus.silent"]
        with pytest.raises(WorldFault):
            await made.on(1000)
        assert (await made.observe())["accepted"] == 0


async def test_line_inputs_are_let_through_one_at_a_time_and_fall_off_by_themselves():
    async with rig() as r:
        coils = r.devices.board.coils
        settings = {"sources": "fm=2 mic=3", "meter_unit": 2, "line_input": 5}
        made = modbus_amplifier(Settings("amplifier", settings), r.bus._port, r.clock)
        made.bus = r.bus
        coils[3] = True
        await made.open()
        assert coils[3] is False
        await made.connect("fm", 5000)
        assert coils[2:4] == [True, False]
        await made.connect("mic", 300)
        assert coils[2:4] == [False, True]
        await asyncio.sleep(0.5)
        assert coils[2:4] == [False, False]
        r.devices.board.inputs[5] = True
        assert evidence.grade(await made.observe()) == evidence.SOUND
        with pytest.raises(LocalFault) as caught:
            await made.connect("tape", 300)
        assert caught.value.code == "amplifier.no_source"
        await made.connect("fm", 5000)
        await made.close()
        assert coils[2] is False
