"""What publishing and recalling mean to peers: a schedule accepted, an alert out, a supply done."""

from hub import bulletins, overview
from hub.mirror import outbox, telling
from hub.store import Row, Store


def published(store: Store, bulletin: str, action: str, now_ms: int) -> None:
    """Tell that a bulletin is with the nodes, or was taken off the air."""
    if not outbox.active(store):
        return
    row = bulletins.current(store, bulletin)
    is_out = action == "publish"
    if row["class"] == "emergency":
        reached(store, row, now_ms)
    else:
        telling.schedule(store, row, "accepted" if is_out else "cancelled", now_ms)
    _settle_supply(store, bulletin, "done" if is_out else "cancelled", now_ms)


def reached(store: Store, row: Row, now_ms: int) -> None:
    """Tell an emergency's reach as it stands; `row` is `bulletins.current`."""
    state = "published" if row["state"] == bulletins.PUBLISHED else "cancelled"
    telling.alert(store, row, overview.reach(store, row), state, now_ms)


def _settle_supply(store: Store, bulletin: str, state: str, now_ms: int) -> None:
    link = store.get("supply_bulletins", bulletin)
    if link is None:
        return
    key = (link["peer"], link["supply"])
    if state == "done":
        answered = {"state": "taken", "changed_s": now_ms // 1000}
        store.change("offers", (*key, link["unit"]), answered)
    store.change("supplies", key, {"state": state, "changed_s": now_ms // 1000})
    row = store.get("supplies", *key)
    if row is not None:
        telling.receipt(store, row, now_ms, bulletin)
