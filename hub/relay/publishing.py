"""Bring recordings to nodes without a signature for each, where approvers have let their source in.

Theory of operation. What nodes shall be told of a source stands in the database before it is signed
(`automatic.decide`): a crash in between leaves a version that is not signed, and the next look
signs those very bytes. Looks follow one another under one lock, so no older version is ever signed
after a newer one.
"""

import asyncio
import json
import tempfile
from pathlib import Path
from typing import Any

from hub import renditions
from hub.relay import automatic, sources
from hub.services import Services
from hub.store import Row, Store
from hub.visits import Visits
from protocols.errors import Fault, RemoteFault
from protocols.limits import RELAY_AGE_S_MAX

LOOK_S = 10
# Levelling may lengthen a recording a little; a stream of its slot's length must still fit.
SPARE_MS = 1000
# The newest of a source's recordings by their dates is among the last ones taken.
_LOOKED_AT = 5


class RelayPublisher:
    """Make and sign what broadcasters' slots play."""

    def __init__(self, services: Services):
        self._services = services
        self._visits = Visits(services.config.now_ms)

    async def run(self) -> None:
        """Look after every source until cancelled."""
        await self._visits.run(self.begin, LOOK_S)

    async def begin(self) -> None:
        """Begin with every source that somebody let in, or that nodes were told of."""
        for source in await self._services.ledger.read(self._wanted):
            if self._visits.is_due(source):
                self._visits.begin(source, self._visit(source))

    async def _visit(self, source: str) -> None:
        await self._visits.make(source, self.look(source), LOOK_S)

    def _wanted(self, store: Store) -> list[str]:
        let_in = {name for names in automatic.enabled(store).values() for name in names}
        known = [row["source"] for row in store.find("relay_sources")]
        return [one for one in known if one in let_in or automatic.state(store, one)["version"]]

    async def look(self, source: str) -> None:
        """Make a source's newest recording, and publish what changed; raises a `Fault`.

        What was switched off waits for no sound that cannot be made or fetched.
        """
        try:
            fresh = await self._make(source)
        except Exception:
            await self._publish_changed(source, None)
            raise
        await self._publish_changed(source, fresh)

    async def _publish_changed(self, source: str, fresh: Row | None) -> None:
        ledger, now_s = self._services.ledger, self._services.now_s()
        if fresh or not await ledger.read(lambda s: automatic.stands(s, source, now_s)):
            await publish(self._services, source, fresh)

    async def _make(self, source: str) -> Row | None:
        """Return the newest recording with its renditions, where they are not made yet."""
        services, now_s = self._services, self._services.now_s()
        row, kept = await services.ledger.read(lambda s: _newest(s, source, now_s))
        if kept is None:
            return None
        try:
            files = await self._renditions(row, kept)
        except RemoteFault as fault:
            code = fault.code
            await services.ledger.write(lambda s: _spoilt(s, kept, code))
            raise
        title = f"{row['name']}: {kept['title']}" if kept["title"] else row["name"]
        from_s = _from_s(kept)
        return {
            "recording": kept["recording"],
            "title": sources.cut(title),
            "from_s": from_s,
            "until_s": from_s + RELAY_AGE_S_MAX,
            "renditions": files,
        }

    async def _renditions(self, row: Row, kept: Row) -> list[dict[str, Any]]:
        blobs = self._services.blobs
        cut = renditions.WHOLE
        if row["kind"] == sources.STREAM:
            cut = (0, row["minutes"] * 60_000 - SPARE_MS)
        source = await blobs.fetched(kept["sha256"])
        with tempfile.TemporaryDirectory(dir=self._services.config.work) as folder:
            made = await renditions.make(source, blobs.put_file, Path(folder), cut)
        return [dict(one._asdict()) for one in made]


async def publish(services: Services, source: str, fresh: Row | None = None) -> None:
    """Sign what nodes shall be told of a source now; raises a `Fault` and is tried again then."""
    async with services.relaying:
        now_s = services.now_s()
        held = await services.ledger.write(lambda s: automatic.decide(s, source, fresh, now_s))
        if held["signed"]:
            return
        version = held["version"]
        try:
            data = automatic.manifest(source, held)
            await asyncio.to_thread(services.repository.sign_relays, source, data, now_s)
        except Fault as fault:
            code = fault.code
            await services.ledger.write(lambda s: automatic.unsigned(s, source, version, code))
            raise
        await services.ledger.write(lambda s: automatic.signed(s, source, version, now_s))


def _newest(store: Store, source: str, now_s: int) -> tuple[Row, Row | None]:
    """Return a source, and its newest recording where nodes were not told of it yet."""
    row = store.get("relay_sources", source) or {}
    let_in = any(source in names for names in automatic.enabled(store).values())
    where, order = {"source": source, "state": "kept"}, ["changed_s"]
    rows = store.find("relay_recordings", where, order=order, descending=True, limit=_LOOKED_AT)
    if not (rows and let_in and row["state"] == "active"):
        return row, None
    newest = max(rows, key=_from_s)
    told = automatic.state(store, source)["recordings"]
    is_told = newest["recording"] in [one["recording"] for one in told]
    least_s = max([now_s - RELAY_AGE_S_MAX + 1, *(one["from_s"] for one in told)])
    return row, newest if not is_told and _from_s(newest) >= least_s else None


def _from_s(kept: Row) -> int:
    """Return from when a recording counts.

    What was old by its own date when it was taken (a feed that slept, or whose newest broadcast was
    withdrawn) is as old as that says.
    """
    published_s = json.loads(kept["report_json"] or "{}").get("published_s", 0)
    if 0 < published_s < kept["changed_s"] - sources.SILENT_S:
        return int(published_s)
    return int(kept["changed_s"] + automatic.LEAD_S)


def _spoilt(store: Store, kept: Row, code: str) -> None:
    """Note that a recording cannot be aired."""
    fields = {"state": "failed", "failure_code": code, "tries": sources.TRIES_MAX}
    store.change("relay_recordings", (kept["source"], kept["recording"]), fields)
