"""What the installations' page shows: tickets, nodes that wait for a person, enrolments, refusals.

Plain functions over the store port; `sees(unit)` tells which units the reader may look at.
"""

from collections.abc import Callable
from typing import Any

from hub import enrolments, roles, tickets
from hub.roles import Reader
from hub.store import Row, Store
from protocols import enrolment, paper
from protocols.enrolment import ENROLLED, QUARANTINED, REPLACED, REVOKED, Enrolment
from protocols.paper import Paper

ENROLMENTS_MAX = 100
TICKETS_MAX = 100
# What `show` calls a ticket: what the store says, and what date and count make of it.
OPEN, WITHDRAWN, EXPIRED, USED = "open", "withdrawn", "expired", "used"

Sees = Callable[[str], bool]


def shown(store: Store, sees: Sees, now_s: int) -> dict[str, Any]:
    """Return everything of the page but the reader's own choices."""
    rows = store.find("enrolments", order=["received_s"], descending=True, limit=ENROLMENTS_MAX)
    listed = [_joined(store, row) for row in rows if sees(row["unit"])]
    nodes = store.find("nodes", {"state": [REVOKED, REPLACED]}, order=["name"], limit=500)
    return {
        "tickets": [_ticket(row, now_s) for row in tickets.listed(store) if sees(row["unit"])][
            :TICKETS_MAX
        ],
        "waiting": [row for row in enrolments.waiting(store) if sees(row["unit"])],
        "refused": [row for row in enrolments.refused(store) if sees(row["unit"])],
        "enrolments": listed,
        "ended": [row for row in nodes if sees(row["unit"])],
        "counts": _counts(store, sees),
    }


def unconfirmed(store: Store, who: Reader, units: dict[str, Row]) -> int:
    """Return how many nodes wait until a reader confirms them; none for who may not."""
    if not who.may(roles.ADMINISTER):
        return 0
    rows = enrolments.waiting(store)
    return sum(who.allows(roles.ADMINISTER, units, row["unit"]) for row in rows)


def _counts(store: Store, sees: Sees) -> dict[str, int]:
    found = dict.fromkeys((ENROLLED, QUARANTINED, REVOKED, REPLACED), 0)
    for row in store.find("nodes"):
        if sees(row["unit"]):
            found[row["state"]] += 1
    return found


def _joined(store: Store, row: Row) -> Row:
    node = store.get("nodes", row["node"]) or {}
    return {**row, "name": node.get("name", row["node"]), "state": node.get("state", ENROLLED)}


def _ticket(row: Row, now_s: int) -> Row:
    shown_state = row["state"]
    if shown_state == OPEN:
        if now_s > row["expires_s"]:
            shown_state = EXPIRED
        elif row["used"] >= row["count"]:
            shown_state = USED
    return {**row, "shown": shown_state}


def ticket(store: Store, name: str, now_s: int) -> Row | None:
    """Return a ticket with its paper, how often it was used, and how it stands."""
    row = store.get("tickets", name)
    if row is None:
        return None
    return _ticket({**row, "used": len(tickets.keys_of(store, name))}, now_s)


def open_papers(store: Store, sees: Sees, now_s: int) -> list[Paper]:
    """Return the tickets that a kit may hold: those that still admit somebody."""
    found = []
    for row in tickets.listed(store):
        if sees(row["unit"]) and _ticket(row, now_s)["shown"] == OPEN:
            whole = store.get("tickets", row["ticket"]) or row
            found.append(paper.read(whole["paper"], enrolment.TICKET))
    return found


def sheet(store: Store, digest: str) -> tuple[Row, Enrolment] | None:
    """Return an accepted enrolment's row, with its node's name and state, and what it says."""
    row = store.get("enrolments", digest)
    if row is None:
        return None
    given = paper.read(row["paper"], enrolment.ENROLMENT)
    found = enrolment.read_enrolment(given)
    hamlet = store.get("hamlets", found.unit, found.hamlet) if found.hamlet else None
    joined = _joined(store, row)
    return {**joined, "hamlet_name": (hamlet or {}).get("name", found.hamlet)}, found
