"""The as-run record, play by play: what each node played or showed, when, and what proves it.

The question stands in the page's address. The newest play stands first, and one page is found by
the last row of the page before it.
"""

import re
from collections.abc import Collection, Mapping
from typing import Any, NamedTuple
from urllib.parse import urlencode

from hub import bulletins, fleet, programme, timing
from hub.evidence import ENDED_EARLY
from hub.store import Above, Row, Store

PAGE = 100
# Plays that are read at once for a file.
FILE_PAGE = 2000
ENDS = {"whole": ["complete"], "early": list(ENDED_EARLY), "failed": ["failed"]}
_NODE = re.compile(r"[a-z0-9][a-z0-9._-]{0,63}")
_BULLETIN = re.compile(r"b[0-9a-f]{12}")
_AFTER = re.compile(r"([0-9]{1,15})\.([a-z0-9._-]{1,64})\.([0-9a-f]{1,64})\.([0-9]{1,15})")


class Asked(NamedTuple):
    """Hold a question: days (ISO), a unit, a node, a bulletin, how plays ended (`ENDS`), or each
    empty; `after` the order columns of the last row seen.
    """

    first: str = ""
    last: str = ""
    unit: str = ""
    node: str = ""
    bulletin: str = ""
    ended: str = ""
    after: tuple[int, str, str, int] | None = None

    def query(self, **changes: Any) -> str:
        """Return the address's query of this question, changed; always from the first page."""
        now = self._replace(after=None, **changes)
        pairs = {"from": now.first, "to": now.last, "unit": now.unit, "node": now.node}
        pairs.update(bulletin=now.bulletin, ended=now.ended)
        return urlencode({name: value for name, value in pairs.items() if value})

    def next_query(self, row: Row) -> str:
        """Return the query of the page that follows a row."""
        seen = ".".join(str(part) for part in _place(row))
        return "&".join(filter(None, (self.query(), urlencode({"after": seen}))))


def _place(row: Row) -> tuple[int, str, str, int]:
    return (row["started_ms"], row["node"], row["epoch"], row["sequence"])


def read(query: Mapping[str, str]) -> Asked:
    """Return the question in an address; what is not understood is left out."""
    unit, node, bulletin = (query.get(name, "") for name in ("unit", "node", "bulletin"))
    after, ended = _AFTER.fullmatch(query.get("after", "")), query.get("ended", "")
    return Asked(
        timing.iso_day(query.get("from", "")),
        timing.iso_day(query.get("to", "")),
        unit if fleet.UNIT_PATTERN.fullmatch(unit) else "",
        node if _NODE.fullmatch(node) else "",
        bulletin if _BULLETIN.fullmatch(bulletin) else "",
        ended if ended in ENDS else "",
        (int(after[1]), after[2], after[3], int(after[4])) if after else None,
    )


class Bounds(NamedTuple):
    """Hold what a reader may see: the units in force, those seen (None for all), the clock."""

    units: dict[str, Row]
    seen: Collection[str] | None
    offset_min: int


def page(store: Store, asked: Asked, bounds: Bounds) -> dict[str, Any]:
    """Return one page of plays, and what there is to choose from."""
    rows = _find(store, asked, bounds, PAGE + 1)
    shown, node = rows[:PAGE], store.get("nodes", asked.node) if asked.node else None
    known = store.get("bulletins", asked.bulletin) if asked.bulletin else None
    return {
        "asked": asked,
        "plays": _dressed(store, shown, bounds.units),
        "following": asked.next_query(shown[-1]) if len(rows) > PAGE else "",
        "units": fleet.choices(bounds.units, bounds.seen),
        "node": node if node and _is_seen(node["unit"], bounds) else None,
        "bulletin": bulletins.current(store, asked.bulletin)
        if known and _is_seen(known["unit"], bounds)
        else None,
    }


def _is_seen(unit: str, bounds: Bounds) -> bool:
    return bounds.seen is None or unit in bounds.seen


def file_part(store: Store, asked: Asked, bounds: Bounds) -> tuple[list[Row], Asked | None]:
    """Return the next plays for a file, and the question for those after them, if there are any."""
    rows = _find(store, asked, bounds, FILE_PAGE)
    following = asked._replace(after=_place(rows[-1])) if len(rows) == FILE_PAGE else None
    return _dressed(store, rows, bounds.units), following


def _dressed(store: Store, rows: list[Row], units: dict[str, Row]) -> list[Row]:
    """Return plays with the name of the unit where their node stands (`unit` is whose they are)."""
    names = sorted({row["node"] for row in rows})
    homes = {one["node"]: one["unit"] for one in store.find("nodes", {"node": names})}
    found = []
    for row in rows:
        home = homes.get(row["node"], row["unit"])
        found.append({**row, "unit_name": units[home]["name"] if home in units else home})
    return found


def _find(store: Store, asked: Asked, bounds: Bounds, limit: int) -> list[Row]:
    where: Row = {}
    within = fleet.under(bounds.units, asked.unit, bounds.seen)
    if within is not None:
        where["nodes.unit"] = sorted(within)
    if asked.node:
        where["node"] = asked.node
    if asked.bulletin:
        where["item"] = _items(store, asked.bulletin)
    if asked.ended:
        where["outcome"] = ENDS[asked.ended]
    if asked.first:
        where["started_ms"] = Above(timing.midnight_s(asked.first, bounds.offset_min) * 1000 - 1)
    after = asked.after
    if asked.last:
        # The list runs backwards, so a last day is where it begins.
        end = (timing.midnight_s(asked.last, bounds.offset_min, 1) * 1000, "", "", 0)
        after = min(after, end) if after else end
    return store.find(
        "plays",
        where,
        order=["started_ms"],
        descending=True,
        after=after,
        limit=limit,
        join="nodes",
    )


def _items(store: Store, bulletin: str) -> list[str]:
    """Return every id under which any version of a bulletin was heard or shown."""
    base = store.get("bulletins", bulletin)
    if base is None:
        return []
    rows = [{**base, **version} for version in bulletins.versions(store, bulletin)]
    return [name for row in rows for name in programme.record_ids(row)]
