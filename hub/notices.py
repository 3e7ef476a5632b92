"""Tell people what began at nodes: noted in the transaction of the fact, read by unit and account.

One notice is one fault that began or one silence, or that it is over; the page gathers those of one
kind in one unit, so that a power cut of a commune is one line and not fifty. What is sent away of
them is decided in `hub.notify`: each subscription keeps its place in this table.
"""

from collections.abc import Collection
from typing import Any

from hub import fleet
from hub.store import Above, Row, Store

SILENT = "node.silent"
# An emergency that a loudspeaker should have played by now; `subject` is the bulletin.
UNHEARD = "alert.unheard"
URGENT, SILENCE, FAULT, MINOR = "urgent", "silence", "fault", "minor"
KINDS = (URGENT, SILENCE, FAULT, MINOR)
# Families of faults that hinder nobody from hearing.
_MINOR = frozenset({"button", "events", "gauge", "indicator", "sntp"})
# A thing that begins again within a day of its last time flaps.
FLAP_MS = 86_400_000
REPEATS_MAX = 5
# A large province on a bad day has some thousand; what is older is in the faults themselves.
KEPT_MAX = 100_000
SHOWN_MAX = 500


def kind_of(code: str, in_alert: bool = False) -> str:
    """Return how grave a notice is: one of `KINDS`; `in_alert` while an emergency is on there."""
    if code == UNHEARD or (code == SILENT and in_alert):
        return URGENT
    if code == SILENT:
        return SILENCE
    return MINOR if code.split(".", maxsplit=1)[0] in _MINOR else FAULT


def note(
    store: Store,
    node: str,
    code: str,
    at_ms: int,
    noted_ms: int,
    subject: str = "",
    in_alert: bool = False,
) -> None:
    """Note that a fault began at a node, or that it fell silent; `noted_ms` is the hub's clock."""
    row = store.get("nodes", node)
    if row is None:
        return
    before = _begun(store, node, code, REPEATS_MAX)
    flaps = [one for one in before if one["noted_ms"] > noted_ms - FLAP_MS]
    # Each emergency counts for itself.
    flaps = [one for one in flaps if one["subject"] == subject]
    notice = {"node": node, "unit": row["unit"], "code": code, "subject": subject}
    notice.update(kind=kind_of(code, in_alert), repeats=len(flaps), is_over=0)
    _add(store, {**notice, "at_ms": at_ms, "noted_ms": noted_ms})


def over(store: Store, node: str, code: str, at_ms: int, noted_ms: int) -> None:
    """Note that what was told of a node is over; what nobody was told of passes in silence."""
    for begun in _begun(store, node, code, 1):
        same = {name: begun[name] for name in ("node", "unit", "code", "subject", "kind")}
        same.update(repeats=begun["repeats"], is_over=1)
        _add(store, {**same, "at_ms": at_ms, "noted_ms": noted_ms})


def _begun(store: Store, node: str, code: str, limit: int) -> list[Row]:
    where = {"code": code, "node": node, "is_over": 0}
    return store.find("notices", where, order=["sequence"], descending=True, limit=limit)


def _add(store: Store, notice: Row) -> None:
    sequence = newest(store) + 1
    store.add("notices", {"sequence": sequence, **notice})
    store.erase("notices", {}, "sequence", sequence - KEPT_MAX + 1, 1)


def newest(store: Store) -> int:
    """Return the number of the newest notice, 0 without any."""
    rows = store.find("notices", descending=True, limit=1)
    return rows[0]["sequence"] if rows else 0


def unread(store: Store, account: str, seen: Collection[str] | None) -> int:
    """Return how many notices of the units seen an account has not read."""
    mark = store.get("notice_marks", account)
    since = mark["sequence"] if mark else 0
    begun = {**fleet.within(seen), "is_over": 0}
    return store.count("notices", {**begun, "sequence": Above(since)})


def gathered(
    store: Store, account: str, seen: Collection[str] | None, units: dict[str, Row]
) -> list[dict[str, Any]]:
    """Return the newest notices, those of one kind in one unit together, newest first."""
    mark = store.get("notice_marks", account)
    since = mark["sequence"] if mark else 0
    groups: dict[tuple[str, str, bool], dict[str, Any]] = {}
    ended: dict[tuple[str, str], bool] = {}
    for row in store.find("notices", fleet.within(seen), descending=True, limit=SHOWN_MAX):
        is_over = ended.setdefault((row["node"], row["code"]), bool(row["is_over"]))
        if row["is_over"]:
            continue
        is_new = row["sequence"] > since
        unit = row["unit"]
        group = groups.setdefault(
            (unit, row["code"], is_new),
            {
                "unit": unit,
                "unit_name": units[unit]["name"] if unit in units else unit,
                "code": row["code"],
                "is_new": is_new,
                "at_ms": row["at_ms"],
                "nodes": [],
                "is_over": True,
            },
        )
        group["is_over"] = group["is_over"] and is_over
        if row["node"] not in group["nodes"]:
            group["nodes"].append(row["node"])
    return list(groups.values())


def read_all(store: Store, account: str, sequence: int) -> None:
    """Note that an account has read everything up to a notice."""
    mark = store.get("notice_marks", account)
    if mark is None:
        store.add("notice_marks", {"account": account, "sequence": sequence})
    elif sequence > mark["sequence"]:
        store.change("notice_marks", (account,), {"sequence": sequence})
