"""Recorded broadcasts that fill the slots which an approver marked for them.

An approver signs an item that names a source, how long its recording may sound and how old it may
be (`items.Mark`); the hub's online key signs which recordings there are. What that key can do in a
stranger's hands ends here: another recording of that source, of class normal, in those slots.
"""

from collections import namedtuple

from protocols import canonical, media
from protocols.fields import Fields, refuse
from protocols.items import NORMAL, Item
from protocols.limits import (
    EPOCH_S_MAX,
    ID_BYTES_MAX,
    JSON_INTEGER_MAX,
    RELAY_AGE_S_MAX,
    RELAY_BYTES_MAX,
    RELAY_HEAD_BYTES_MAX,
    RELAY_PCM_BYTES_PER_MS,
    RELAY_RECORDINGS_MAX,
    RELAY_REFUSED_MAX,
    TITLE_BYTES_MAX,
)
from protocols.media import Blob
from protocols.schedule import first_start_ms

TYPE_CHECKING = False
if TYPE_CHECKING:
    from protocols.bundle import Bundle
    from protocols.targets import Place

FORMAT = "chieng-relay/1"
# Why nothing fills an item: no recording is here, the newest is too old or too long for the slot,
# or the unit has switched the source off.
MISSING = "relay_missing"
OLD = "relay_old"
LONG = "relay_long"
OFF = "relay_off"

Recording = namedtuple("Recording", ("title", "from_s", "until_s", "renditions"))
"""Name one broadcast; it fills what starts in [from_s, until_s) (Unix seconds)."""

Relay = namedtuple("Relay", ("version", "source", "refused", "recordings"))
"""Hold what there is of a source; `refused` are units that want none of it for now."""


def _recording(fields: Fields) -> Recording:
    fields.choice("class", (NORMAL,), NORMAL)
    renditions = media.read_renditions(fields, True)
    for one in renditions:
        if one.length > one.duration_ms * RELAY_PCM_BYTES_PER_MS + RELAY_HEAD_BYTES_MAX:
            path = fields.name("renditions")
            raise refuse(path, "is larger than its sound", "State its true duration.")
    from_s = fields.integer("from_s", 0, EPOCH_S_MAX)
    return Recording(
        fields.text("title", 1, TITLE_BYTES_MAX),
        from_s,
        fields.integer("until_s", from_s + 1, min(EPOCH_S_MAX, from_s + RELAY_AGE_S_MAX)),
        renditions,
    )


def read(data: bytes, source: str) -> Relay:
    """Return what a manifest says of `source`; raises `RemoteFault` (`json.*`, `format.field`)."""
    fields = Fields(canonical.decode(data, RELAY_BYTES_MAX), "relay")
    fields.choice("format", (FORMAT,))
    if fields.id("source", ID_BYTES_MAX) != source:
        raise refuse("relay.source", "is another source's", "Publish it at its own path.")
    return Relay(
        fields.integer("version", 1, JSON_INTEGER_MAX),
        source,
        fields.ids("refused", RELAY_REFUSED_MAX, ID_BYTES_MAX),
        tuple([_recording(one) for one in fields.objects("recordings", RELAY_RECORDINGS_MAX)]),
    )


def fill(item: Item, unit: str, relay: Relay | None, at_ms: int) -> tuple[Item, str]:
    """Return a marked item with the recording that fills it at a time.

    The newest one counts. Where it cannot fill the slot, the item comes back as it was signed, with
    the reason.
    """
    mark, newest = item.relay, None
    if relay is not None and unit in relay.refused:
        return item, OFF
    for one in () if relay is None else relay.recordings:
        if one.from_s * 1000 <= at_ms and (newest is None or one.from_s >= newest.from_s):
            newest = one
    if newest is None:
        return item, MISSING
    if at_ms >= min(newest.until_s, newest.from_s + mark.age_max_s) * 1000:
        return item, OLD
    if media.duration_ms(newest.renditions) > mark.duration_max_ms:
        return item, LONG
    filled = Item(
        item.id,
        newest.title,
        item.language,
        item.topic,
        NORMAL,
        item.solemn,
        newest.renditions,
        "",
        mark,
    )
    return filled, ""


def blobs_needed(
    bundle: "Bundle", relays: "dict[str, Relay]", place: "Place", from_ms: int, until_ms: int
) -> list[Blob]:
    """Return the recordings that fill a bundle's slots at `place` in a window."""
    found: list[Blob] = []
    for rule in bundle.rules:
        for name in rule.items if rule.targets.reach(place) else ():
            item = bundle.items[name]
            relay = None if item.relay is None else relays.get(item.relay.source)
            for one in () if relay is None else relay.recordings:
                first_ms = max(from_ms - rule.duration_ms, one.from_s * 1000)
                last_ms = min(until_ms, one.until_s * 1000)
                at_ms = first_start_ms(rule, first_ms, last_ms, bundle.utc_offset_min)
                if at_ms is None:
                    continue
                filled = fill(item, bundle.unit, relay, at_ms)[0]
                if filled.renditions is one.renditions:
                    for step in media.ladder(one.renditions, place.profiles)[:1]:
                        blob = Blob(max(1, at_ms), step.sha256, step.length, step.media_type)
                        found.append(blob)
    return found


def blobs_named(relays: "dict[str, Relay]", place: "Place") -> list[str]:
    """Return the hashes of all recordings that a node at `place` could play of these sources."""
    found = []
    for relay in relays.values():
        for one in relay.recordings:
            found.extend([s.sha256 for s in media.ladder(one.renditions, place.profiles)[:1]])
    return found
