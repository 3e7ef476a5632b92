"""What was broadcast and heard over a period: sums by unit, day, topic and more; availability.

Sums come from the plays that nodes proved, page by page; nothing is estimated. Days are the
province's own.
"""

from collections.abc import Callable, Collection, Iterator
from datetime import date
from typing import NamedTuple

from hub import fleet, programme, timing, topics
from hub.evidence import ENDED_EARLY, is_enough
from hub.store import Above, Row, Store
from hub.words import LANGUAGES
from protocols.errors import RemoteFault

# A year and a day: the December report of a leap year.
DAYS_MAX = 367
# A commune's year is 20,000 plays; a province's month 200,000. More asks for a shorter period.
PLAYS_MAX = 400_000
_PAGE = 5000
DAY_MS = 86_400_000
BY = ("unit", "day", "class", "topic", "language", "hamlet", "node")


class Period(NamedTuple):
    """Hold a first and a last day, both included, and the moments between which they lie (ms)."""

    first: date
    last: date
    from_ms: int
    to_ms: int


class Sums(NamedTuple):
    """Hold what happened: numbers of plays and of pages shown, and loudspeakers' time on air (ms).

    `proven` counts what was heard by measurement, or read back by a board.
    """

    plays: int = 0
    proven: int = 0
    interrupted: int = 0
    failed: int = 0
    airtime_ms: int = 0

    def plus(self, play: Row, kind: str) -> "Sums":
        """Return these sums with one play more, of a node of a kind."""
        aired_ms = 0 if kind == "board" else max(0, play["ended_ms"] - play["started_ms"])
        return Sums(
            self.plays + 1,
            self.proven + (is_enough(play["grade"], kind) and play["outcome"] != "failed"),
            self.interrupted + (play["outcome"] in ENDED_EARLY),
            self.failed + (play["outcome"] == "failed"),
            self.airtime_ms + aired_ms,
        )


class Line(NamedTuple):
    """Hold one line of a report: `key` to sort by, `label` in words, and its sums."""

    key: str
    label: str
    sums: Sums


def period(first: str, last: str, now_s: int, offset_min: int) -> Period:
    """Return a period of local days; empty texts mean this month until today.

    Raises `RemoteFault("report.period")`.
    """
    today = timing.local_time(now_s, offset_min).date()
    try:
        start = date.fromisoformat(first) if first else today.replace(day=1)
        end = date.fromisoformat(last) if last else max(today, start)
    except ValueError:
        raise _refuse("a day is wrong") from None
    if end < start or (end - start).days >= DAYS_MAX:
        raise _refuse("the last day is before the first, or more than a year after it")
    from_ms, last_ms = (
        timing.moment_s(day.isoformat(), "00:00", offset_min) * 1000 for day in (start, end)
    )
    return Period(start, end, from_ms, last_ms + DAY_MS)


def _refuse(message: str) -> RemoteFault:
    return RemoteFault("report.period", message, "Choose a first and a last day.")


def lines(
    store: Store, seen: Collection[str], when: Period, by: str, offset_min: int
) -> tuple[list[Line], Sums]:
    """Return a report's lines in order, and the sums of all; of the units `seen` alone.

    Raises `RemoteFault("report.large")` for a period with too many plays.
    """
    key_of = _keys(store, by, offset_min)
    found: dict[str, Sums] = {}
    labels: dict[str, str] = {}
    total = Sums()
    kinds: dict[str, str] = {}
    for play in _plays(store, seen, when):
        name = str(play["node"])
        if name not in kinds:
            kinds[name] = str((store.get("nodes", name) or {"kind": "speaker"})["kind"])
        key, label = key_of(play)
        found[key] = found.get(key, Sums()).plus(play, kinds[name])
        labels[key] = label
        total = total.plus(play, kinds[name])
    made = [Line(key, labels[key], sums) for key, sums in found.items()]
    return sorted(made, key=lambda line: (line.label, line.key)), total


def _plays(store: Store, seen: Collection[str], when: Period) -> Iterator[Row]:
    where = {"unit": sorted(seen), "started_ms": Above(when.from_ms - 1)}
    rows = store.each("plays", where, order=["started_ms"], page=_PAGE)
    for count, row in enumerate(rows):
        if row["started_ms"] >= when.to_ms:
            return
        if count >= PLAYS_MAX:
            raise RemoteFault("report.large", "too many plays", "Choose a shorter period.")
        yield row


Key = Callable[[Row], tuple[str, str]]


def _keys(store: Store, by: str, offset_min: int) -> Key:
    """Return what gives a play's key and label."""
    makers: dict[str, Callable[[], Key]] = {
        "unit": lambda: _by_unit(store, offset_min),
        "day": lambda: lambda play: (_day(play, offset_min),) * 2,
        "class": lambda: lambda play: (play["class"], play["class"]),
        "topic": lambda: _by_version(store, "topic"),
        "language": lambda: _by_version(store, "language"),
        "hamlet": lambda: _by_node(store, hamlet=True),
        "node": lambda: _by_node(store, hamlet=False),
    }
    return makers[by]()


def _day(play: Row, offset_min: int) -> str:
    return timing.local_time(play["started_ms"] // 1000, offset_min).date().isoformat()


def _by_unit(store: Store, offset_min: int) -> Key:
    """Name units as they were called on the day of the play."""
    days: dict[str, dict[str, Row]] = {}

    def key(play: Row) -> tuple[str, str]:
        day, unit = _day(play, offset_min), str(play["unit"])
        if day not in days:
            days[day] = fleet.units_on(store, day)
        return unit, str(days[day][unit]["name"]) if unit in days[day] else unit

    return key


def _by_version(store: Store, field: str) -> Key:
    """Look up what the bulletin's version says; alerts and relays have no such field."""
    names = topics.names(store)
    known: dict[str, str] = {}

    def key(play: Row) -> tuple[str, str]:
        item = str(play["item"])
        if item not in known:
            bulletin, version, part = programme.of_record(item)
            row = store.get("bulletin_versions", bulletin, version)
            known[item] = str(row[field]) if row else ""
            if row and field == "language" and part in LANGUAGES:
                known[item] = part
        value = known[item]
        return value, names.get(value, value) if field == "topic" else value

    return key


def _by_node(store: Store, hamlet: bool) -> Key:
    known: dict[str, tuple[str, str]] = {}

    def key(play: Row) -> tuple[str, str]:
        node = str(play["node"])
        if node not in known:
            row = store.get("nodes", node)
            known[node] = (node, node) if row is None else (node, str(row["name"]))
            if hamlet and row is not None:
                where = store.get("hamlets", row["unit"], row["hamlet"]) if row["hamlet"] else None
                known[node] = (
                    f"{row['unit']}/{row['hamlet'] or ''}",
                    where["name"] if where else "",
                )
        return known[node]

    return key


class Availability(NamedTuple):
    """Hold how much of a period is known of a unit's nodes, in parts of 1,000."""

    unit: str
    name: str
    nodes: int
    known_permille: int


def availability(
    store: Store, units: dict[str, Row], seen: Collection[str], when: Period, now_ms: int
) -> list[Availability]:
    """Return, by unit, for how much of the period something is known of its nodes.

    A node counts from its registration on; silence that was never filled counts as not known, and
    so does all the time of a node that was never in contact.
    """
    end_ms = min(when.to_ms, now_ms)
    gaps: dict[str, list[tuple[int, int]]] = {}
    for gap in store.each("gaps", {"state": ["open", "returning", "lost"], "why": "silent"}):
        to_ms = end_ms if gap["to_ms"] is None else min(gap["to_ms"], end_ms)
        gaps.setdefault(gap["node"], []).append((max(gap["from_ms"], when.from_ms), to_ms))
    sums: dict[str, list[int]] = {}
    for unit in sorted(seen):
        where = {"unit": unit, "state": "enrolled"}
        for node in store.find("nodes", where, join="node_status"):
            from_ms = max(when.from_ms, node["registered_s"] * 1000)
            whole = max(0, end_ms - from_ms)
            lost = sum(max(0, to - max(at, from_ms)) for at, to in gaps.get(node["node"], ()))
            if node["contact_ms"] is None:
                lost = whole
            told = sums.setdefault(unit, [0, 0, 0])
            told[0] += 1
            told[1] += whole
            told[2] += max(0, whole - lost)
    return [
        Availability(unit, str(units[unit]["name"]), nodes, known * 1000 // whole if whole else 0)
        for unit, (nodes, whole, known) in sums.items()
        if unit in units
    ]
