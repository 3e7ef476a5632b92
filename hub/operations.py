"""`chieng-hub migrate | backup | restore | export | doctor | retain`."""

import asyncio
import sys
from argparse import Namespace
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

from hub import backup, blob_sweep, companion_join, doctor, export, retention
from hub.commands import WHO
from hub.config import Config
from hub.database import migrate as migrate_database
from hub.database import revision
from hub.notify import commands as mail_commands
from hub.services import Services
from protocols.errors import LocalFault

Operation = Callable[[Config, Namespace], Awaitable[object]]


async def migrate(config: Config, _chosen: Namespace) -> object:
    """Bring the database to the newest schema."""
    if config.database_url is None and not config.database.exists():
        raise LocalFault("hub.not_founded", f"no {config.database}", "Run chieng-hub init.")
    before = await asyncio.to_thread(revision, config.where)
    if before is None:
        raise LocalFault("hub.not_founded", "the database is empty", "Run chieng-hub init.")
    await asyncio.to_thread(migrate_database, config.where)
    return {"before": before, "now": await asyncio.to_thread(revision, config.where)}


async def back_up(config: Config, chosen: Namespace) -> object:
    """Copy the hub while it runs."""
    return await asyncio.to_thread(backup.back_up, config, Path(chosen.to), chosen.keep)


async def restore(config: Config, chosen: Namespace) -> object:
    """Make a hub from a copy."""
    others = [Path(one) for one in chosen.signed_files]
    return await backup.restore(config, Path(chosen.copy), others)


async def join(config: Config, chosen: Namespace) -> object:
    """Make a companion of a copy."""
    return await asyncio.to_thread(companion_join.join, config, Path(chosen.copy))


async def write_export(services: Services, chosen: Namespace) -> object:
    """Write everything in open formats."""
    path, now_s = Path(chosen.out), services.now_s()
    rows = await services.ledger.read(lambda store: export.write(store, path, now_s))
    return {"file": str(path), "rows": rows}


async def look_over(services: Services, chosen: Namespace) -> object:
    """Say what is wrong; raises `LocalFault("hub.unwell")` after printing it."""
    copies = Path(chosen.copies) if chosen.copies else None
    found = await doctor.examine(services, copies, services.now_s())
    for one in found:
        mark = "ok  " if one.is_well else "BAD "
        print(f"{mark} {one.check}: {one.said}", file=sys.stderr)
        if not one.is_well:
            print(f"       {one.remedy}", file=sys.stderr)
    bad = [one for one in found if not one.is_well]
    if bad:
        text = f"{len(bad)} of {len(found)} need attention"
        raise LocalFault("hub.unwell", text, "Do what stands under each line.")
    return {"checks": len(found), "well": True}


async def retain(services: Services, chosen: Namespace) -> object:
    """Show or set how long things are kept, show unused media, or erase now what is older."""
    ledger, now_s = services.ledger, services.now_s()
    if chosen.verb == "unused":
        return (await blob_sweep.look(services)).told()
    if chosen.verb == "erase":
        rows = await retention.sweep(ledger, WHO, now_s)
        return {**rows, **await blob_sweep.sweep(services, WHO)}
    wanted = await ledger.read(retention.kept)
    if chosen.verb == "set":
        asked: dict[str, Any] = {name: getattr(chosen, name) for name in wanted._fields}
        wanted = wanted._replace(**{name: days for name, days in asked.items() if days})
        await ledger.write(lambda store: retention.set_kept(store, wanted, WHO, now_s))
    return {"days": wanted._asdict(), "holds": await ledger.read(retention.holdings)}


# Run on a hub that is not opened.
OPERATIONS: dict[str, Operation] = {
    "migrate": migrate,
    "backup": back_up,
    "restore": restore,
    "join": join,
}
COMMANDS = {
    "export": write_export,
    "doctor": look_over,
    "retain": retain,
    "mail": mail_commands.run,
}
