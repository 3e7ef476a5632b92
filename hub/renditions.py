"""Renditions: one recording becomes the files that nodes play.

Loudness follows EBU R128 (two passes of ffmpeg's `loudnorm`), so that a whispering recording and a
shouting one sound alike in the street. Every profile is made from the same normalised PCM: what the
approver hears is what plays.
"""

import asyncio
import json
import re
import tempfile
import wave
from collections import namedtuple
from collections.abc import Callable
from pathlib import Path

from hub.speech import run_bounded
from protocols.errors import RemoteFault, WorldFault

# R128 asks for -23 LUFS in a studio; horn loudspeakers have little dynamic range, so speech is
# brought to the -16 LUFS usual for mobile listening, with peaks at -1.5 dB true peak.
LOUDNESS_LUFS = -16
TRUE_PEAK_DB = -1.5
LOUDNESS_RANGE_LU = 11
RATE_HZ = 16_000
OPUS_BITS_PER_S = 24_000
# Two hours is the whole broadcasting day of a commune (DOMAIN: 2 h a day).
DURATION_S_MAX = 2 * 3600
FFMPEG_TIMEOUT_S = 600

PCM_MEDIA_TYPE = "audio/wav"
OPUS_MEDIA_TYPE = "audio/ogg; codecs=opus"

Rendition = namedtuple("Rendition", ("profile", "media_type", "sha256", "length", "duration_ms"))
"""One file of an item: `sha256` in hex, `length` in bytes."""


async def make(
    source: Path, store: Callable[[Path], tuple[str, int]], folder: Path | None = None
) -> list[Rendition]:
    """Make every audio rendition of a recording and hand each file to `store`.

    `store(path)` keeps a file and returns its SHA-256 (hex) and length in bytes. Raises
    RemoteFault `media.undecodable`, `media.silent` or `media.too_long` for a source that is no
    audio or cannot be aired, WorldFault `media.tool` when ffmpeg is missing or hangs.
    """
    with tempfile.TemporaryDirectory(dir=folder) as scratch:
        plain = Path(scratch) / "plain.wav"
        levelled = Path(scratch) / "levelled.wav"
        opus = Path(scratch) / "item.opus"
        await _decode(source, plain)
        await _level(plain, levelled)
        await _ffmpeg(
            ["-i", str(levelled), "-c:a", "libopus", "-b:a", str(OPUS_BITS_PER_S)]
            + ["-application", "voip", "-f", "ogg", str(opus)]
        )
        duration_ms = _duration_ms(levelled)
        renditions = []
        for profile, media_type, path in (
            ("opus", OPUS_MEDIA_TYPE, opus),
            ("pcm16", PCM_MEDIA_TYPE, levelled),
        ):
            sha256, length = await asyncio.to_thread(store, path)
            renditions.append(Rendition(profile, media_type, sha256, length, duration_ms))
        return renditions


async def _decode(source: Path, destination: Path) -> None:
    try:
        await _ffmpeg(
            ["-protocol_whitelist", "file", "-i", str(source), "-map", "0:a:0"]
            + ["-t", str(DURATION_S_MAX + 1), "-ac", "1", "-ar", str(RATE_HZ)]
            + ["-map_metadata", "-1", "-bitexact", "-c:a", "pcm_s16le", str(destination)]
        )
    except WorldFault as fault:
        if "did not finish" in fault.message or "not installed" in fault.message:
            raise
        raise RemoteFault(
            "media.undecodable",
            "audio: " + fault.message,
            "send a recording that plays on this computer, such as MP3, M4A, WAV or Opus",
        ) from fault
    duration_ms = _duration_ms(destination)
    if duration_ms == 0:
        raise RemoteFault("media.silent", "audio: holds no sound", "record again")
    if duration_ms > DURATION_S_MAX * 1000:
        raise RemoteFault(
            "media.too_long",
            "audio: longer than %d minutes" % (DURATION_S_MAX // 60),
            "split it into several bulletins",
        )


async def _level(source: Path, destination: Path) -> None:
    target = f"loudnorm=I={LOUDNESS_LUFS}:TP={TRUE_PEAK_DB}:LRA={LOUDNESS_RANGE_LU}"
    report = await _ffmpeg(["-i", str(source), "-af", target + ":print_format=json"] + _nowhere())
    found = re.findall(r"\{[^{}]*\}", report.decode("utf-8", "replace"))
    if not found:
        raise WorldFault("media.tool", "ffmpeg printed no loudness", "install ffmpeg with loudnorm")
    measured = json.loads(found[-1])
    if measured["input_i"] == "-inf":
        raise RemoteFault("media.silent", "audio: holds only silence", "record again")
    second = (
        f"{target}:measured_I={measured['input_i']}:measured_TP={measured['input_tp']}"
        f":measured_LRA={measured['input_lra']}:measured_thresh={measured['input_thresh']}"
        f":offset={measured['target_offset']}:linear=true"
    )
    await _ffmpeg(
        ["-i", str(source), "-af", second, "-ac", "1", "-ar", str(RATE_HZ)]
        + ["-map_metadata", "-1", "-bitexact", "-c:a", "pcm_s16le", str(destination)]
    )


def _nowhere() -> list[str]:
    return ["-f", "null", "-"]


async def _ffmpeg(arguments: list[str]) -> bytes:
    command = ["ffmpeg", "-nostdin", "-hide_banner", "-y", *arguments]
    return await run_bounded(command, b"", FFMPEG_TIMEOUT_S, "media.tool")


def _duration_ms(path: Path) -> int:
    with wave.open(str(path), "rb") as recording:
        return recording.getnframes() * 1000 // recording.getframerate()
