"""Language variants of a bulletin, and which languages hamlets ask for, in which order.

Minority languages have no voice here: people record them. A variant without a recording is kept for
whoever will record it, and plays nowhere; who asks for it hears Vietnamese. What is asked for is
signed with the unit's next bundle and obeyed by nodes (`protocols.tongues`).
"""

import json
from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any, NamedTuple

from hub import audit, fleet
from hub.store import Row, Store
from hub.words import LANGUAGES
from protocols.errors import RemoteFault
from protocols.hub_limits import BULLETIN_TEXT_BYTES_MAX
from protocols.limits import LANGUAGES_MAX, ORDERS_MAX, TARGET_NAMES_MAX
from protocols.tongues import VIETNAMESE

# What a variant is written with; `upload` is the SHA-256 of a recording or None, `cut_ms` as in
# `making`, `board_text` other words for boards. Its `renditions` are made later.
FIELDS = ("language", "title", "text", "upload", "cut_ms", "board_text")


class Lacking(NamedTuple):
    """Say who asks for a language that a bulletin cannot be heard in."""

    place: str
    language: str


def checked(given: Iterable[Mapping[str, Any]], title: str, language: str) -> list[dict[str, Any]]:
    """Return a bulletin's variants as they are kept, empty ones left out.

    Raises `RemoteFault` with `variant.language`, `.long` or `fleet.name`.
    """
    found: list[dict[str, Any]] = []
    for one in given:
        board_text = one.get("board_text", "")
        if not (one["text"] or one["upload"] or board_text):
            continue
        taken = [language, *(other["language"] for other in found)]
        if one["language"] not in LANGUAGES or one["language"] in taken:
            raise RemoteFault("variant.language", "a language stands twice", "Choose another.")
        if max(len(one["text"].encode()), len(board_text.encode())) > BULLETIN_TEXT_BYTES_MAX:
            raise RemoteFault("bulletin.long", "a text is too long", "Make two bulletins of it.")
        kept = {name: one[name] for name in FIELDS if name in one} | {"board_text": board_text}
        kept["renditions"] = []
        kept["title"] = fleet.title(one["title"] or title, "title")
        found.append(kept)
    return found


def is_heard(variant: Mapping[str, Any]) -> bool:
    """Tell whether a variant has sound: a recording, or a text that a voice can read."""
    return bool(variant["upload"] or (variant["language"] == VIETNAMESE and variant["text"]))


def heard(row: Row) -> list[dict[str, Any]]:
    """Return the variants of a version that have sound."""
    return [one for one in row["variants"] if is_heard(one)]


# Who asks for what


def order(store: Store, unit: str, hamlet: str = "") -> list[str]:
    """Return the languages that a hamlet, or a whole unit, asks for; none where it asks nothing."""
    row = store.get("language_orders", unit, hamlet)
    return list(json.loads(row["languages_json"])) if row else []


def orders(store: Store, unit: str) -> dict[str, list[str]]:
    """Return the languages asked for by hamlet; the whole unit's under the empty name."""
    rows = store.find("language_orders", {"unit": unit})
    found = {row["hamlet"]: list(json.loads(row["languages_json"])) for row in rows}
    return {hamlet: languages for hamlet, languages in found.items() if languages}


def ask(
    store: Store, unit: str, hamlet: str, languages: Sequence[str], who: str, now_s: int
) -> None:
    """Note what a hamlet (or, without one, its whole unit) asks for; nothing takes it back.

    Raises `RemoteFault` with `variant.order` or `.orders`.
    """
    known = all(one in LANGUAGES for one in languages)
    if not known or len(set(languages)) != len(languages) or len(languages) > LANGUAGES_MAX:
        raise RemoteFault("variant.order", "no such order", "Choose each language once.")
    if hamlet and store.get("hamlets", unit, hamlet) is None:
        raise RemoteFault("bulletin.hamlet", "a hamlet is unknown", "Choose again.")
    if order(store, unit, hamlet) == list(languages):
        return
    changes = {"languages_json": json.dumps(list(languages))}
    if not store.change("language_orders", (unit, hamlet), changes):
        store.add("language_orders", {"unit": unit, "hamlet": hamlet, **changes})
    policy(store, unit)
    audit.append(store, now_s, who, "languages.ask", f"{unit}/{hamlet}", languages=list(languages))


def policy(store: Store, unit: str) -> list[dict[str, Any]]:
    """Return what a unit's bundle says of languages; raises `RemoteFault("variant.orders")`."""
    found: dict[tuple[str, ...], list[str]] = {}
    whole: list[dict[str, Any]] = []
    for hamlet, languages in sorted(orders(store, unit).items()):
        if hamlet:
            found.setdefault(tuple(languages), []).append(hamlet)
        else:
            whole = [{"languages": languages, "hamlets": []}]
    said = whole + [
        {"languages": list(languages), "hamlets": hamlets[at : at + TARGET_NAMES_MAX]}
        for languages, hamlets in sorted(found.items())
        for at in range(0, len(hamlets), TARGET_NAMES_MAX)
    ]
    if len(said) > ORDERS_MAX:
        raise RemoteFault("variant.orders", "too many orders", "Let hamlets share an order.")
    return said


def lacking(store: Store, units: Mapping[str, Row], row: Row) -> list[Lacking]:
    """Return who will hear Vietnamese instead of a language that he asks for first."""
    return _missing(store, units, row, {row["language"], *(one["language"] for one in heard(row))})


def unwritten(store: Store, units: Mapping[str, Row], row: Row) -> list[Lacking]:
    """Return whose boards will show no text in a language that he asks for."""
    return _missing(store, units, row, set(written(row)))


def _missing(
    store: Store, units: Mapping[str, Row], row: Row, there: Collection[str]
) -> list[Lacking]:
    found = []
    for one in _asking(store, units, row):
        hamlet = store.get("hamlets", one["unit"], one["hamlet"]) if one["hamlet"] else None
        name = hamlet["name"] if hamlet else units[one["unit"]]["name"]
        missing = [tag for tag in json.loads(one["languages_json"]) if tag not in there]
        found += [Lacking(str(name), tag) for tag in missing if tag != VIETNAMESE]
    return found


def _asking(store: Store, units: Mapping[str, Row], row: Row) -> list[Row]:
    """Return the orders of those whom a bulletin is for."""
    wanted = {"unit": fleet.subtree(dict(units), row["unit"])}
    return [one for one in store.find("language_orders", wanted) if _is_meant(store, row, one)]


# What boards show


def written(row: Row) -> dict[str, str]:
    """Return what boards say, by language: the bulletin's own words and those of its variants."""
    if row["making"].get("pictures_only") and row["pictures"]:
        return {}
    own = row["board_text"] or row["text"]
    found = {row["language"]: own} if own else {}
    others = {one["language"]: one.get("board_text") or one["text"] for one in row["variants"]}
    return found | {language: text for language, text in others.items() if text}


def layouts(store: Store, units: Mapping[str, Row], row: Row) -> list[tuple[list[str], list[str]]]:
    """Return for which orders pages of their own are drawn, and the languages that stand on them.

    Where only the bulletin's own language is left of an order, its pages for everybody do.
    """
    there = written(row)
    orders_asked = {tuple(json.loads(one["languages_json"])) for one in _asking(store, units, row)}
    found = []
    for order_asked in sorted(orders_asked):
        shown = [tag for tag in order_asked if tag in there]
        if row["class"] == "emergency" and row["language"] in there and shown:
            # A warning that a guest of the hamlet cannot read would not have warned him.
            shown = list(dict.fromkeys([*shown, row["language"]]))
        if shown and shown != [row["language"]]:
            found.append((list(order_asked), shown))
    return found


def _is_meant(store: Store, row: Row, asking: Row) -> bool:
    """Tell whether a bulletin is for those who ask: a hamlet, or a unit with hamlets of no own."""
    if not row["hamlets"]:
        return True
    if asking["unit"] != row["unit"]:
        return False
    if asking["hamlet"]:
        return asking["hamlet"] in row["hamlets"]
    own = orders(store, row["unit"])
    return any(hamlet not in own for hamlet in row["hamlets"])
