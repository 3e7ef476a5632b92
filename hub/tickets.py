"""Enrolment tickets and technicians' kits, both signed by the hub's online key."""

from collections.abc import Collection

from hub import audit, fleet
from hub.services import AnswerKey
from hub.store import ROWS_MAX, Row, Store
from protocols import enrolment, kit
from protocols.enrolment import Ticket
from protocols.errors import RemoteFault
from protocols.paper import Paper

TICKET_DAYS_MAX = 366


def new(
    store: Store,
    key: AnswerKey,
    ticket: Ticket,
    who: str,
) -> Paper:
    """Issue a ticket and note it; raises `RemoteFault` (`fleet.unit_id`, `format.field`)."""
    today_open = [row for row in store.find("units", {"unit": ticket.unit}) if not row["successor"]]
    if not today_open:
        raise RemoteFault(
            "fleet.unit_id", f"no unit {ticket.unit} in force", "Choose a unit in force."
        )
    paper = enrolment.build_ticket(ticket, key.sign)
    enrolment.read_ticket(paper)
    row = {
        "ticket": ticket.id,
        "unit": ticket.unit,
        "issued_s": ticket.issued_s,
        "expires_s": ticket.expires_s,
        "count": ticket.count,
        "state": "open",
        "paper": paper.encode(),
    }
    store.add("tickets", row)
    audit.append(
        store, ticket.issued_s, who, "ticket.new", ticket.id, unit=ticket.unit, count=ticket.count
    )
    return paper


def withdraw(store: Store, ticket: str, who: str, now_s: int) -> None:
    """Let no further node join by a ticket."""
    if not store.change("tickets", (ticket,), {"state": "withdrawn"}):
        raise RemoteFault("ticket.unknown", f"no ticket {ticket}", "Check its id.")
    audit.append(store, now_s, who, "ticket.withdraw", ticket)


def listed(store: Store, seen: Collection[str] | None = None, limit: int = ROWS_MAX) -> list[Row]:
    """Return the tickets of the units seen with how many nodes joined by each, newest first."""
    where = fleet.within(seen)
    rows = store.find("tickets", where, order=["issued_s"], descending=True, limit=limit)
    return [
        {
            **{name: value for name, value in row.items() if name != "paper"},
            "used": len(keys_of(store, row["ticket"])),
        }
        for row in rows
    ]


def keys_of(store: Store, ticket: str) -> set[str]:
    """Return the public keys that joined by a ticket."""
    return {row["public_key"] for row in store.find("enrolments", {"ticket": ticket})}


def make_kit(
    store: Store, key: AnswerKey, root: bytes, hubs: list[str], papers: list[Paper], today: str,
    now_s: int,
) -> bytes:  # fmt: skip
    """Return the signed kit of every unit that ever stood, with hamlets of those in force."""
    known = fleet.units_on(store, today)
    units = []
    for unit in sorted({row["unit"] for row in store.find("units")}):
        rows = store.find("units", {"unit": unit}, order=["valid_from"])
        row = known.get(unit, rows[-1])
        above = [known[one]["name"] for one in fleet.ancestors(known, unit)]
        hamlets = store.find("hamlets", {"unit": unit}) if unit in known else []
        units.append(
            {
                "unit": unit,
                "name": row["name"],
                "above": above,
                "hamlets": [{"id": one["hamlet"], "name": one["name"]} for one in hamlets],
                "is_ended": unit not in known,
                "successor": row["successor"] or "",
            }
        )
    body = {
        "issued_s": now_s,
        "key_id": key.key_id,
        "hubs": hubs,
        "root": root.decode(),
        "units": units,
        "tickets": [one.value() for one in papers],
    }
    return kit.build(body, key.sign).encode()
