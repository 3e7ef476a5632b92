"""Keep the node's content in step with the hub.

The decisions are `protocols.sync_session` (what next, when again), `protocols.trust` (what to
believe) and `protocols.bundle` (what is needed). This task does what they say, one step at a time,
and on any fault keeps everything the node has.
"""

import asyncio

from edge import root_copy
from edge.bell import Bell
from edge.blob_fetch import fetch_slice
from edge.blob_store import BlobStore
from edge.config import Config
from edge.content import Content, Parts, place_of
from edge.faults import Faults
from edge.manifests import Manifests
from edge.metadata_fetch import MetadataFetch, Refreshed
from edge.node_time import NodeTime
from edge.pack_check import PackCheck
from edge.sim_budget import SimBudget
from edge.supervisor import Task
from edge.suppliers import Suppliers
from hw import ports
from protocols import schedule, sync_session
from protocols.errors import Fault, RemoteFault, WorldFault
from protocols.sync_session import BLOB, MANIFEST, REFRESH, Step, SyncSession

# A check that finds nothing new ends there; once in a while all is verified again, so that what ran
# out or changed on the disk is noticed.
WALK_MS = 86_400_000
# The hub's own word on a medium; anything else may be somebody between.
_FINAL = ("blob.absent", "media.undecodable")


class SyncTask(Task):
    """Fetch, verify, store, activate, and tell the other tasks."""

    name = "sync"

    def __init__(
        self,
        parts: Parts,
        clock: ports.Clock,
        storage: ports.Storage,
        link: ports.Link,
        verifier: ports.Verifier,
        budget: SimBudget,
        suppliers: Suppliers | None = None,
    ):
        self._config: Config = parts.config
        self._time: NodeTime = parts.time
        self._faults: Faults = parts.faults
        self._manifests: Manifests = parts.manifests
        self._blobs: BlobStore = parts.blobs
        self._clock = clock
        self._storage = storage
        self._link = link
        self._verifier = verifier
        self._session = SyncSession(self._config.node)
        self.content = Content(parts, clock, self._session)
        self._hubs: Suppliers = suppliers or Suppliers(parts.hubs)
        self._base = self._hubs.base()
        self._packs = self._open_packs()
        self._metadata = self._open_metadata()
        self._budget = budget
        # When everything is looked at again, whatever the hub says is new.
        self._walk_ticks = 0
        self._bell = Bell()
        self._listens = False
        self._version: int | None = None
        self.contact_ms: int | None = None

    def wake(self) -> None:
        """Check at once."""
        self._session.wake(self._clock.ticks_ms())
        self._bell.ring()

    def look(self) -> None:
        """Check at once and look at everything: what is wanted now may be no news to the hub."""
        self._walk_ticks = 0
        self.wake()

    def told(self, version: int | None) -> None:
        """Check at once when the hub's timestamp, of this version, is not the one held here."""
        if version is None or version != self._version:
            self.wake()

    def heard(self) -> None:
        """Note that the hub's event stream lives: checks may be rarer."""
        self._listens = True

    def unheard(self) -> None:
        """Note that the stream ended: the next check comes when it would have without."""
        if self._listens:
            self._listens = False
            self._session.check_by(self._clock.ticks_ms() + self._config.poll_s * 1000)
            self._bell.ring()

    async def run(self) -> None:
        """Sync for ever."""
        self.content.begin()
        self._blobs.watch(self._bell.ring)
        announcing = asyncio.create_task(self._announce())
        try:
            while True:
                async with self.content.turn:
                    self.content.refetch_damaged()
                    step = self._session.next_step(self._clock.ticks_ms(), self._budget.allowed)
                    if step is not None:
                        await self._do(step)
                if step is None:
                    await self._rest()
                self.content.announce_alerts()
        finally:
            announcing.cancel()

    async def _announce(self) -> None:
        """Announce alerts in time even while a slow link holds up the step under way."""
        while True:
            await self.content.wait_for_alerts()
            self.content.announce_alerts()

    async def _rest(self) -> None:
        """Wait until something is due or `wake` is called."""
        left_ms = self._session.deadline_ms(self._budget.allowed) - self._clock.ticks_ms()
        await self._bell.wait(self._clock, max(10, left_ms))

    async def _do(self, step: Step) -> None:
        try:
            if step.kind == REFRESH:
                await self._refresh()
            elif step.kind == MANIFEST:
                await self._manifest(step.path)
            elif step.kind == BLOB:
                await self._blob(step)
            self._faults.clear("sync.link")
        except WorldFault as fault:
            self._walk_ticks = 0
            if fault.code == "storage.full":
                # News must find room, there may be an alert among them; what plays next stays.
                self._blobs.evict_one(True, 1)
            self._faults.note("sync.link", fault)
            self._session.link_lost(self._clock.ticks_ms())
            await self._packs.close()
            self._hubs.failed(self._base)
        self._budget.count()

    async def _refresh(self) -> None:
        self._turn_to_hub()
        if await self._is_unchanged():
            self.contact_ms = self._time.wall_ms()
            self._hubs.answered(self._base)
            self._session.refreshed([])
            self.content.rate_in_time()
            self._check_done()
            return
        if self._clock.ticks_ms() >= self._walk_ticks:
            self._metadata.look_anew()
        self._walk_ticks = self._clock.ticks_ms() + WALK_MS
        try:
            found = await self._fetch_metadata()
        except RemoteFault as fault:
            self._walk_ticks = 0
            self._faults.note("sync.metadata", fault)
            self._tend_root(False)
            await self._packs.close()
            self._session.refreshed([])
            self._check_done()
            self._hubs.failed(self._base)
            return
        self._faults.clear("sync.metadata")
        self._tend_root(True)
        self._hubs.answered(self._base)
        if self._hubs.is_hub(self._base):
            self._version = found.version
            self.contact_ms = self._time.wall_ms()
        if found.issued_s:
            self._time.raise_floor(found.issued_s)
        self._session.refreshed(self._manifests.paths())

    def _tend_root(self, is_well: bool) -> None:
        """Keep a copy of a root that carried a cycle, and take it back for a damaged one."""
        try:
            if is_well:
                root_copy.keep(self._storage, self._verifier)
            elif root_copy.mend(self._storage, self._verifier):
                self.wake()
            self._faults.clear("store.root")
        except WorldFault as fault:
            self._faults.note("store.root", fault)

    async def _is_unchanged(self) -> bool:
        """Ask the hub whether anything is new; what the last walk left open makes it so."""
        now_s = self._time.latest_s()
        is_current = await self._ask_for_pack()
        if self.content.take_spoilt():
            self._walk_ticks = 0
        if self._clock.ticks_ms() < self._walk_ticks and self._metadata.stands(now_s):
            if is_current or (self._packs.is_unserved() and await self._metadata.is_unchanged()):
                await self._packs.close()
                return True
        return False

    async def _fetch_metadata(self) -> Refreshed:
        try:
            return await self._metadata.refresh(self._time.latest_s(), self._time.sure_s())
        finally:
            # Also when the cycle failed after the new root: its predecessor's times are void.
            if self._metadata.take_rotated():
                self._time.void_floor()

    async def _manifest(self, path: str) -> None:
        known = self._manifests.paths()
        try:
            await self.content.take_manifest(self._metadata, self._storage, path)
            self._faults.clear("sync." + path)
        except RemoteFault as fault:
            self._walk_ticks = 0
            self._faults.note("sync." + path, fault)
        # The first programme names the units above: theirs come along, out of the same pack.
        named = [one for one in self._manifests.paths() if one not in known]
        self._session.manifest_done(named)
        if self._session.state != MANIFEST:
            self.content.rate_media()
            await self._take_packed_media()
            self._check_done()

    async def _ask_for_pack(self) -> bool:
        """Ask in one round trip and tell whether the hub says that nothing is new.

        Without a pack the client asks for each file.
        """
        if self._base in self._hubs.trial() or not self._hubs.is_hub(self._base):
            # Saying "nothing new" is easy: who would be the hub must show metadata.
            return False
        try:
            is_current = await self._packs.open(self._metadata.held(self._time.latest_s()))
            self._faults.clear("sync.pack")
            return is_current
        except RemoteFault as fault:
            self._faults.note("sync.pack", fault)
            return False

    async def _take_packed_media(self) -> None:
        """Take the sound of alerts that came along; what is missing is fetched by range."""
        wanted = {blob.sha256: blob.length for blob in self.content.alert_blobs()}

        def wants(sha256: str, length: int) -> bool:
            return wanted.get(sha256) == length and not self._blobs.has(sha256)

        try:
            for fault in await self._packs.take_media(self._blobs, wants):
                self._faults.note("sync.pack", fault)
        except RemoteFault as fault:
            self._faults.note("sync.pack", fault)
        finally:
            await self._packs.close()

    async def _blob(self, step: Step) -> None:
        blob, place = step.blob, place_of(step.blob)
        began_ms, before = self._clock.ticks_ms(), self._blobs.staged_bytes(blob.sha256)
        try:
            is_whole = await fetch_slice(
                self._link,
                self._storage,
                self._blobs,
                self._base + "/v1/blobs/",
                blob,
                step.bytes_max,
                step.alert,
            )
            here = blob.length if is_whole else self._blobs.staged_bytes(blob.sha256)
            self._session.pace(here - before, self._clock.ticks_ms() - began_ms)
            if is_whole:
                await self._blobs.install(blob, step.alert)
        except Fault as fault:
            if fault.code.startswith(("link.", "http.")):
                # The way failed, not the medium: it is still to be had.
                raise
            self._faults.note(place, fault)
            is_final = fault.code in _FINAL and self._hubs.is_hub(self._base)
            self._session.blob_refused(self._clock.ticks_ms(), is_final)
            self.content.activate_ready()
            return
        self._session.blob_progress(is_whole)
        if is_whole:
            self.content.blob_is_here(blob)

    def _check_done(self) -> None:
        instant = self._time.now()
        local_s = slot_in_ms = None
        own = self._manifests.bundles()[:1]
        if instant.wall_ms is not None and own:
            local_s = schedule.local_day_second(instant.wall_ms, own[0].utc_offset_min)[1]
            slot_in_ms = schedule.next_start_in_ms(
                self._manifests.bundles(), instant.wall_ms, sync_session.TIGHT_BEFORE_SLOT_MS
            )
        base_ms = self._config.poll_s * 1000
        if self._listens:
            base_ms *= sync_session.LISTENING_FACTOR
        interval_ms = sync_session.poll_ms(base_ms, local_s, slot_in_ms)
        self._session.checked(self._clock.ticks_ms(), interval_ms)

    def _open_packs(self) -> PackCheck:
        place = self._config.place
        return PackCheck(self._link, self._storage, self._base, place.unit, place.profiles[0])

    def _open_metadata(self) -> MetadataFetch:
        packs = self._packs
        return MetadataFetch(
            packs.link,
            self._storage,
            self._verifier,
            packs.metadata_url,
            packs.targets_url,
            unit=self._config.place.unit,
        )

    def _turn_to_hub(self) -> None:
        """Ask the address whose turn it is; its neighbours know other versions of things."""
        self._hubs.begin_check()
        if self._hubs.base() != self._base:
            self._base = self._hubs.base()
            self._walk_ticks = 0
            self._packs = self._open_packs()
            self._metadata = self._open_metadata()
