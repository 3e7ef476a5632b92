"""Decode media to 16 kHz mono PCM with ffmpeg, in a fence.

ffmpeg gets the bytes through a pipe and may open nothing else, only the demuxer that the signed
media type names, one thread, and bounded time, processor time, memory and output. A WAV that needs
no conversion is copied without it.
"""

import asyncio
import contextlib
import resource

from hw import ports
from hw.wav_decoder import RATE_HZ, copy_samples, open_source, read_head
from protocols.errors import RemoteFault, WorldFault
from protocols.limits import PCM_BYTES_MAX

# By the media type before its parameters: ffmpeg's demuxer.
_DEMUXERS = {"audio/ogg": "ogg", "audio/opus": "ogg", "audio/mpeg": "mp3", "audio/wav": "wav"}
# The slowest board seen decodes Opus 20 times faster than it sounds: two hours in six minutes.
TIME_S_MAX = 600
_MEMORY_BYTES_MAX = 1024 * 1024 * 1024
_PIECE_BYTES = 64 * 1024
_ERROR_BYTES_MAX = 2000


class Decoder(ports.Decoder):
    """Run ffmpeg once per file, at install time."""

    def __init__(self, *, time_s_max: float = TIME_S_MAX, program: str = "ffmpeg"):
        self._time_s_max = time_s_max
        self._program = program

    async def decode(self, storage: ports.Storage, name: str, media_type: str, out: str) -> int:
        """Decode a visible file to s16le mono under the visible name `out`; return its samples.

        Raises `RemoteFault`: `media.undecodable`, `media.oversize`; `WorldFault`: `media.missing`,
        `decoder.missing`, `storage.*`.
        """
        demuxer = _DEMUXERS.get(media_type.split(";", 1)[0].strip())
        if demuxer is None:
            raise _refuse("media type " + media_type)
        source = open_source(storage, name)
        try:
            head = read_head(source) if demuxer == "wav" else None
            if head is None:
                source.seek(0)
            writer = storage.stage(out)
            try:
                if head is not None:
                    samples = copy_samples(source, head.data_bytes, writer)
                else:
                    samples = await self._run(source, demuxer, writer)
                writer.commit(out)
            finally:
                writer.close()
        finally:
            source.close()
        return samples

    async def _run(self, source: ports.Reader, demuxer: str, writer: ports.Writer) -> int:
        process = await self._spawn(demuxer)
        feeding = asyncio.create_task(_feed(process, source))
        grumbling = asyncio.create_task(_grumble(process))
        try:
            async with asyncio.timeout(self._time_s_max):
                samples = await _collect(process, writer)
            await feeding
            status = await process.wait()
        except TimeoutError:
            raise _refuse("decoding took longer than %d s" % self._time_s_max) from None
        finally:
            feeding.cancel()
            with contextlib.suppress(ProcessLookupError):
                process.kill()
            await process.wait()
            complaint = await grumbling
        if status != 0 or samples == 0:
            raise _refuse(complaint or "ffmpeg ended with %d and %d samples" % (status, samples))
        return samples

    async def _spawn(self, demuxer: str) -> asyncio.subprocess.Process:
        try:
            process = await asyncio.create_subprocess_exec(
                *(self._program, "-nostdin", "-hide_banner", "-loglevel", "error", "-xerror"),
                *("-protocol_whitelist", "pipe", "-threads", "1", "-f", demuxer, "-i", "pipe:0"),
                *("-map", "0:a:0", "-vn", "-sn", "-dn", "-ac", "1", "-ar", str(RATE_HZ)),
                *("-f", "s16le", "pipe:1"),
                stdin=asyncio.subprocess.PIPE,
                stdout=asyncio.subprocess.PIPE,
                stderr=asyncio.subprocess.PIPE,
                limit=_PIECE_BYTES,
            )
        except OSError as error:
            raise WorldFault("decoder.missing", str(error), "install ffmpeg") from error
        limits = {
            resource.RLIMIT_AS: _MEMORY_BYTES_MAX,
            resource.RLIMIT_CPU: int(self._time_s_max) + 1,
            resource.RLIMIT_FSIZE: 0,
            resource.RLIMIT_CORE: 0,
        }
        with contextlib.suppress(ProcessLookupError):
            for kind, value in limits.items():
                resource.prlimit(process.pid, kind, (value, value))
        return process


async def _feed(process: asyncio.subprocess.Process, source: ports.Reader) -> None:
    stdin = process.stdin
    if stdin is None:
        return
    with contextlib.suppress(BrokenPipeError, ConnectionResetError):
        while data := source.read(_PIECE_BYTES):
            stdin.write(data)
            await stdin.drain()
        stdin.close()
        await stdin.wait_closed()


async def _collect(process: asyncio.subprocess.Process, writer: ports.Writer) -> int:
    stdout = process.stdout
    length = 0
    rest = b""
    while stdout is not None and (data := await stdout.read(_PIECE_BYTES)):
        length += len(data)
        if length > PCM_BYTES_MAX:
            raise RemoteFault("media.oversize", "more than two hours of sound", "shorten the item")
        data = rest + data
        rest = data[len(data) & ~1 :]
        writer.write(data[: len(data) & ~1])
    return length // 2


async def _grumble(process: asyncio.subprocess.Process) -> str:
    """Return the first thing that ffmpeg complained about; read all so that it never blocks."""
    text = b""
    while process.stderr is not None and (data := await process.stderr.read(4096)):
        text = (text + data)[:_ERROR_BYTES_MAX]
    lines = text.decode("utf-8", "replace").strip().splitlines()
    return lines[0] if lines else ""


def _refuse(text: str) -> RemoteFault:
    return RemoteFault("media.undecodable", text, "publish the item again")
