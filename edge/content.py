"""Rate what is wanted of the verified manifests, and put in force what has all it needs.

Whatever carried a manifest or a medium here, it is told to the other tasks in this one place.
"""

import asyncio
from collections import namedtuple

from edge import offline_alerts, small_heap
from edge.bell import Bell
from edge.blob_store import BlobStore
from edge.book import Book
from edge.config import Config
from edge.faults import Faults
from edge.feed import Feed
from edge.manifests import Manifests
from edge.metadata_fetch import MetadataFetch
from edge.node_time import NodeTime
from edge.offline_alerts import OfflineAlerts
from hw import ports
from protocols import alert, bundle, media, relays
from protocols.alert import Alerts
from protocols.errors import Fault, RemoteFault, WorldFault
from protocols.image import MEDIA_TYPE
from protocols.metadata import Target
from protocols.play_values import (
    AlertsSet,
    BlobArrived,
    PolicySet,
    ProgrammeSet,
    RelaysSet,
    SettingsSet,
)
from protocols.records import HEALTH
from protocols.sync_session import SyncSession, Wanted

DAY_MS = 86_400_000
# What must be here before a new programme replaces the old one, and what is kept against weeks
# without a link (DESIGN section 2: 14 days, goal 90).
SOON_MS = DAY_MS
AHEAD_MS = 14 * DAY_MS
# A new alert is announced when its sound is here, or after this long without it.
ALERT_MEDIA_MS = 20_000
# While an alert waits for its sound, and while none does.
_ANNOUNCE_MS = 1_000
_NO_ALERT_MS = 3_600_000
# What is wanted soon moves with the time; a check that found nothing new rates it again after this.
_RATE_MS = 3_600_000
# Where faults of the sync itself stand, beside those of single manifests.
_PLACES = ("sync.link", "sync.metadata", "sync.budget", "sync.pack")
# A unit that has published nothing of a kind yet.
_NOTHING_THERE = ("trust.unknown_target", "trust.not_listed")

Parts = namedtuple(
    "Parts",
    ("config", "time", "feed", "faults", "book", "manifests", "blobs", "offline", "hubs"),
)
"""What the tasks of one node share."""


def standing_manifests(manifests: Manifests, offline: OfflineAlerts) -> "tuple[Alerts, ...]":
    """Return all alert manifests a node goes by: those of its chain, then those carried by hand."""
    return manifests.alerts() + tuple(offline.manifests())


class Content:
    """Hold what one node wants; `session` fetches it."""

    def __init__(self, parts: Parts, clock: ports.Clock, session: SyncSession):
        self._config: Config = parts.config
        self._time: NodeTime = parts.time
        self._feed: Feed = parts.feed
        self._faults: Faults = parts.faults
        self._book: Book = parts.book
        self._manifests: Manifests = parts.manifests
        self._blobs: BlobStore = parts.blobs
        self._offline: OfflineAlerts = parts.offline
        self._clock = clock
        self._session = session
        self._alerts_due_ms: int | None = None
        # Held by whoever writes metadata and media: one carrier at a time.
        self.turn = asyncio.Lock()
        self._alert_told = Bell()
        self._is_spoilt = False
        # When the media were rated last, and how many blobs had gone by then.
        self._rated: tuple[int, int] | None = None
        # What each manifest was signed as when it was taken last.
        self._taken: dict[str, Target] = {}

    def take_spoilt(self) -> bool:
        """Tell whether a manifest was found damaged since the last call: it must come again."""
        spoilt, self._is_spoilt = self._is_spoilt, False
        return spoilt

    async def wait_for_alerts(self) -> None:
        """Wait until there may be alerts to announce."""
        waits = self._alerts_due_ms is not None
        await self._alert_told.wait(self._clock, _ANNOUNCE_MS if waits else _NO_ALERT_MS)

    async def take_manifest(
        self, metadata: MetadataFetch, storage: ports.Storage, path: str
    ) -> None:
        """Download a manifest as far as it is new, read it, and tell what it changes at once.

        A unit that has published nothing of a kind yet is no fault. Raises `RemoteFault` (`trust.*`
        and those of `Manifests.take`), `WorldFault`.
        """
        target = metadata.still_found(path)
        if target is not None and self._taken.get(path) is target:
            # Nothing that is signed has changed since; what stands here was read then.
            return
        try:
            target = await metadata.find_target(path)
        except RemoteFault as fault:
            if fault.code in _NOTHING_THERE:
                return
            raise
        name = self._manifests.stored_name(path)
        await metadata.download_target(target, storage, name, self._manifests.bytes_max(path))
        if self._manifests.take(path):
            body = {"path": path, "sha256": target.hashes["sha256"]}
            self._book.write(HEALTH, "manifest", body)
            self._tell(path)
        if not small_heap.is_small():
            self._taken[path] = target

    def blob_is_here(self, blob: media.Blob) -> None:
        """Tell of a medium that was verified and installed."""
        self._session.arrived(blob.sha256)
        self._faults.clear(place_of(blob))
        self._feed.publish(BlobArrived(blob.sha256))
        self.activate_ready()

    def _tell(self, path: str) -> None:
        """Pass on what a new manifest changes at once; programmes wait for their media."""
        if path.endswith("/settings.json"):
            self._feed.publish(SettingsSet(self._manifests.settings))
        elif path.endswith("/bundle.json"):
            self._feed.publish(PolicySet(self._manifests.waiting()))
        elif path.startswith("relays/"):
            self._feed.publish(RelaysSet(self._manifests.relays()))
        elif path.startswith("alerts/"):
            self.rate_media()
            self._alerts_due_ms = self._clock.ticks_ms()
            if not self._manifests.has_cancel(path):
                self._alerts_due_ms += ALERT_MEDIA_MS
            self._alert_told.ring()

    def announce_alerts(self) -> None:
        """Tell of new alerts when their sound is here or its time is up."""
        if self._alerts_due_ms is None:
            return
        pending = self._session.pending()
        waits = any(blob.sha256 in pending for blob in self.alert_blobs())
        if not waits or self._clock.ticks_ms() >= self._alerts_due_ms:
            self._alerts_due_ms = None
            self._feed.publish(AlertsSet(standing_manifests(self._manifests, self._offline), True))

    def begin(self) -> None:
        """Rate the media after a start, and tidy up what an earlier life left half fetched."""
        self.rate_media()
        self._blobs.drop_stale_downloads()

    def rate_media(self) -> None:
        """Work out which media are wanted, and activate what has all it needs."""
        self._want_media()
        self.activate_ready()

    def rate_in_time(self) -> None:
        """Rate the media again when time has moved, ahead or back, or blobs went since."""
        rated = self._rated
        if rated is None or rated[1] != self._blobs.removals:
            self.rate_media()
        elif abs(self._now_ms() - rated[0]) >= _RATE_MS:
            self.rate_media()

    def _now_ms(self) -> int:
        return self._time.wall_ms() or self._time.floor_ms

    def missing(self) -> list[Wanted]:
        """Return the media still wanted, those of alerts first, then what plays soonest."""
        return self._session.missing()

    def _want_media(self) -> None:
        """Name the media that are wanted and those that stay, soonest first; close the faults of
        what nobody wants any more."""
        urgent = self.alert_blobs()
        now_ms = self._now_ms()
        self._rated = (now_ms, self._blobs.removals)
        programmes = list(self._manifests.candidates()) + list(self._manifests.bundles())
        needed = []
        for programme in programmes:
            needed.extend(self._blobs_of(programme, now_ms, now_ms + AHEAD_MS))
            needed.extend(self._recorded(programme, now_ms, now_ms + AHEAD_MS))
        needed = media.in_order(needed) + self._image_blobs()
        carried = offline_alerts.needed(self._offline.manifests(), self._config.place)
        pinned = urgent + carried + needed
        alerts = len(urgent) + len(carried)
        self._blobs.pin([blob.sha256 for blob in pinned], alerts, self._named)
        wanted = [Wanted(blob, True) for blob in urgent if not self._is_ready(blob)]
        wanted.extend(Wanted(blob, False) for blob in needed if not self._is_ready(blob))
        self._session.want(wanted)
        self._faults.keep_only("blob.", [place_of(one.blob) for one in wanted])
        places = ["sync." + path for path in self._manifests.paths()]
        self._faults.keep_only("sync.", places + list(_PLACES))

    def _blobs_of(
        self, programme: bundle.Bundle, from_ms: int, until_ms: int
    ) -> "list[media.Blob]":
        """Return what is needed of one bundle, in the languages that the own unit asks for."""
        place = self._config.place
        own = [programme] + list(self._manifests.candidates()) + list(self._manifests.bundles())
        for other in own:
            if other.unit == place.unit:
                asked = other.policy.languages
                return bundle.blobs_needed(programme, place, from_ms, until_ms, asked)
        return bundle.blobs_needed(programme, place, from_ms, until_ms)

    def _recorded(
        self, programme: bundle.Bundle, from_ms: int, until_ms: int
    ) -> "list[media.Blob]":
        """Return the recordings that fill the own unit's slots; no programme waits for them."""
        place = self._config.place
        if programme.unit != place.unit:
            return []
        held = self._manifests.relays()
        return relays.blobs_needed(programme, held, place, from_ms, until_ms)

    def _image_blobs(self) -> "list[media.Blob]":
        """Return the application image that is wanted; it comes after everything that plays."""
        found = self._manifests.image
        return [] if found is None else [media.Blob(0, found.sha256, found.length, MEDIA_TYPE)]

    def _named(self) -> list[str]:
        """Return the hashes of all that the programmes name for this node, whenever it plays."""
        found = []
        for programme in list(self._manifests.candidates()) + list(self._manifests.bundles()):
            found.extend(bundle.blobs_named(programme, self._config.place))
        return found + relays.blobs_named(self._manifests.relays(), self._config.place)

    def refetch_damaged(self) -> None:
        """Want again what was found damaged on disk, and say so."""
        damaged = self._blobs.take_damaged()
        if not damaged:
            return
        self._want_media()
        remedy = "It is fetched again; when this repeats, change the card"
        for sha256 in damaged:
            fault = WorldFault("blob.damaged", sha256[:12] + " was damaged on disk", remedy)
            self._faults.note("blob." + sha256[:12], fault)

    def _is_ready(self, blob: media.Blob) -> bool:
        return self._blobs.is_ready(blob.sha256, blob.media_type)

    def alert_blobs(self) -> "list[media.Blob]":
        """Return the media of the alerts that stand."""
        found = []
        for manifest in self._manifests.alerts():
            found.extend(alert.blobs_needed(manifest, self._config.place))
        return media.in_order(found)

    def activate_ready(self) -> None:
        """Activate every candidate whose media for the next day are here or not to be had."""
        pending = self._session.pending()
        now_ms = self._now_ms()
        changed = False
        for candidate in self._manifests.candidates():
            needed = self._blobs_of(candidate, now_ms, now_ms + SOON_MS)
            if any([blob.sha256 in pending for blob in needed]):
                continue
            try:
                if not self._manifests.activate(candidate.unit):
                    self._is_spoilt = True
                    continue
            except Fault as fault:
                self._faults.note("store.manifests", fault)
                continue
            self._faults.clear("store.manifests")
            body = {"unit": candidate.unit, "version": candidate.version}
            self._book.write(HEALTH, "activate", body)
            changed = True
        if changed:
            # What only the old programme needed is wanted no more.
            self._want_media()
            self._feed.publish(RelaysSet(self._manifests.relays()))
            self._feed.publish(ProgrammeSet(self._manifests.bundles()))
            self._feed.publish(PolicySet(self._manifests.waiting()))


def place_of(blob: media.Blob) -> str:
    """Return where faults of a medium stand."""
    return "blob." + str(blob.sha256)[:12]
