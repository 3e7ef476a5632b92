"""What the first page shows: faults first, then tiles, then units or the few nodes there are.

Plain questions over the store port, none of them per node: it must hold at ten thousand.
"""

from collections.abc import Collection
from typing import Any

from hub import bulletins, fleet, node_now, programme, standing, topics
from hub.evidence import HEARD_GRADE, READ_BACK_GRADE
from hub.node_now import Programmes
from hub.store import Above, Row, Store

# So many nodes are shown themselves, with what they do now and next; more are counted by unit.
NODES_MAX = 40
FAULTS_MAX = 20
BULLETINS_MAX = 12
PLAYS_MAX = 20
_SPEAKERS = "speakers"


def overview(
    store: Store,
    programmes: Programmes,
    now_ms: int,
    units: dict[str, Row],
    seen: Collection[str] | None,
) -> dict[str, Any]:
    """Return everything the first page shows of the units `seen`; None sees all, past ones too."""
    listed: Row = {"state": "enrolled", **fleet.within(seen)}
    counts = tally(store, listed, now_ms)
    tiles = total(counts)
    few = tiles["nodes"] <= NODES_MAX
    return {
        "units": _units(units, counts, seen),
        "nodes": _nodes(store, programmes, units, listed, now_ms) if few else None,
        "faults": open_faults(store, units, seen, FAULTS_MAX),
        "tiles": tiles,
        "bulletins": [
            _bulletin(store, units, row, counts)
            for row in bulletins.newest(store, BULLETINS_MAX, seen)
        ],
        "topics": topics.names(store),
        "plays": _plays(store, units, seen),
    }


def tally(store: Store, where: Row, now_ms: int) -> dict[str, dict[str, int]]:
    """Count nodes by unit: all, loudspeakers, and those in each state and with each mark."""
    tests = {"nodes": {}, _SPEAKERS: {"kind": "speaker"}, **standing.filters(now_ms)}
    return store.tally("nodes", tests, where, by="unit", join="node_status")


def total(counts: dict[str, dict[str, int]]) -> dict[str, int]:
    """Return the sum over all units."""
    names = ("nodes", _SPEAKERS, *standing.STATES, *standing.MARKS)
    return {name: sum(one[name] for one in counts.values()) for name in names}


def _name(units: dict[str, Row], unit: str) -> str:
    return str(units[unit]["name"]) if unit in units else unit


def open_faults(
    store: Store, units: dict[str, Row], seen: Collection[str] | None, limit: int
) -> list[dict[str, Any]]:
    """Return the newest open faults with the names of node and unit."""
    where: Row = {"cleared_ms": None, "nodes.state": "enrolled"}
    if seen is not None:
        where["nodes.unit"] = sorted(seen)
    rows = store.find(
        "faults", where, order=["last_ms"], descending=True, limit=limit, join="nodes"
    )
    return [{**row, "unit_name": _name(units, row["unit"])} for row in rows]


def _nodes(
    store: Store, programmes: Programmes, units: dict[str, Row], listed: Row, now_ms: int
) -> dict[str, list[dict[str, Any]]]:
    """Return the few nodes by unit, those with faults first, then those out of contact."""
    rank = {name: place for place, name in enumerate(("offline", "late", "never"))}
    found: dict[str, list[dict[str, Any]]] = {}
    for row in store.find("nodes", listed, order=["unit", "name"], limit=NODES_MAX):
        faults = store.find("faults", {"node": row["node"], "cleared_ms": None}, order=["last_ms"])
        one = node_now.node(store, programmes, units, row, faults[::-1], now_ms)
        found.setdefault(row["unit"], []).append(one)
    for nodes in found.values():
        nodes.sort(key=lambda node: (not node["faults"], rank.get(node["stands"], 9), node["name"]))
    return found


def _units(
    units: dict[str, Row], counts: dict[str, dict[str, int]], seen: Collection[str] | None
) -> list[dict[str, Any]]:
    """Return the units in tree order with their counts."""
    order = sorted(units, key=lambda unit: [*reversed(fleet.ancestors(units, unit)), unit])
    return [
        {
            "unit": unit,
            "name": units[unit]["name"],
            "above": [units[one]["name"] for one in fleet.ancestors(units, unit)],
            **counts.get(unit, total({})),
        }
        for unit in order
        if seen is None or unit in seen
    ]


def _bulletin(
    store: Store, units: dict[str, Row], row: Row, counts: dict[str, dict[str, int]]
) -> dict[str, Any]:
    """Return a bulletin with how many loudspeakers it is for and how many were heard with it."""
    below = fleet.subtree(units, row["unit"])
    kind, least = _proof(row)
    if row["hamlets"] or kind != "speaker":
        where: Row = {"unit": below, "kind": kind, "state": "enrolled"}
        wanted = store.count(
            "nodes", {**where, "hamlet": row["hamlets"]} if row["hamlets"] else where
        )
    else:
        wanted = sum(counts[one][_SPEAKERS] for one in below if one in counts)
    item = {"item": programme.record_ids(row), "grade": Above(least - 1)}
    heard = store.count("plays", item, distinct="node")
    return {
        **row,
        "unit_name": _name(units, row["unit"]),
        "reach_all": wanted,
        "reach_heard": min(heard, wanted),
    }


def _proof(row: Row) -> tuple[str, int]:
    """Return which kind of node a bulletin is counted at, and the evidence that it takes."""
    if bulletins.is_heard(row):
        return "speaker", HEARD_GRADE
    return "board", READ_BACK_GRADE


def reach(store: Store, row: Row) -> dict[str, Any]:
    """Return how many nodes a bulletin is for and how many have played it, with evidence."""
    units = fleet.units_on(store, "9999-12-31")
    where = {"unit": fleet.subtree(units, row["unit"]), "state": "enrolled"}
    wanted = list(store.each("nodes", where))
    if row["hamlets"]:
        wanted = [node for node in wanted if node["hamlet"] in row["hamlets"]]
    kind, least = _proof(row)
    counted = {node["node"] for node in wanted if node["kind"] == kind}
    played: dict[str, Row] = {}
    for play in store.each("plays", {"item": programme.record_ids(row)}, order=["started_ms"]):
        best = played.get(play["node"])
        if best is None or play["grade"] >= best["grade"]:
            played[play["node"]] = play
    heard = sum(1 for node, play in played.items() if node in counted and play["grade"] >= least)
    return {
        "reach_all": len(counted),
        "reach_played": len(counted & set(played)),
        "reach_heard": heard,
        "reach_nodes": [{**node, "play": _of_kind(played, node)} for node in wanted],
    }


def _plays(
    store: Store, units: dict[str, Row], seen: Collection[str] | None
) -> list[dict[str, Any]]:
    where = None if seen is None else {"nodes.unit": sorted(seen)}
    rows = store.find(
        "plays", where, order=["started_ms"], descending=True, limit=PLAYS_MAX, join="nodes"
    )
    return [
        {**row, "node_name": row["name"], "unit_name": _name(units, row["unit"])} for row in rows
    ]


def _of_kind(played: dict[str, Row], node: Row) -> Row | None:
    play = played.get(node["node"])
    return None if play is None else {**play, "kind": node["kind"]}
