"""One order for many nodes: noted whole, carried out in steps, with a result for each node.

The list of nodes is durable before the first of them is asked, so a hub that stops goes on where it
was. Nodes of one unit are asked in one signed change.
"""

import asyncio
import json
import logging
import secrets
from typing import Any

from hub import audit, order_publishing, orders
from hub.services import Services
from hub.store import Row, Store
from protocols.errors import Fault

# Nodes of one unit that share a signature: a change of some 20 KB.
STEP = 50
LOOK_S = 2
SHOWN = 50
LISTED = 20
ENDS = ("done", "failed", "refused", "withdrawn")

_log = logging.getLogger("chieng.hub")


def begin(
    store: Store,
    nodes: list[tuple[str, str]],
    kind: str,
    detail: dict[str, Any],
    query: str,
    who: str,
    now_s: int,
) -> str:
    """Note an order for many nodes, each (id, unit); return the order's id."""
    name = f"bulk-{secrets.token_hex(6)}"
    row = {"bulk": name, "kind": kind, "detail_json": json.dumps(detail), "query": query}
    store.add("bulks", {**row, "who": who, "created_s": now_s, "total": len(nodes)})
    store.add_many(
        "bulk_nodes",
        [{"bulk": name, "node": one, "unit": unit, "step": "waiting"} for one, unit in nodes],
    )
    audit.append(store, now_s, who, "bulk.begin", name, kind=kind, nodes=len(nodes), **detail)
    return name


def progress(store: Store, name: str) -> Row | None:
    """Return an order for many nodes with how many are how far."""
    row = store.get("bulks", name)
    if row is None:
        return None
    given = {"step": "given"}
    tests: dict[str, Row] = {"waiting": {"step": "waiting"}, "not_asked": {"step": "refused"}}
    tests |= {one: {**given, "orders.state": one} for one in ENDS}
    tests["asked"] = {**given, "orders.state": list(orders.OPEN)}
    counts = store.tally("bulk_nodes", tests, {"bulk": name}, by="bulk", join="orders")
    return {**row, **counts.get(name, dict.fromkeys(tests, 0))}


def nodes_of(store: Store, name: str, after: str = "") -> list[Row]:
    """Return nodes of an order for many with what became of each, one page after a node's id."""
    rows = store.find(
        "bulk_nodes", {"bulk": name}, after=[name, after] if after else None, limit=SHOWN,
        join="orders",
    )  # fmt: skip
    found = {one["node"]: one for one in store.find("nodes", {"node": [r["node"] for r in rows]})}
    return [{**row, "node_name": found[row["node"]]["name"]} for row in rows]


def stop(store: Store, name: str, who: str, now_s: int) -> int:
    """Ask no more nodes; what was asked stays asked. Returns how many are spared."""
    rows = list(store.each("bulk_nodes", {"bulk": name, "step": "waiting"}))
    for row in rows:
        spared = {"step": "refused", "fault": "order.stopped"}
        store.change("bulk_nodes", (name, row["node"]), spared)
    audit.append(store, now_s, who, "bulk.stop", name, nodes=len(rows))
    return len(rows)


def listed(store: Store, who: str | None) -> list[Row]:
    """Return the newest orders for many nodes, of one account or of all."""
    where = None if who is None else {"who": who}
    return store.find("bulks", where, order=["created_s"], descending=True, limit=LISTED)


def step(store: Store, now_s: int) -> tuple[str, str, list[str]] | None:
    """Ask the next nodes of one unit; return (kind, unit, nodes) to publish, or None when done."""
    where = {"step": "waiting"}
    first = store.find("bulk_nodes", where, order=["bulk", "unit"], limit=STEP)
    if not first:
        return None
    name, unit = first[0]["bulk"], first[0]["unit"]
    row = store.get("bulks", name) or {}
    asked = []
    for one in first:
        if (one["bulk"], one["unit"]) == (name, unit):
            key = (name, one["node"])
            stands = (store.get("nodes", one["node"]) or {}).get("unit")
            if stands != unit:
                # It moved meanwhile; its turn comes with its new unit.
                store.change("bulk_nodes", key, {"unit": stands})
                continue
            try:
                given = _give(store, row, one["node"], now_s)
            except Fault as fault:
                store.change("bulk_nodes", key, {"step": "refused", "fault": fault.code})
                continue
            store.change("bulk_nodes", key, {"step": "given", "name": given["name"]})
            asked.append(one["node"])
    return row["kind"], unit, asked


def _give(store: Store, row: Row, node: str, now_s: int) -> Row:
    if row["kind"] == "settings":
        detail = json.loads(row["detail_json"])
        volume, quiet = detail["volume_percent"], detail["quiet"]
        return orders.narrow(store, node, volume, quiet, row["who"], now_s)
    return orders.give(store, node, row["kind"], row["who"], now_s)


async def run(services: Services) -> None:
    """Carry out what waits, for ever; what was noted and not published is published first."""
    is_left = False
    while True:
        try:
            if is_left:
                await order_publishing.recover(services)
            is_left, more = False, await advance(services)
        except Fault as fault:
            _log.error("bulk: %s", fault)
            is_left, more = True, False
        if not more:
            await asyncio.sleep(LOOK_S)


async def advance(services: Services) -> bool:
    """Take one step; tells whether there was one. What it noted is published even after a crash."""
    now_s = services.now_s()
    if not await services.ledger.read(lambda s: s.find("bulk_nodes", {"step": "waiting"}, limit=1)):
        return False
    taken = await services.ledger.write(lambda s: step(s, now_s))
    if taken is not None and taken[2]:
        await order_publishing.publish_many(services, *taken)
    return taken is not None
