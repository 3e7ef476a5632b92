"""Tell people what began at nodes: noted in the transaction of the fact, read by unit and account.

One notice is one fault that began or one silence; the page gathers those of one kind in one unit,
so that a power cut of a commune is one line and not fifty.
"""

from collections.abc import Collection
from typing import Any

from hub import fleet
from hub.store import Above, Row, Store

SILENT = "node.silent"
# A large province on a bad day has some thousand; what is older is in the faults themselves.
KEPT_MAX = 100_000
SHOWN_MAX = 500


def note(store: Store, node: str, code: str, at_ms: int) -> None:
    """Note that a fault began at a node, or that it fell silent."""
    row = store.get("nodes", node)
    if row is None:
        return
    sequence = newest(store) + 1
    notice = {"sequence": sequence, "node": node, "unit": row["unit"], "code": code}
    store.add("notices", {**notice, "at_ms": at_ms})
    store.erase("notices", {}, "sequence", sequence - KEPT_MAX + 1, 1)


def newest(store: Store) -> int:
    """Return the number of the newest notice, 0 without any."""
    rows = store.find("notices", descending=True, limit=1)
    return rows[0]["sequence"] if rows else 0


def unread(store: Store, account: str, seen: Collection[str] | None) -> int:
    """Return how many notices of the units seen an account has not read."""
    mark = store.get("notice_marks", account)
    since = mark["sequence"] if mark else 0
    return store.count("notices", {**fleet.within(seen), "sequence": Above(since)})


def gathered(
    store: Store, account: str, seen: Collection[str] | None, units: dict[str, Row]
) -> list[dict[str, Any]]:
    """Return the newest notices, those of one kind in one unit together, newest first."""
    mark = store.get("notice_marks", account)
    since = mark["sequence"] if mark else 0
    groups: dict[tuple[str, str, bool], dict[str, Any]] = {}
    for row in store.find("notices", fleet.within(seen), descending=True, limit=SHOWN_MAX):
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
            },
        )
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
