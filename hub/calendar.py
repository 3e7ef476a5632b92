"""What a unit will broadcast on the days ahead, as its nodes' own session says it.

The same `protocols.preview` that decides on the pole runs over the published manifests, or over
the bundle as it would be with a bulletin that still waits for its signature.
"""

from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta
from typing import Any, NamedTuple

from hub import bulletins, fleet, frame, node_now, programme, showing, timing
from hub.node_now import Programmes
from hub.relay import automatic
from hub.store import Row, Store
from protocols import bundle, preview
from protocols.bundle import Bundle
from protocols.items import RELAY_PREFIX
from protocols.media import Rendition
from protocols.relays import Relay
from protocols.targets import Place

DAY_MS = 86_400_000
DAYS_MAX = 14
PROFILES = ("opus", "pcm16")
# The hash of nothing: what a broadcaster's slot plays in a preview before its recording is there.
AWAITED = "0" * 64


class Entry(NamedTuple):
    """Hold something due: `until_ms` is None and `reason` says why where it will not play."""

    at_ms: int
    until_ms: int | None
    item: str
    title: str
    legal_class: str
    unit: str
    reason: str
    is_cut: bool
    scheduled_ms: int | None = None
    # A broadcaster's slot for which nothing is recorded yet.
    awaits: bool = False

    @property
    def bulletin(self) -> str:
        """Return the bulletin that the item came from; a recording is of none."""
        return "" if self.source else self.item.partition(".")[0]

    @property
    def source(self) -> str:
        """Return the broadcaster whose recording this is, which nobody signs; else nothing."""
        return self.item.split(".")[1] if self.item.startswith(RELAY_PREFIX) else ""


class Where(NamedTuple):
    """Hold the units in force, the unit looked at, and a hamlet or a node of it or nothing."""

    units: dict[str, Row]
    unit: str
    hamlet: str = ""
    node: Row | None = None

    def chain(self) -> list[str]:
        """Return the unit and those above it, nearest first."""
        return [self.unit, *fleet.ancestors(self.units, self.unit)]

    def place(self) -> Place:
        """Return where the node stands, or any loudspeaker there."""
        if self.node is not None:
            return node_now.place_of(self.node)
        return Place(self.unit, self.hamlet, (), "speaker", PROFILES)


def entries(
    store: Store,
    programmes: Programmes,
    where: Where,
    from_ms: int,
    until_ms: int,
    own: Bundle | None = None,
) -> list[Entry]:
    """Return what is due in a window, in order: at a unit's loudspeakers, or at a node.

    `own` stands in for the unit's published bundle. Raises `LocalFault("preview.long")`.
    """
    found = [programmes.bundle(store, unit) for unit in where.chain()]
    if own is not None:
        found[0] = own
    alerts = [programmes.alerts(store, unit) for unit in where.chain()]
    recorded: dict[str, Relay] = {}
    if found[0] is not None:
        recorded = automatic.published(store, found[0].policy.relays)
        found[0] = _awaiting(found[0], recorded)
    place, node = where.place(), where.node
    told = (
        tuple(one for one in found if one is not None),
        tuple(one for one in alerts if one is not None),
        None if node is None else node_now.settings_of(store, node["node"]),
    )
    if place.kind == "board":
        return [_turn(one) for one in showing.what_will_show(place, *told, from_ms, until_ms)]
    facts = preview.what_will_play(place, *told, from_ms, until_ms, relays=recorded)
    return [_entry(fact) for fact in facts]


def _awaiting(own: Bundle, recorded: dict[str, Relay]) -> Bundle:
    """Return a bundle whose broadcasters' slots are full where nothing is recorded for them yet."""
    items = dict(own.items)
    for name, item in own.items.items():
        mark = item.relay
        if mark is None or item.renditions:
            continue
        relay = recorded.get(mark.source)
        if relay is None or own.unit not in relay.refused:
            awaited = Rendition("opus", "audio/ogg", AWAITED, 1, mark.duration_max_ms)
            items[name] = item._replace(renditions=(awaited,))
    return own._replace(items=items)


def _turn(one: showing.Stretch) -> Entry:
    return Entry(
        one.from_ms, one.until_ms, one.item, one.title, one.legal_class, one.unit, "", False
    )


def _entry(fact: Any) -> Entry:
    is_play = fact.kind == "played"
    return Entry(
        fact.started_ms if is_play else fact.scheduled_ms,
        fact.ended_ms if is_play else None,
        fact.item,
        fact.title,
        fact.legal_class,
        fact.unit,
        "" if is_play else fact.reason,
        is_play and fact.outcome == "interrupted",
        fact.scheduled_ms,
        is_play and fact.sha256 == AWAITED,
    )


def by_day(found: Sequence[Entry], from_ms: int, days: int, offset_min: int) -> list[Any]:
    """Return (ISO day, entries) for every day of a window, empty days too."""
    first = timing.local_time(from_ms // 1000, offset_min).date()
    days_of: dict[str, list[Entry]] = {
        (first + timedelta(days=number)).isoformat(): [] for number in range(days)
    }
    for one in found:
        day = timing.local_time(one.at_ms // 1000, offset_min).date().isoformat()
        days_of.setdefault(day, []).append(one)
    return sorted(days_of.items())[:days]


def weeks(days: list[Any]) -> list[list[Any]]:
    """Return (ISO day, entries) in rows of a week from Monday on, None before and behind."""
    lead = date.fromisoformat(days[0][0]).isoweekday() - 1
    cells = [None] * lead + list(days)
    cells += [None] * (-len(cells) % 7)
    return [cells[start : start + 7] for start in range(0, len(cells), 7)]


class AtPlace(NamedTuple):
    """Hold what is due at some hamlets that hear the same; `names` is empty for all others."""

    names: tuple[str, ...]
    entries: list[Entry]


def by_place(
    store: Store,
    programmes: Programmes,
    where: Where,
    hamlets: Sequence[Row],
    from_ms: int,
    until_ms: int,
) -> list[AtPlace]:
    """Return what is due in each hamlet; those that no rule names, and that ask for no language of
    their own, stand together at the end.
    """
    named = _named(store, programmes, where)
    found = []
    for row in hamlets:
        if row["hamlet"] in named:
            place = where._replace(hamlet=str(row["hamlet"]))
            due = entries(store, programmes, place, from_ms, until_ms)
            found.append(AtPlace((str(row["name"]),), due))
    rest = entries(store, programmes, where._replace(hamlet=""), from_ms, until_ms)
    return [*found, AtPlace((), rest)]


def _named(store: Store, programmes: Programmes, where: Where) -> set[str]:
    found = [programmes.bundle(store, unit) for unit in where.chain()]
    manifests = [programmes.alerts(store, unit) for unit in where.chain()]
    rules = [rule for one in found if one is not None for rule in one.rules]
    alerts = [alert for one in manifests if one is not None for alert in one.alerts]
    named = {name for one in [*rules, *alerts] for name in one.targets.hamlets}
    return named | {name for one in found if one is not None for name in _asking(one)}


def _asking(one: Bundle) -> set[str]:
    return {name for asked in one.policy.languages for name in asked.hamlets}


class Conflict(NamedTuple):
    """Hold what would not be as wanted: `own` tells whether it is the bulletin itself."""

    entry: Entry
    own: bool


def conflicts(
    store: Store,
    programmes: Programmes,
    where: Where,
    row: Row,
    now_s: int,
    lead_s: int,
    offset_min: int,
) -> list[Conflict]:
    """Return what a waiting bulletin would miss, or make others miss, in the fortnight it begins.

    Emergencies interrupt by right: they have no conflicts.
    """
    if programme.kind_of(row) != "bundle" or row["state"] != bulletins.READY:
        return []
    fixed = {**row, "timing": timing.fix(row["timing"], now_s, lead_s, offset_min)}
    data = programme.manifest(store, row["unit"], "bundle", now_s, offset_min, fixed).data
    begin_ms = timing.first_start_s(fixed["timing"], offset_min) * 1000
    from_ms = max(now_s * 1000, begin_ms - 3600_000)
    window = (from_ms, from_ms + DAYS_MAX * DAY_MS)
    own = bundle.read(data, row["unit"])
    before = {_key(one) for one in entries(store, programmes, where, *window) if _is_wrong(one)}
    after = entries(store, programmes, where, *window, own)
    item = programme.item_id(row)
    fresh = [one for one in after if _is_wrong(one) and _key(one) not in before]
    return [Conflict(one, one.item == item) for one in fresh]


class Effect(NamedTuple):
    """Hold what a change of the frame would do in a fortnight: `gone` plays no more, `fresh` plays
    in addition, `wrong` would not be as wanted.
    """

    gone: list[Entry]
    fresh: list[Entry]
    wrong: list[Entry]


def effect(
    store: Store, programmes: Programmes, where: Where, change: Row, now_s: int, offset_min: int
) -> Effect:
    """Return what a waiting change of the frame would do, in the fortnight in which it begins.

    Raises `RemoteFault` where no bundle can hold it.
    """
    data = programme.manifest(store, where.unit, "bundle", now_s, offset_min, changing=change).data
    first_s = frame.first_s([change["body"], frame.before(store, change)], offset_min)
    from_ms = max(now_s, min(first_s, now_s + timing.DAYS_MAX * DAY_MS // 1000)) * 1000
    window = (from_ms, from_ms + DAYS_MAX * DAY_MS)
    before = entries(store, programmes, where, *window)
    after = entries(store, programmes, where, *window, bundle.read(data, where.unit))
    played = {_key(one) for one in after if not one.reason}
    told = {_key(one) for one in before if not one.reason}
    wrong = {_key(one) for one in before if _is_wrong(one)}
    return Effect(
        [one for one in before if not one.reason and _key(one) not in played],
        [one for one in after if not one.reason and _key(one) not in told],
        [one for one in after if _is_wrong(one) and _key(one) not in wrong],
    )


def _is_wrong(one: Entry) -> bool:
    return bool(one.reason) or one.is_cut


def _key(one: Entry) -> tuple[str, int]:
    return one.item, one.at_ms


def icalendar(found: Sequence[Entry], name: str, now_ms: int) -> bytes:
    """Return what will play as iCalendar (RFC 5545), lines folded at 75 bytes."""
    lines = ["BEGIN:VCALENDAR", "VERSION:2.0", "PRODID:-//Chieng//hub//VI", "METHOD:PUBLISH"]
    lines.append("X-WR-CALNAME:" + _text(name))
    for one in found:
        if one.until_ms is None:
            continue
        lines += [
            "BEGIN:VEVENT",
            f"UID:{one.item}-{one.at_ms}@chieng",
            "DTSTAMP:" + _moment(now_ms),
            "DTSTART:" + _moment(one.at_ms),
            "DTEND:" + _moment(one.until_ms),
            "SUMMARY:" + _text(one.title),
            "CATEGORIES:" + _text(one.legal_class),
            "END:VEVENT",
        ]
    lines.append("END:VCALENDAR")
    return b"".join(_folded(line) for line in lines)


def _moment(wall_ms: int) -> str:
    return f"{datetime.fromtimestamp(wall_ms // 1000, UTC):%Y%m%dT%H%M%SZ}"


def _text(text: str) -> str:
    for sign in ("\\", ";", ","):
        text = text.replace(sign, "\\" + sign)
    return text.replace("\n", "\\n")


def _folded(line: str) -> bytes:
    """Return a line in pieces of at most 75 bytes that cut no letter in two."""
    pieces, piece = [], b""
    for letter in line:
        data = letter.encode()
        if len(piece) + len(data) > 75:
            pieces.append(piece)
            piece = b" "
        piece += data
    return b"\r\n".join([*pieces, piece]) + b"\r\n"
