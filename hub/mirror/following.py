"""What a batch of records means to peers: told in the transaction that stores it."""

from typing import Any

from hub.mirror import gaps, telling
from hub.store import Row, Store
from protocols import records


def batch(
    store: Store,
    node: Row,
    verdict: records.Verdict,
    plays: list[Row],
    before: Row,
    now_ms: int,
    carried: bool,
) -> None:
    """Tell what a batch added; `before` is the node's status before it, `plays` carry a `hash`."""
    name, last_ms = node["node"], before.get("contact_ms")
    telling.count(store, plays, now_ms)
    if not carried:
        gaps.returned(store, name, before, now_ms)
    for entry in verdict.entries:
        if entry.record.kind == "gap":
            body: dict[str, Any] = entry.record.body
            gaps.lost(store, name, "dropped", _from_ms(body), entry.record.at_ms, now_ms)
    if verdict.hole:
        gaps.lost(store, name, "hole", last_ms, now_ms, now_ms)
    telling.plays(store, node, plays, now_ms)
    telling.node(store, name, now_ms)


def _from_ms(body: dict[str, Any]) -> int | None:
    found = body.get("from_ms")
    return found if isinstance(found, int) and not isinstance(found, bool) else None
