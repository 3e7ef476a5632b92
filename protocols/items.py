"""Items (what is heard) and pages (what boards show): the content entries of a bundle."""

from collections import namedtuple

from protocols import media
from protocols.fields import Fields, refuse
from protocols.limits import (
    DURATION_MS_MAX,
    DWELL_S_MAX,
    EPOCH_S_MAX,
    ID_BYTES_MAX,
    LANGUAGE_BYTES_MAX,
    LANGUAGES_MAX,
    RELAY_AGE_S_MAX,
    SCROLL_PX_S_MAX,
    TITLE_BYTES_MAX,
    TOPIC_BYTES_MAX,
)
from protocols.targets import read_targets

NORMAL = "normal"
PRIORITY = "priority"
EMERGENCY = "emergency"
# Circular 39/2020/TT-BTTTT, highest first: khẩn cấp, ưu tiên, thông thường.
CLASSES = (EMERGENCY, PRIORITY, NORMAL)
# What a unit's programme may hold. Emergencies stand in alert.json alone: its own role carries the
# two-person rule, and a bundle must not be a way around it.
PROGRAMME_CLASSES = (PRIORITY, NORMAL)


# How the id of an item begins that recordings of a source fill: `relay.<source>.…`.
RELAY_PREFIX = "relay."

Mark = namedtuple("Mark", ("source", "duration_max_ms", "age_max_s"))
"""Let recordings of a source fill an item: how long they may sound, and how old they may be when
they start (seconds since their `from_s`)."""


def class_rank(legal_class: str) -> int:
    """Return the place of a legal class, 0 the highest."""
    return CLASSES.index(legal_class)


class Item(
    namedtuple(
        "Item",
        (
            "id",
            "title",
            "language",
            "topic",
            "legal_class",
            "solemn",
            "renditions",
            "variant_of",
            "relay",
        ),
    )
):
    """Describe one thing to hear; `solemn` ones may play in mourning.

    `variant_of` is the item that says the same in another language, else empty; `relay` the `Mark`
    of one that recordings fill, else None: its own renditions stand in where none does.
    """

    def duration_ms(self) -> int:
        """Return how long the item sounds at most (its longest rendition, or its mark's)."""
        longest = media.duration_ms(self.renditions)
        return longest if self.relay is None else max(longest, int(self.relay.duration_max_ms))

    def to_dict(self) -> dict[str, object]:
        """Return the manifest's form."""
        value: dict[str, object] = {
            "id": self.id,
            "title": self.title,
            "language": self.language,
            "topic": self.topic,
            "class": self.legal_class,
            "renditions": [rendition.to_dict() for rendition in self.renditions],
        }
        if self.solemn:
            value["solemn"] = True
        if self.variant_of:
            value["variant_of"] = self.variant_of
        if self.relay is not None:
            source, duration_max_ms, age_max_s = self.relay
            mark = {"source": source, "duration_max_ms": duration_max_ms, "age_max_s": age_max_s}
            value["relay"] = mark
        return value


def _read_mark(fields: Fields, name: str) -> Mark | None:
    if not fields.has("relay"):
        return None
    inner = fields.nested("relay")
    source = inner.id("source", ID_BYTES_MAX)
    if not name.startswith(RELAY_PREFIX + source + "."):
        remedy = "Begin it with " + RELAY_PREFIX + source + "."
        raise refuse(fields.name("id"), "does not name the source", remedy)
    fields.choice("class", (NORMAL,))
    return Mark(
        source,
        inner.integer("duration_max_ms", 1, DURATION_MS_MAX),
        inner.integer("age_max_s", 1, RELAY_AGE_S_MAX),
    )


def read_item(fields: Fields) -> Item:
    """Return one item of a bundle."""
    name = fields.id("id", ID_BYTES_MAX)
    return Item(
        name,
        fields.text("title", 1, TITLE_BYTES_MAX),
        fields.text("language", 2, LANGUAGE_BYTES_MAX),
        fields.text("topic", 0, TOPIC_BYTES_MAX, ""),
        fields.choice("class", PROGRAMME_CLASSES),
        fields.flag("solemn", False),
        media.read_renditions(fields, True),
        fields.id("variant_of", ID_BYTES_MAX, ""),
        _read_mark(fields, name),
    )


class Page(
    namedtuple(
        "Page",
        (
            "id",
            "title",
            "language",
            "legal_class",
            "dwell_s",
            "from_s",
            "until_s",
            "renditions",
            "targets",
            "scroll_px_s",
            "blink",
            "item",
            "asked",
        ),
    )
):
    """Describe one picture for boards: how long it dwells and when (Unix seconds) it is valid.

    With `scroll_px_s` (else 0) its rendition is a strip (profile `ticker-64x1`: height, channels)
    that runs through; with `blink`, for emergencies, the picture goes on and off once a second.
    Where exactly the languages `asked` are asked for, it stands in for the other pages of its
    `item` (`protocols.tongues`).
    """

    def to_dict(self) -> dict[str, object]:
        """Return the manifest's form."""
        value: dict[str, object] = {
            "id": self.id,
            "title": self.title,
            "language": self.language,
            "class": self.legal_class,
            "dwell_s": self.dwell_s,
            "from_s": self.from_s,
            "until_s": self.until_s,
            "renditions": [rendition.to_dict() for rendition in self.renditions],
        }
        targets = self.targets.to_dict()
        if targets:
            value["targets"] = targets
        if self.scroll_px_s:
            value["scroll_px_s"] = self.scroll_px_s
        if self.blink:
            value["blink"] = True
        if self.item:
            value["item"] = self.item
        if self.asked:
            value["asked"] = list(self.asked)
        return value


def read_page(fields: Fields) -> Page:
    """Return one page of a bundle."""
    from_s = fields.integer("from_s", 0, EPOCH_S_MAX)
    until_s = fields.integer("until_s", from_s + 1, EPOCH_S_MAX)
    return _page(fields, fields.choice("class", PROGRAMME_CLASSES), from_s, until_s)


def read_alert_page(fields: Fields, from_s: int, until_s: int) -> Page:
    """Return one page of an alert, valid as long as the alert unless it says less."""
    legal_class = fields.choice("class", (EMERGENCY,), EMERGENCY)
    from_s = fields.integer("from_s", from_s, until_s - 1, from_s)
    until_s = fields.integer("until_s", from_s + 1, until_s, until_s)
    return _page(fields, legal_class, from_s, until_s)


def _page(fields: Fields, legal_class: str, from_s: int, until_s: int) -> Page:
    item = fields.id("item", ID_BYTES_MAX, "")
    asked = fields.ids("asked", LANGUAGES_MAX, LANGUAGE_BYTES_MAX)
    if asked and not item:
        raise refuse(fields.name("item"), "is missing", "Name what the page shows, as its others.")
    return Page(
        fields.id("id", ID_BYTES_MAX),
        fields.text("title", 1, TITLE_BYTES_MAX),
        fields.text("language", 2, LANGUAGE_BYTES_MAX),
        legal_class,
        fields.integer("dwell_s", 1, DWELL_S_MAX),
        from_s,
        until_s,
        media.read_renditions(fields, False),
        read_targets(fields),
        fields.integer("scroll_px_s", 0, SCROLL_PX_S_MAX, 0),
        legal_class == EMERGENCY and fields.flag("blink", False),
        item,
        asked,
    )
