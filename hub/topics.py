"""Topics (lĩnh vực) as the province's own list names them: imported, dated, never in code."""

import asyncio
from argparse import Namespace
from pathlib import Path

from hub import audit, code_lists, timing
from hub.services import Services
from hub.store import Row, Store
from protocols.errors import RemoteFault

WHO = "command line"
COLUMNS = ("code", "name")


def read(data: bytes) -> dict[str, str]:
    """Return names by code of a CSV list (`code,name`); raises `RemoteFault("list.broken")`."""
    return {one["code"]: one["name"] for one in code_lists.read(data, COLUMNS)}


def take(store: Store, given: dict[str, str], version: str, day: str, now_s: int) -> dict[str, int]:
    """Put a list in force from a day on; what it lacks ends, what it renames gets a new row."""
    held = in_force(store, day)
    ended = {code: row for code, row in held.items() if given.get(code) != row["name"]}
    for code, row in ended.items():
        store.change("topics", (code, row["valid_from"]), {"valid_to": day})
    added = 0
    for code, name in given.items():
        if code in held and code not in ended:
            continue
        fields = {"valid_to": None, "name": name, "list_version": version}
        if not store.change("topics", (code, day), fields):
            store.add("topics", {"topic": code, "valid_from": day, **fields})
        added += 1
    counts = {"topics": len(given), "added": added, "ended": len(ended)}
    audit.append(store, now_s, WHO, "topics.import", version, **counts)
    return counts


def in_force(store: Store, day: str) -> dict[str, Row]:
    """Return the topics in force on a day by code."""
    return {
        row["topic"]: row
        for row in store.find("topics", order=["valid_from"])
        if row["valid_from"] <= day and (row["valid_to"] is None or day < row["valid_to"])
    }


def today(services: Services) -> str:
    """Return the province's day."""
    local = timing.local_time(services.now_s(), services.config.utc_offset_min)
    return local.date().isoformat()


async def command(services: Services, chosen: Namespace) -> object:
    """Carry out `chieng-hub topics import | list`."""
    day = today(services)
    if chosen.verb == "list":
        rows = await services.ledger.read(lambda s: in_force(s, day))
        return {"topics": [rows[code] for code in sorted(rows)]}
    if not (chosen.file and chosen.version):
        raise RemoteFault("list.broken", "file or version is missing", "Give --file, --version.")
    given = read(await asyncio.to_thread(code_lists.file_bytes, Path(chosen.file)))
    now_s = services.now_s()
    return await services.ledger.write(lambda s: take(s, given, chosen.version, day, now_s))
