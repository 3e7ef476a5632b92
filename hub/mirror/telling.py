"""What peers are told of nodes, plays, schedules, alerts and days: plain facts from rows."""

import hashlib
import json
from collections.abc import Iterable
from typing import Any

from hub import facts, timing
from hub.evidence import ENDED_EARLY, HEARD_GRADE
from hub.mirror import outbox
from hub.mirror.outbox import Fact
from hub.store import Row, Store

# What changes with every contact and is no news by itself.
PASSING = ("contact_ms",)


def local_day(store: Store, wall_ms: int) -> str:
    """Return the province's day (ISO) of a moment."""
    offset_min = facts.get(store, facts.UTC_OFFSET_MIN, facts.DEFAULT_OFFSET_MIN)
    return timing.local_time(wall_ms // 1000, offset_min).date().isoformat()


def unit_on(store: Store, unit: str, now_ms: int) -> Row:
    """Return a unit's row on a moment's local day: name and code with its code list."""
    today = local_day(store, now_ms)
    for row in store.find("units", {"unit": unit}, order=["valid_from"], descending=True):
        if row["valid_from"] <= today and (row["valid_to"] is None or today < row["valid_to"]):
            return row
    return {"name": unit, "code": None, "code_system": None}


def node(store: Store, name: str, now_ms: int) -> None:
    """Tell a node's registration and state, where it is other than what was told."""
    if not outbox.active(store):
        return
    row = store.get("nodes", name)
    if row is None:
        return
    status = store.get("node_status", name) or {}
    unit = unit_on(store, row["unit"], now_ms)
    hamlet = store.get("hamlets", row["unit"], row["hamlet"]) if row["hamlet"] else None
    contact_ms = status.get("contact_ms")
    connection = "never" if contact_ms is None else "online"
    if contact_ms is not None and status["offline_ms"] <= now_ms:
        connection = "lost"
    faults = store.find("faults", {"node": name, "cleared_ms": None}, order=["place"])
    air = _on_air(status) if connection == "online" else None
    body = {
        "node": name,
        "name": row["name"],
        "kind": row["kind"],
        "registration": row["state"],
        "unit": row["unit"],
        "unit_name": unit["name"],
        "code": unit["code"],
        "code_system": unit["code_system"],
        "hamlet": hamlet["name"] if hamlet else None,
        "connection": connection,
        "contact_ms": contact_ms,
        "clock": status.get("clock"),
        "activity": None if connection != "online" else "playing" if air else "stopped",
        "air_title": air["air_title"] if air else None,
        "air_ms": air["air_ms"] if air else None,
        "faults": sorted({fault["code"] for fault in faults}),
    }
    outbox.tell_state(store, "node", f"node/{name}", body, now_ms, PASSING)


def _on_air(status: Row) -> Row | None:
    air_ms = status.get("air_ms")
    return status if air_ms is not None and air_ms > (status.get("play_ended_ms") or 0) else None


def plays(store: Store, node_row: Row, rows: Iterable[Row], now_ms: int) -> None:
    """Tell plays (and pages shown) with their evidence, in the order of the node's journal.

    Rows are those of `plays`, each with `hash`, its signed record's digest.
    """
    told = list(rows)
    if not told or not outbox.active(store):
        return
    outbox.tell(store, [play_fact(node_row, row) for row in told], now_ms)


def play_fact(node_row: Row, row: Row) -> Fact:
    """Return one play as a fact; its key is its place in the node's signed journal."""
    body = {
        "node": row["node"],
        "unit": row["unit"],
        "media": "image" if node_row["kind"] == "board" else "audio",
        "item": row["item"],
        "title": row["title"],
        "class": row["class"],
        "scheduled_ms": row["scheduled_ms"],
        "started_ms": row["started_ms"],
        "ended_ms": row["ended_ms"],
        "duration_s": max(0, row["ended_ms"] - row["started_ms"]) // 1000,
        # Provinces know no cut.
        "outcome": "interrupted" if row["outcome"] in ENDED_EARLY else row["outcome"],
        "resumed": bool(row["resumed"]),
        "milliwatts": row["milliwatts"],
        "grade": row["grade"],
        "hash": row["hash"],
    }
    key = f"play/{row['node']}/{row['epoch']}/{row['sequence']}"
    return Fact("play", f"play/{row['node']}", key, row["ended_ms"], body)


def count(store: Store, rows: Iterable[Row], now_ms: int) -> None:
    """Add plays to their units' days; late ones change the day they belong to."""
    days: dict[tuple[str, str], list[Row]] = {}
    offset_min = facts.get(store, facts.UTC_OFFSET_MIN, facts.DEFAULT_OFFSET_MIN)
    for row in rows:
        day = timing.local_time(row["started_ms"] // 1000, offset_min).date().isoformat()
        days.setdefault((row["unit"], day), []).append(row)
    for (unit, day), group in days.items():
        held = store.get("unit_days", unit, day)
        sums = held or {
            "plays": 0,
            "heard": 0,
            "interrupted": 0,
            "failed": 0,
            "airtime_ms": 0,
        }
        fields = {
            "plays": sums["plays"] + len(group),
            "heard": sums["heard"] + sum(row["grade"] >= HEARD_GRADE for row in group),
            "interrupted": sums["interrupted"]
            + sum(row["outcome"] in ENDED_EARLY for row in group),
            "failed": sums["failed"] + sum(row["outcome"] == "failed" for row in group),
            "airtime_ms": sums["airtime_ms"]
            + sum(max(0, row["ended_ms"] - row["started_ms"]) for row in group),
            "changed_ms": now_ms,
        }
        if held is None:
            store.add("unit_days", {"unit": unit, "day": day, **fields})
        else:
            store.change("unit_days", (unit, day), fields)


def day(store: Store, row: Row, nodes: int, unknown: int, now_ms: int) -> None:
    """Tell a unit's day as far as it is known; `unknown` nodes were silent in it."""
    body = {
        "unit": row["unit"],
        "day": row["day"],
        "plays": row["plays"],
        "heard": row["heard"],
        "interrupted": row["interrupted"],
        "failed": row["failed"],
        "airtime_s": row["airtime_ms"] // 1000,
        "nodes": nodes,
        "unknown": unknown,
    }
    outbox.tell_state(store, "day", f"day/{row['unit']}/{row['day']}", body, now_ms)


def schedule(store: Store, bulletin: Row, state: str, now_ms: int) -> None:
    """Tell that a bulletin's schedule was accepted or cancelled; `bulletin` is `current`."""
    if not outbox.active(store):
        return
    unit = unit_on(store, bulletin["unit"], now_ms)
    body = {
        "schedule": bulletin["bulletin"],
        "title": bulletin["title"],
        "state": state,
        "items": [f"{bulletin['bulletin']}.{bulletin['version']}"],
        "units": [bulletin["unit"]],
        "code": unit["code"],
        "class": bulletin["class"],
        "timing": bulletin["timing"],
        "supply": supply_of(store, bulletin["bulletin"]),
    }
    subject = f"schedule/{bulletin['bulletin']}"
    outbox.tell_state(store, "schedule", subject, body, now_ms)


def alert(store: Store, bulletin: Row, reach: dict[str, Any], state: str, now_ms: int) -> None:
    """Tell an emergency and how far it has reached, by what nodes have reported."""
    expires_s = bulletin["until_s"]
    body = {
        "alert": bulletin["bulletin"],
        "title": bulletin["title"],
        "state": state,
        "drill": bool(bulletin["timing"].get("drill")),
        "expires_ms": None if expires_s is None else expires_s * 1000,
        "nodes": reach["reach_all"],
        "played": reach["reach_played"],
        "heard": reach["reach_heard"],
        "unit": bulletin["unit"],
        "supply": supply_of(store, bulletin["bulletin"]),
    }
    outbox.tell_state(store, "alert", f"alert/{bulletin['bulletin']}", body, now_ms)


def supply_of(store: Store, bulletin: str) -> str | None:
    """Return the peer's id of what a bulletin was made of."""
    row = store.get("supply_bulletins", bulletin)
    return None if row is None else str(row["supply"])


def receipt(
    store: Store, row: Row, now_ms: int, bulletin: str | None = None, unit: str | None = None
) -> None:
    """Tell the peer that asked what became of it, and no other; `unit` where one unit answered."""
    peer = store.get("peers", row["peer"])
    if peer is None or peer["state"] != "active":
        return
    body = {"supply": row["supply"], "state": row["state"], "reason": row["reason"]}
    if bulletin is not None:
        body["bulletin"] = bulletin
    if unit is not None:
        body["unit"] = unit
    # A peer's id may be as long as a key may be.
    subject = "receipt/" + hashlib.sha256(row["supply"].encode()).hexdigest()[:16]
    key = f"{subject}/{unit or '-'}/{row['state']}/{now_ms}"
    outbox.tell_to(store, peer, [Fact("receipt", subject, key, now_ms, body)], now_ms)


def decoded(row: Row) -> dict[str, Any]:
    """Return an outbox row's body."""
    found: dict[str, Any] = json.loads(row["body_json"])
    return found
