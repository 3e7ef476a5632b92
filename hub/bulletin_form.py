"""The form of a bulletin: what it offers, what was typed, what of it is kept."""

import hashlib
import re
from collections.abc import Mapping
from datetime import date
from typing import Any

from hub import (
    day_form,
    fleet,
    frame,
    organisations,
    roles,
    slots,
    speech,
    timing,
    topics,
)
from hub.blobs import SHA256_PATTERN
from hub.bulletins import Draft
from hub.form import Form
from hub.roles import Reader
from hub.services import Services
from hub.store import Row, Store
from hub.translations import Translations
from hub.words import LANGUAGES, WEEKDAYS
from protocols.errors import RemoteFault

_NUMBER = re.compile(r"[0-9]{1,5}")
# Fields that the form and a version name alike.
KEPT = ("unit", "supplier", "title", "topic", "class", "text", "board_text", "voice", "language")
VARIANT_FIELDS = ("title", "text", "upload", "cut_from", "cut_to", "board_text")
_VARIANT_TEXTS = ("title", "text", "board_text")
PICTURE_FIELDS = ("picture", "picture_alt", "picture_dwell")


def choices(
    store: Store, today: str, translations: Translations, who: Reader, voices: speech.Voices
) -> dict[str, Any]:
    """Return what the form offers: units the reader writes for and somebody approves for, …"""
    units = fleet.standing_on(store, today)
    speaking = {row["unit"] for row in store.find("approvers", {"state": "active"})}
    speaking &= who.reach(roles.SUPPLY, units)
    shown = [units[unit] for unit in sorted(units) if unit in speaking]
    shown.sort(key=lambda row: (row["parent"] is None, row["name"]))
    hamlets = [(row, store.find("hamlets", {"unit": row["unit"]}, order=["name"])) for row in shown]
    return {
        "units": shown,
        "hamlets": [pair for pair in hamlets if pair[1]],
        "voices": [(voice.id, translations.get(voice.name)) for voice in voices.listed()],
        "languages": [(name, translations.get(label)) for name, label in LANGUAGES.items()],
        "weekdays": [translations.get(day) for day in WEEKDAYS],
        "suppliers": organisations.offered(store, who, units),
        "own_name": bool(who.reach(roles.WRITE, units)),
        "topics": sorted(
            (row["name"], code) for code, row in topics.in_force(store, today).items()
        ),
        "topic_names": topics.names(store),
        "slots": slot_choices(store, shown, today),
    }


def slot_choices(store: Store, units: list[Row], today: str) -> list[tuple[Row, list[Any]]]:
    """Return (unit, (entry, slot) pairs) of the units that have slots which are not over."""
    found = []
    for row in units:
        held = frame.of(store, row["unit"]).slots.items()
        ahead = [pair for pair in held if not pair[1]["until"] or pair[1]["until"] >= today]
        ahead.sort(key=lambda pair: (pair[1]["times"], pair[1]["name"], pair[0]))
        if ahead:
            found.append((row, ahead))
    return found


def blank(today: str) -> dict[str, Any]:
    """Return the fields of an empty form."""
    return {
        "unit": "",
        "title": "",
        "class": "normal",
        "text": "",
        "board_text": "",
        "voice": "vi-VN",
        "language": "vi-VN",
        "upload": "",
        "hamlets": [],
        "when": "now",
        "once_date": today,
        "once_time": "",
        "daily_times": "05:30 17:00",
        "weekdays": ["1", "2", "3", "4", "5", "6", "7"],
        "daily_from": today,
        "daily_until": today,
        **day_form.BLANK,
        "slot": "",
        "slot_from": today,
        "slot_until": today,
        "hours": "2",
        "gap_min": "10",
        "drill": False,
        "topic": "",
        "speed": "usual",
        "reading": "",
        "reading_of": "",
        "cut_from": "",
        "cut_to": "",
        "draft": "",
        "version": "",
        "pictures": [],
        "pictures_only": False,
        "variants": {},
        "supplier": "",
    }


def planned(query: Mapping[str, str]) -> dict[str, Any]:
    """Return what an address says of a new bulletin: its unit, and the day on which it plays."""
    found = {"unit": query.get("unit", "")}
    try:
        found.update(once_date=date.fromisoformat(query.get("day", "")).isoformat(), when="once")
    except ValueError:
        pass
    return found


def again(row: Row, today: str, is_own: bool, has_topic: bool) -> dict[str, Any]:
    """Return the fields of a new bulletin that says what an older one said, at another time.

    `is_own` tells whether its unit may speak again, `has_topic` whether its topic is still listed.
    """
    timed = dict(row, timing={"mode": "now"})
    values = stored(timed, today) | {"version": "", "supplier": ""}
    if not is_own:
        values.update(unit="", hamlets=[])
    return values if has_topic else values | {"topic": ""}


def fields() -> set[str]:
    """Return the names of every field that a draft keeps."""
    variants = {f"{name}-{language}" for name in VARIANT_FIELDS for language in LANGUAGES}
    return {*blank(""), "hamlet", "weekday", *PICTURE_FIELDS, *variants}


def typed(sent: Form, today: str) -> dict[str, Any]:
    """Return what was typed, so that a refused form loses nothing."""
    values = {
        name: sent.one(name, otherwise) if isinstance(otherwise, str) else otherwise
        for name, otherwise in blank(today).items()
    }
    values["hamlets"] = sent.all("hamlet")
    values["weekdays"] = sent.all("weekday")
    values.update(day_form.typed(sent))
    values["drill"] = bool(sent.one("drill"))
    values["pictures"] = _pictures(sent)
    values["variants"] = {one: _typed_variant(sent, one) for one in LANGUAGES}
    values["pictures_only"] = bool(sent.one("pictures_only"))
    values["upload"] = sent.upload or sent.one("upload")
    return values


def _pictures(sent: Form) -> list[dict[str, Any]]:
    """Return the pictures of a form: three fields each, in order."""
    fields = (sent.all("picture"), sent.all("picture_alt"), sent.all("picture_dwell"))
    return [
        {"picture": picture, "alt": alt, "dwell_s": int(dwell) if _NUMBER.fullmatch(dwell) else 0}
        for picture, alt, dwell in zip(*fields, strict=False)
    ]


def _renewed(found: list[dict[str, Any]], services: Services) -> list[dict[str, Any]]:
    """Return pictures that stay here because a form names them; raises `("picture.gone")`."""
    for one in found:
        is_name = SHA256_PATTERN.fullmatch(one["picture"])
        if is_name and not services.blobs.renew(one["picture"]):
            raise RemoteFault("picture.gone", "a picture is not here", "Choose it again.")
    return found


def _typed_variant(sent: Form, language: str) -> dict[str, str]:
    """Return what was typed for a variant; its fields end in the language."""
    return {name: sent.one(f"{name}-{language}") for name in VARIANT_FIELDS}


def _variants(sent: Form, services: Services) -> list[dict[str, Any]]:
    """Return the variants of a form; the bulletin's own language is none of them."""
    found = []
    for language in LANGUAGES:
        one = _typed_variant(sent, language)
        if language == sent.one("language"):
            continue
        upload = one["upload"] or None
        if upload is not None and not services.blobs.renew(upload):
            raise RemoteFault("form.broken", "a recording is gone", "Choose it again.")
        cut = _cut(one["cut_from"], one["cut_to"])
        kept = {"language": language, **{name: one[name] for name in _VARIANT_TEXTS}}
        found.append({**kept, "upload": upload, "cut_ms": cut})
    return found


def _cut(first: str, last: str) -> list[int | None] | None:
    """Return where a recording is cut (ms), None where it is not; raises `("form.cut")`."""
    from_ms, to_ms = _seconds(first), _seconds(last)
    if to_ms is not None and to_ms <= (from_ms or 0):
        raise RemoteFault("form.cut", "the end of the cut is before its start", "Correct it.")
    return [from_ms or 0, to_ms] if from_ms or to_ms is not None else None


def _shown_cut(cut: list[int | None] | None) -> dict[str, str]:
    first_ms, last_ms = cut or (0, None)
    return {
        "cut_from": f"{first_ms / 1000:g}" if first_ms else "",
        "cut_to": f"{last_ms / 1000:g}" if last_ms is not None else "",
    }


def stored(row: Row, today: str) -> dict[str, Any]:
    """Return a bulletin's fields as the form shows them."""
    values = blank(today)
    for name in KEPT:
        values[name] = row[name]
    values["upload"] = row["upload_sha256"] or ""
    values["version"] = str(row["version"])
    values.update(_made(row))
    values["pictures"] = row["pictures"]
    values["variants"] = {
        one["language"]: {
            "title": one["title"],
            "text": one["text"],
            "board_text": one.get("board_text", ""),
            "upload": one["upload"] or "",
            **_shown_cut(one["cut_ms"]),
        }
        for one in row["variants"]
    }
    values["hamlets"] = [f"{row['unit']}/{hamlet}" for hamlet in row["hamlets"]]
    when = row["timing"]
    if when["mode"] == "alert":
        values.update(hours=str(when["hours"]), gap_min=str(when["gap_min"]), drill=when["drill"])
    elif when["mode"] == "once":
        values.update(when="once", once_date=when["date"], once_time=when["time"])
    elif when.get("slot"):
        wanted = when["slot"]
        values.update(when="slot", slot=wanted["id"])
        values.update(slot_from=wanted["from"], slot_until=wanted["until"])
    elif when["mode"] == "daily":
        values.update(when="daily", daily_times=" ".join(when["times"]))
        values.update(weekdays=[str(day) for day in when["weekdays"]])
        values.update(daily_from=when["from"], daily_until=when["until"], **day_form.shown(when))
    return values


def _made(row: Row) -> dict[str, Any]:
    """Return how a version's sound is made, as the form shows it."""
    making = row["making"]
    found: dict[str, Any] = {"pictures_only": bool(making.get("pictures_only"))}
    for name, speed in speech.SPEEDS.items():
        if making.get("speed") == speed:
            found["speed"] = name
    if making.get("reading"):
        found.update(reading=making["reading"], reading_of=digest(row["text"]))
    found.update(_shown_cut(making.get("cut_ms")))
    return found


def digest(text: str) -> str:
    """Return what tells one text from another, however its lines end."""
    return hashlib.sha256(text.replace("\r\n", "\n").strip().encode()).hexdigest()[:16]


def _making(sent: Form) -> dict[str, Any]:
    """Return how the sound is to be made; raises `RemoteFault("speech.reading")`, `("form.cut")`.

    A corrected reading belongs to the text that it was corrected for.
    """
    found: dict[str, Any] = {}
    speed = speech.SPEEDS.get(sent.one("speed"), speech.WORDS_PER_MINUTE_DEFAULT)
    if speed != speech.WORDS_PER_MINUTE_DEFAULT:
        found["speed"] = speed
    reading = " ".join(sent.one("reading").split())
    if reading:
        if sent.one("reading_of") != digest(sent.one("text")):
            raise RemoteFault("speech.reading", "the text has changed since", "Look at it again.")
        found["reading"] = reading
    if sent.one("pictures_only"):
        found["pictures_only"] = True
    cut = _cut(sent.one("cut_from"), sent.one("cut_to"))
    if cut is not None:
        found["cut_ms"] = cut
    return found


def _seconds(text: str) -> int | None:
    """Return seconds with a decimal point or comma as milliseconds, None for nothing."""
    if not text.strip():
        return None
    found = re.fullmatch(r"([0-9]{1,5})(?:[.,]([0-9]{1,3}))?", text.strip())
    if found is None:
        raise RemoteFault("form.cut", "a second of the cut is no number", "Write it like 12,5.")
    return int(found[1]) * 1000 + int((found[2] or "").ljust(3, "0"))


def _timing(sent: Form, services: Services, store: Store) -> timing.Timing:
    if sent.one("class") == "emergency":
        hours, gap_min = sent.number("hours", 2), sent.number("gap_min", 0)
        return timing.alert(hours, gap_min, bool(sent.one("drill")))
    mode = sent.one("when", "now")
    if mode == "now":
        return {"mode": "now"}
    if mode == "slot":
        first, last = sent.one("slot_from"), sent.one("slot_until")
        when = slots.into(store, sent.one("unit"), sent.one("slot"), first, last)
    elif mode == "once":
        when = timing.once(sent.one("once_date"), sent.one("once_time"))
    else:
        days = [int(day) for day in sent.all("weekday") if day in set("1234567")]
        times = sent.one("daily_times").replace(",", " ").split()
        when = timing.daily(times, days, sent.one("daily_from"), sent.one("daily_until"))
        when = timing.on_days(when, *day_form.read(day_form.typed(sent)))
    timing.check_future(when, services.now_s(), services.config.utc_offset_min)
    return when


def draft(sent: Form, services: Services, store: Store) -> Draft:
    """Return what a form asks for; raises `RemoteFault` where it cannot be."""
    upload = sent.upload or sent.one("upload") or None
    if upload is not None and not services.blobs.renew(upload):
        raise RemoteFault("form.broken", "the recording is gone", "Choose it again.")
    if not services.production.voices.has(sent.one("voice")):
        raise RemoteFault("speech.voice", "no such voice", "Choose another.")
    if sent.one("language") not in LANGUAGES:
        raise RemoteFault("form.broken", "no such language", "Choose another.")
    unit = sent.one("unit")
    hamlets = []
    for value in sent.all("hamlet"):
        owner, _, hamlet = value.partition("/")
        if owner != unit:
            raise RemoteFault("bulletin.hamlet", "a hamlet of another unit", "Choose again.")
        hamlets.append(hamlet)
    return Draft(
        unit,
        sent.one("title"),
        sent.one("language"),
        sent.one("class"),
        sent.one("text"),
        sent.one("board_text"),
        sent.one("voice"),
        upload,
        hamlets,
        _timing(sent, services, store),
        sent.one("topic"),
        _making(sent),
        _renewed(_pictures(sent), services),
        _variants(sent, services),
        sent.one("supplier"),
    )
