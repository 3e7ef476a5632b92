"""Speech from text: every voice the hub has, one function that speaks.

The text is normalised first (`hub.normaliser`) and may be corrected by its author, so that what the
author sees as the reading is what the engine says. espeak-ng is always there; `speech.json` in the
hub's folder adds voices of other engines (`hub.speech_engines`):

    {"voices": [{"id": "ban-mai", "name": "Ban Mai", "engine": "fpt", "voice": "banmai",
                 "url": "https://…", "key_file": "keys/fpt"}]}
"""

import json
from pathlib import Path
from typing import Any, NamedTuple

from hub import speech_engines
from hub.normaliser import Dictionary, spoken
from hub.translations import N_
from protocols.errors import Fault, LocalFault, RemoteFault

WORDS_PER_MINUTE_DEFAULT = 150
WORDS_PER_MINUTE_MIN = 80
WORDS_PER_MINUTE_MAX = 260
# What authors choose from.
SPEEDS = {"slow": 120, "usual": WORDS_PER_MINUTE_DEFAULT, "quick": 180}
VOICES_MAX = 40


class Voice(NamedTuple):
    """Name a voice: `name` for people, `engine` and its own `settings`."""

    id: str
    name: str
    engine: str
    settings: dict[str, Any]


# Minority languages have no engine: they are recorded by people.
BUILT_IN = (
    Voice("vi-VN", N_("Vietnamese"), "espeak", {"voice": "vi"}),
    Voice("vi-VN-north", N_("Vietnamese, northern voice"), "espeak", {"voice": "vi"}),
    Voice("vi-VN-central", N_("Vietnamese, central voice"), "espeak", {"voice": "vi-vn-x-central"}),
    Voice("vi-VN-south", N_("Vietnamese, southern voice"), "espeak", {"voice": "vi-vn-x-south"}),
)


class Voices:
    """Hold every voice of a hub; `data` is the hub's folder, None for the built-in ones alone.

    Raises `LocalFault("speech.settings")` for a file that names no engine, key or model.
    """

    def __init__(self, data: Path | None = None):
        found = {voice.id: voice for voice in BUILT_IN}
        path = None if data is None else data / "speech.json"
        if path is not None and path.exists():
            for voice in _configured(path):
                found[voice.id] = voice
        self._voices = found

    def listed(self) -> list[Voice]:
        """Return every voice, the built-in ones first."""
        return list(self._voices.values())

    def has(self, voice: str) -> bool:
        """Tell whether a voice is here."""
        return voice in self._voices

    async def synthesise(
        self,
        reading: str,
        destination: Path,
        voice: str = "vi-VN",
        words_per_minute: int = WORDS_PER_MINUTE_DEFAULT,
    ) -> Path:
        """Speak a reading into an audio file at `destination` and return that path.

        Raises RemoteFault `speech.empty` for a reading without words, LocalFault `speech.voice` or
        `speech.speed` for an unknown voice or an absurd speed, WorldFault `speech.engine` when the
        engine is missing, fails, refuses or hangs.
        """
        if not any(character.isalpha() for character in reading):
            raise RemoteFault("speech.empty", "text: holds no word to speak", "write the bulletin")
        found = self._voices.get(voice)
        if found is None:
            raise LocalFault(
                "speech.voice",
                "voice: no speech engine for " + voice,
                "choose one of " + ", ".join(sorted(self._voices)) + ", or upload a recording",
            )
        if not WORDS_PER_MINUTE_MIN <= words_per_minute <= WORDS_PER_MINUTE_MAX:
            raise LocalFault(
                "speech.speed",
                "words_per_minute: %d" % words_per_minute,
                "choose %d to %d" % (WORDS_PER_MINUTE_MIN, WORDS_PER_MINUTE_MAX),
            )
        speak = speech_engines.ENGINES[found.engine]
        await speak(found.settings, reading, words_per_minute, destination)
        return destination


def reading_of(text: str, making: dict[str, Any], dictionary: Dictionary | None = None) -> str:
    """Return what a voice says: the author's own correction, else the normalised text."""
    return str(making.get("reading") or spoken(text, dictionary))


def _configured(path: Path) -> list[Voice]:
    try:
        rows = json.loads(path.read_text(encoding="utf-8"))["voices"]
        if not isinstance(rows, list) or len(rows) > VOICES_MAX:
            raise ValueError(f"voices: a list of at most {VOICES_MAX}")
        return [_voice(row, path.parent) for row in rows]
    except (OSError, ValueError, KeyError, TypeError, RecursionError) as error:
        raise LocalFault(
            "speech.settings", f"{path}: {error!r}", "Correct the file, or remove it."
        ) from error
    except Fault as fault:
        raise LocalFault("speech.settings", f"{path}: {fault.message}", fault.remedy) from fault


def _voice(row: dict[str, Any], folder: Path) -> Voice:
    engine = row["engine"]
    if engine not in speech_engines.ENGINES:
        raise ValueError(f"engine {engine!r} is none of {sorted(speech_engines.ENGINES)}")
    settings = {name: value for name, value in row.items() if name not in ("id", "name", "engine")}
    settings = speech_engines.checked(engine, settings, folder)
    return Voice(str(row["id"])[:40], str(row["name"])[:60], engine, settings)
