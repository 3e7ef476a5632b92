"""Mains, supply and temperature: told at once when they change, raised when they stay wrong."""

import asyncio

import pytest

from edge.faults import Faults
from edge.senses_task import SensesTask
from hw.ports import Inputs
from hw.sim.clock import Clock
from protocols.errors import WorldFault
from tests.edge.node_world import Notes

WELL = {"mains": 1, "supply_millivolts": 12600, "temperature_millicelsius": 45000}


class Box(Inputs):
    """A box whose state a test sets."""

    def __init__(self):
        self.felt = dict(WELL)
        self.broken = []

    async def read(self):
        return {name: value for name, value in self.felt.items() if name not in self.broken}

    def faults(self):
        return [(name, WorldFault("gpio.missing", "gone", "look")) for name in self.broken]


class Rig:
    def __init__(self):
        self.clock, self.box, self.notes = Clock(), Box(), Notes()
        self.faults = Faults(self.notes)
        self.task = SensesTask(self.box, self.clock, self.faults, self.notes, 900_000, 11_500)
        self.running = asyncio.create_task(self.task.run())

    async def pass_s(self, seconds):
        for _ in range(seconds * 2):
            for _ in range(5):
                await asyncio.sleep(0)
            self.clock.advance(500)
        for _ in range(5):
            await asyncio.sleep(0)

    def codes(self):
        return [code for _, code in self.faults.open_faults()]


@pytest.fixture
async def rig():
    rig = Rig()
    await rig.pass_s(1)
    yield rig
    rig.running.cancel()


async def test_a_record_now_and_then(rig):
    assert rig.notes.find("senses") == [WELL]
    await rig.pass_s(899)
    assert len(rig.notes.find("senses")) == 2
    assert rig.codes() == []


async def test_mains_gone_and_back_are_told_at_once_and_raised_when_they_stay(rig):
    rig.box.felt["mains"] = 0
    await rig.pass_s(1)
    assert rig.notes.find("senses", mains=0)
    assert rig.codes() == []
    await rig.pass_s(3)
    assert rig.codes() == ["power.mains"]
    rig.box.felt["mains"] = 1
    await rig.pass_s(1)
    assert rig.codes() == [] and rig.notes.find("senses")[-1]["mains"] == 1


async def test_low_supply_and_heat(rig):
    rig.box.felt.update(supply_millivolts=11_000, temperature_millicelsius=80_000)
    await rig.pass_s(4)
    assert rig.codes() == ["node.hot", "power.supply"]
    rig.box.felt = dict(WELL)
    await rig.pass_s(1)
    assert rig.codes() == []


async def test_what_cannot_be_read_is_a_fault_of_its_own(rig):
    rig.box.broken = ["mains"]
    await rig.pass_s(2)
    assert rig.codes() == ["gpio.missing"]
    rig.box.broken = []
    await rig.pass_s(2)
    assert rig.codes() == []
