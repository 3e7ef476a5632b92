"""What one node's page shows: what it does, will do and did, how it is, what it was asked."""

import json
from typing import Any

from hub import calendar, node_now, orders, standing
from hub.node_now import Programmes
from hub.store import Row, Store
from protocols import canonical
from protocols.errors import RemoteFault
from protocols.limits import RECORD_BYTES_MAX

AHEAD_MS = 24 * 3600_000
PLAYS_MAX = 60
BOOTS_MAX = 10
ORDERS_MAX = 20
CLEARED_MAX = 10
_STATUS = ("late_ms", "clock", "budget_low", "bundle_version")


def view(
    store: Store, programmes: Programmes, units: dict[str, Row], name: str, now_ms: int
) -> dict[str, Any]:
    """Return everything of one node's page; raises `RemoteFault("http.not_found")`."""
    row = store.get("nodes", name)
    if row is None:
        raise RemoteFault("http.not_found", f"no node {name}", "Check the id.")
    where = {"node": name}
    found = store.find("faults", where, order=["last_ms"], descending=True, limit=200)
    opened = [one for one in found if one["cleared_ms"] is None]
    plays = store.find("plays", where, order=["started_ms"], descending=True, limit=PLAYS_MAX)
    words = standing.words(store, name)
    node = node_now.node(store, programmes, units, row, opened, now_ms)
    node["status"] = {**dict.fromkeys(_STATUS), **node["status"]}
    return {
        "node": node,
        "unit_name": units[row["unit"]]["name"] if row["unit"] in units else row["unit"],
        "cleared": [one for one in found if one["cleared_ms"] is not None][:CLEARED_MAX],
        "ahead": ahead(store, programmes, units, row, now_ms),
        "plays": [{**one, "kind": row["kind"]} for one in plays],
        "said": {kind: words.get(kind, {}) for kind in standing.KEPT_WORDS},
        "boots": store.find("node_boots", where, order=["at_ms"], descending=True, limit=BOOTS_MAX),
        "sheets": store.find("enrolments", where, order=["received_s"], descending=True, limit=5),
        "published": _published(store, row["unit"]),
        "image": _image(store, name),
        "asked": orders.of_node(store, name, ORDERS_MAX),
        "narrowed": _narrowed(store, name),
    }


def ahead(
    store: Store, programmes: Programmes, units: dict[str, Row], row: Row, now_ms: int
) -> list[calendar.Entry]:
    """Return what a node will play or show, and leave out, in a day: its own rules say it."""
    where = calendar.Where(units, row["unit"], node=row)
    return calendar.entries(store, programmes, where, now_ms, now_ms + AHEAD_MS)


def _narrowed(store: Store, node: str) -> dict[str, Any]:
    """Return the ceiling and quiet bands that were last asked for, to begin a form with."""
    where = {"node": node, "channel": "settings"}
    rows = store.find("orders", where, order=["sequence"], descending=True, limit=1)
    found: dict[str, Any] = {"volume_percent": 100, "quiet": []}
    return {**found, **json.loads(rows[0]["detail_json"])} if rows else found


def _published(store: Store, unit: str) -> int | None:
    where = {"unit": unit, "kind": "bundle", "state": "published"}
    rows = store.find("publications", where, order=["version"], descending=True, limit=1)
    return rows[0]["version"] if rows else None


def _image(store: Store, node: str) -> Row | None:
    """Return the last software update that the node reported, with its version."""
    where = {"node": node, "kind": "update", "state": "done"}
    rows = store.find("orders", where, order=["changed_s"], descending=True, limit=1)
    return {**rows[0], **json.loads(rows[0]["detail_json"])} if rows else None


def log(store: Store, node: str, name: str) -> dict[str, Any]:
    """Return the lines of a log that a node sent for an order, oldest first.

    Raises `RemoteFault("http.not_found")`.
    """
    row = store.get("orders", node, name)
    if row is None or row["kind"] != "upload-log":
        raise RemoteFault("http.not_found", f"{node} has no log {name}", "Check the id.")
    parts: dict[int, list[str]] = {}
    for one in store.find("records", {"node": node, "chain": "health", "kind": "log"}):
        record: Any = canonical.decode(one["record"], RECORD_BYTES_MAX)
        body = record["body"]
        if body.get("order") == name:
            parts[body["part"]] = body["lines"]
    lines = [line for part in sorted(parts) for line in parts[part]]
    return {"order": row, "lines": lines}
