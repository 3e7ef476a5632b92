"""Put units and their approvers in force: rows in the ledger, delegations in the repository."""

import asyncio
from collections.abc import Sequence

from hub import approvers, fleet, founding, timing
from hub.approvers import NewApprover
from hub.repository.registry import Unit
from hub.services import Services
from hub.store import Row, Store
from protocols.errors import RemoteFault


async def enrol_unit(
    services: Services,
    row: Row,
    fresh: Sequence[NewApprover],
    registrar_passphrase: str,
    alert_threshold: int,
    now_s: int,
) -> None:
    """Add a unit with its first approvers; the registry is signed by the registrar.

    Rows come first and are repeatable to check; a crash before the registry is signed is mended by
    `enrol_approvers` for the same unit.
    """
    registrar = await asyncio.to_thread(
        founding.open_registrar, services.config, registrar_passphrase
    )

    def enrol(store: Store) -> None:
        fleet.add_unit(store, row, "registrar", now_s)
        approvers.store_new(store, [one.row for one in fresh], "registrar", now_s)

    await services.ledger.write(enrol)
    await _put_in_force(services, row["unit"], registrar, alert_threshold, now_s)


async def enrol_approvers(
    services: Services,
    unit: str,
    fresh: Sequence[NewApprover],
    registrar_passphrase: str,
    alert_threshold: int,
    now_s: int,
) -> None:
    """Add approvers to a unit, or with none only sign its registry again."""
    registrar = await asyncio.to_thread(
        founding.open_registrar, services.config, registrar_passphrase
    )
    rows = [one.row for one in fresh]
    await services.ledger.write(lambda store: approvers.store_new(store, rows, "registrar", now_s))
    await _put_in_force(services, unit, registrar, alert_threshold, now_s)


async def _put_in_force(
    services: Services, unit: str, registrar: object, alert_threshold: int, now_s: int
) -> None:
    """Delegate a unit's roles to exactly its active approvers and issue its view."""
    today = timing.local_time(now_s, services.config.utc_offset_min).date().isoformat()
    rows = await services.ledger.read(lambda store: approvers.active(store, unit))
    above = await services.ledger.read(
        lambda store: fleet.ancestors(fleet.units_on(store, today), unit)
    )
    known = unit in services.repository.units()
    is_relaying = known and services.repository.unit(unit).auto_alert
    wanted = Unit(unit, approvers.keys_of(rows), 1, alert_threshold, is_relaying)
    outcome = await asyncio.to_thread(
        services.repository.add_unit, wanted, above, [registrar], now_s
    )
    if not outcome.published:
        raise RemoteFault(
            "repository.signatures",
            f"{outcome.missing} registrar signatures are missing",
            "Let the other registrars sign with chieng-tool.",
        )
