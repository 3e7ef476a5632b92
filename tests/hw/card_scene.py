"""Play on the virtual card named `card`; print what was asked as JSON. Run by test_alsa_card."""

import asyncio
import io
import json
import os
import signal
import struct
import subprocess
import sys
import time
from pathlib import Path

from hw.linux.audio import AlsaOut
from hw.linux.clock import Clock

UNITY = 32767


def ramp(count: int) -> bytes:
    return struct.pack("<%dh" % count, *[1 + i % 28000 for i in range(count)])


def now_ms() -> int:
    return time.time_ns() // 1000000


async def starts(out: AlsaOut, count: int, first_ms: int) -> dict[str, object]:
    """Play short items, each at its instant: soon, or every 150 ms from a first one on."""
    times = []
    for number in range(count):
        times.append(first_ms + 150 * number if first_ms else now_ms() + 120)
        await out.play(io.BytesIO(ramp(400)), 0, times[-1], UNITY)
    return {"at_ms": times}


async def long_item(out: AlsaOut, seconds: int, at_ms: int) -> dict[str, object]:
    """Play one item at an instant, or soon when 0."""
    at_ms = at_ms or now_ms() + 300
    position = await out.play(io.BytesIO(ramp(seconds * 16000)), 0, at_ms, UNITY)
    return {"at_ms": at_ms, "position": position}


async def back_to_back(out: AlsaOut) -> dict[str, object]:
    """Play three items of which each is handed over while the one before it sounds."""
    pieces = [ramp(24000)[at : at + 16000] for at in (0, 16000, 32000)]
    at_ms = now_ms() + 200
    playing = [asyncio.create_task(out.play(io.BytesIO(pieces[0]), 0, at_ms, UNITY))]
    for piece in pieces[1:]:
        await asyncio.sleep(0.3)
        playing.append(asyncio.create_task(out.play(io.BytesIO(piece), 0, None, UNITY)))
    return {"at_ms": at_ms, "positions": [await one for one in playing]}


async def stalled(out: AlsaOut) -> dict[str, object]:
    """Play while the whole process stands still for a while."""
    stop = "import os, signal, time; time.sleep(0.5); os.kill(%d, signal.SIGSTOP); "
    stop += "time.sleep(0.4); os.kill(%d, signal.SIGCONT)"
    helper = subprocess.Popen([sys.executable, "-c", stop % (os.getpid(), os.getpid())])
    position = await out.play(io.BytesIO(ramp(24000)), 0, None, UNITY)
    helper.wait()
    return {"position": position}


async def unplugged(out: AlsaOut, gone: Path) -> dict[str, object]:
    """Play while the card is pulled out and put back."""
    playing = asyncio.create_task(out.play(io.BytesIO(ramp(24000)), 0, None, UNITY))
    await asyncio.sleep(0.5)
    gone.touch()
    spare = Path(str(gone) + ".spare")
    spare.touch()
    await asyncio.sleep(0.7)
    gone.unlink()
    return {"position": await playing}


async def other_card(out: AlsaOut, gone: Path) -> dict[str, object]:
    """Play while the card is pulled out for good."""
    playing = asyncio.create_task(out.play(io.BytesIO(ramp(24000)), 0, None, UNITY))
    await asyncio.sleep(0.5)
    gone.touch()
    return {"position": await playing, "device": out.sink.device}


async def interrupt(out: AlsaOut) -> dict[str, object]:
    """Let an alert interrupt an item; print when that was decided."""
    playing = asyncio.create_task(out.play(io.BytesIO(ramp(28000)), 0, None, UNITY))
    await asyncio.sleep(0.5)
    decided_ms = time.time_ns() / 1e6
    await out.stop(15)
    alert = struct.pack("<1600h", *([-9000] * 1600))
    await out.play(io.BytesIO(alert), 0, None, UNITY)
    return {"decided_ms": decided_ms, "position": await playing}


async def main() -> None:
    signal.signal(signal.SIGCONT, signal.SIG_DFL)
    name, *arguments = sys.argv[1:]
    latency_us = int(os.environ.get("CARD_LATENCY_US", "0"))
    out = AlsaOut(("card", "spare"), Clock(), latency_us=latency_us)
    await out.open()
    if name == "starts":
        result = await starts(out, int(arguments[0]), int((arguments + ["0"])[1]))
    elif name == "long":
        result = await long_item(out, int(arguments[0]), int((arguments + ["0"])[1]))
    elif name == "back_to_back":
        result = await back_to_back(out)
    elif name == "stalled":
        result = await stalled(out)
    elif name == "unplugged":
        result = await unplugged(out, Path(arguments[0]))
    elif name == "other":
        result = await other_card(out, Path(arguments[0]))
    else:
        result = await interrupt(out)
    await out.close()
    result.update(drifts=out.sink.drifts, underruns=out.sink.underruns)
    status = Path("/proc/self/status").read_text()
    peak_kb = int(status.split("VmHWM:")[1].split()[0])
    result.update(losses=out.losses, slips=out.slips, peak_kb=peak_kb)
    print(json.dumps(result))


if __name__ == "__main__":
    asyncio.run(main())
