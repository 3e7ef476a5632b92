"""Find a unit or a hamlet in the kit by what a person types, with or without diacritics."""

import unicodedata
from collections.abc import Iterable

from protocols.errors import RemoteFault
from protocols.kit import Kit, Place

SHOWN_MAX = 12


def fold(text: str) -> str:
    """Return a text without diacritics and case: `Vĩnh Đông` is found by `vinh dong`."""
    plain = text.casefold().replace("đ", "d")
    parts = unicodedata.normalize("NFD", plain)
    return " ".join("".join(one for one in parts if not unicodedata.combining(one)).split())


def _score(words: list[str], names: Iterable[str]) -> int:
    """Return how well words fit names: 0 not at all; whole words count more than beginnings."""
    known = [part for name in names for part in fold(name).split()]
    total = 0
    for word in words:
        if word in known:
            total += 2
        elif any(part.startswith(word) for part in known):
            total += 1
        else:
            return 0
    return total


def units(kit: Kit, text: str) -> list[Place]:
    """Return the units that fit, best first; an id fits exactly. Ended units are found too."""
    if text in kit.places:
        return [kit.places[text]]
    words = fold(text).split()
    scored = [
        (_score(words, [place.name, *place.above]), _score(words, [place.name]), place)
        for place in kit.places.values()
    ]
    hits = [one for one in scored if one[0]]
    hits.sort(key=lambda one: (-one[1], -one[0], one[2].is_ended, one[2].unit))
    return [place for _, _, place in hits[:SHOWN_MAX]]


def hamlets(place: Place, text: str) -> list[tuple[str, str]]:
    """Return the hamlets (id, name) of a unit that fit, best first."""
    for hamlet in place.hamlets:
        if hamlet[0] == text:
            return [hamlet]
    words = fold(text).split()
    scored = [(_score(words, [one[1]]), one) for one in place.hamlets]
    return [one for score, one in sorted(scored, key=lambda one: -one[0]) if score][:SHOWN_MAX]


def in_force(kit: Kit, place: Place) -> Place:
    """Return the unit itself, or raise `RemoteFault("kit.unit_ended")` naming its successor."""
    if not place.is_ended:
        return place
    then = kit.places.get(place.successor)
    text = f"{place.name} is no more"
    if then is None:
        raise RemoteFault("kit.unit_ended", text, "Ask the hub which unit took over.")
    raise RemoteFault(
        "kit.unit_ended",
        f"{text}; now {then.name} ({then.unit})",
        f"Choose {then.name} and its ticket.",
    )
