"""What an office hands out and takes back: tickets, kits, and a node's right to speak."""

import hashlib
import os
from collections.abc import Sequence

from hub import fleet, tickets, timing
from hub.services import Services
from protocols import canonical
from protocols.enrolment import Ticket
from protocols.errors import RemoteFault
from protocols.limits import TICKET_COUNT_MAX
from protocols.paper import Paper
from protocols.settings import Settings

# All of the local day, as two bands: a revoked node is silent.
_ALL_DAY = ((0, 43200), (43200, 0))


async def issue_ticket(services: Services, unit: str, count: int, days: int, who: str) -> Paper:
    """Issue a ticket for `count` nodes of a unit.

    Raises `RemoteFault` (`ticket.days`, `ticket.count`, `fleet.unit_id`).
    """
    if not 1 <= days <= tickets.TICKET_DAYS_MAX:
        raise RemoteFault("ticket.days", f"{days} days", "Use 1 to 366 days.")
    if not 1 <= count <= TICKET_COUNT_MAX:
        raise RemoteFault("ticket.count", f"{count} nodes", f"Use 1 to {TICKET_COUNT_MAX} nodes.")
    key, now_s = services.answer_keys.current(), services.now_s()
    ticket = Ticket(
        "ve-" + os.urandom(6).hex(),
        unit,
        now_s,
        now_s + days * 86400,
        count,
        hashlib.sha256(root_bytes(services)).hexdigest(),
        key.key_id,
    )
    return await services.ledger.write(lambda s: tickets.new(s, key, ticket, who))


async def make_kit(services: Services, hubs: list[str], papers: Sequence[Paper]) -> bytes:
    """Return a technician's kit: units, hamlets, addresses, the root, and tickets."""
    now_s = services.now_s()
    today = timing.local_time(now_s, services.config.utc_offset_min).date().isoformat()
    key, root = services.answer_keys.current(), root_bytes(services)
    return await services.ledger.read(
        lambda s: tickets.make_kit(s, key, root, hubs, list(papers), today, now_s)
    )


def root_bytes(services: Services) -> bytes:
    """Return the root in force, exactly as nodes are served it."""
    archive = services.repository.archive
    return services.repository.layout.role_file("root", archive.newest_version("root")).read_bytes()


async def revoke(services: Services, node: str, who: str) -> None:
    """Refuse a node's records, and let its own signed settings silence it.

    The settings are published first, so that a crash between the two leaves a silent node that is
    still heard of, and it can be done again.
    """
    now_s = services.now_s()
    row = await services.ledger.read(lambda s: s.get("nodes", node))
    if row is None:
        raise RemoteFault("fleet.node_id", f"no node {node}", "Check the id.")
    manifest = silence(node, row["unit"], now_s)
    services.repository.sign_settings(row["unit"], node, manifest, now_s)
    await services.ledger.write(lambda s: fleet.revoke_node(s, node, who, now_s))


def silence(node: str, unit: str, sequence: int) -> bytes:
    """Return the settings of a node that is to be quiet at every hour; an emergency still sounds,
    since the key that signs them lies open at the hub and must silence no warning."""
    return canonical.encode(Settings(node, unit, sequence, 0, _ALL_DAY).to_dict())
