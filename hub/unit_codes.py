"""`chieng-hub codes import`: the codes of units as a dated list says, never a bare code in code.

A unit whose code or list changes gets a new dated row, so that what was told under the old code
stays told under it. The list names units by our own permanent ids.
"""

import asyncio
from argparse import Namespace
from pathlib import Path

from hub import audit, code_lists, fleet
from hub.services import Services
from hub.store import Store
from protocols.errors import RemoteFault

WHO = "command line"
COLUMNS = ("unit", "code")


def take(
    store: Store, given: list[dict[str, str]], system: str, day: str, now_s: int
) -> dict[str, int]:
    """Put a list in force from a day on, whole or not at all; raises `RemoteFault`."""
    known, changed = fleet.units_on(store, day), 0
    for one in given:
        row = known.get(one["unit"])
        if row is None:
            raise RemoteFault("list.broken", f"no unit {one['unit']} on {day}", "Add it first.")
        if (row["code_system"], row["code"]) != (system, one["code"]):
            fresh = {"valid_from": day, "valid_to": None, "code_system": system}
            fleet.add_unit(store, {**row, **fresh, "code": one["code"]}, WHO, now_s)
            changed += 1
    counts = {"units": len(given), "changed": changed}
    audit.append(store, now_s, WHO, "codes.import", system, valid_from=day, **counts)
    return counts


async def command(services: Services, chosen: Namespace) -> object:
    """Carry out `chieng-hub codes import`."""
    data = await asyncio.to_thread(code_lists.file_bytes, Path(chosen.file))
    given = code_lists.read(data, COLUMNS)
    day, now_s = chosen.valid_from or services.today(), services.now_s()
    return await services.ledger.write(lambda s: take(s, given, chosen.system, day, now_s))
