"""Slots whose recordings go on air without a signature for each, and what nodes are told of them.

Two people's doors: an approver signs the slot that lets a source in (the bundle's policy lists it,
its item is marked, `protocols.relays`), and anybody who may raise an alarm in the unit can switch
it off at once. What is off goes back to waiting for signatures; another signature under such a slot
lets the source in again.
"""

import json
from collections.abc import Collection
from datetime import date, timedelta

from hub import audit, bulletins, facts, frame, slots, timing
from hub.frame import Body, Frame
from hub.store import Row, Store
from protocols import canonical, relays
from protocols.errors import RemoteFault
from protocols.items import RELAY_PREFIX
from protocols.limits import RELAY_REFUSED_MAX
from protocols.relays import Relay

REFUSED, STATE = "relays.refused", "relays.state."
# "The last one" goes on for so long when nothing newer comes.
LAST_DAYS = 30
DAY_S = 86400
WHO = "relay"
_REPLACEABLE = (bulletins.READY, bulletins.FAILED, bulletins.RETURNED)
# Nodes look in every few minutes and need some more to fetch half an hour of sound; until then the
# recording before plays.
LEAD_S = 300
# Today's recording, and the one before it until nodes have had time to fetch today's.
KEPT = 2


def refused(store: Store) -> dict[str, list[str]]:
    """Return the units that have switched a source off, by source."""
    return dict(facts.get(store, REFUSED, {}))


def is_automatic(body: Body | None) -> bool:
    """Tell whether a slot's recordings go on air by themselves, unless they are switched off."""
    return bool(body and body.get("automatic"))


def marked(store: Store, unit: str, held: Frame, changing: Row | None = None) -> dict[str, Body]:
    """Return the slots of a unit that recordings fill by themselves, by entry.

    A change that is being signed lets its source in again.
    """
    off = refused(store)
    lifted = changing["entry"] if changing is not None else ""
    let_in = {held.slots[lifted]["source"]} if is_automatic(held.slots.get(lifted)) else set()
    return {
        entry: body
        for entry, body in held.slots.items()
        if is_automatic(body)
        and (body["source"] in let_in or unit not in off.get(body["source"], ()))
    }


def sources(found: dict[str, Body]) -> list[str]:
    """Return what a policy lists for some slots."""
    return sorted({body["source"] for body in found.values()})


def entries(found: dict[str, Body], today: str) -> tuple[list[Row], list[Row]]:
    """Return items and rules of a bundle for some slots."""
    items, rules = [], []
    for entry, body in sorted(found.items()):
        for days, weekdays in sorted(_ages(body).items()):
            plain = _rule(entry, body, weekdays, today)
            if plain is None:
                continue
            name = f"{RELAY_PREFIX}{body['source']}.{entry}.{days}"
            mark = {
                "source": body["source"],
                "duration_max_ms": body["minutes"] * 60_000,
                "age_max_s": days * DAY_S,
            }
            item = {"id": name, "title": body["name"], "language": "vi-VN", "class": "normal"}
            items.append({**item, "solemn": True, "renditions": [], "relay": mark})
            rules.append({"id": name, "items": [name], **plain})
    return items, rules


def _ages(body: Body) -> dict[int, list[int]]:
    """Return the weekdays of a slot by how many days old a recording may be on them.

    So old as the slot's day before: what was heard then is no news any more.
    """
    weekdays = sorted(body["weekdays"])
    if body.get("again") == slots.LAST or body.get("lunar"):
        return {LAST_DAYS: weekdays}
    found: dict[int, list[int]] = {}
    for number, day in enumerate(weekdays):
        found.setdefault((day - weekdays[number - 1]) % 7 or 7, []).append(day)
    return found


def _rule(entry: str, body: Body, weekdays: list[int], today: str) -> Row | None:
    first = max(body["from"], today)
    last = (date.fromisoformat(first) + timedelta(days=timing.DAYS_MAX)).isoformat()
    wanted = {"slot": {"id": entry, "from": first, "until": body["until"] or last}}
    when = slots.fit(wanted, {**body, "weekdays": weekdays})
    return None if when is None else timing.rule(when)


def without_recorded(store: Store, rows: list[Row], found: dict[str, Body]) -> list[Row]:
    """Return bulletins without those that were made of a recording for one of some slots."""
    return [row for row in rows if not _is_recorded(store, row, found)]


def _is_recorded(store: Store, row: Row, found: dict[str, Body]) -> bool:
    wanted = row["timing"].get("slot")
    is_inside = bool(wanted) and wanted["id"] in found
    return is_inside and store.get("relay_bulletins", row["bulletin"]) is not None


def switch_off(store: Store, entry: str, who: str, now_s: int) -> str:
    """Let a unit have nothing more of a slot's source without a signature; return the unit."""
    row = frame.in_force(store, entry)
    if row is None or not is_automatic(row["body"]):
        raise frame.gone()
    unit, source, off = row["unit"], row["body"]["source"], refused(store)
    if unit not in off.get(source, ()):
        off[source] = sorted([*off.get(source, []), unit])
        facts.put(store, REFUSED, off)
        audit.append(store, now_s, who, "relay.off", unit, source=source, entry=entry)
    return str(unit)


def let_in(store: Store, change: Row, now_s: int) -> None:
    """Note that an approver signed a slot: its source is let in, and by whom stands in the log.

    What of older recordings waits in it for a signature is withdrawn.
    """
    body = json.loads(change["body_json"])
    if not is_automatic(body):
        return
    off, unit, source = refused(store), change["unit"], body["source"]
    left = [one for one in off.get(source, []) if one != unit]
    facts.put(store, REFUSED, {**off, source: left} if left else _less(off, source))
    audit.append(store, now_s, "hub", "relay.let_in", unit, source=source, by=change["change"])
    withdraw_waiting(store, change["entry"], now_s)


def withdraw_waiting(store: Store, entry: str, now_s: int) -> None:
    """Withdraw the bulletins that were made of recordings for a slot and that nobody signed."""
    for link in store.find("relay_bulletins", {"entry": entry}, order=["bulletin"]):
        row = store.get("bulletins", link["bulletin"])
        if row is not None and row["state"] in _REPLACEABLE:
            bulletins.withdraw(store, link["bulletin"], WHO, now_s)


def _less(off: dict[str, list[str]], source: str) -> dict[str, list[str]]:
    return {name: units for name, units in off.items() if name != source}


def enabled(store: Store, units: Collection[str] | None = None) -> dict[str, list[str]]:
    """Return in which units (of some, or of all) something goes on air by itself, and of whom."""
    found: dict[str, list[str]] = {}
    for row in store.each("frame_changes", {"kind": frame.SLOT, "state": frame.IN_FORCE}):
        if '"automatic": true' in row["body_json"] and (units is None or row["unit"] in units):
            named = sources(marked(store, row["unit"], frame.of(store, row["unit"])))
            if named:
                found[row["unit"]] = named
    return found


def shown(
    store: Store, units: dict[str, Row], seen: Collection[str]
) -> list[tuple[str, list[str]]]:
    """Return names of units and broadcasters for a page, of those units that the reader sees."""
    names = {row["source"]: row["name"] for row in store.find("relay_sources")}
    found = enabled(store, [unit for unit in seen if unit in units])
    return [
        (units[unit]["name"], [names.get(one, one) for one in found[unit]])
        for unit in sorted(found)
    ]


def is_too_long(store: Store, body: Body) -> bool:
    """Tell whether the newest recording of a slot's source does not fit the slot."""
    if not is_automatic(body):
        return False
    newest = state(store, body["source"])["recordings"][-1:]
    longest = [one["duration_ms"] for row in newest for one in row["renditions"]]
    return bool(longest) and max(longest) > body["minutes"] * 60_000


# What is published of a source: its recordings with their renditions, and whether it is signed.


def state(store: Store, source: str) -> Row:
    """Return what was decided last about a source: `version recordings refused signed`."""
    blank = {"version": 0, "recordings": [], "refused": [], "signed": True}
    return dict(facts.get(store, STATE + source, blank))


def stands(store: Store, source: str, now_s: int) -> bool:
    """Tell whether nodes can have what they shall be told of a source now."""
    held = state(store, source)
    return bool(held["signed"]) and _next(store, source, held, None, now_s) is None


def decide(store: Store, source: str, fresh: Row | None, now_s: int) -> Row:
    """Keep what nodes shall be told of a source now, and return it.

    `fresh` is a recording that was just made. A new version stands as not signed until it is.
    """
    held = state(store, source)
    made = _next(store, source, held, fresh, now_s)
    if made is not None:
        facts.put(store, STATE + source, made)
    return made or held


def _next(store: Store, source: str, held: Row, fresh: Row | None, now_s: int) -> Row | None:
    """Return the next version of what nodes are told, or None where nothing has changed."""
    recordings = [one for one in held["recordings"] if one["until_s"] > now_s]
    if fresh is not None:
        recordings = [*recordings, fresh][-KEPT:]
    row = store.get("relay_sources", source)
    off = refused(store).get(source, [])
    if row is None or row["state"] != "active" or len(off) > RELAY_REFUSED_MAX:
        recordings, off = [], []
    # After a restore nodes may hold a higher number than stands here.
    is_passed = held["version"] and held["version"] < facts.above(store, held["version"])
    if (recordings, off) == (held["recordings"], held["refused"]) and not is_passed:
        return None
    version = facts.above(store, held["version"] + 1)
    return {"version": version, "recordings": recordings, "refused": off, "signed": False}


def signed(store: Store, source: str, version: int, now_s: int) -> None:
    """Note that nodes can have a version now."""
    held = state(store, source)
    if held["version"] == version and not held["signed"]:
        facts.put(store, STATE + source, {**held, "signed": True, "fault": ""})
        titles = [one["title"] for one in held["recordings"]]
        audit.append(store, now_s, "hub", "relay.publish", source, version=version, titles=titles)


def unsigned(store: Store, source: str, version: int, code: str) -> None:
    """Note why a version could not be signed; it is tried again."""
    held = state(store, source)
    if held["version"] == version:
        facts.put(store, STATE + source, {**held, "fault": code})


def faults(store: Store) -> dict[str, str]:
    """Return why nodes do not have a source's newest recordings, by source."""
    found = {row["source"]: state(store, row["source"]) for row in store.find("relay_sources")}
    return {source: held["fault"] for source, held in found.items() if held.get("fault")}


def manifest(source: str, held: Row) -> bytes:
    """Return the bytes that nodes read, checked as they will check them."""
    recordings = [
        {name: one[name] for name in ("title", "from_s", "until_s", "renditions")}
        for one in held["recordings"]
    ]
    fields = {"format": relays.FORMAT, "source": source, "version": held["version"]}
    data = canonical.encode({**fields, "refused": held["refused"], "recordings": recordings})
    relays.read(data, source)
    return data


def published(store: Store, names: Collection[str]) -> dict[str, Relay]:
    """Return what nodes hold of some sources, read as they read it."""
    found = {}
    for source in names:
        held = state(store, source)
        if held["version"]:
            try:
                found[source] = relays.read(manifest(source, held), source)
            except RemoteFault:
                continue
    return found
