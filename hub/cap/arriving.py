"""Bring a CAP file in: read it, find its places, keep it."""

import asyncio

from hub import timing
from hub.cap import areas, intake, reader
from hub.services import Services
from hub.store import Row


async def arrive(
    services: Services, data: bytes, way: str, source: str | None, who: str
) -> tuple[Row, bool]:
    """Read and keep a file; return its row and whether it is new. Raises `RemoteFault("cap.*")`."""
    given = await asyncio.to_thread(reader.read, data)
    now_s, offset = services.now_s(), services.config.utc_offset_min
    today, sent_day = (
        timing.local_time(one, offset).date().isoformat() for one in (now_s, given.sent_s)
    )
    found = await services.ledger.read(lambda s: areas.find(s, given, today, sent_day))
    arrival = intake.Arrival(way, source, who, now_s)
    return await services.ledger.write(lambda s: intake.receive(s, given, data, found, arrival))
