"""Where nodes stand: points for the map and for the list that is its equal."""

from collections.abc import Collection
from typing import Any

from hub import node_list, standing
from hub.store import Row, Store

# More than this on one map are gathered by unit.
POINTS_MAX = 400
# Worst first: what a unit's point shows.
_RANK = ("offline", "late", "never", "playing", "idle")


def points(
    store: Store,
    asked: node_list.Asked,
    now_ms: int,
    units: dict[str, Row],
    seen: Collection[str] | None,
) -> dict[str, Any]:
    """Return the nodes that fit a question as points, or one point for each unit of many."""
    base, state = node_list.where(asked, now_ms, units, seen)
    where, order = {**base, **state}, ["unit", "name"]
    rows = list(store.each("nodes", where, order=order, join="node_status"))
    placed = [row for row in rows if row["latitude_e6"] is not None]
    gathered = len(placed) > POINTS_MAX
    return {
        "points": _by_unit(placed, units, now_ms) if gathered else _nodes(placed, units, now_ms),
        "gathered": gathered,
        "without": len(rows) - len(placed),
        "asked": asked,
    }


def _nodes(rows: list[Row], units: dict[str, Row], now_ms: int) -> list[dict[str, Any]]:
    return [
        {
            "name": row["name"],
            "unit": row["unit"],
            "unit_name": units[row["unit"]]["name"] if row["unit"] in units else row["unit"],
            "link": f"/nodes/{row['node']}",
            "stands": standing.state(row, now_ms),
            "faults": row["open_faults"] or 0,
            "latitude_e6": row["latitude_e6"],
            "longitude_e6": row["longitude_e6"],
            "count": 1,
        }
        for row in rows
    ]


def _by_unit(rows: list[Row], units: dict[str, Row], now_ms: int) -> list[dict[str, Any]]:
    groups: dict[str, list[Row]] = {}
    for row in rows:
        groups.setdefault(row["unit"], []).append(row)
    found = []
    for unit, members in groups.items():
        states = {standing.state(row, now_ms) for row in members}
        name = str(units[unit]["name"]) if unit in units else unit
        found.append(
            {
                "name": name,
                "unit": unit,
                "unit_name": name,
                "link": f"/map?unit={unit}",
                "stands": min(states, key=_RANK.index),
                "faults": sum(1 for row in members if row["open_faults"]),
                "latitude_e6": sum(row["latitude_e6"] for row in members) // len(members),
                "longitude_e6": sum(row["longitude_e6"] for row in members) // len(members),
                "count": len(members),
            }
        )
    return sorted(found, key=lambda one: (one["name"], one["unit"]))
