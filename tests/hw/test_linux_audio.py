"""The stream on both sinks of Linux: what stands in the file, sample by sample, and when."""

import asyncio
import io
import struct
import time

import pytest

from hw.linux.audio import AlsaOut, WavOut
from hw.linux.audio_stream import RATE_HZ
from hw.linux.clock import Clock
from protocols import wav
from protocols.errors import Fault, LocalFault, WorldFault

UNITY = 32767


def ramp(count: int, first: int = 1) -> bytes:
    """Give samples that all differ, so that each tells its own position."""
    return struct.pack("<%dh" % count, *range(first, first + count))


def heard(path) -> tuple[list[int], float]:
    """Return the samples of a WAV and the wall time (ms) of the first."""
    data = path.read_bytes()
    head = wav.read_head(data)
    body = data[head.data_offset : head.data_offset + head.data_bytes]
    # Samples are appended before the head says so: a growing file may be ahead of it.
    assert len(data) >= head.data_offset + head.data_bytes
    return list(struct.unpack("<%dh" % (len(body) // 2), body)), head.started_ms


def now_ms() -> int:
    return time.time_ns() // 1000000


class Out:
    """Open a WAV output for one test."""

    def __init__(self, path, **options):
        self.out = WavOut(str(path), Clock(), **options)

    async def __aenter__(self) -> WavOut:
        await self.out.open()
        return self.out

    async def __aexit__(self, *exc):
        await self.out.close()


async def test_an_item_stands_at_its_instant_to_the_sample(tmp_path):
    async with Out(tmp_path / "a.wav") as out:
        at_ms = now_ms() + 150
        assert await out.play(io.BytesIO(ramp(4000)), 0, at_ms, UNITY) == 4000
        assert now_ms() >= at_ms + 249
    samples, started_ms = heard(tmp_path / "a.wav")
    first = samples.index(1)
    assert started_ms + first * 1000 / RATE_HZ == pytest.approx(at_ms, abs=1)
    assert samples[first : first + 4000] == list(range(1, 4001))
    assert not any(samples[:first]) and not any(samples[first + 4000 :])


async def test_interrupt_and_resume_at_the_position(tmp_path):
    programme, alert = ramp(16000), struct.pack("<1600h", *([-20000] * 1600))
    async with Out(tmp_path / "a.wav") as out:
        playing = asyncio.create_task(out.play(io.BytesIO(programme), 0, None, UNITY))
        await asyncio.sleep(0.2)
        decided_ms = now_ms()
        await out.stop(15)
        assert await out.play(io.BytesIO(alert), 0, None, UNITY) == 1600
        position = await playing
        assert 2400 <= position <= 5000
        resumed = asyncio.create_task(out.play(io.BytesIO(programme), position, None, UNITY))
        await asyncio.sleep(0.2)
        await out.stop(0)
        assert await resumed > position
    samples, started_ms = heard(tmp_path / "a.wav")
    alert_first = samples.index(-20000)
    assert started_ms + alert_first / 16 - decided_ms <= 50
    before = [s for s in samples[:alert_first] if s]
    assert before[: position - 240] == list(range(1, position - 239))
    assert before[-1] < 300
    assert samples[alert_first : alert_first + 1600] == [-20000] * 1600
    rest = samples[alert_first + 1600 :]
    full = rest.index(position + 161)
    end = position + 161
    while full < len(rest) and rest[full]:
        assert rest[full] == end
        full, end = full + 1, end + 1
    assert end > position + 1000


async def test_an_item_that_waits_is_given_up_by_stop(tmp_path):
    async with Out(tmp_path / "a.wav") as out:
        waiting = asyncio.create_task(out.play(io.BytesIO(ramp(100)), 7, now_ms() + 60000, UNITY))
        await asyncio.sleep(0.1)
        await out.stop(100)
        assert await asyncio.wait_for(waiting, 1) == 7
    assert not any(heard(tmp_path / "a.wav")[0])


async def test_gain_is_a_ceiling_and_can_change(tmp_path):
    async with Out(tmp_path / "a.wav") as out:
        source = io.BytesIO(struct.pack("<8000h", *([10000] * 8000)))
        playing = asyncio.create_task(out.play(source, 0, None, 16384))
        await asyncio.sleep(0.2)
        out.set_gain(3277)
        await playing
    samples = [s for s in heard(tmp_path / "a.wav")[0] if s]
    assert samples[100] == 5000 and samples[-1] == 1000 and max(samples) == 5000


async def test_the_file_is_valid_while_it_grows_and_its_size_is_bounded(tmp_path):
    path = tmp_path / "a.wav"
    path.write_bytes(b"earlier run")
    async with Out(path, bytes_max=16000) as out:
        await asyncio.sleep(0.3)
        assert (tmp_path / "a.wav.1").read_bytes() == b"earlier run"
        samples, started_ms = heard(path)
        assert started_ms == out.started_wall_ms()
        assert abs(started_ms + len(samples) / 16 - now_ms()) < 60
        await asyncio.sleep(0.5)
        assert path.stat().st_size <= 16000
        older, older_ms = heard(tmp_path / "a.wav.1")
        assert older_ms + len(older) / 16 == pytest.approx(out.started_wall_ms(), abs=1)
    assert sorted(p.name for p in tmp_path.iterdir()) == ["a.wav", "a.wav.1"]


async def test_a_stalled_event_loop_is_not_heard(tmp_path):
    async with Out(tmp_path / "a.wav") as out:
        playing = asyncio.create_task(out.play(io.BytesIO(ramp(8000)), 0, now_ms() + 50, UNITY))
        await asyncio.sleep(0.1)
        time.sleep(0.3)
        assert await playing == 8000
    samples = heard(tmp_path / "a.wav")[0]
    first = samples.index(1)
    assert samples[first : first + 8000] == list(range(1, 8001))


async def test_a_cancelled_play_ends_and_the_stream_goes_on(tmp_path):
    async with Out(tmp_path / "a.wav") as out:
        playing = asyncio.create_task(out.play(io.BytesIO(ramp(16000)), 0, None, UNITY))
        await asyncio.sleep(0.1)
        playing.cancel()
        with pytest.raises(asyncio.CancelledError):
            await playing
        assert await out.play(io.BytesIO(ramp(160, 20000)), 0, None, UNITY) == 160


async def test_close_returns_the_position_reached(tmp_path):
    out = WavOut(str(tmp_path / "a.wav"), Clock())
    with pytest.raises(LocalFault):
        await out.play(io.BytesIO(b""), 0, None, UNITY)
    await out.open()
    playing = asyncio.create_task(out.play(io.BytesIO(ramp(16000)), 0, None, UNITY))
    await asyncio.sleep(0.15)
    await out.close()
    assert 0 < await asyncio.wait_for(playing, 1) < 16000
    await out.close()


class BrokenDisk(io.BytesIO):
    """Fail in the middle of the file."""

    def read(self, count=-1):
        if self.tell() >= 16000:
            raise WorldFault("storage.read", "bad sector", "replace the card")
        return super().read(count)


async def test_a_read_fault_reaches_the_caller_after_what_was_read(tmp_path):
    async with Out(tmp_path / "a.wav") as out:
        with pytest.raises(WorldFault) as caught:
            await out.play(BrokenDisk(bytes(64000)), 0, None, UNITY)
        assert caught.value.code == "storage.read"


async def test_a_folder_that_is_missing_is_named_and_the_stream_comes_back(tmp_path):
    out = WavOut(str(tmp_path / "none" / "a.wav"), Clock())
    with pytest.raises(WorldFault) as caught:
        await out.open()
    assert caught.value.code == "audio.missing"
    with pytest.raises(WorldFault):
        await out.play(io.BytesIO(ramp(10)), 0, None, UNITY)
    (tmp_path / "none").mkdir()
    await asyncio.sleep(0.8)
    assert await out.play(io.BytesIO(ramp(10)), 0, None, UNITY) == 10
    await out.close()


async def test_alsa_file_device_gets_exactly_the_stream(tmp_path):
    path = tmp_path / "a.raw"
    out = AlsaOut(("no-such-card", "file:%s,raw" % path), Clock())
    await out.open()
    assert out.sink.device.startswith("file:")
    at_ms = now_ms() + 100
    assert await out.play(io.BytesIO(ramp(4000)), 0, at_ms, UNITY) == 4000
    assert -5 <= now_ms() - at_ms - 250 <= 200
    await out.close()
    data = path.read_bytes()
    samples = list(struct.unpack("<%dh" % (len(data) // 2), data))
    first = samples.index(1)
    assert samples[first : first + 4000] == list(range(1, 4001))
    assert not any(samples[:first]) and not any(samples[first + 4000 :])


async def test_no_card_is_missing():
    out = AlsaOut(("no-such-card",), Clock())
    with pytest.raises(Fault) as caught:
        await out.open()
    assert caught.value.code == "audio.missing" and "no-such-card" in caught.value.message
    await out.close()
