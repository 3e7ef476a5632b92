"""The simulator's sound and amplifier in virtual time."""

import asyncio

from hw.sim.amplifier import IDLE_MILLIWATTS, SPEECH_MILLIWATTS, Amplifier
from hw.sim.audio import AudioOut, Heard
from hw.sim.clock import Clock
from hw.sim.storage import Reader
from protocols import evidence
from protocols.errors import Fault

START_MS = 1760000000000


async def drive(clock, coroutine, step_ms=1):
    """Let time pass until it is done; returns its result or the code of its fault."""
    task = asyncio.create_task(settle(coroutine))
    while not task.done():
        for _ in range(8):
            await asyncio.sleep(0)
        clock.advance(step_ms)
    return await task


async def settle(coroutine):
    try:
        return await coroutine
    except Fault as fault:
        return fault.code


async def pass_ms(clock, duration_ms):
    for _ in range(duration_ms):
        for _ in range(8):
            await asyncio.sleep(0)
        clock.advance(1)


def test_an_item_at_its_instant():
    async def scene():
        clock = Clock(START_MS)
        out = AudioOut(clock)
        pcm = Reader(bytes(3200))
        assert await settle(out.play(pcm, 0, None, 9)) == "audio.closed"
        await out.open()
        assert await drive(clock, out.play(pcm, 0, START_MS + 50, 9)) == 1600
        assert out.heard == [Heard(START_MS + 50, 0, 1600, 9)]

    asyncio.run(scene())


def test_stop_gives_the_position_and_the_next_follows():
    async def scene():
        clock = Clock(START_MS)
        out = AudioOut(clock)
        await out.open()
        pcm = Reader(bytes(32000))
        task = asyncio.create_task(out.play(pcm, 100, None, 9))
        await pass_ms(clock, 30)
        assert out.is_sounding()
        await out.stop(15)
        assert await drive(clock, out.play(Reader(bytes(320)), 0, None, 5)) == 160
        assert 100 + 29 * 16 <= await task <= 100 + 31 * 16
        assert len(out.heard) == 2 and not out.is_sounding()
        waiting = asyncio.create_task(out.play(pcm, 7, START_MS + 999999, 9))
        await pass_ms(clock, 3)
        await out.stop(0)
        assert await waiting == 7

    asyncio.run(scene())


def test_a_lost_card():
    async def scene():
        clock = Clock(START_MS)
        out = AudioOut(clock)
        await out.open()
        task = asyncio.create_task(settle(out.play(Reader(bytes(32000)), 0, None, 9)))
        await pass_ms(clock, 10)
        out.unplug()
        assert await task == "audio.lost"
        assert await settle(out.open()) == "audio.missing"

    asyncio.run(scene())


def test_the_amplifier_falls_off_by_itself_and_proves_what_it_can():
    async def scene():
        clock = Clock(START_MS)
        out = AudioOut(clock)
        amplifier = Amplifier(clock, out)
        await amplifier.open()
        assert await settle(amplifier.renew(100)) == "amplifier.not_on"
        await amplifier.on(100)
        observed = await amplifier.observe()
        assert observed["milliwatts"] == IDLE_MILLIWATTS and evidence.grade(observed) == 2
        await out.open()
        task = asyncio.create_task(out.play(Reader(bytes(3200)), 0, None, 9))
        await pass_ms(clock, 50)
        observed = await amplifier.observe()
        assert observed["milliwatts"] == SPEECH_MILLIWATTS and evidence.grade(observed) == 3
        await amplifier.renew(100)
        await pass_ms(clock, 99)
        assert amplifier.coil() == 1
        await pass_ms(clock, 2)
        assert amplifier.coil() == 0 and (await amplifier.observe())["milliwatts"] == 0
        await task
        await amplifier.off()
        assert amplifier.switched == [(0, 0), (0, 1), (150, 0)]

    asyncio.run(scene())


def test_the_faults_of_an_amplifier():
    async def scene():
        clock = Clock(START_MS)
        amplifier = Amplifier(clock, None)
        amplifier.welded = True
        assert (await amplifier.observe())["milliwatts"] == IDLE_MILLIWATTS
        assert amplifier.take_faults()[0].code == "amplifier.welded"
        amplifier.deaf = True
        assert await settle(amplifier.on(100)) == "modbus.silent"
        assert "coil" not in await amplifier.observe()
        amplifier.metered = False
        assert evidence.grade(await amplifier.observe()) == 0

    asyncio.run(scene())
