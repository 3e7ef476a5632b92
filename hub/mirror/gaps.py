"""Gaps: from when to when nothing is known of a node, why, and whether it was made up for.

A silence opens one at the last contact and closes it at the next. It is `filled` once the node has
stayed in contact for a while and its journal's chain has no hole: then what it did meanwhile is
told by its own signed records. Holes, forks and forced drops stay `lost`.
"""

from hub import notices
from hub.mirror import outbox
from hub.mirror.outbox import Fact
from hub.store import Row, Store

# A journal of 14 days is sent in minutes; half an hour forgives a bad link.
SETTLED_MS = 1800_000


def _tell(store: Store, row: Row, now_ms: int) -> None:
    body = {name: row[name] for name in ("node", "why", "from_ms", "to_ms", "state")}
    subject = f"gap/{row['node']}"
    key = f"{subject}/{row['why']}/{row['from_ms']}/{row['state']}/{now_ms}"
    outbox.tell(store, [Fact("gap", subject, key, now_ms, body)], now_ms)


def _move(store: Store, row: Row, now_ms: int, **changes: object) -> None:
    fields = {**changes, "changed_ms": now_ms}
    store.change("gaps", (row["node"], row["why"], row["from_ms"]), fields)
    _tell(store, {**row, **fields}, now_ms)


def silent(store: Store, node: str, since_ms: int, now_ms: int) -> bool:
    """Open a gap at a node's last contact; tell whether it is new."""
    if store.get("gaps", node, "silent", since_ms) is not None:
        return False
    row = {"node": node, "why": "silent", "from_ms": since_ms, "to_ms": None}
    row.update(state="open", changed_ms=now_ms)
    store.add("gaps", row)
    _tell(store, row, now_ms)
    return True


def returned(store: Store, node: str, before: Row, now_ms: int) -> None:
    """Close what is open of a node that is in contact again; a silence not yet noted is noted.

    `before` is its status before this contact.
    """
    last_ms = before.get("contact_ms")
    if last_ms is None or now_ms < before["offline_ms"]:
        return
    was_told = not silent(store, node, last_ms, now_ms)
    row = store.get("gaps", node, "silent", last_ms)
    if row is not None and row["state"] == "open":
        if was_told:
            notices.over(store, node, notices.SILENT, now_ms, now_ms)
        _move(store, row, now_ms, state="returning", to_ms=now_ms)


def lost(
    store: Store, node: str, why: str, from_ms: int | None, to_ms: int | None, now_ms: int
) -> None:
    """Note records that will never come; their times are known only as far as given."""
    start_ms = now_ms if from_ms is None else from_ms
    if store.get("gaps", node, why, start_ms) is not None:
        return
    row = {"node": node, "why": why, "from_ms": start_ms, "to_ms": to_ms}
    row.update(state="lost", changed_ms=now_ms)
    store.add("gaps", row)
    _tell(store, row, now_ms)


def settle(store: Store, now_ms: int) -> None:
    """Call returned silences filled, or lost where the chain turned out to have a hole."""
    for row in list(store.each("gaps", {"state": "returning"})):
        status = store.get("node_status", row["node"]) or {}
        contact_ms = status.get("contact_ms") or 0
        if contact_ms - row["to_ms"] < SETTLED_MS:
            continue
        breaks = store.find("gaps", {"node": row["node"], "state": "lost"})
        is_broken = any(one["changed_ms"] >= row["to_ms"] for one in breaks)
        _move(store, row, now_ms, state="lost" if is_broken else "filled")
