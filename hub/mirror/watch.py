"""What no record says: silence, the reach of alerts, a day's sums. Decided once in a while."""

from collections.abc import Collection, Iterable

from hub import alert_notices, bulletins, fleet, notices
from hub.mirror import accepting, gaps, outbox, telling
from hub.store import Row, Store, UpTo

EVERY_S = 30
# Alerts are followed this long after their end: records come late.
AFTER_S = 3 * 86400
# Days told in one look, oldest change first.
DAYS_MAX = 200
# A day is told at most this often while its records come in.
DAY_EVERY_MS = 900_000


def look(store: Store, now_ms: int) -> None:
    """Tell peers what has become true by waiting."""
    units = fleet.units_on(store, telling.local_day(store, now_ms))
    in_alert = alert_notices.look(store, units, now_ms)
    _silence(store, in_alert, now_ms)
    gaps.settle(store, now_ms)
    if outbox.active(store):
        _reach(store, now_ms)
        _days(store, now_ms)


def _silence(store: Store, in_alert: Collection[str], now_ms: int) -> None:
    """Open a gap for every enrolled node whose last contact is too long ago."""
    states = {row["node"]: row["unit"] for row in store.each("nodes", {"state": "enrolled"})}
    for row in list(store.each("node_status", {"offline_ms": UpTo(now_ms)})):
        if row["node"] not in states:
            continue
        if gaps.silent(store, row["node"], row["contact_ms"], now_ms):
            is_grave = states[row["node"]] in in_alert
            since_ms, silent = row["contact_ms"], notices.SILENT
            notices.note(store, row["node"], silent, since_ms, now_ms, in_alert=is_grave)
            telling.node(store, row["node"], now_ms)


def _reach(store: Store, now_ms: int) -> None:
    where: Row = {"state": [bulletins.PUBLISHED, bulletins.RECALLED]}
    for row in store.find("bulletins", where, order=["changed_s"], descending=True, limit=200):
        if row["until_s"] is None or (row["until_s"] + AFTER_S) * 1000 < now_ms:
            continue
        found = bulletins.current(store, row["bulletin"])
        if found["class"] == "emergency":
            accepting.reached(store, found, now_ms)


def _days(store: Store, now_ms: int) -> None:
    """Tell days whose sums changed, with how many nodes of the unit were silent in them."""
    told_ms = now_ms - DAY_EVERY_MS
    recent = store.find("unit_days", order=["changed_ms"], descending=True, limit=DAYS_MAX)
    today = telling.local_day(store, now_ms)
    units = fleet.units_on(store, today)
    silent = _silent_days(store, today)
    for row in recent:
        if row["changed_ms"] > told_ms and row["day"] == today:
            continue
        where = {"unit": fleet.subtree(units, row["unit"]) or [row["unit"]], "state": "enrolled"}
        names = [node["node"] for node in store.find("nodes", where)]
        unknown = sum(_was_silent(silent.get(node, ()), row["day"]) for node in names)
        telling.day(store, row, len(names), unknown, now_ms)


def _silent_days(store: Store, today: str) -> dict[str, list[tuple[str, str]]]:
    """Return the stretches (first day, last day) in which nothing is known, by node."""
    found: dict[str, list[tuple[str, str]]] = {}
    for gap in store.each("gaps", {"state": ["open", "returning", "lost"]}):
        first = telling.local_day(store, gap["from_ms"])
        last = today if gap["to_ms"] is None else telling.local_day(store, gap["to_ms"])
        found.setdefault(gap["node"], []).append((first, last))
    return found


def _was_silent(stretches: Iterable[tuple[str, str]], day: str) -> bool:
    return any(first <= day <= last for first, last in stretches)
