"""Who may sign for a unit: approvers come and go by a change of the registry that nodes obey.

The registry is signed first and the rows follow, so a crash in between leaves a key that nobody
holds, or a name whose signature does not count; the same change again mends both.
"""

import asyncio
from typing import Any, NamedTuple

from hub import approvers, audit
from hub.approvers import NewApprover
from hub.repository import expiries
from hub.repository.roles import parse
from hub.services import Services
from hub.store import Row, Store
from protocols.errors import RemoteFault

# More than one person may have to sign an emergency (the node counts, not the hub).
THRESHOLDS = (1, 2)


class Change(NamedTuple):
    """Say what is to change: who comes, who leaves, how many sign an emergency."""

    unit: str
    threshold: int
    comes: NewApprover | None = None
    leaves: str = ""


def threshold(services: Services, unit: str) -> int:
    """Return how many signatures an emergency of a unit needs at its nodes."""
    known = unit in services.repository.units()
    return services.repository.unit(unit).alert_threshold if known else 1


async def carry_out(
    services: Services, change: Change, registrar: Any, stays: Any, who: str
) -> list[str]:
    """Sign and keep a change; `stays` signs what stands again, where a signer stays and is here.

    Returns which of the unit's roles nobody's signature counts for any more. Raises `RemoteFault`
    (`approver.*`) and changes nothing for a change that leaves too few.
    """
    # The registry is written whole: a second change at once would bring back who just left.
    async with services.staffing:
        return await _carry_out(services, change, registrar, stays, who)


async def _carry_out(
    services: Services, change: Change, registrar: Any, stays: Any, who: str
) -> list[str]:
    unit, now_s = change.unit, services.now_s()
    rows = await services.ledger.read(lambda s: approvers.active(s, unit))
    await services.ledger.read(lambda s: _check(s, change, rows))
    staying = [row for row in rows if row["approver"] != change.leaves]
    keys = approvers.keys_of([*staying, *([change.comes.row] if change.comes else [])])
    if unit not in services.repository.units():
        raise RemoteFault("approver.unit", f"{unit} is not in force", "Run chieng-hub unit add.")
    current = services.repository.unit(unit)
    wanted = current._replace(approvers=keys, alert_threshold=change.threshold)
    signers = [] if stays is None else [stays]
    outcome = await asyncio.to_thread(
        services.repository.change_unit, wanted, [registrar], now_s, signers
    )
    if not outcome.published:
        raise RemoteFault(
            "repository.signatures",
            f"{outcome.missing} registrar signatures are missing",
            "Let the other registrars sign with chieng-tool.",
        )
    await services.ledger.write(lambda s: _keep(s, change, who, now_s))
    lost = await asyncio.to_thread(expiries.orphans, services.repository)
    return [role for role in lost if parse(role)[1] == unit]


def _check(store: Store, change: Change, rows: list[Row]) -> None:
    if change.threshold not in THRESHOLDS:
        raise RemoteFault("approver.threshold", "no such number", "Choose one or two.")
    names = {row["approver"] for row in rows}
    if change.leaves and change.leaves not in names:
        raise RemoteFault("approver.gone", "nobody of that name signs here", "Load it again.")
    if change.comes and store.get("approvers", change.comes.row["approver"]) is not None:
        raise RemoteFault("approver.taken", "the id is taken", "Choose another id.")
    left = len(names - {change.leaves}) + (change.comes is not None)
    if left < change.threshold:
        raise RemoteFault("approver.few", f"{left} would be left", "Let somebody else come first.")


def _keep(store: Store, change: Change, who: str, now_s: int) -> None:
    if change.comes is not None:
        approvers.store_new(store, [change.comes.row], who, now_s)
    if change.leaves:
        store.change("approvers", (change.leaves,), {"state": "left"})
        audit.append(store, now_s, who, "approver.leave", change.leaves, unit=change.unit)
    told = {"threshold": change.threshold}
    audit.append(store, now_s, who, "approver.registry", change.unit, **told)
