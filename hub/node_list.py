"""What the fleet page asks: which nodes, in which state, under which unit, by which words.

The whole question stands in the page's address, so that it can be sent to somebody and kept under a
name. One page is found by its last row (unit, name, id), never by counting rows before it.
"""

import base64
import binascii
import json
from collections.abc import Collection, Mapping
from typing import Any, NamedTuple
from urllib.parse import urlencode

from hub import audit, fleet, overview, standing
from hub.folding import fold
from hub.store import Holds, Row, Store
from protocols.errors import RemoteFault
from protocols.limits import SERVICE_NAME_BYTES_MAX

PAGE = 50
WORDS_MAX = 8
# A name of 200 bytes, a unit, an id, as JSON in base64.
AFTER_MAX = 500
SAVED_MAX = 20
KINDS = ("speaker", "board")


class Asked(NamedTuple):
    """Hold a question: `state` one of `standing.STATES` or `MARKS`, or empty; `unit` an id, or
    empty; `text` as typed; `kind` of node, or empty; `after` the order columns of the last row.
    """

    state: str = ""
    unit: str = ""
    text: str = ""
    kind: str = ""
    after: tuple[str, str, str] | None = None

    def query(self, **changes: Any) -> str:
        """Return the address's query of this question, changed; always from the first page."""
        now = self._replace(after=None, **changes)
        pairs = {"state": now.state, "unit": now.unit, "q": now.text, "kind": now.kind}
        return urlencode({name: value for name, value in pairs.items() if value})

    def next_query(self, row: Row) -> str:
        """Return the query of the page that follows a row."""
        seen = json.dumps([row["unit"], row["name"], row["node"]], ensure_ascii=False)
        packed = base64.urlsafe_b64encode(seen.encode()).decode().rstrip("=")
        return self.query() + ("&" if self.query() else "") + urlencode({"after": packed})


def read(query: Mapping[str, str]) -> Asked:
    """Return the question in an address; what is not understood is left out."""
    state, kind = query.get("state", ""), query.get("kind", "")
    unit = query.get("unit", "")
    text = " ".join(query.get("q", "")[:SERVICE_NAME_BYTES_MAX].split())
    return Asked(
        state if state in (*standing.STATES, *standing.MARKS) else "",
        unit if fleet.UNIT_PATTERN.fullmatch(unit) else "",
        text,
        kind if kind in KINDS else "",
        _after(query.get("after", "")),
    )


def _after(packed: str) -> tuple[str, str, str] | None:
    if not packed or len(packed) > AFTER_MAX:
        return None
    try:
        data = base64.b64decode(packed + "=" * (-len(packed) % 4), b"-_", validate=True)
        seen = json.loads(data)
    except (binascii.Error, ValueError, RecursionError):
        return None
    if not isinstance(seen, list) or len(seen) != 3:
        return None
    if not all(isinstance(one, str) for one in seen):
        return None
    return (seen[0], seen[1], seen[2])


def where(
    asked: Asked, now_ms: int, units: dict[str, Row], seen: Collection[str] | None
) -> tuple[Row, Row]:
    """Return what every node shown must fit but for its state, and what the state adds."""
    base: Row = {"state": "enrolled"}
    base.update(fleet.within(fleet.under(units, asked.unit, seen)))
    if asked.kind:
        base["kind"] = asked.kind
    words = fold(asked.text).split()[:WORDS_MAX]
    if words:
        base["search"] = Holds(tuple(words))
    return base, standing.filters(now_ms)[asked.state] if asked.state else {}


def page(
    store: Store, asked: Asked, now_ms: int, units: dict[str, Row], seen: Collection[str] | None
) -> dict[str, Any]:
    """Return one page of nodes, the tiles' figures, and the units to choose from."""
    base, state = where(asked, now_ms, units, seen)
    counts = overview.tally(store, base, now_ms)
    rows = store.find(
        "nodes",
        {**base, **state},
        order=["unit", "name"],
        after=asked.after,
        limit=PAGE + 1,
        join="node_status",
    )
    shown = rows[:PAGE]
    tiles = overview.total(counts)
    return {
        "asked": asked,
        "nodes": _dressed(store, shown, now_ms, units),
        "tiles": tiles,
        "found": tiles[asked.state or "nodes"],
        "following": asked.next_query(shown[-1]) if len(rows) > PAGE else "",
        "units": fleet.choices(units, seen),
    }


def _dressed(
    store: Store, rows: list[Row], now_ms: int, units: dict[str, Row]
) -> list[dict[str, Any]]:
    """Return rows with names, state and their newest fault; three questions for all of them."""
    names = [row["node"] for row in rows]
    faults: dict[str, Row] = {}
    for one in store.find("faults", {"node": names, "cleared_ms": None}, order=["last_ms"]):
        faults[one["node"]] = one
    places = {
        (one["unit"], one["hamlet"]): one["name"]
        for one in store.find(
            "hamlets",
            {
                "unit": sorted({row["unit"] for row in rows}),
                "hamlet": sorted({row["hamlet"] for row in rows if row["hamlet"]}),
            },
        )
    }
    return [
        {
            **row,
            "stands": standing.state(row, now_ms),
            "unit_name": units[row["unit"]]["name"] if row["unit"] in units else row["unit"],
            "hamlet_name": places.get((row["unit"], row["hamlet"]), ""),
            "fault": faults.get(row["node"]),
        }
        for row in rows
    ]


def saved(store: Store, account: str) -> list[Row]:
    """Return the questions that an account keeps, by name."""
    return store.find("saved_filters", {"account": account})


def save(store: Store, account: str, name: str, query: Mapping[str, str], now_s: int) -> None:
    """Keep a question under a name, over an older one; raises `RemoteFault("nodes.filter")`."""
    clean = fleet.title(name, "name")
    kept = {"query": read(query).query(), "created_s": now_s}
    if store.change("saved_filters", (account, clean), kept):
        return
    if store.count("saved_filters", {"account": account}) >= SAVED_MAX:
        raise RemoteFault("nodes.filter", "too many kept filters", "Remove one first.")
    store.add("saved_filters", {"account": account, "name": clean, **kept})
    audit.append(store, now_s, account, "filter.save", account, name=clean)


def forget(store: Store, account: str, name: str) -> None:
    """Remove a kept question; nothing where there is none."""
    rows = store.find("saved_filters", {"account": account, "name": name})
    for row in rows:
        store.erase(
            "saved_filters",
            {"account": account, "name": name},
            "created_s",
            row["created_s"] + 1,
            1,
        )
