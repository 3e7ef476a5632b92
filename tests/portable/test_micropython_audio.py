"""Sound over I2S against the stand-in for `machine`, in virtual time, on every interpreter."""

import asyncio
import sys
from array import array

from hw import ports
from hw.sim import i2s, machine
from hw.sim.clock import Clock
from protocols.errors import Fault, WorldFault

# What was heard stands in the heap, some of it as samples once more.
HEAP_KB = 320
WALL_MS = 1795000000000
IBUF = 4096
LATENCY_MS = IBUF // 32
UNITY = 32767


def adapter():
    """Import the adapter with the stand-in in place of the interpreter's own module."""
    sys.modules["machine"] = machine
    from hw.micropython import audio

    return audio


class Pcm(ports.Reader):
    """Samples that count up, so that every place in them is known."""

    def __init__(self, count, fails_at=None):
        self.count = count
        self.at = 0
        self.fails_at = fails_at

    def read(self, count):
        if self.fails_at is not None and self.at >= self.fails_at:
            raise WorldFault("storage.io", "the card is gone", "put it back")
        count = min(count // 2, self.count - self.at)
        data = b"".join([(self.at + i + 1).to_bytes(2, "little") for i in range(count)])
        self.at += count
        return data

    def seek(self, position):
        self.at = position // 2

    def close(self):
        pass


class Stage:
    """An open output, and time that passes by the millisecond."""

    def __init__(self, clock, after_ms=0):
        self.clock = clock
        self.out = adapter().open_i2s("0:5:6:7", IBUF, clock, after_ms)

    async def open(self):
        await self.out.open()
        self.chip = i2s.sounds[0]
        self.started_ticks = self.clock.ticks_ms()
        await self.pass_ms(300)
        return self

    async def pass_ms(self, duration_ms):
        for _ in range(duration_ms):
            for _ in range(4):
                await asyncio.sleep(0)
            self.clock.advance(1)
            self.chip.play(32)

    def play(self, pcm, position=0, at_ms=None):
        return asyncio.create_task(settle(self.out.play(pcm, position, at_ms, UNITY)))

    def heard(self):
        """Return the sounding samples, and the wall time of the first."""
        samples = array("H")
        first = None
        for offset, data in self.chip.heard:
            for i in range(0, len(data), 2):
                sample = data[i] | data[i + 1] << 8
                if sample:
                    samples.append(sample)
                    if first is None:
                        first = offset + i
        return samples, self.clock.wall_ms() - (self.chip.count - first) // 32


async def settle(coroutine):
    try:
        return await coroutine
    except Fault as fault:
        return fault.code


def test_an_item_is_heard_at_its_instant_and_whole():
    async def scene():
        stage = await Stage(Clock(WALL_MS)).open()
        assert stage.chip.shape == (5, 16, 0, 16000)
        at_ms = stage.clock.wall_ms() + 400
        done = stage.play(Pcm(3200), 0, at_ms)
        await stage.pass_ms(400 + 200 - 10)
        assert not done.done()
        await stage.pass_ms(60)
        assert done.done() and await done == 3200
        samples, first_ms = stage.heard()
        assert samples == array("H", range(1, 3201))
        assert abs(first_ms - at_ms) <= 3
        assert stage.chip.dry == 0 and stage.out.slips == 0
        await stage.out.close()
        assert not stage.chip.is_open

    asyncio.run(scene())


def test_what_the_board_adds_is_made_up_for():
    async def scene():
        stage = await Stage(Clock(WALL_MS), 40).open()
        at_ms = stage.clock.wall_ms() + 400
        done = stage.play(Pcm(800), 0, at_ms)
        await stage.pass_ms(600)
        assert await done == 800
        samples, first_ms = stage.heard()
        assert samples == array("H", range(1, 801))
        assert abs(first_ms + 40 - at_ms) <= 3
        await stage.out.close()

    asyncio.run(scene())


def test_a_stop_fades_and_tells_the_position_and_the_next_goes_on_there():
    async def scene():
        stage = await Stage(Clock(WALL_MS)).open()
        done = stage.play(Pcm(4000))
        await stage.pass_ms(LATENCY_MS + 50)
        await stage.out.stop(10)
        await stage.pass_ms(LATENCY_MS + 50)
        position = await done
        # What stood in the buffers is heard before the fade.
        assert 50 * 16 < position < (50 + LATENCY_MS + 60) * 16
        samples, _ = stage.heard()
        assert len(samples) <= position and samples[:800] == array("H", range(1, 801))
        again = stage.play(Pcm(4000), position)
        await stage.pass_ms(2 * LATENCY_MS + 200)
        assert await again == 4000
        assert stage.heard()[0][-1] == 4000
        await stage.out.close()

    asyncio.run(scene())


def test_a_late_interpreter_runs_dry_and_is_on_time_again():
    async def scene():
        stage = await Stage(Clock(WALL_MS)).open()
        # Half a second in which nothing but the chip goes on.
        for _ in range(500):
            stage.clock.advance(1)
            stage.chip.play(32)
        assert stage.chip.dry > 0
        await stage.pass_ms(9000)
        dry = stage.chip.dry
        at_ms = stage.clock.wall_ms() + 300
        done = stage.play(Pcm(1600), 0, at_ms)
        await stage.pass_ms(600)
        assert await done == 1600 and stage.chip.dry == dry
        samples, first_ms = stage.heard()
        assert samples == array("H", range(1, 1601)) and abs(first_ms - at_ms) <= 3
        await stage.out.close()

    asyncio.run(scene())


def test_what_fails_is_told():
    async def scene():
        clock = Clock(WALL_MS)
        audio = adapter()
        for port in ("", "0", "0:1:2", "0:1:2:x"):
            try:
                audio.open_i2s(port, IBUF, clock)
            except Fault as fault:
                assert fault.code == "config.audio"
            else:
                raise AssertionError(port)
        assert await settle(audio.open_i2s("7:1:2:3", IBUF, clock).open()) == "audio.missing"
        closed = audio.open_i2s("0:1:2:3", IBUF, clock)
        assert await settle(closed.play(Pcm(1), 0, None, UNITY)) == "audio.closed"
        stage = await Stage(clock).open()
        lost = stage.play(Pcm(1600, 800))
        await stage.pass_ms(500)
        assert await lost == "storage.io"
        playing = stage.play(Pcm(16000))
        await stage.pass_ms(200)
        stage.chip.broken = True
        await stage.pass_ms(100)
        assert await playing == "audio.lost"
        assert await settle(stage.out.play(Pcm(1), 0, None, UNITY)) == "audio.lost"
        await stage.out.open()
        stage.chip = i2s.sounds[0]
        again = stage.play(Pcm(160))
        await stage.pass_ms(400)
        assert await again == 160
        await stage.out.close()

    asyncio.run(scene())
