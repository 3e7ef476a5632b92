"""What the installations' page shows: tickets, nodes that wait for a person, enrolments, refusals.

Plain functions over the store port; `seen` are the units that the reader may look at, None all.
"""

from collections.abc import Collection
from typing import Any

from hub import enrolments, fleet, roles, tickets
from hub.roles import Reader
from hub.store import Row, Store
from protocols import enrolment, paper
from protocols.enrolment import ENROLLED, QUARANTINED, REPLACED, REVOKED, Enrolment
from protocols.paper import Paper

ENROLMENTS_MAX = 100
TICKETS_MAX = 100
ENDED_MAX = 500
# What `show` calls a ticket: what the store says, and what date and count make of it.
OPEN, WITHDRAWN, EXPIRED, USED = "open", "withdrawn", "expired", "used"

Seen = Collection[str] | None


def shown(store: Store, seen: Seen, now_s: int) -> dict[str, Any]:
    """Return everything of the page but the reader's own choices."""
    where = fleet.within(seen)
    rows = store.find(
        "enrolments", where, order=["received_s"], descending=True, limit=ENROLMENTS_MAX
    )
    ended = {"state": [REVOKED, REPLACED], **where}
    states = (ENROLLED, QUARANTINED, REVOKED, REPLACED)
    return {
        "tickets": [_ticket(row, now_s) for row in tickets.listed(store, seen, TICKETS_MAX)],
        "waiting": enrolments.waiting(store, seen),
        "refused": enrolments.refused(store, seen),
        "enrolments": [_joined(store, row) for row in rows],
        "ended": store.find("nodes", ended, order=["name"], limit=ENDED_MAX),
        "counts": {state: store.count("nodes", {"state": state, **where}) for state in states},
    }


def unconfirmed(store: Store, who: Reader, units: dict[str, Row]) -> int:
    """Return how many nodes wait until a reader confirms them; none for who may not."""
    if not who.may(roles.ADMINISTER):
        return 0
    where = fleet.within(who.bounds(roles.ADMINISTER, units))
    return store.count("nodes", {"state": QUARANTINED, **where})


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


def open_papers(store: Store, seen: Seen, now_s: int) -> list[Paper]:
    """Return the tickets that a kit may hold: those that still admit somebody."""
    found = []
    for row in tickets.listed(store, seen):
        if _ticket(row, now_s)["shown"] == OPEN:
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
