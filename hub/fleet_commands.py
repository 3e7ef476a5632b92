"""What `chieng-hub node`, `ticket` and `kit` do."""

import asyncio
import hashlib
import os
import re
from argparse import Namespace
from pathlib import Path

import segno

from hub import enrolments, fleet, tickets, timing
from hub.services import Services
from hub.store import Store
from protocols import canonical, paper
from protocols.enrolment import TICKET, Ticket
from protocols.errors import LocalFault, RemoteFault
from protocols.settings import Settings

WHO = "command line"
# All of the local day, as two bands: a revoked node is silent.
_ALL_DAY = ((0, 43200), (43200, 0))


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
        return await _revoke(services, chosen.id, now_s)
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
    return [{name: row[name] for name in names} for row in store.find("nodes", order=["unit"])]


async def _revoke(services: Services, node: str, now_s: int) -> object:
    """Refuse a node's records, and let its own signed settings silence it.

    The settings are published first, so that a crash between the two leaves a silent node that is
    still heard of, and the command can be given again.
    """
    row = await services.ledger.read(lambda s: s.get("nodes", node))
    if row is None:
        raise RemoteFault("fleet.node_id", f"no node {node}", "Check the id.")
    quiet = Settings(node, row["unit"], now_s, 0, _ALL_DAY)
    manifest = canonical.encode(quiet.to_dict())
    services.repository.sign_settings(row["unit"], node, manifest, now_s)
    await services.ledger.write(lambda s: fleet.revoke_node(s, node, WHO, now_s))
    return {"node": node, "state": "revoked"}


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
    if not 1 <= chosen.days <= tickets.TICKET_DAYS_MAX:
        raise LocalFault("ticket.days", f"{chosen.days} days", "Use 1 to 366 days.")
    key = services.answer_keys.current()
    ticket = Ticket(
        "ve-" + os.urandom(6).hex(),
        chosen.unit,
        now_s,
        now_s + chosen.days * 86400,
        chosen.count,
        hashlib.sha256(root_bytes(services)).hexdigest(),
        key.key_id,
    )
    made = await services.ledger.write(lambda s: tickets.new(s, key, ticket, WHO))
    return _hand_over(Path(chosen.out), ticket, made.encode())


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
    now_s = services.now_s()
    today = timing.local_time(now_s, services.config.utc_offset_min).date().isoformat()
    papers = _papers(chosen.ticket)
    key, root = services.answer_keys.current(), root_bytes(services)
    data = await services.ledger.read(
        lambda s: tickets.make_kit(s, key, root, chosen.hub, papers, today, now_s)
    )
    await asyncio.to_thread(Path(chosen.out).write_bytes, data)
    return {"kit": chosen.out, "bytes": len(data), "root_sha256": hashlib.sha256(root).hexdigest()}


def _papers(paths: list[str]) -> list[paper.Paper]:
    return [paper.read(Path(one).read_bytes(), TICKET) for one in paths]


def root_bytes(services: Services) -> bytes:
    """Return the root in force, exactly as nodes are served it."""
    archive = services.repository.archive
    return services.repository.layout.role_file("root", archive.newest_version("root")).read_bytes()
