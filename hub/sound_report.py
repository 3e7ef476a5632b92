"""What is to say about a recording before it is used: loudness, clipping, its shape."""

import asyncio
import re
import wave
from array import array
from pathlib import Path
from typing import Any

from hub import renditions
from protocols.errors import WorldFault

# Bars of the drawn shape: one for about two pixels on a telephone.
BARS = 180
# Speech below this needs so much gain that its noise is heard; above that it was recorded too hot.
QUIET_LUFS, LOUD_LUFS = -32.0, -9.0
# Samples this close to full scale, several in a row, were cut off by the recorder.
CLIPPED_DB = -0.3
CLIPPED_FLAT = 1.0


async def inspect(source: Path, folder: Path) -> dict[str, Any]:
    """Return `duration_ms`, `lufs`, `peak_db`, `clipped`, and `bars` (0 to 100) of a recording.

    Raises what `hub.renditions.decode` raises.
    """
    plain = folder / "plain.wav"
    await renditions.decode(source, plain)
    measured = await renditions.loudness(plain)
    statistics = await renditions.ffmpeg(
        [*renditions.outside(source), "-map", "0:a:0"]
        + ["-af", "astats=measure_perchannel=none"]
        + renditions.nowhere()
    )
    peak_db = _statistic(statistics, "Peak level dB")
    flat = _statistic(statistics, "Flat factor")
    duration_ms, bars = await asyncio.to_thread(_shape, plain)
    return {
        "duration_ms": duration_ms,
        "lufs": round(float(measured["input_i"]), 1),
        "peak_db": round(peak_db, 1),
        "clipped": peak_db >= CLIPPED_DB and flat >= CLIPPED_FLAT,
        "bars": bars,
    }


def _statistic(report: bytes, name: str) -> float:
    found = re.findall(rf"{name}: (-?[0-9.]+|-?inf|nan)", report.decode("utf-8", "replace"))
    if not found:
        raise WorldFault("media.tool", f"ffmpeg printed no {name}", "Install Debian's ffmpeg.")
    value = found[-1]
    return -120.0 if value in ("-inf", "nan") else float(value)


def _shape(path: Path) -> tuple[int, list[int]]:
    with wave.open(str(path), "rb") as recording:
        frames = recording.getnframes()
        rate = recording.getframerate()
        step = max(1, -(-frames // BARS))
        bars = []
        for _ in range(0, frames, step):
            samples = array("h", recording.readframes(step))
            bars.append(max(max(samples, default=0), -min(samples, default=0)) * 100 // 32768)
    return frames * 1000 // rate, bars


def judged(report: dict[str, Any]) -> str:
    """Return what an author should know: `clipped`, `quiet`, `loud` or `good`."""
    if report["clipped"]:
        return "clipped"
    if report["lufs"] < QUIET_LUFS:
        return "quiet"
    return "loud" if report["lufs"] > LOUD_LUFS else "good"
