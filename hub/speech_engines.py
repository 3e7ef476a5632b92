"""What makes sound of words: programs on this machine and services on the network.

Every engine is one function `speak(settings, words, words_per_minute, destination)` that leaves an
audio file which ffmpeg can read. The services' shapes are those of their public manuals (FPT.AI
`POST /hmi/tts/v5`, Viettel AI `POST /tts/speech_synthesis`, Zalo AI `POST /v1/tts/synthesize`).
"""

import asyncio
import json
import re
import tempfile
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import aiohttp

from hub.addresses import is_loopback
from hub.programs import run_bounded
from hub.renditions import outside
from protocols.errors import RemoteFault, WorldFault
from protocols.hub_limits import SPEECH_ANSWER_BYTES_MAX

# espeak-ng speaks hundreds of times faster than real time; two minutes means that it hangs.
SYNTHESIS_TIMEOUT_S = 120
# A neural voice on a small machine is about as fast as speech: a bulletin of ten minutes.
PIPER_TIMEOUT_S = 900
REQUEST_S_MAX = 60
# FPT.AI answers with an address at which the sound stands seconds later.
READY_TRIES, READY_WAIT_S = 40, 1.5
# Letters in one request: what the services' manuals allow, with room.
LETTERS_MAX = {"fpt": 4500, "viettel": 1800, "zalo": 1800}
_USUAL = 150

Speak = Callable[[dict[str, Any], str, int, Path], Awaitable[None]]


def checked(engine: str, settings: dict[str, Any], folder: Path) -> dict[str, Any]:
    """Return an engine's settings with its key read and its paths made absolute.

    Raises `RemoteFault("speech.settings")` or `KeyError` for what is missing.
    """
    found = dict(settings)
    if engine == "piper":
        model = folder / str(found["model"])
        if not model.is_file():
            raise RemoteFault("speech.settings", f"no model at {model}", "Copy the voice there.")
        found["model"] = str(model)
    elif engine != "espeak":
        parts = urlsplit(str(found["url"]))
        clear = parts.scheme == "http" and is_loopback(parts.hostname or "")
        if parts.scheme != "https" and not clear:
            raise RemoteFault(
                "speech.settings", f"{found['url']}: the key would travel in clear", "Use https."
            )
        found["key"] = (folder / str(found.pop("key_file"))).read_text(encoding="utf-8").strip()
    return found


async def espeak(settings: dict[str, Any], words: str, speed: int, destination: Path) -> None:
    """Speak with espeak-ng."""
    command = ["espeak-ng", "-v", settings["voice"], "-s", str(speed), "-w", str(destination)]
    await run_bounded(command, words.encode(), SYNTHESIS_TIMEOUT_S, "speech.engine")


async def piper(settings: dict[str, Any], words: str, speed: int, destination: Path) -> None:
    """Speak with Piper and the model `settings["model"]`."""
    command = [str(settings.get("program", "piper")), "--model", settings["model"]]
    command += ["--length_scale", f"{_USUAL / speed:.3f}", "--output_file", str(destination)]
    line = " ".join(words.split()) + "\n"
    await run_bounded(command, line.encode(), PIPER_TIMEOUT_S, "speech.engine")


async def fpt(settings: dict[str, Any], words: str, speed: int, destination: Path) -> None:
    """Speak with FPT.AI: the answer names where the sound will stand."""
    pace = {True: "", False: "1" if speed > _USUAL else "-1"}[speed == _USUAL]

    async def ask(session: aiohttp.ClientSession, text: str) -> bytes:
        headers = {"api-key": settings["key"], "voice": str(settings["voice"]), "speed": pace}
        told = _json(await _request(session, settings["url"], headers, text.encode()))
        return await _ready(session, settings["url"], str(told.get("async", "")))

    await _in_pieces("fpt", words, destination, ask)


async def viettel(settings: dict[str, Any], words: str, speed: int, destination: Path) -> None:
    """Speak with Viettel AI: the answer is the sound."""

    async def ask(session: aiohttp.ClientSession, text: str) -> bytes:
        fields = {
            "text": text,
            "voice": settings["voice"],
            "speed": round(speed / _USUAL, 2),
            "tts_return_option": 3,
            "token": settings["key"],
            "without_filter": False,
        }
        headers = {"Content-Type": "application/json"}
        body = json.dumps(fields, ensure_ascii=False).encode()
        data = await _request(session, settings["url"], headers, body)
        if data[:1] == b"{":
            raise _refused(data)
        return data

    await _in_pieces("viettel", words, destination, ask)


async def zalo(settings: dict[str, Any], words: str, speed: int, destination: Path) -> None:
    """Speak with Zalo AI: the answer names where the sound stands."""

    async def ask(session: aiohttp.ClientSession, text: str) -> bytes:
        fields = {
            "input": text,
            "speaker_id": str(settings["voice"]),
            "speed": f"{speed / _USUAL:.2f}",
            "encode_type": "1",
        }
        form = aiohttp.FormData(fields)
        headers = {"apikey": settings["key"]}
        told = _json(await _request(session, settings["url"], headers, form))
        data = told.get("data")
        where = str(data.get("url", "")) if isinstance(data, dict) else ""
        return await _ready(session, settings["url"], where)

    await _in_pieces("zalo", words, destination, ask)


ENGINES: dict[str, Speak] = {
    "espeak": espeak,
    "piper": piper,
    "fpt": fpt,
    "viettel": viettel,
    "zalo": zalo,
}


def pieces(words: str, letters_max: int) -> list[str]:
    """Split words at ends of sentences, else at spaces, into pieces of bounded length."""
    found, piece = [], ""
    for sentence in re.findall(r"[^.!?\n]*[.!?\n]*", words):
        for part in _short(sentence, letters_max):
            if len(piece) + len(part) > letters_max and piece.strip():
                found.append(piece.strip())
                piece = ""
            piece += part
    return [*found, piece.strip()] if piece.strip() else found


def _short(sentence: str, letters_max: int) -> list[str]:
    found = []
    while len(sentence) > letters_max:
        at = sentence.rfind(" ", 1, letters_max)
        at = letters_max if at < 0 else at
        found.append(sentence[:at])
        sentence = sentence[at:]
    return [*found, sentence]


async def _in_pieces(
    engine: str,
    words: str,
    destination: Path,
    ask: Callable[[aiohttp.ClientSession, str], Awaitable[bytes]],
) -> None:
    timeout = aiohttp.ClientTimeout(total=REQUEST_S_MAX)
    with tempfile.TemporaryDirectory(dir=destination.parent) as folder:
        files = []
        try:
            async with aiohttp.ClientSession(timeout=timeout) as session:
                for number, text in enumerate(pieces(words, LETTERS_MAX[engine])):
                    path = Path(folder) / f"{number}.sound"
                    path.write_bytes(await ask(session, text))
                    files.append(path)
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            raise WorldFault(
                "speech.engine", f"{engine}: {error or type(error).__name__}", "Try again later."
            ) from error
        await _join(files, destination)


async def _join(files: list[Path], destination: Path) -> None:
    inputs = [word for path in files for word in outside(path)]
    joined = f"concat=n={len(files)}:v=0:a=1[out]"
    command = ["ffmpeg", "-nostdin", "-hide_banner", "-y", *inputs]
    command += ["-filter_complex", joined, "-map", "[out]", str(destination)]
    await run_bounded(command, b"", SYNTHESIS_TIMEOUT_S, "speech.engine")


async def _request(
    session: aiohttp.ClientSession, url: str, headers: dict[str, str], body: Any = None
) -> bytes:
    async with session.request(
        "GET" if body is None else "POST", url, headers=headers, data=body, allow_redirects=False
    ) as answer:
        data = b""
        async for piece in answer.content.iter_chunked(65536):
            data += piece
            if len(data) > SPEECH_ANSWER_BYTES_MAX:
                raise WorldFault("speech.engine", "the answer does not end", "Try again later.")
        if answer.status == 404 and body is None:
            return b""
        if answer.status != 200:
            raise _refused(data, answer.status)
        return data


async def _ready(session: aiohttp.ClientSession, base: str, url: str) -> bytes:
    """Fetch sound that may stand a little later; from the service's own scheme alone."""
    parts = urlsplit(url)
    if parts.scheme != "https" and (parts.scheme, parts.netloc) != urlsplit(base)[:2]:
        raise WorldFault("speech.engine", f"sound at {url[:100]!r}", "Tell the service.")
    for _ in range(READY_TRIES):
        data = await _request(session, url, {})
        if data:
            return data
        await asyncio.sleep(READY_WAIT_S)
    raise WorldFault("speech.engine", "the sound never came", "Try again later.")


def _json(data: bytes) -> dict[str, Any]:
    try:
        value = json.loads(data)
    except (ValueError, RecursionError):
        raise _refused(data) from None
    if not isinstance(value, dict) or value.get("error") or value.get("error_code"):
        raise _refused(data)
    return value


def _refused(data: bytes, status: int = 200) -> WorldFault:
    said = data[:200].decode("utf-8", "replace")
    return WorldFault(
        "speech.engine", f"the service refused ({status}): {said}", "Look at its key."
    )
