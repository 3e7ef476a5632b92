"""Every audio output plays from a position, at an instant, and stops where it says."""

import asyncio
import io
import time

import pytest

from hw.linux.audio import AlsaOut, WavOut
from hw.linux.clock import Clock
from hw.sim.audio import AudioOut as SimOut
from protocols.errors import LocalFault


@pytest.fixture(params=["wav", "alsa", "sim"])
def out(request, tmp_path):
    made = {
        "wav": lambda: WavOut(str(tmp_path / "a.wav"), Clock()),
        "alsa": lambda: AlsaOut(("null",), Clock()),
        "sim": lambda: SimOut(Clock()),
    }
    return made[request.param]()


def now_ms() -> int:
    return time.time_ns() // 1000000


async def test_plays_to_the_end_at_the_instant(out):
    await out.open()
    at_ms = now_ms() + 100
    assert await out.play(io.BytesIO(bytes(3200)), 400, at_ms, 32767) == 1600
    assert at_ms + 74 <= now_ms() < at_ms + 600
    assert await out.play(io.BytesIO(bytes(3200)), 1600, None, 32767) == 1600
    await out.close()


async def test_stop_returns_the_position_and_a_follower_comes_after(out):
    await out.open()
    first = asyncio.create_task(out.play(io.BytesIO(bytes(320000)), 50, None, 32767))
    await asyncio.sleep(0.2)
    out.set_gain(1000)
    await out.stop(20)
    assert await out.play(io.BytesIO(bytes(320)), 0, None, 32767) == 160
    assert 50 + 1000 < await first < 50 + 16000
    await out.close()


async def test_stop_before_the_instant_and_when_idle(out):
    await out.open()
    await out.stop(10)
    waiting = asyncio.create_task(out.play(io.BytesIO(bytes(99)), 3, now_ms() + 99999, 32767))
    await asyncio.sleep(0.1)
    await out.stop(10)
    assert await asyncio.wait_for(waiting, 2) == 3
    await out.close()


async def test_closed_refuses(out):
    with pytest.raises(LocalFault) as caught:
        await out.play(io.BytesIO(bytes(2)), 0, None, 32767)
    assert caught.value.code == "audio.closed"
    await out.close()
