"""Erase media that nothing names any more.

Theory of operation. A blob is named by its hash, 64 hex digits that stand for nothing else. So what
is in use is found without knowing who uses it: every text of every table and every manifest of the
repository is read, and any such name in it keeps its blob, also in tables that are yet to be
invented. What nothing names is noted with the day (`unused.json` beside the blobs); it goes when
nothing has named it for `GRACE_S`, and neither was it stored or asked for by a form within that
time. The last look and the removal exclude whoever stores, renews or copies blobs (`Blobs.alone`),
so a name that comes back in that moment finds its blob or stores it anew.
"""

import asyncio
import json
import logging
import re
from collections.abc import Iterable
from pathlib import Path
from typing import Any, NamedTuple

from sqlalchemy import LargeBinary

from hub import audit, pictures
from hub.blobs import Blobs
from hub.repository.durable import Disk
from hub.schema import metadata
from hub.services import Services
from hub.store import ROWS_MAX, Store
from protocols.errors import Fault

_log = logging.getLogger("chieng.hub")

DAY_S = 86400
# After the sweep of rows (`hub.retention`), which frees what they named.
FIRST_S, SWEEP_S = 1200, DAY_S
# An author comes back from a holiday; a copy on a stick takes a while to arrive.
GRACE_S = 30 * DAY_S
FILE = "unused.json"
# These name bulletins, whose versions stand elsewhere; and they are long. A log uses nothing, and
# neither does the list of pictures that were ever taken in.
SILENT = ("records", "record_heads", "plays", "audit", "node_boots", "sessions", "pictures")

# Rows that hold whole files (CAP: half a megabyte) come a few at a time.
_FILES_AT_ONCE = 20
_NAME = re.compile(r"(?<![0-9a-f])[0-9a-f]{64}(?![0-9a-f])")


class Unused(NamedTuple):
    """Hold what nothing names: since when (Unix s) and bytes by name; `due` may go now."""

    since_s: dict[str, int]
    bytes: dict[str, int]
    due: list[str]

    def told(self) -> dict[str, Any]:
        """Return what a person wants to know before erasing."""
        return {
            "unused": len(self.since_s),
            "unused_bytes": sum(self.bytes.values()),
            "erased_next": sorted(self.due),
            "erased_next_bytes": sum(self.bytes[name] for name in self.due),
        }


def names_in(texts: Iterable[object]) -> set[str]:
    """Return every name of a blob in some values; numbers and nothing name none."""
    found: set[str] = set()
    for one in texts:
        text = one.decode("latin-1") if isinstance(one, bytes) else one
        if isinstance(text, str) and len(text) >= 64:
            found.update(_NAME.findall(text))
    return found


def named_by_rows(store: Store) -> set[str]:
    """Return every name of a blob in the database."""
    found: set[str] = set()
    for name, table in metadata.tables.items():
        if name not in SILENT:
            has_files = any(isinstance(one.type, LargeBinary) for one in table.columns)
            for row in store.each(name, page=_FILES_AT_ONCE if has_files else ROWS_MAX):
                found |= names_in(row.values())
    return found


def named_by_files(folder: Path) -> set[str]:
    """Return every name of a blob in the repository's manifests, old ones too."""
    return names_in(path.read_bytes() for path in folder.rglob("*") if path.is_file())


def judge(
    held: dict[str, tuple[float, int]], named: set[str], before: dict[str, int], now_s: int
) -> Unused:
    """Return what is unused among `held` (when stored, bytes); `before` is what was noted last."""
    since_s = {name: min(before.get(name, now_s), now_s) for name in held if name not in named}
    due = [
        name
        for name, at_s in since_s.items()
        if at_s <= now_s - GRACE_S and held[name][0] <= now_s - GRACE_S
    ]
    return Unused(since_s, {name: held[name][1] for name in since_s}, due)


async def look(services: Services) -> Unused:
    """Return what nothing names now; erases and notes nothing."""
    blobs, file = services.blobs, services.config.data / FILE
    # What is stored after this is none of this look's business.
    held = await blobs.apart(blobs.held)
    named = await services.ledger.read(named_by_rows)
    named |= await asyncio.to_thread(named_by_files, services.repository.layout.root)
    return judge(held, named, _noted(file), services.now_s())


async def sweep(services: Services, who: str) -> dict[str, int]:
    """Erase what is due and note the rest; return how many blobs and bytes are gone."""
    found, now_s = await look(services), services.now_s()
    erased = await services.blobs.apart(_erase, services.blobs, found.due, now_s)
    size = sum(found.bytes[name] for name in erased)
    left = {name: at_s for name, at_s in found.since_s.items() if name not in erased}
    data = json.dumps(left, indent=0).encode()
    await asyncio.to_thread(Disk().write, services.config.data / FILE, data)
    gone = {"media": len(erased), "media_bytes": size}
    if erased:
        await services.ledger.write(lambda s: _settle(s, erased, who, now_s, gone))
    return gone


def _settle(store: Store, erased: list[str], who: str, now_s: int, gone: dict[str, int]) -> None:
    pictures.forget(store, erased, now_s - GRACE_S)
    audit.append(store, now_s, who, "retention.media", "hub", **gone)


async def run(services: Services, first_s: float = FIRST_S) -> None:
    """Sweep once a day until cancelled."""
    await asyncio.sleep(first_s)
    while True:
        try:
            await sweep(services, "hub")
        except (Fault, OSError) as fault:
            _log.error("unused media: %s", fault)
        await asyncio.sleep(SWEEP_S)


def _erase(blobs: Blobs, due: list[str], now_s: int) -> list[str]:
    """Erase what is still as old; leave the rest to the next sweep while a copy is made."""
    erased = []
    for name in due:
        with blobs.alone() as is_alone:
            is_old = is_alone and blobs.stored_s(name) <= now_s - GRACE_S
            if is_old:
                blobs.forget(name)
        # Whoever stores waits for no bucket; what is stored just now is sent there again.
        if is_old and not blobs.has(name):
            blobs.erase(name)
            erased.append(name)
    return erased


def _noted(file: Path) -> dict[str, int]:
    """Return what was noted; a file that cannot be read only begins the days anew."""
    try:
        said = json.loads(file.read_bytes())
    except (FileNotFoundError, ValueError):
        return {}
    if not isinstance(said, dict):
        return {}
    return {name: at_s for name, at_s in said.items() if isinstance(at_s, int)}
