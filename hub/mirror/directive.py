"""What a peer asks for, in our own words: every field of one type, bounded, or absent.

Connectors translate names; this decides what a value may be, so that nothing a peer sends can be
more than a directive that is refused.
"""

from typing import Any, NamedTuple

from hub import bulletins
from protocols.hub_limits import BULLETIN_TEXT_BYTES_MAX
from protocols.limits import JSON_INTEGER_MAX

ID_MAX = 120
AREAS_MAX = 512
_WORD_MAX = 100
_ADDRESS_MAX = 400


class Directive(NamedTuple):
    """Hold one thing a peer asks for; `body` as `read` makes it."""

    supply: str
    kind: str
    body: dict[str, Any]


def read(supply: object, kind: object, raw: dict[str, Any]) -> Directive:
    """Return a directive; what is of no type or size that it may be is absent (None)."""
    areas = raw.get("areas")
    body = {
        "title": _text(raw.get("title"), _ADDRESS_MAX),
        "text": _text(raw.get("text"), BULLETIN_TEXT_BYTES_MAX),
        "language": _text(raw.get("language"), _WORD_MAX),
        "class": _class(raw.get("class")),
        "topic": _text(raw.get("topic"), _WORD_MAX),
        "areas": [
            _part(area, "code", "system")
            for area in (areas[:AREAS_MAX] if isinstance(areas, list) else [])
        ],
        "drill": raw.get("drill") is True,
        "cancels": _text(raw.get("cancels"), ID_MAX),
        "sent_s": _number(raw.get("sent_s")),
        "expires_s": _number(raw.get("expires_s")),
        "schedule": _part(raw.get("schedule"), "day", "time"),
        "media": _media(raw.get("media")),
        "command": _part(raw.get("command"), "node", "command", "value"),
        "mourning": _part(raw.get("mourning"), "name", "from", "until"),
    }
    return Directive(_text(supply, ID_MAX) or "", _text(kind, _WORD_MAX) or "unknown", body)


def _text(value: object, letters_max: int) -> str | None:
    """Return a text that can be stored, or None; a lone surrogate cannot."""
    if not isinstance(value, str) or not 0 < len(value) <= letters_max:
        return None
    try:
        value.encode()
    except UnicodeEncodeError:
        return None
    return value


def _number(value: object) -> int | None:
    if not isinstance(value, int) or isinstance(value, bool):
        return None
    return value if 0 <= value <= JSON_INTEGER_MAX else None


def _class(value: object) -> str | None:
    text = _text(value, _WORD_MAX)
    return text if text in bulletins.CLASSES else None


def _part(value: object, *names: str) -> dict[str, str | None] | None:
    if not isinstance(value, dict):
        return None
    return {name: _text(value.get(name), ID_MAX) for name in names}


def _media(value: object) -> dict[str, Any] | None:
    if not isinstance(value, dict):
        return None
    return {
        "url": _text(value.get("url"), _ADDRESS_MAX),
        "sha256": _text(value.get("sha256"), ID_MAX),
        "length": _number(value.get("length")),
    }
