"""Decide what nodes are asked: what is open, which manifest says so, and what a report changes.

Three channels, each one signed manifest: `orders` and `settings` of a node under the hub's own key,
`mandates` of a unit under its approvers'. A row is `waiting` until its manifest is published, then
`sent` until the node reports; an end that was reported never changes again.
"""

import json
import secrets
from collections.abc import Iterable
from typing import Any, NamedTuple

from hub import audit, facts, fleet
from hub.mirror import telling
from hub.store import Row, Store
from protocols import mandates, settings
from protocols.errors import RemoteFault
from protocols.limits import ORDERS_MAX
from protocols.records import Record

OPEN = ("waiting", "sent")
ENDS = ("done", "refused", "failed")
# A commune's node may be off for a feast; an order that waits longer is a surprise when it comes.
LIFE_S = 7 * 86400
# What approvers laid down waits for as long as their signature holds.
MANDATE_LIFE_S = 400 * 86400


class Manifest(NamedTuple):
    """Hold a manifest to sign: its bytes and the names of the rows it carries."""

    data: bytes
    sequence: int
    rows: list[tuple[str, str]]


def node_row(store: Store, node: str) -> Row:
    """Return an active node; raises `RemoteFault("fleet.node_id")`."""
    row = store.get("nodes", node)
    if row is None or row["state"] != "enrolled":
        raise RemoteFault("fleet.node_id", f"no active node {node}", "Check the id.")
    return row


def active(store: Store, nodes: Iterable[str]) -> list[str]:
    """Return those of some nodes that are active, in order."""
    rows = [store.get("nodes", node) for node in sorted(nodes)]
    return [row["node"] for row in rows if row is not None and row["state"] == "enrolled"]


def _add(store: Store, row: Row, channel: str, kind: str, more: dict[str, Any]) -> Row:
    now_s = more["now_s"]
    added = {
        "node": row["node"],
        "name": more["name"],
        "channel": channel,
        "unit": more.get("unit", row["unit"]),
        "kind": kind,
        "sequence": more["sequence"],
        "detail_json": json.dumps(more["detail"]),
        "state": "waiting",
        "code": None,
        "message": None,
        "result_json": None,
        "who": more["who"],
        "created_s": now_s,
        "changed_s": now_s,
        "expires_s": more["expires_s"],
    }
    store.add("orders", added)
    audit.append(
        store, now_s, more["who"], f"order.{kind}", row["node"], name=more["name"], **more["detail"]
    )
    return added


def _next(store: Store, **where: Any) -> int:
    rows = store.find("orders", where, order=["sequence"], descending=True, limit=1)
    return facts.above(store, int(rows[0]["sequence"]) + 1 if rows else 1)


def _open(store: Store, now_s: int, **where: Any) -> list[Row]:
    rows = store.find("orders", {**where, "state": list(OPEN)}, order=["sequence", "name"])
    return [row for row in rows if row["expires_s"] > now_s]


def give(
    store: Store,
    node: str,
    kind: str,
    who: str,
    now_s: int,
    detail: dict[str, Any] | None = None,
    life_s: int = LIFE_S,
) -> Row:
    """Ask a node for a self-test, its log, a restart, or an update (`detail` names its version).

    Raises `RemoteFault` (`fleet.node_id`, `order.open`).
    """
    row = node_row(store, node)
    waiting = _open(store, now_s, node=node, channel="orders")
    if len(waiting) >= ORDERS_MAX:
        raise RemoteFault("order.open", f"{node} has {ORDERS_MAX} open orders", "Withdraw some.")
    if any(one["kind"] == kind for one in waiting):
        raise RemoteFault("order.open", f"{node} has that order open", "Wait for its answer.")
    more = {
        "name": f"{kind}-{secrets.token_hex(4)}",
        "sequence": _next(store, node=node, channel="orders"),
        "detail": detail or {},
        "who": who,
        "now_s": now_s,
        "expires_s": now_s + life_s,
    }
    return _add(store, row, "orders", kind, more)


def narrow(
    store: Store, node: str, volume_percent: int, quiet: list[list[str]], who: str, now_s: int
) -> Row:
    """Set a node's own volume ceiling and further quiet hours; both only narrow the policy."""
    row = node_row(store, node)
    sequence = _next(store, node=node, channel="settings")
    detail = {"volume_percent": volume_percent, "quiet": quiet}
    given = {"node": node, "unit": row["unit"], "sequence": sequence, **detail}
    settings.build_settings(given)
    for one in _open(store, now_s, node=node, channel="settings"):
        _end(store, one, "withdrawn", now_s)
    more = {
        "name": f"settings-{sequence}",
        "sequence": sequence,
        "detail": detail,
        "who": who,
        "now_s": now_s,
        "expires_s": now_s + MANDATE_LIFE_S,
    }
    return _add(store, row, "settings", "settings", more)


def lay_down(
    store: Store, unit: str, node: str, detail: dict[str, Any], who: str, now_s: int
) -> Row:
    """Note what approvers of `unit` (the node's own or one above it) lay down about a node.

    `detail` holds fields of `protocols.mandates`. Raises `RemoteFault` (`fleet.*`, `format.*`).
    """
    row = node_row(store, node)
    units = fleet.units_on(store, "9999-12-31")
    if unit != row["unit"] and unit not in fleet.above(store, row["unit"], "9999-12-31"):
        raise RemoteFault("fleet.unit_id", f"{unit} is not above {node}", "Ask its own approvers.")
    move = detail.get("move")
    if move is not None and (move not in units or move == row["unit"]):
        raise RemoteFault("fleet.unit_id", f"{node} cannot move to {move}", "Check the unit.")
    if not detail:
        raise RemoteFault("order.empty", "nothing is laid down", "Give at least one change.")
    sequence = _next(store, unit=unit, channel="mandates")
    entry = {"node": node, "sequence": sequence, **detail}
    found = mandates.from_dict(
        {"format": mandates.FORMAT, "unit": unit, "sequence": sequence, "nodes": [entry]}
    )
    more = {
        "name": f"mandate-{unit}-{sequence}",
        "unit": unit,
        "sequence": sequence,
        "detail": detail,
        "who": who,
        "now_s": now_s,
        "expires_s": now_s + MANDATE_LIFE_S,
    }
    return _add(store, row, "mandates", found.nodes[node].kind(), more)


def withdraw(store: Store, node: str, name: str, who: str, now_s: int) -> Row:
    """Take back an order that the node has not answered; a new manifest must follow."""
    row = store.get("orders", node, name)
    if row is None or row["state"] not in OPEN or row["channel"] != "orders":
        raise RemoteFault("order.closed", f"{node} has no open order {name}", "List its orders.")
    _end(store, row, "withdrawn", now_s)
    store.change("orders", (node, name), {"sequence": _next(store, node=node, channel="orders")})
    audit.append(store, now_s, who, "order.withdraw", node, name=name)
    return row


def orders_manifest(store: Store, node: str, now_s: int) -> Manifest:
    """Return a node's orders as they stand."""
    row = node_row(store, node)
    rows = _open(store, now_s, node=node, channel="orders")
    entries = [
        {
            "id": one["name"],
            "kind": one["kind"],
            "expires_s": one["expires_s"],
            **_named(one),
        }
        for one in rows
    ]
    sequence = _next(store, node=node, channel="orders") - 1
    value = {"node": node, "unit": row["unit"], "sequence": max(1, sequence), "orders": entries}
    return Manifest(settings.build_orders(value), sequence, _keys(rows))


def _named(row: Row) -> dict[str, int]:
    """Return the version that an update names."""
    version = json.loads(row["detail_json"]).get("version")
    return {} if version is None else {"version": version}


def settings_manifest(store: Store, node: str) -> Manifest:
    """Return a node's settings as they stand: those last given."""
    row = node_row(store, node)
    rows = store.find(
        "orders",
        {"node": node, "channel": "settings"},
        order=["sequence"],
        descending=True,
        limit=1,
    )
    detail = json.loads(rows[0]["detail_json"])
    sequence = rows[0]["sequence"]
    value = {"node": node, "unit": row["unit"], "sequence": sequence, **detail}
    return Manifest(settings.build_settings(value), sequence, _keys(rows))


def mandates_manifest(store: Store, unit: str, now_s: int) -> Manifest:
    """Return what a unit's approvers lay down, as it stands: one entry for each node."""
    rows = _open(store, now_s, unit=unit, channel="mandates")
    entries: dict[str, dict[str, Any]] = {}
    for one in rows:
        entry = entries.setdefault(one["node"], {"node": one["node"]})
        entry.update(json.loads(one["detail_json"]), sequence=one["sequence"])
    sequence = _next(store, unit=unit, channel="mandates") - 1
    value = {"unit": unit, "sequence": max(1, sequence), "nodes": list(entries.values())}
    return Manifest(mandates.build(value), sequence, _keys(rows))


def _keys(rows: Iterable[Row]) -> list[tuple[str, str]]:
    return [(row["node"], row["name"]) for row in rows]


def mark_sent(store: Store, rows: Iterable[tuple[str, str]], now_s: int) -> None:
    """Note that a manifest with these rows was published."""
    for key in rows:
        row = store.get("orders", *key)
        if row is not None and row["state"] == "waiting":
            store.change("orders", key, {"state": "sent", "changed_s": now_s})


def mark_signed(store: Store, signed: mandates.Mandates, now_s: int) -> list[str]:
    """Note that signed mandates were published; return the units that nodes move to."""
    moves = set()
    for row in store.find("orders", {"unit": signed.unit, "channel": "mandates"}):
        entry = signed.nodes.get(row["node"])
        if row["state"] not in OPEN or entry is None or row["sequence"] > entry.sequence:
            continue
        mark_sent(store, [(row["node"], row["name"])], now_s)
        if entry.move is not None:
            moves.add(str(entry.move))
    return sorted(moves)


def _end(
    store: Store, row: Row, state: str, now_s: int, body: dict[str, Any] | None = None
) -> None:
    body = body or {}
    changes = {"state": state, "changed_s": now_s}
    changes["code"], changes["message"] = _text(body.get("code")), _text(body.get("message"))
    if body:
        changes["result_json"] = json.dumps(body)
    store.change("orders", (row["node"], row["name"]), changes)


def _text(value: object) -> str | None:
    return value[:300] if isinstance(value, str) else None


def report(store: Store, record: Record, now_s: int) -> None:
    """Take a node's word on what it was asked; what has ended stays as it is."""
    body: dict[str, Any] = record.body
    state, name = body.get("state"), body.get("order")
    if record.kind == "rehome":
        state = {"adopted": "done"}.get(str(state))
    row = store.get("orders", record.node, name) if isinstance(name, str) else None
    if row is None or row["state"] not in OPEN or state not in ENDS:
        return
    _end(store, row, str(state), now_s, body)
    if row["channel"] == "mandates":
        for older in _open(store, 0, node=record.node, unit=row["unit"], channel="mandates"):
            if older["sequence"] < row["sequence"]:
                _end(store, older, str(state), now_s)
        if state == "done":
            _take_over(store, record.node, json.loads(row["detail_json"]), now_s)


def _take_over(store: Store, node: str, detail: dict[str, Any], now_s: int) -> None:
    """Note at the hub where the node stands now."""
    changes: Row = {}
    if "move" in detail:
        changes.update(unit=detail["move"], hamlet=None)
    if "hamlet" in detail:
        changes["hamlet"] = detail["hamlet"] or None
    if "groups" in detail:
        changes["groups_json"] = json.dumps(detail["groups"])
    if detail.get("decommission"):
        changes["state"] = "revoked"
    if changes:
        audit.append(store, now_s, node, "node.stands", node, **changes)
        found = {**node_row(store, node), **changes}
        store.change("nodes", (node,), {**changes, "search": fleet.search_text(store, found)})
        telling.node(store, node, now_s * 1000)


def refuse_sent(store: Store, node: str, place: str, code: str, message: str, now_s: int) -> None:
    """Take a node's fault about a whole manifest for the refusal of what it carries.

    `place` is where the fault stands: `sync.<target path>`, or `hub.rehome`.
    """
    where: Row = {"node": node, "state": "sent"}
    if place == "hub.rehome":
        where["kind"] = "re-home"
    elif place.startswith("sync.nodes/") and place.endswith(("/orders.json", "/settings.json")):
        where["channel"] = place.rsplit("/", 1)[1].removesuffix(".json")
    elif place.startswith("sync.units/") and place.endswith("/mandates.json"):
        where.update(channel="mandates", unit=place.split("/")[1])
    else:
        return
    for row in store.find("orders", where):
        _end(store, row, "refused", now_s, {"code": code, "message": message})


def of_node(store: Store, node: str, limit: int = 3) -> list[Row]:
    """Return the newest of what a node was asked, newest first; withdrawn ones are left out."""
    where = {"node": node, "state": [*OPEN, *ENDS]}
    order = ["created_s", "sequence"]
    rows = store.find("orders", where, order=order, descending=True, limit=limit)
    return [{**row, "detail": json.loads(row["detail_json"])} for row in rows]
