"""The hub's own dictionary: words that the voice reads in a way somebody here wrote down."""

import unicodedata

from hub import audit
from hub.normaliser import Dictionary, built_in_dictionary
from hub.store import Row, Store
from protocols.errors import RemoteFault
from protocols.hub_limits import SPOKEN_WORDS_MAX

WRITTEN_LETTERS_MAX = 40
SPOKEN_LETTERS_MAX = 200


def dictionary(store: Store) -> Dictionary:
    """Return the built-in dictionary with the hub's own words in front of it."""
    own = {row["written"]: row["spoken"] for row in listed(store)}
    known = built_in_dictionary()
    return Dictionary({**known.abbreviations, **own}, known.units)


def listed(store: Store) -> list[Row]:
    """Return the hub's own words in order."""
    return store.find("spoken_words", {"state": "active"}, limit=SPOKEN_WORDS_MAX)


def put(store: Store, written: str, spoken: str, who: str, now_s: int) -> None:
    """Say how a word is spoken; raises `RemoteFault("words.*")`."""
    word = _clean(written, WRITTEN_LETTERS_MAX, "written")
    said = _clean(spoken, SPOKEN_LETTERS_MAX, "spoken")
    if len(listed(store)) >= SPOKEN_WORDS_MAX:
        raise RemoteFault("words.many", "too many words", "Remove some that nobody needs.")
    row = {"spoken": said, "state": "active", "who": who, "changed_s": now_s}
    if not store.change("spoken_words", (word,), row):
        store.add("spoken_words", {"written": word, **row})
    audit.append(store, now_s, who, "words.put", word, spoken=said)


def remove(store: Store, written: str, who: str, now_s: int) -> None:
    """Go back to how the built-in dictionary reads a word."""
    changes = {"state": "removed", "who": who, "changed_s": now_s}
    if store.change("spoken_words", (written,), changes):
        audit.append(store, now_s, who, "words.remove", written)


def _clean(text: str, letters_max: int, name: str) -> str:
    found = " ".join(unicodedata.normalize("NFC", text).split())
    if not found or len(found) > letters_max or not all(one.isprintable() for one in found):
        raise RemoteFault("words." + name, f"{name}: 1 to {letters_max} letters", "Correct it.")
    return found
