"""The amplifier's keeper: on before the sound, renewed, off after the tail, safe after a crash."""

import asyncio
import io

import pytest

from edge.amplifier_task import HEARD_MS, HOLD_MS, IDLE_OBSERVE_MS, TAIL_MS, AmplifierTask
from edge.faults import Faults
from edge.supervisor import Supervisor
from hw.sim.amplifier import Amplifier
from hw.sim.audio import AudioOut
from hw.sim.clock import Clock
from protocols.errors import WorldFault
from tests.edge.node_world import Notes


class Rig:
    """One keeper over a simulated amplifier, supervised, in virtual time."""

    def __init__(self):
        self.clock = Clock()
        # A stream that is fed, until a test stops it.
        self.fed = self.clock.ticks_ms
        self.audio = AudioOut(self.clock)
        self.amplifier = Amplifier(self.clock, self.audio)
        self.faults = Faults(Notes())
        self.keeper = AmplifierTask(self.amplifier, self.clock, self.faults, 1000, self.beats)
        supervisor = Supervisor(self.clock, self.faults)
        self.running = asyncio.create_task(supervisor.run([self.keeper]))

    async def pass_ms(self, duration_ms):
        for _ in range(duration_ms // 50):
            for _ in range(6):
                await asyncio.sleep(0)
            self.clock.advance(50)
        for _ in range(6):
            await asyncio.sleep(0)

    def beats(self):
        return self.fed()

    async def stop(self):
        self.running.cancel()
        await asyncio.gather(self.running, return_exceptions=True)

    def open_codes(self):
        return [code for _, code in self.faults.open_faults()]


@pytest.fixture
async def rig():
    rig = Rig()
    await rig.pass_ms(200)
    yield rig
    await rig.stop()
    assert rig.amplifier.coil() == 0


async def test_it_stays_on_while_held_and_goes_off_after_the_tail(rig):
    assert rig.keeper.warm_up_left_ms() == 1000
    await rig.keeper.acquire()
    assert rig.amplifier.coil() == 1
    await rig.pass_ms(400)
    assert rig.keeper.warm_up_left_ms() == 600
    await rig.pass_ms(3 * HOLD_MS)
    assert (rig.amplifier.coil(), rig.keeper.warm_up_left_ms()) == (1, 0)
    rig.keeper.release()
    await rig.pass_ms(TAIL_MS - 200)
    assert rig.amplifier.coil() == 1
    await rig.pass_ms(500)
    assert rig.amplifier.coil() == 0
    assert len([state for _, state in rig.amplifier.switched if state]) == 1


async def test_the_next_item_within_the_tail_finds_it_warm(rig):
    await rig.keeper.acquire()
    await rig.pass_ms(3000)
    rig.keeper.release()
    await rig.pass_ms(TAIL_MS // 2)
    await rig.keeper.acquire()
    assert rig.keeper.warm_up_left_ms() == 0
    await rig.pass_ms(3000)
    assert rig.amplifier.coil() == 1
    assert len([state for _, state in rig.amplifier.switched if state]) == 1
    rig.keeper.release()


async def test_evidence_is_the_strongest_of_one_hold(rig):
    await rig.keeper.acquire()
    rig.audio._bell = asyncio.Event()
    await rig.pass_ms(2500)
    rig.audio._bell = None
    await rig.pass_ms(2500)
    assert rig.keeper.observed() == {
        "accepted": 1,
        "coil": 1,
        "idle_milliwatts": 8000,
        "milliwatts": 26000,
    }
    rig.keeper.release()
    await rig.keeper.acquire()
    assert rig.keeper.observed() == {}
    rig.keeper.release()


async def test_a_silent_relay_is_a_fault_and_tried_again_until_it_answers(rig):
    rig.amplifier.deaf = True
    await rig.keeper.acquire()
    await rig.pass_ms(5000)
    assert set(rig.open_codes()) == {"modbus.silent"}
    rig.amplifier.deaf = False
    await rig.pass_ms(3000)
    assert rig.amplifier.coil() == 1
    assert rig.open_codes() == []
    rig.keeper.release()


async def test_a_crash_in_mid_play_is_off_at_first_and_then_on_again(rig):
    await rig.keeper.acquire()
    await rig.pass_ms(500)
    observe = rig.amplifier.observe

    async def crash():
        rig.amplifier.observe = observe
        raise ValueError("a bug")

    rig.amplifier.observe = crash
    await rig.pass_ms(900)
    assert rig.open_codes() == ["agent.ValueError"]
    assert rig.amplifier.coil() == 0
    await rig.pass_ms(1500)
    assert rig.amplifier.coil() == 1
    await rig.pass_ms(2 * HOLD_MS)
    assert rig.amplifier.coil() == 1
    rig.keeper.release()
    await rig.pass_ms(TAIL_MS + 200)
    assert rig.amplifier.coil() == 0


async def test_what_runs_over_its_time_stays_cut_until_the_next_play(rig):
    await rig.keeper.acquire()
    await rig.pass_ms(500)

    async def over(hold_ms):
        await Amplifier.off(rig.amplifier)
        raise WorldFault("amplifier.over_run", "on for too long", "look for an endless item")

    rig.amplifier.renew = over
    await rig.pass_ms(10_000)
    assert rig.amplifier.coil() == 0
    assert "amplifier.over_run" in rig.open_codes()
    del rig.amplifier.renew
    await rig.keeper.acquire()
    assert rig.amplifier.coil() == 1
    assert rig.open_codes() == []
    rig.keeper.release()
    rig.keeper.release()


async def test_a_welded_contact_is_reported_while_idle_and_closed_when_mended(rig):
    rig.amplifier.welded = True
    await rig.pass_ms(IDLE_OBSERVE_MS + 1_000)
    assert rig.open_codes() == ["amplifier.welded"]
    rig.amplifier.welded = False
    await rig.pass_ms(61_000)
    assert rig.open_codes() == []


async def test_without_an_amplifier_everything_is_granted():
    keeper = AmplifierTask(None, Clock(), Faults(Notes()), 1000)
    await asyncio.wait_for(keeper.run(), 5)
    await keeper.acquire()
    assert (keeper.warm_up_left_ms(), keeper.observed()) == (0, {})
    keeper.release()
    await keeper.make_safe()


async def test_what_plays_and_is_not_heard_is_told_until_it_is(rig):
    rig.amplifier.dead = True
    await rig.keeper.acquire(80)
    await rig.pass_ms(HEARD_MS)
    assert rig.open_codes() == []
    await rig.pass_ms(3000)
    assert rig.open_codes() == ["amplifier.not_heard"]
    rig.keeper.release()
    await rig.pass_ms(200_000)
    assert rig.open_codes() == ["amplifier.not_heard"]
    rig.amplifier.dead = False
    await rig.audio.open()
    playing = asyncio.create_task(rig.audio.play(io.BytesIO(bytes(32000 * 10)), 0, None, 1))
    await rig.keeper.acquire(80)
    await rig.pass_ms(3000)
    assert rig.open_codes() == []
    rig.keeper.release()
    await rig.audio.stop(0)
    await rig.pass_ms(5000)
    await playing


async def test_a_quiet_volume_or_a_missing_meter_accuses_nobody(rig):
    rig.amplifier.dead = True
    await rig.keeper.acquire(20)
    await rig.pass_ms(3 * HEARD_MS)
    assert rig.open_codes() == []
    rig.keeper.release()
    rig.amplifier.metered = False
    await rig.keeper.acquire(100)
    await rig.pass_ms(3 * HEARD_MS)
    assert rig.open_codes() == []
    rig.keeper.release()
    await rig.pass_ms(5000)


async def test_a_stream_that_stops_lets_the_relay_fall_and_takes_it_again(rig):
    await rig.keeper.acquire(20)
    await rig.pass_ms(4 * HOLD_MS)
    assert rig.amplifier.coil() == 1 and rig.open_codes() == []
    rig.fed = lambda: 7
    await rig.pass_ms(HOLD_MS // 2)
    assert rig.amplifier.coil() == 1
    await rig.pass_ms(2 * HOLD_MS)
    assert rig.amplifier.coil() == 0 and rig.open_codes() == ["audio.stalled"]
    rig.fed = rig.clock.ticks_ms
    await rig.pass_ms(HOLD_MS)
    assert rig.amplifier.coil() == 1 and rig.open_codes() == []
    rig.keeper.release()
    await rig.pass_ms(HOLD_MS)


async def test_a_line_input_needs_no_stream(rig):
    rig.fed = lambda: 7
    assert await rig.keeper.connect("fm")
    await rig.pass_ms(4 * HOLD_MS)
    assert rig.amplifier.coil() == 1 and rig.open_codes() == []
    await rig.keeper.connect("")
    await rig.pass_ms(HOLD_MS)
