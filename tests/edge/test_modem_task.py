"""A node beside its modem: what it tells, its SIM opened once, the ladder climbed, nothing more."""

import asyncio

import pytest

from edge.config import Sim
from edge.faults import Faults
from edge.modem_task import LOOK_MS, ModemTask, Ways
from hw import modem_port
from hw.sim.clock import Clock
from hw.sim.storage import Storage
from protocols import at, link_ladder
from protocols.errors import RemoteFault, WorldFault
from tests.edge.node_world import Notes

WELL = {"sim": at.READY, "signal_dbm": -79, "registration": at.HOME, "operator": "Viettel"}

NO_SIM = Sim("", "")


class Box(modem_port.Modem):
    """A modem that a test turns."""

    def __init__(self):
        self.seen, self.pin, self.apn = dict(WELL), "", "internet"
        self.pins, self.mended, self.fault = [], [], None
        self.closed = 0

    def rungs(self):
        return link_ladder.RUNGS

    async def look(self):
        if self.fault is not None:
            raise self.fault
        return {"sim": at.PIN} if self.pin else dict(self.seen)

    async def unlock(self, pin):
        self.pins.append(pin)
        if pin != self.pin:
            raise RemoteFault("at.error", "+CME ERROR: 16", "give the right one")
        self.pin = ""

    async def set_apn(self, apn):
        before, self.apn = self.apn, apn
        return before != apn

    async def mend(self, rung):
        self.mended.append(rung)

    async def close(self):
        self.closed += 1


class Rig:
    def __init__(self, box=None, storage=None, sim=NO_SIM):
        self.box, self.storage = box or Box(), storage or Storage()
        self.clock, self.notes = Clock(), Notes()
        self.faults = Faults(self.notes)
        self.carried = (1000, 1000)
        ways = Ways(lambda: self.carried, 900_000)
        self.task = ModemTask(
            self.box, self.clock, self.storage, self.faults, self.notes, sim, ways
        )
        self.running = asyncio.create_task(self.task.run())

    async def pass_min(self, minutes, received=0):
        for _ in range(minutes):
            self.carried = (self.carried[0] + received, self.carried[1])
            await settle()
            self.clock.advance(LOOK_MS)
            await settle()

    def codes(self):
        return [code for _, code in self.faults.open_faults()]


async def settle():
    for _ in range(20):
        await asyncio.sleep(0)


@pytest.fixture
async def made():
    rigs = []

    def make(**parts):
        rigs.append(Rig(**parts))
        return rigs[-1]

    yield make
    for rig in rigs:
        rig.running.cancel()


async def test_it_tells_when_something_changed_and_now_and_then(made):
    rig = made()
    await rig.pass_min(3, 10)
    (told,) = rig.notes.find("modem")
    assert told == dict(WELL, received_bytes=1010, sent_bytes=1000)
    rig.box.seen["operator"] = "Vinaphone"
    await rig.pass_min(2, 10)
    assert [one["operator"] for one in rig.notes.find("modem")] == ["Viettel", "Vinaphone"]
    await rig.pass_min(16, 10)
    assert len(rig.notes.find("modem")) == 3
    assert rig.codes() == [] and rig.box.mended == []


async def test_the_pin_is_given_once_whatever_restarts(made):
    rig = made(sim=Sim("", "1111"))
    rig.box.pin = "4321"
    await rig.pass_min(5, 10)
    assert rig.box.pins == ["1111"] and rig.codes() == ["modem.sim_pin_refused"]
    again = made(box=rig.box, storage=rig.storage, sim=Sim("", "1111"))
    await again.pass_min(5, 10)
    assert rig.box.pins == ["1111"]
    right = made(box=rig.box, storage=rig.storage, sim=Sim("", "4321"))
    await right.pass_min(2, 10)
    assert rig.box.pins == ["1111", "4321"] and right.codes() == []
    # Accepted before: a reset modem asks again, and gets it again.
    rig.box.pin = "4321"
    await right.pass_min(2, 10)
    assert rig.box.pins == ["1111", "4321", "4321"]


async def test_what_the_sim_wants_is_a_fault_with_its_remedy(made):
    rig = made()
    rig.box.pin = "4321"
    await rig.pass_min(1, 10)
    assert rig.codes() == ["modem.sim_pin"] and rig.box.pins == []
    rig.box.pin = ""
    for state in (at.PUK, at.ABSENT, at.OTHER):
        rig.box.seen = {"sim": state}
        await rig.pass_min(1, 10)
        assert rig.codes() == ["modem.sim_" + state]
    rig.box.seen = dict(WELL)
    await rig.pass_min(1, 10)
    assert rig.codes() == []


async def test_the_apn_is_set_once_and_attached_anew(made):
    rig = made(sim=Sim("v-internet", ""))
    await rig.pass_min(3, 10)
    assert rig.box.apn == "v-internet" and rig.box.mended == [link_ladder.RECONNECT]
    same = made(box=rig.box, sim=Sim("v-internet", ""))
    await same.pass_min(3, 10)
    assert rig.box.mended == [link_ladder.RECONNECT]


async def test_network_and_signal_are_faults_when_they_last(made):
    rig = made()
    rig.box.seen = dict(WELL, registration=at.SEARCHING, signal_dbm=-111)
    await rig.pass_min(3, 10)
    assert rig.codes() == []
    await rig.pass_min(1, 10)
    assert sorted(rig.codes()) == ["modem.network", "modem.weak"]
    rig.box.seen = dict(WELL)
    await rig.pass_min(1, 10)
    assert rig.codes() == []


async def test_a_dead_way_is_climbed_and_a_live_one_left_alone(made):
    rig = made()
    await rig.pass_min(200, 40)
    assert rig.box.mended == []
    await rig.pass_min(30)
    assert rig.box.mended == list(link_ladder.RUNGS) and rig.codes() == ["modem.link"]
    assert [one["rung"] for one in rig.notes.find("modem-mend")] == list(link_ladder.RUNGS)
    # The counter of a modem that was reset begins anew: no sign of life, a later byte is one.
    rig.carried = (0, 0)
    await rig.pass_min(1)
    assert rig.codes() == ["modem.link"]
    await rig.pass_min(1, 60)
    assert rig.codes() == [] and not rig.running.done()


async def test_a_modem_that_is_away_is_told_and_climbed_too(made):
    rig = made()
    rig.box.fault = WorldFault("modem.silent", "no answer", "look")
    await rig.pass_min(30)
    assert sorted(rig.codes()) == ["modem.link", "modem.silent"]
    assert rig.box.mended == list(link_ladder.RUNGS)
    rig.box.fault = None
    await rig.pass_min(1, 10)
    assert rig.codes() == []
    await rig.task.make_safe()
    assert rig.box.closed == 1
