"""Speech from text by espeak-ng, the engine that is always there.

The text is normalised first (`hub/normaliser.py`), so that what the author sees as the reading is
what the engine speaks. Other engines come behind the same function.
"""

import asyncio
import contextlib
from pathlib import Path

from hub.normaliser import spoken
from protocols.errors import LocalFault, RemoteFault, WorldFault

# Languages whose speech is synthesised; minority languages are recorded by people (no engine).
VOICES = {
    "vi-VN": "vi",
    "vi-VN-north": "vi",
    "vi-VN-central": "vi-vn-x-central",
    "vi-VN-south": "vi-vn-x-south",
}
WORDS_PER_MINUTE_DEFAULT = 150
WORDS_PER_MINUTE_MIN = 80
WORDS_PER_MINUTE_MAX = 260
# espeak-ng speaks hundreds of times faster than real time; two minutes means that it hangs.
SYNTHESIS_TIMEOUT_S = 120


async def synthesise(
    text: str,
    destination: Path,
    voice: str = "vi-VN",
    words_per_minute: int = WORDS_PER_MINUTE_DEFAULT,
) -> Path:
    """Speak a text into a mono WAV file at `destination` and return that path.

    Raises RemoteFault `speech.empty` or `speech.text` for a text that cannot be spoken,
    LocalFault `speech.voice` or `speech.speed` for an unknown voice or an absurd speed, WorldFault
    `speech.engine` when the engine is missing, fails or hangs.
    """
    words = spoken(text)
    if not any(character.isalpha() for character in words):
        raise RemoteFault("speech.empty", "text: holds no word to speak", "write the bulletin")
    if voice not in VOICES:
        raise LocalFault(
            "speech.voice",
            "voice: no speech engine for " + voice,
            "choose one of " + ", ".join(sorted(VOICES)) + ", or upload a recording",
        )
    if not WORDS_PER_MINUTE_MIN <= words_per_minute <= WORDS_PER_MINUTE_MAX:
        raise LocalFault(
            "speech.speed",
            "words_per_minute: %d" % words_per_minute,
            "choose %d to %d" % (WORDS_PER_MINUTE_MIN, WORDS_PER_MINUTE_MAX),
        )
    await run_bounded(
        ["espeak-ng", "-v", VOICES[voice], "-s", str(words_per_minute), "-w", str(destination)],
        words.encode(),
        SYNTHESIS_TIMEOUT_S,
        "speech.engine",
    )
    return destination


async def run_bounded(command: list[str], stdin: bytes, timeout_s: float, code: str) -> bytes:
    """Run a program to its end within `timeout_s` and return what it printed on standard error.

    Raises WorldFault with `code` when the program is missing, is killed at the time limit, or
    exits with a failure; its last line of complaint is in the message.
    """
    try:
        process = await asyncio.create_subprocess_exec(
            *command,
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.DEVNULL,
            stderr=asyncio.subprocess.PIPE,
        )
    except FileNotFoundError as error:
        raise WorldFault(
            code, command[0] + " is not installed", "install the package " + command[0]
        ) from error
    try:
        _, complaint = await asyncio.wait_for(process.communicate(stdin), timeout_s)
    except BaseException as error:
        with contextlib.suppress(ProcessLookupError):
            process.kill()
        await process.wait()
        if isinstance(error, TimeoutError):
            message = "%s did not finish within %d s" % (command[0], timeout_s)
            raise WorldFault(code, message, "try again with a shorter input") from error
        raise
    if process.returncode != 0:
        lines = complaint.decode("utf-8", "replace").strip().splitlines() or ["no message"]
        raise WorldFault(
            code, command[0] + " failed: " + lines[-1][:300], "check the input, then try again"
        )
    return complaint
