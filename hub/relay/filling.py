"""Put what was recorded into the relay slots that name its source, where it waits for a signature.

What a slot says of days without anything new (`again`) is days of the bulletin: with `nothing` it
plays on the next day of the slot alone, with `last` until a later one is signed.
"""

from datetime import date, timedelta

from hub import bulletins, fleet, frame, production, slots, timing
from hub.bulletins import Draft
from hub.mirror.supply import SLOT_LEAD_S
from hub.relay import automatic, sources
from hub.store import Row, Store
from protocols.errors import RemoteFault

# "The last one" goes on for so long when nobody signs a newer one.
LAST_DAYS = 30


def fill(store: Store, source: Row, recording: Row, now_s: int, offset_min: int) -> list[str]:
    """Make a bulletin for every slot of the source; return those to be made.

    What nobody signed of an older recording is withdrawn: it would be yesterday's news. Slots that
    recordings fill by themselves get no bulletin (`hub.relay.automatic`).
    """
    made = []
    for unit in _units(store, source["source"], now_s, offset_min):
        held = frame.of(store, unit)
        by_itself = automatic.marked(store, unit, held)
        for entry, slot in sorted(held.slots.items()):
            if entry in by_itself:
                automatic.withdraw_waiting(store, entry, now_s)
                continue
            if slot.get("source") != source["source"] or _stands(store, entry, recording):
                continue
            try:
                when = _when(store, unit, entry, slot, now_s, offset_min)
            except RemoteFault:
                continue
            automatic.withdraw_waiting(store, entry, now_s)
            made.append(_make(store, source, recording, unit, entry, when, now_s))
    return made


def _units(store: Store, source: str, now_s: int, offset_min: int) -> list[str]:
    """Return the units in force whose frame may name a source."""
    held = store.each("frame_changes", {"kind": frame.SLOT, "state": frame.IN_FORCE})
    named = {row["unit"] for row in held if f'"{source}"' in row["body_json"]}
    day = timing.local_time(now_s, offset_min).date().isoformat()
    return sorted(named & set(fleet.units_on(store, day)))


def _stands(store: Store, entry: str, recording: Row) -> bool:
    where = {"entry": entry, "source": recording["source"], "recording": recording["recording"]}
    return bool(store.find("relay_bulletins", where, limit=1))


def _when(
    store: Store, unit: str, entry: str, slot: frame.Body, now_s: int, offset_min: int
) -> timing.Timing:
    first = slots.next_day(slot, now_s + SLOT_LEAD_S, offset_min)
    last = first
    if slot.get("again") == slots.LAST:
        last = (date.fromisoformat(first) + timedelta(days=LAST_DAYS)).isoformat()
    return slots.into(store, unit, entry, first, last)


def _make(
    store: Store,
    source: Row,
    recording: Row,
    unit: str,
    entry: str,
    when: timing.Timing,
    now_s: int,
) -> str:
    title = f"{source['name']}: {recording['title']}" if recording["title"] else source["name"]
    draft = Draft(
        unit, sources.cut(title), "vi-VN", "normal", "", "", "vi-VN", recording["sha256"], (), when
    )
    name = production.new_name()
    bulletins.create(store, name, draft, automatic.WHO, now_s)
    link = {"bulletin": name, "unit": unit, "entry": entry}
    link.update(source=source["source"], recording=recording["recording"])
    store.add("relay_bulletins", link)
    return name
