"""The stream's thread against sinks made for it: drift, underrun, lost and returning cards."""

import asyncio
import io
import random
import struct
import threading
import time

import pytest

from hw.linux.audio_stream import RATE_HZ, Sink, StreamOut, _Voice
from hw.linux.clock import Clock
from protocols.errors import WorldFault
from protocols.mixer import Source

UNITY = 32767
WRAP = 28000


class Counting(Source):
    """Give endless samples that tell their own position."""

    def __init__(self) -> None:
        self.next = 0
        self.cycle = struct.pack("<%dh" % WRAP, *range(WRAP)) * 2

    def read(self, count: int) -> bytes:
        start = self.next % WRAP * 2
        self.next += count // 2
        return self.cycle[start : start + count]


async def worst_drift_ms(ppm: float, seconds: int, jitter: int, *, seed: int = 1) -> float:
    """Play on a card whose crystal is off; return the worst error against the wall clock."""
    rng = random.Random(seed)
    out = StreamOut(Sink(), Clock())
    voice = _Voice(Counting(), 0, 10**9, UNITY)
    started = None
    worst = 0.0
    for block in range(seconds * 100):
        if block == 50:
            out._mixer.add(voice)
        heard_s = block * 160 / RATE_HZ / (1 + ppm / 1e6)
        seen_s = heard_s + rng.uniform(-jitter, jitter) / RATE_HZ
        samples = struct.unpack("<160h", out._block(160, int(seen_s * 1e9)))
        if started is None:
            if any(samples):
                started = block
                # Sample 1 is the first that is not zero; sample 0 was due at one second.
                error = heard_s * RATE_HZ + samples.index(1) - 1 - RATE_HZ
                worst = abs(error) / RATE_HZ * 1000
            continue
        due = (heard_s - 1) * RATE_HZ
        error = (samples[0] - due + WRAP / 2) % WRAP - WRAP / 2
        worst = max(worst, abs(error) / RATE_HZ * 1000)
    assert started is not None
    return worst


@pytest.mark.parametrize("ppm", [-200, 0, 200])
async def test_a_drifting_card_stays_on_the_wall_clock(ppm):
    assert await worst_drift_ms(ppm, 60, jitter=8) < 0.3


async def test_a_step_of_the_wall_clock_is_not_chased():
    out = StreamOut(Sink(), Clock())
    out._mixer.add(_Voice(Counting(), 0, None, UNITY))
    for block in range(400):
        step_ns = 10**12 if block >= 200 else 0
        out._block(160, block * 10**7 + step_ns)
    assert out.slips == 0


class Card(Sink):
    """Pace in real time; go away and come back as told; keep every sample."""

    drifts = False

    def __init__(self) -> None:
        self.plugged = True
        self.heard: list[bytes] = []
        self.opened = 0
        self._next_s = 0.0

    def open(self) -> None:
        if not self.plugged:
            raise WorldFault("audio.missing", "unplugged", "plug it in")
        self.opened += 1
        self._next_s = time.monotonic()

    def pace(self) -> tuple[int, int]:
        if not self.plugged:
            raise WorldFault("audio.lost", "unplugged", "plug it in")
        time.sleep(max(self._next_s - time.monotonic(), 0))
        self._next_s += 0.01
        return 160, time.time_ns()

    def write(self, data: bytes) -> None:
        self.heard.append(data)

    def close(self) -> None:
        """Keep what was heard."""


def ramp(count: int) -> bytes:
    return struct.pack("<%dh" % count, *range(1, count + 1))


async def test_an_item_goes_on_where_it_was_when_the_card_returns(monkeypatch):
    monkeypatch.setattr("hw.linux.audio_stream.RETRY_S", 0.05)
    card = Card()
    out = StreamOut(card, Clock(), patience_s=3)
    await out.open()
    playing = asyncio.create_task(out.play(io.BytesIO(ramp(8000)), 0, None, UNITY))
    await asyncio.sleep(0.2)
    card.plugged = False
    await asyncio.sleep(0.3)
    card.plugged = True
    assert await playing == 8000
    await out.close()
    data = b"".join(card.heard)
    samples = [s for s in struct.unpack("<%dh" % (len(data) // 2), data) if s]
    assert samples == list(range(1, 8001))
    assert out.losses == 1 and card.opened == 2


async def test_a_card_that_stays_away_fails_the_item_and_is_tried_on(monkeypatch):
    monkeypatch.setattr("hw.linux.audio_stream.RETRY_S", 0.05)
    card = Card()
    out = StreamOut(card, Clock(), patience_s=0.2)
    await out.open()
    playing = asyncio.create_task(out.play(io.BytesIO(ramp(8000)), 0, None, UNITY))
    await asyncio.sleep(0.1)
    card.plugged = False
    with pytest.raises(WorldFault) as caught:
        await asyncio.wait_for(playing, 2)
    assert caught.value.code == "audio.lost"
    with pytest.raises(WorldFault):
        await out.play(io.BytesIO(ramp(10)), 0, None, UNITY)
    card.plugged = True
    await asyncio.sleep(0.3)
    assert await out.play(io.BytesIO(ramp(10)), 0, None, UNITY) == 10
    await out.close()


async def test_no_card_at_boot_then_one(monkeypatch):
    monkeypatch.setattr("hw.linux.audio_stream.RETRY_S", 0.05)
    card = Card()
    card.plugged = False
    out = StreamOut(card, Clock())
    with pytest.raises(WorldFault) as caught:
        await out.open()
    assert caught.value.code == "audio.missing"
    card.plugged = True
    await asyncio.sleep(0.2)
    assert await out.play(io.BytesIO(ramp(10)), 0, None, UNITY) == 10
    await out.close()


class SlowFile(io.BytesIO):
    """A file whose first read takes as long as the test wants."""

    def __init__(self, data: bytes) -> None:
        super().__init__(data)
        self.reading = threading.Event()
        self.go_on = threading.Event()

    def read(self, count: int = -1) -> bytes:
        self.reading.set()
        self.go_on.wait(5)
        return super().read(count)


@pytest.mark.parametrize("end", ["stop", "close"])
async def test_a_stop_while_the_file_is_slow_to_begin_is_not_lost(end):
    card = Card()
    out = StreamOut(card, Clock())
    await out.open()
    slow = SlowFile(ramp(8000))
    playing = asyncio.create_task(out.play(slow, 100, None, UNITY))
    await asyncio.to_thread(slow.reading.wait)
    await (out.stop(10) if end == "stop" else out.close())
    slow.go_on.set()
    assert await asyncio.wait_for(playing, 1) == 100
    if end == "stop":
        assert await out.play(io.BytesIO(ramp(10)), 0, None, UNITY) == 10
        await out.close()
    heard = b"".join(card.heard)
    assert heard.count(b"\x01\x00\x02\x00") == (end == "stop")
    assert not any(sample > 10 for sample in struct.unpack("<%dh" % (len(heard) // 2), heard))


async def test_a_stopped_item_lets_go_of_its_file_at_once():
    out = StreamOut(Card(), Clock())
    await out.open()
    playing = asyncio.create_task(out.play(io.BytesIO(bytes(3200000)), 0, None, UNITY))
    await asyncio.sleep(0.1)
    started_s = time.monotonic()
    await out.stop(0)
    await playing
    assert time.monotonic() - started_s < 0.5
    await out.close()


class Stuck(Card):
    """Take no block any more once told, as a driver that hangs in the kernel."""

    def __init__(self) -> None:
        super().__init__()
        self.free = threading.Event()
        self.free.set()

    def write(self, data: bytes) -> None:
        self.free.wait(30)
        super().write(data)


async def test_the_beats_tell_whether_the_card_is_fed():
    card = Stuck()
    out = StreamOut(card, Clock())
    await out.open()
    try:
        async with asyncio.timeout(10):
            while not out.beats():
                await asyncio.sleep(0.01)
        card.free.clear()
        await asyncio.sleep(0.1)
        stopped = out.beats()
        await asyncio.sleep(0.1)
        assert out.beats() == stopped
        card.free.set()
        async with asyncio.timeout(10):
            while out.beats() == stopped:
                await asyncio.sleep(0.01)
    finally:
        card.free.set()
        await out.close()
