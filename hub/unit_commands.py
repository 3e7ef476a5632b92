"""`chieng-hub units import`: show what a file of units changes, and with --apply do it."""

import asyncio
from argparse import Namespace
from pathlib import Path

from hub import unit_files, unit_plan
from hub.services import Services
from hub.store import Store
from protocols.hub_limits import UNITS_FILE_BYTES_MAX

WHO = "command line"


async def command(services: Services, chosen: Namespace) -> object:
    """Carry out `chieng-hub units import`."""
    data = await asyncio.to_thread(_bytes, Path(chosen.file))
    given, now_s = unit_files.read(data), services.now_s()

    def decide(store: Store) -> unit_plan.Plan:
        wanted = unit_plan.plan(store, given)
        if chosen.apply:
            unit_plan.apply(store, wanted, WHO, now_s)
        return wanted

    run = services.ledger.write if chosen.apply else services.ledger.read
    wanted = await run(decide)
    changes = [
        {"line": one.line, "changes": one.kinds, "unit": one.row["unit"], "name": one.row["name"],
         "day": one.day}
        for one in [*wanted.units, *wanted.hamlets]
    ]  # fmt: skip
    leaving = [one._asdict() for one in wanted.leaving]
    return {"applied": chosen.apply, **wanted.counts(), "changes": changes, "leaving": leaving}


def _bytes(path: Path) -> bytes:
    with path.open("rb") as file:
        return file.read(UNITS_FILE_BYTES_MAX + 1)
