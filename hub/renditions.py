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
from collections.abc import Callable, Sequence
from pathlib import Path

from hub.programs import run_bounded
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
# Between two languages of one alert.
BREATH_MS = 1000

PCM_MEDIA_TYPE = "audio/wav"
OPUS_MEDIA_TYPE = "audio/ogg; codecs=opus"

Rendition = namedtuple("Rendition", ("profile", "media_type", "sha256", "length", "duration_ms"))
"""One file of an item: `sha256` in hex, `length` in bytes."""


# What telephones, recorders, broadcasters and speech services send (`ffmpeg -demuxers`).
_CONTAINERS = "aac,aiff,amr,asf,avi,caf,flac,matroska,mov,mp3,mpegts,ogg,wav"
Cut = tuple[int, int | None]
"""Where a recording begins and ends (ms); None for its own end."""
WHOLE: Cut = (0, None)


async def make(
    source: Path,
    store: Callable[[Path], tuple[str, int]],
    folder: Path | None = None,
    cut: Cut = WHOLE,
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
        await decode(source, plain, cut)
        await _level(plain, levelled)
        await ffmpeg(
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


async def decode(source: Path, destination: Path, cut: Cut = WHOLE) -> None:
    """Decode a recording, or a cut of it, into 16 kHz mono PCM; raises as `make` does."""
    first_ms, last_ms = cut
    length_ms = (DURATION_S_MAX + 1) * 1000
    if last_ms is not None:
        length_ms = min(length_ms, max(0, last_ms - first_ms))
    try:
        await ffmpeg(
            [*outside(source), "-map", "0:a:0"]
            + ["-ss", f"{first_ms}ms", "-t", f"{length_ms}ms", "-ac", "1", "-ar", str(RATE_HZ)]
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


async def join(sources: Sequence[tuple[Path, Cut]], folder: Path) -> Path:
    """Put recordings one after another with a breath between; raises as `make` does."""
    joined = folder / "joined.wav"
    with wave.open(str(joined), "wb") as out:
        out.setparams((1, 2, RATE_HZ, 0, "NONE", ""))
        for number, (source, cut) in enumerate(sources):
            plain = folder / f"part-{number}.wav"
            await decode(source, plain, cut)
            await _level(plain, folder / f"levelled-{number}.wav")
            if number:
                out.writeframes(bytes(2 * RATE_HZ * BREATH_MS // 1000))
            with wave.open(str(folder / f"levelled-{number}.wav"), "rb") as part:
                while frames := part.readframes(RATE_HZ):
                    out.writeframes(frames)
    return joined


_TARGET = f"loudnorm=I={LOUDNESS_LUFS}:TP={TRUE_PEAK_DB}:LRA={LOUDNESS_RANGE_LU}"


async def loudness(source: Path) -> dict[str, str]:
    """Measure a recording as EBU R128 does; raises `RemoteFault("media.silent")`."""
    report = await ffmpeg(["-i", str(source), "-af", _TARGET + ":print_format=json"] + nowhere())
    found = re.findall(r"\{[^{}]*\}", report.decode("utf-8", "replace"))
    if not found:
        raise WorldFault("media.tool", "ffmpeg printed no loudness", "install ffmpeg with loudnorm")
    measured: dict[str, str] = json.loads(found[-1])
    if measured["input_i"] == "-inf":
        raise RemoteFault("media.silent", "audio: holds only silence", "record again")
    return measured


async def _level(source: Path, destination: Path) -> None:
    measured = await loudness(source)
    second = (
        f"{_TARGET}:measured_I={measured['input_i']}:measured_TP={measured['input_tp']}"
        f":measured_LRA={measured['input_lra']}:measured_thresh={measured['input_thresh']}"
        f":offset={measured['target_offset']}:linear=true"
    )
    await ffmpeg(
        ["-i", str(source), "-af", second, "-ac", "1", "-ar", str(RATE_HZ)]
        + ["-map_metadata", "-1", "-bitexact", "-c:a", "pcm_s16le", str(destination)]
    )


def nowhere() -> list[str]:
    """Return where ffmpeg writes what is only measured."""
    return ["-f", "null", "-"]


def outside(source: Path) -> list[str]:
    """Return how ffmpeg is told to read a file that others wrote: sound in itself alone.

    A playlist (HLS, ffconcat) would let it name other files of this machine.
    """
    return ["-protocol_whitelist", "file", "-format_whitelist", _CONTAINERS, "-i", str(source)]


async def ffmpeg(arguments: list[str]) -> bytes:
    """Run ffmpeg and return what it reported; raises `WorldFault("media.tool")`."""
    command = ["ffmpeg", "-nostdin", "-hide_banner", "-y", *arguments]
    return await run_bounded(command, b"", FFMPEG_TIMEOUT_S, "media.tool")


def _duration_ms(path: Path) -> int:
    with wave.open(str(path), "rb") as recording:
        return recording.getnframes() * 1000 // recording.getframerate()
