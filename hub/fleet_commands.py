"""What `chieng-hub node`, `ticket` and `kit` do."""

import asyncio
import hashlib
import re
from argparse import Namespace
from pathlib import Path

import segno

from hub import enrolments, fleet, issuing, tickets
from hub.services import Services
from hub.store import Store
from protocols import enrolment, paper
from protocols.enrolment import TICKET, Ticket
from protocols.errors import LocalFault, RemoteFault

WHO = "command line"


async def change_node(services: Services, chosen: Namespace) -> object:
    """Register, confirm, revoke or list nodes."""
    now_s = services.now_s()
    if chosen.verb == "list":
        return await services.ledger.read(_listed)
    if not chosen.id:
        raise LocalFault("fleet.node_id", "which node?", "Give --id.")
    if chosen.verb == "confirm":
        await services.ledger.write(lambda s: enrolments.confirm(s, chosen.id, WHO, now_s))
        return {"node": chosen.id, "state": "enrolled"}
    if chosen.verb == "revoke":
        await issuing.revoke(services, chosen.id, WHO)
        return {"node": chosen.id, "state": "revoked"}
    if not (chosen.unit and chosen.public_key):
        raise LocalFault("fleet.node", "unit or key is missing", "Give --unit and --public-key.")
    form = fleet.NodeForm(
        chosen.id,
        chosen.unit,
        chosen.name or chosen.id,
        chosen.kind,
        _public_key(chosen.public_key),
        chosen.hamlet,
        chosen.node_group,
        chosen.board,
    )
    await services.ledger.write(lambda s: fleet.add_node(s, form, WHO, now_s))
    return {"node": chosen.id, "unit": chosen.unit, "state": "enrolled"}


def _listed(store: Store) -> object:
    names = ("node", "unit", "name", "hamlet", "kind", "state")
    return [{name: row[name] for name in names} for row in store.each("nodes", order=["unit"])]


def _public_key(text: str) -> bytes:
    if re.fullmatch(r"[0-9a-fA-F]{64}", text) is None:
        text = Path(text).read_text().strip()
    try:
        return bytes.fromhex(text)
    except ValueError:
        raise RemoteFault("fleet.key", "not a public key in hex", "Copy all 64 digits.") from None


async def change_ticket(services: Services, chosen: Namespace) -> object:
    """Issue, list or withdraw enrolment tickets."""
    now_s = services.now_s()
    if chosen.verb == "list":
        return await services.ledger.read(tickets.listed)
    if chosen.verb == "withdraw":
        if not chosen.id:
            raise LocalFault("ticket.unknown", "which ticket?", "Give --id.")
        await services.ledger.write(lambda s: tickets.withdraw(s, chosen.id, WHO, now_s))
        return {"ticket": chosen.id, "state": "withdrawn"}
    if not (chosen.unit and chosen.out):
        raise LocalFault("ticket.unit", "unit or folder is missing", "Give --unit and --out.")
    made = await issuing.issue_ticket(services, chosen.unit, chosen.count, chosen.days, WHO)
    return _hand_over(Path(chosen.out), enrolment.read_ticket(made), made.encode())


def _hand_over(folder: Path, ticket: Ticket, data: bytes) -> object:
    """Write a ticket as a file and as a picture to scan."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{ticket.id}.ticket.json"
    path.write_bytes(data)
    picture = folder / f"{ticket.id}.ticket.svg"
    segno.make(data, error="l", micro=False).save(str(picture), scale=4)
    return {"ticket": ticket.id, "unit": ticket.unit, "file": str(path), "picture": str(picture)}


async def write_kit(services: Services, chosen: Namespace) -> object:
    """Write a technician's kit: units, hamlets, addresses, the root, and tickets."""
    data = await issuing.make_kit(services, chosen.hub, _papers(chosen.ticket))
    await asyncio.to_thread(Path(chosen.out).write_bytes, data)
    root = hashlib.sha256(issuing.root_bytes(services)).hexdigest()
    return {"kit": chosen.out, "bytes": len(data), "root_sha256": root}


def _papers(paths: list[str]) -> list[paper.Paper]:
    return [paper.read(Path(one).read_bytes(), TICKET) for one in paths]
