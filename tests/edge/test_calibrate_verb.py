"""Calibration by a test tone, in virtual time: what is learned, kept, and told of a dead horn."""

import asyncio

import pytest

from edge import calibrate_verb, calibration
from edge.faults import Faults
from hw.sim.amplifier import IDLE_MILLIWATTS, SPEECH_MILLIWATTS, Amplifier
from hw.sim.audio import AudioOut
from hw.sim.clock import Clock
from hw.sim.storage import Storage
from protocols.errors import WorldFault
from tests.edge.node_world import Notes, put


class SlowAmplifier(Amplifier):
    """Sound only some time after its relay, as one with valves or a soft start does."""

    warm_ms = 2300
    deaf_horn = False

    def __init__(self, clock, audio):
        super().__init__(clock, audio)
        self.clock = clock
        self.on_ticks = None

    async def on(self, hold_ms):
        self.on_ticks = self.clock.ticks_ms()
        await super().on(hold_ms)

    async def observe(self):
        observed = await super().observe()
        cold = self.on_ticks is None or self.clock.ticks_ms() - self.on_ticks < self.warm_ms
        if observed.get("milliwatts", 0) > IDLE_MILLIWATTS and (cold or self.deaf_horn):
            observed["milliwatts"] = IDLE_MILLIWATTS
        return observed


async def learn(change=lambda amplifier: None):
    clock, storage = Clock(), Storage()
    audio = AudioOut(clock)
    amplifier = SlowAmplifier(clock, audio)
    change(amplifier)
    task = asyncio.create_task(calibrate_verb.run(amplifier, audio, clock, storage))
    while not task.done():
        for _ in range(8):
            await asyncio.sleep(0)
        clock.advance(50)
    assert amplifier.coil() == 0
    return task, storage


async def test_it_learns_and_keeps_draw_and_warm_up():
    task, storage = await learn()
    found = calibration.load(storage)
    assert found[:3] == (0, IDLE_MILLIWATTS, SPEECH_MILLIWATTS)
    assert 2300 <= found.warm_up_ms <= 2900
    assert task.result().startswith("calibrated: off 0 mW, idle 8000 mW, tone 26000 mW, warm after")
    merged = calibration.settings_with({"kind": "modbus", "warm_up_ms": 5}, storage, None)
    assert merged == {
        "kind": "modbus",
        "warm_up_ms": found.warm_up_ms,
        "idle_milliwatts": IDLE_MILLIWATTS,
    }


async def test_a_tone_that_draws_nothing_is_told_and_nothing_is_kept():
    def cut(amplifier):
        amplifier.deaf_horn = True

    task, storage = await learn(cut)
    with pytest.raises(WorldFault) as caught:
        task.result()
    assert caught.value.code == "calibration.not_heard"
    assert calibration.load(storage) is None
    assert calibration.settings_with({"idle_milliwatts": 7}, storage, None) == {
        "idle_milliwatts": 7
    }


async def test_no_meter_and_no_relay():
    def unmeter(amplifier):
        amplifier.metered = False

    task, _ = await learn(unmeter)
    with pytest.raises(WorldFault) as caught:
        task.result()
    assert caught.value.code == "calibration.no_meter"

    def deafen(amplifier):
        amplifier.deaf = True

    task, _ = await learn(deafen)
    with pytest.raises(WorldFault) as caught:
        task.result()
    assert caught.value.code == "modbus.silent"


async def test_a_broken_file_is_a_fault_and_the_typed_numbers_hold():
    storage, notes = Storage(), Notes()
    put(storage, "state/amplifier", b'{"idle_milliwatts":-1}')
    settings = calibration.settings_with({"idle_milliwatts": 7}, storage, Faults(notes))
    assert settings == {"idle_milliwatts": 7}
    assert notes.find("fault", place="store.amplifier")
