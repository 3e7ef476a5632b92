"""Which of our units and hamlets a message is for: by codes of dated lists, by shapes on the map.

A geocode's `valueName` is a code list, with the day of its version after an @ (`gso@2025-07-01`);
without one it is read as of the day on which the message was sent. A unit that has ended since
stands for its successor. A shape counts for nodes whose place on the map is known.
"""

from collections.abc import Iterable
from datetime import date
from typing import Any, NamedTuple

from hub import fleet
from hub.cap import geometry
from hub.cap.message import Area, Code, Message
from hub.store import Row, Store

# Our own list: permanent ids, as our exports carry them.
OWN_LIST, OWN_HAMLETS = "chieng-unit", "chieng-hamlet"
# Mergers of mergers; a longer chain is a circle.
SUCCESSIONS_MAX = 16


class Place(NamedTuple):
    """A unit, whole or some hamlets of it."""

    unit: str
    hamlets: tuple[str, ...] = ()


class Found(NamedTuple):
    """Say where a message counts; `is_said` when codes or shapes said so at all."""

    places: tuple[Place, ...]
    is_said: bool

    def to_json(self) -> list[dict[str, Any]]:
        """Return the stored form."""
        return [{"unit": one.unit, "hamlets": list(one.hamlets)} for one in self.places]


def find(store: Store, given: Message, today: str, sent_day: str) -> Found:
    """Return the places of a message."""
    areas = [area for info in given.infos for area in info.areas]
    codes = {code for area in areas for code in area.geocodes}
    shaped = [area for area in areas if area.polygons or area.circles]
    dated: dict[str, list[Row]] = {}
    for row in store.find("units"):
        dated.setdefault(row["unit"], []).append(row)
    whole = {unit for code in codes for unit in units_of(dated, code, today, sent_day)}
    parts = by_shape(store.each("nodes", {"state": "enrolled"}), shaped) if shaped else {}
    whole |= {unit for unit, hamlets in parts.items() if not hamlets}
    for code in codes:
        unit, _, hamlet = code.code.partition("/")
        if code.system == OWN_HAMLETS and store.get("hamlets", unit, hamlet) is not None:
            parts.setdefault(unit, set()).add(hamlet)
    known = fleet.units_on(store, today)
    places = []
    for unit in sorted(whole | set(parts)):
        # What is inside an alarmed unit is alarmed with it.
        if unit in known and not whole & set(fleet.ancestors(known, unit)):
            places.append(Place(unit, () if unit in whole else tuple(sorted(parts[unit]))))
    return Found(tuple(places), bool(codes or shaped))


def units_of(dated: dict[str, list[Row]], code: Code, today: str, sent_day: str) -> set[str]:
    """Return the units in force today that a code means; `dated` holds every row by unit."""
    system, _, version = code.system.partition("@")
    if system.casefold() == OWN_LIST:
        hits = [code.code] if code.code in dated else []
    else:
        rows = [
            row
            for rows in dated.values()
            for row in rows
            if row["code"] == code.code
            and (row["code_system"] or "").casefold() == system.casefold()
        ]
        day = _day(version) or sent_day
        then = [row for row in rows if _is_in_force(row, day)]
        # An old code in a new message, or the reverse: the list's last word counts.
        newest = max((row["valid_from"] for row in rows), default="")
        hits = [row["unit"] for row in then or rows if then or row["valid_from"] == newest]
    found = {today_of(dated, unit, today) for unit in hits}
    return {unit for unit in found if unit is not None}


def today_of(dated: dict[str, list[Row]], unit: str, today: str) -> str | None:
    """Return a unit or the successor that is in force today, or None."""
    for _ in range(SUCCESSIONS_MAX):
        rows = dated.get(unit)
        if not rows:
            return None
        if any(_is_in_force(row, today) for row in rows):
            return unit
        heir = max(rows, key=lambda row: str(row["valid_from"]))["successor"]
        if heir is None:
            return None
        unit = heir
    return None


def _is_in_force(row: Row, day: str) -> bool:
    return bool(row["valid_from"] <= day and (row["valid_to"] is None or day < row["valid_to"]))


def _day(text: str) -> str | None:
    try:
        return date.fromisoformat(text).isoformat()
    except ValueError:
        return None


def by_shape(nodes: Iterable[Row], areas: list[Area]) -> dict[str, set[str]]:
    """Return units with the hamlets whose nodes lie inside; no hamlets mean the whole unit.

    A unit is alarmed whole when all its nodes lie inside, or one that belongs to no hamlet.
    """
    cover = geometry.Cover(areas)
    hit: dict[str, set[str]] = {}
    whole: set[str] = set()
    missed: set[str] = set()
    for row in nodes:
        latitude, longitude = row.get("latitude_e6"), row.get("longitude_e6")
        if latitude is None or longitude is None:
            continue
        unit = row["unit"]
        if not cover.has((latitude, longitude)):
            missed.add(unit)
            continue
        hit.setdefault(unit, set())
        if row["hamlet"] is None:
            whole.add(unit)
        else:
            hit[unit].add(row["hamlet"])
    return {
        unit: set() if unit in whole or unit not in missed else hamlets
        for unit, hamlets in hit.items()
    }
