"""`chieng-hub topics import | list`."""

import asyncio
from argparse import Namespace
from pathlib import Path

from hub import code_lists, topics
from hub.services import Services
from protocols.errors import RemoteFault


async def command(services: Services, chosen: Namespace) -> object:
    """Carry out `chieng-hub topics import | list`."""
    day = services.today()
    if chosen.verb == "list":
        rows = await services.ledger.read(lambda s: topics.in_force(s, day))
        return {"topics": [rows[code] for code in sorted(rows)]}
    if not (chosen.file and chosen.version):
        raise RemoteFault("list.broken", "file or version is missing", "Give --file, --version.")
    given = topics.read(await asyncio.to_thread(code_lists.file_bytes, Path(chosen.file)))
    now_s = services.now_s()
    return await services.ledger.write(lambda s: topics.take(s, given, chosen.version, day, now_s))
