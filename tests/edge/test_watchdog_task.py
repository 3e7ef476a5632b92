"""The watchdog is fed while play-out, amplifier and board come round, and only then."""

import asyncio

import pytest

from edge.faults import Faults
from edge.supervisor import Supervisor, Task
from edge.watchdog_task import TURN_MS_MAX, WatchdogTask
from hw.sim.clock import Clock
from hw.sim.watchdog import Watchdog
from protocols.errors import WorldFault
from tests.edge.node_world import Node, Notes, Province

TIMEOUT_MS = 20_000
STEP_MS = 1000


class Vital(Task):
    """Rest for a minute at a time, until told to hang or to crash."""

    name = "vital"
    is_vital = True

    def __init__(self, clock):
        self.clock = clock
        self.gate = asyncio.Event()
        self.bell = self
        self.mood = ""

    async def wait(self, clock, duration_ms):
        await clock.sleep_ms(duration_ms)

    async def run(self):
        while True:
            await self.rest(self, self.clock, 60_000)
            if self.mood == "hang":
                await self.gate.wait()
            elif self.mood == "crash":
                raise ValueError("broken")


class Rig:
    def __init__(self):
        self.clock, self.notes = Clock(), Notes()
        self.faults = Faults(self.notes)
        self.dog = Watchdog(self.clock, TIMEOUT_MS)
        self.vital = Vital(self.clock)
        tasks = [self.vital]
        tasks.append(WatchdogTask(self.dog, self.clock, self.faults, tasks))
        self.running = asyncio.create_task(Supervisor(self.clock, self.faults).run(tasks))

    async def pass_ms(self, duration_ms):
        """Let time pass; tells whether the watchdog never bit."""
        for _ in range(duration_ms // STEP_MS):
            for _ in range(8):
                await asyncio.sleep(0)
            self.clock.advance(STEP_MS)
            if self.dog.has_bitten():
                return False
        return True

    def codes(self):
        return [code for _, code in self.faults.open_faults()]


@pytest.fixture
async def rig():
    rig = Rig()
    yield rig
    rig.running.cancel()
    await asyncio.gather(rig.running, return_exceptions=True)


async def test_long_rests_are_no_hang(rig):
    assert await rig.pass_ms(3_600_000) and rig.codes() == []


async def test_a_task_that_hangs_is_named_and_the_machine_reset(rig):
    rig.vital.mood = "hang"
    began_ms = rig.clock.ticks_ms()
    assert not await rig.pass_ms(600_000)
    spent_ms = rig.clock.ticks_ms() - began_ms
    assert TURN_MS_MAX < spent_ms <= 60_000 + TURN_MS_MAX + 2 * TIMEOUT_MS
    assert rig.codes() == ["agent.stuck"]
    assert "vital" in rig.notes.facts[-1][2]["message"]


async def test_one_that_comes_round_in_time_is_fed_again(rig):
    rig.vital.mood = "hang"
    while rig.codes() != ["agent.stuck"]:
        assert await rig.pass_ms(STEP_MS)
    rig.vital.mood = ""
    rig.vital.gate.set()
    assert await rig.pass_ms(600_000) and rig.codes() == []


async def test_a_task_that_crashes_for_an_hour_resets_nothing(rig):
    rig.vital.mood = "crash"
    assert await rig.pass_ms(3_600_000)
    assert rig.codes() == ["agent.ValueError"]


async def test_a_loop_that_does_not_turn_feeds_nothing(rig):
    assert await rig.pass_ms(60_000)
    rig.clock.advance(TIMEOUT_MS + 1)
    assert rig.dog.has_bitten()


@pytest.mark.parametrize("broken", ["refusal", "loss"])
async def test_a_device_that_cannot_be_fed_is_told_and_tried_again(rig, broken):
    rig.dog.close()
    setattr(rig.dog, broken, WorldFault("watchdog.lost", "the test's", "mend it"))
    rig.dog.timeout_ms = 600_000
    await rig.pass_ms(90_000)
    assert rig.codes() == ["watchdog.lost"]
    setattr(rig.dog, broken, None)
    await rig.pass_ms(240_000)
    assert rig.codes() == [] and rig.dog.fed_ticks is not None


async def test_the_tasks_of_a_node_come_round_when_nothing_happens(tmp_path):
    """Idle, play-out and amplifier rest for a quarter of an hour; a board looks every second."""
    for kind, names in (("speaker", ("playout", "amplifier")), ("board", ("board",))):
        node = Node(Province(tmp_path / kind), clock="22:00", kind=kind)
        tasks = [getattr(node, {"amplifier": "keeper"}.get(name, name)) for name in names]
        assert all(task.is_vital for task in tasks)
        node.start(*names)
        await node.pass_ms(2000)
        for _ in range(4 if kind == "board" else 2000):
            if kind == "speaker":
                node.clock.advance(1000)
            await node.pass_ms(200)
            now_ms = node.clock.ticks_ms()
            assert all(now_ms - task.due_ms <= TURN_MS_MAX for task in tasks)
        await node.stop()
        assert all(task.due_ms is None for task in tasks)


async def test_a_driver_that_never_answers_is_found(tmp_path):
    node = Node(Province(tmp_path), clock="22:00")

    async def silent():
        await asyncio.Event().wait()

    node.start("playout", "amplifier")
    await node.pass_ms(2000)
    node.keeper._amplifier.observe = silent
    dog = Watchdog(node.clock, TIMEOUT_MS)
    task = WatchdogTask(dog, node.clock, node.faults, [node.playout, node.keeper])
    feeding = asyncio.create_task(task.run())
    await node.keeper.acquire()
    for _ in range(200):
        node.clock.advance(800)
        await node.pass_ms(200)
    assert dog.has_bitten() and "agent.stuck" in node.codes()
    feeding.cancel()
    await node.stop()
