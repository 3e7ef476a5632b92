"""Record what broadcasters send: podcasts as files, streams at their times; each thing once.

Nothing is passed on live. What was recorded is a file like any other, heard by an approver unless
one let its source go on air by itself (`hub.relay.automatic`), held by nodes before its time, and
played whether or not the broadcaster or the link is there.
"""

import asyncio
import logging
import tempfile
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

from aiohttp.abc import AbstractResolver

from hub import renditions, sound_report, timing
from hub.blobs import Draft
from hub.relay import filling, hls, podcast, sources
from hub.relay.fetch import Fetcher, link
from hub.services import Services
from hub.store import Row, Store
from hub.visits import Visits
from protocols.errors import Fault, RemoteFault
from protocols.hub_limits import (
    RELAY_BYTES_MAX,
    RELAY_FEED_BYTES_MAX,
    RELAY_FILE_S_MAX,
    RELAY_PER_DAY_MAX,
    RELAY_STALL_S_MAX,
)

_log = logging.getLogger("chieng.relay")

EVERY_S = 900
DAY_S = 86400
LOOK_S = 10
# A stream that breaks off is taken up again after this, for as long as its time lasts.
AGAIN_S = 2
# Less of a stream than this part of its length is not worth a slot.
PART_MIN = 0.5


class Recorder:
    """Look at every source in its time."""

    def __init__(self, services: Services, resolver: AbstractResolver | None = None):
        self._services = services
        self._resolver = resolver
        self._visits = Visits(services.config.now_ms)

    async def run(self) -> None:
        """Record until cancelled."""
        await self._visits.run(self.begin, LOOK_S)

    async def begin(self) -> None:
        """Begin with every source that is due."""
        for row in await self._services.ledger.read(sources.active):
            if self._visits.is_due(row["source"]) and self._has_time(row):
                self._visits.begin(row["source"], self.look(row))

    def _has_time(self, row: Row) -> bool:
        """Tell whether a source sends now: a feed always."""
        now_s = self._services.now_s()
        return row["kind"] == sources.FEED or on_now(row, now_s, self._offset_min) != ""

    @property
    def _offset_min(self) -> int:
        return self._services.config.utc_offset_min

    async def look(self, row: Row) -> None:
        """Take what a source has now, and note how that went."""
        name, is_feed = row["source"], row["kind"] == sources.FEED
        work = self._look_at_feed(row) if is_feed else self._record_stream(row)
        fault = await self._visits.make(name, work, EVERY_S if is_feed else 0)
        now_s = self._services.now_s()
        await self._services.ledger.write(lambda s: sources.note(s, name, fault, now_s))

    def _fetcher(self, row: Row) -> Fetcher:
        return Fetcher(bool(row["private_ok"]), self._resolver)

    async def _look_at_feed(self, row: Row) -> None:
        """Take the newest broadcast of a feed, unless it is here."""
        pieces: list[bytes] = []
        await self._fetcher(row).get(
            row["url"], RELAY_FEED_BYTES_MAX, pieces.append, RELAY_STALL_S_MAX * 4
        )
        found = await asyncio.to_thread(podcast.read, b"".join(pieces), row["url"])
        if not found:
            raise RemoteFault("relay.feed", "no sound in the feed", "Give a podcast's address.")
        name, now_s = row["source"], self._services.now_s()
        newest = podcast.newest(found, now_s)

        def wanted(store: Store) -> podcast.Episode | None:
            left = (one for one in newest if sources.tries_left(store, name, one.name))
            return next(left, None)

        one = await self._services.ledger.read(wanted)
        if one is None:
            await self._fill_again([known.name for known in newest], row)
            return
        recording, url = one.name, one.url
        if await self._services.ledger.read(lambda s: sources.is_full(s, name, recording, now_s)):
            text = f"more than {RELAY_PER_DAY_MAX} new broadcasts in a day"
            raise RemoteFault("relay.often", text, "Ask the broadcaster what its feed lists.")

        async def take(draft: Draft) -> None:
            await self._fetcher(row).get(url, RELAY_BYTES_MAX, draft.write, RELAY_FILE_S_MAX)

        await self._keep(row, recording, one.title, take, published_s=one.published_s)

    async def _fill_again(self, recordings: list[str], row: Row) -> None:
        """Put today's recording, the last one taken, into slots that were laid down since."""
        now_s = self._services.now_s()

        def fill(store: Store) -> list[str]:
            rows = [store.get("relay_recordings", row["source"], one) for one in recordings]
            kept = [one for one in rows if one is not None and one["state"] == "kept"]
            last = max(kept, key=lambda one: int(one["changed_s"]), default=None)
            if last is None or last["changed_s"] < now_s - DAY_S:
                return []
            return filling.fill(store, row, last, now_s, self._offset_min)

        for bulletin in await self._services.ledger.write(fill):
            self._services.production.ask(bulletin, 1)

    async def _record_stream(self, row: Row) -> None:
        """Record the rest of the time that is on now, once."""
        now_s, name = self._services.now_s(), row["source"]
        on = on_now(row, now_s, self._offset_min)
        known = await self._services.ledger.read(lambda s: s.get("relay_recordings", name, on))
        if not on or known is not None:
            return
        day, clock = on.split("T")
        end_s = timing.moment_s(day, clock, self._offset_min) + row["minutes"] * 60

        async def take(draft: Draft) -> None:
            await self.record(row, draft, end_s - now_s)

        least_ms = int((end_s - now_s) * 1000 * PART_MIN)
        await self._keep(row, on, f"{clock} {day}", take, least_ms)

    async def record(self, row: Row, draft: Draft, seconds: float) -> None:
        """Write a stream for some seconds, taken up again where it breaks off.

        Raises `WorldFault("relay.link")` where nothing came.
        """
        clock = asyncio.get_running_loop().time
        end = clock() + seconds
        why: Fault = link("nothing came")
        url, fetcher = row["url"], self._fetcher(row)
        pieces = hls.Pieces(fetcher, url) if hls.is_playlist(url) else None
        while (left := end - clock()) > 0:
            try:
                room = RELAY_BYTES_MAX - draft.length
                if pieces is None:
                    await fetcher.get(url, room, draft.write, left, is_endless=True)
                elif await pieces.take(draft.write, room, left):
                    break
            except Fault as fault:
                if fault.whose != "world":
                    raise
                _log.warning("%s: %s", row["source"], fault)
                why = fault
            await asyncio.sleep(min(AGAIN_S, max(0.0, end - clock())))
        if not draft.length:
            raise why

    async def _keep(
        self,
        row: Row,
        recording: str,
        title: str,
        take: Callable[[Draft], Any],
        least_ms: int = 0,
        published_s: int = 0,
    ) -> None:
        """Take a file, listen to it, keep it, and put it into the slots of its source."""
        name, made = row["source"], {}
        fault: Fault | None = None
        try:
            with self._services.blobs.draft(RELAY_BYTES_MAX) as draft:
                await take(draft)
                sha256 = (await asyncio.to_thread(draft.commit)).sha256
            report = await self._listen(row, sha256, least_ms)
            made = {"sha256": sha256, "report": {**report, "published_s": published_s}}
        except Fault as error:
            fault, made = error, {"failure_code": error.code}
        now_s = self._services.now_s()

        def note(store: Store) -> list[str]:
            sources.keep(store, name, recording, title, made, now_s)
            if fault is not None:
                return []
            kept = store.get("relay_recordings", name, recording)
            return filling.fill(store, row, kept or {}, now_s, self._offset_min)

        for bulletin in await self._services.ledger.write(note):
            self._services.production.ask(bulletin, 1)
        if fault is not None:
            raise fault

    async def _listen(self, row: Row, sha256: str, least_ms: int) -> dict[str, Any]:
        """Return loudness and length of a recording; raises for what is no sound, too short or too
        long.
        """
        work = self._services.config.work
        with tempfile.TemporaryDirectory(dir=work) as folder:
            path = self._services.blobs.path(sha256)
            report = await sound_report.inspect(path, Path(folder))
        longest_ms = min(row["minutes"] * 60, renditions.DURATION_S_MAX) * 1000
        # A stream ends with its time; a second of rounding is none of its faults.
        if report["duration_ms"] > longest_ms + 60_000:
            raise RemoteFault("relay.long", "longer than allowed", "Allow more minutes.")
        if report["duration_ms"] < least_ms:
            raise link("the stream broke off")
        return {one: report[one] for one in ("duration_ms", "lufs", "peak_db", "clipped")}


def on_now(row: Row, now_s: int, offset_min: int) -> str:
    """Return which time of a stream is on (`2026-11-28T05:30`), or an empty text."""
    local = timing.local_time(now_s, offset_min)
    for days in (0, 1):
        day = (local - timedelta(days=days)).date()
        if day.isoweekday() not in row["weekdays"]:
            continue
        for clock in row["times"]:
            start_s = timing.moment_s(day.isoformat(), clock, offset_min)
            if start_s <= now_s < start_s + row["minutes"] * 60:
                return f"{day.isoformat()}T{clock}"
    return ""
