"""Alerts that came by hand: checked against the stored delegation, kept until they expire.

What was taken is on disk (the replay memory first, then the alert) before it is told to anyone, so
that a power cut in between loses the alert's sound but never plays it twice.
"""

from edge.blob_store import BlobStore, staging_name
from edge.faults import Faults
from edge.node_time import NodeTime
from hw import ports
from protocols import alert, canonical, media, offline_alert
from protocols.alert import Alerts
from protocols.clock_trust import UNKNOWN
from protocols.errors import Fault, RemoteFault, WorldFault
from protocols.limits import (
    METADATA_BYTES_MAX,
    OFFLINE_ALERT_BYTES_MAX,
    OFFLINE_REPLAYS_BYTES_MAX,
)
from protocols.media import Blob
from protocols.offline_alert import OfflineAlert, Replays
from protocols.targets import Place
from protocols.units import group

_REPLAYS = "state/replays"
_FOLDER = "offline"
_BLOCK_BYTES = 1024


class OfflineAlerts:
    """Hold the open alerts that were carried to this node."""

    def __init__(
        self,
        storage: ports.Storage,
        verifier: ports.Verifier,
        time: NodeTime,
        faults: Faults,
        blobs: BlobStore,
        place: Place,
    ):
        self._storage = storage
        self._verifier = verifier
        self._time = time
        self._faults = faults
        self._blobs = blobs
        self._place = place
        self._replays = self._read_replays()
        self._open: dict[str, Alerts] = {}
        for name in storage.names(_FOLDER):
            self._load(name)

    def manifests(self) -> "list[Alerts]":
        """Return the manifests of what is open, and forget what has expired."""
        now_s = self._time.latest_s()
        for name in sorted(self._open):
            if self._open[name].alerts[0].expires_s <= now_s:
                del self._open[name]
                self._storage.remove(_FOLDER + "/" + name)
        return [self._open[name] for name in sorted(self._open)]

    async def take(self, data: bytes, chain: "list[str]", carrier: ports.Storage) -> OfflineAlert:
        """Take an alert file; its sound comes from `blobs/` of the same carrier.

        `chain` is the node's unit and its ancestors. Raises `RemoteFault` (`offline_alert.*`,
        `trust.*`, `json.*`, `format.field`) and keeps nothing then.
        """
        found = offline_alert.read(data)
        now_s = self._time.latest_s()
        role = offline_alert.role(self._registry(found.unit), found.unit, now_s)
        knows_time = self._time.now().source != UNKNOWN
        offline_alert.check(found, role, chain, now_s, self._replays, self._verifier, knows_time)
        for blob in alert.blobs_needed(found.alerts, self._place):
            await self._copy(blob, carrier)
        self._replays.add(found, now_s)
        self._write(_REPLAYS, self._replays.to_bytes())
        name = found.unit + "+" + found.alert.id
        self._write(_FOLDER + "/" + name, data)
        self._open[name] = found.alerts
        return found

    async def _copy(self, blob: Blob, carrier: ports.Storage) -> None:
        """Bring a medium from the carrier into the store, checked; a missing one is a fault."""
        if self._blobs.is_ready(blob.sha256, blob.media_type):
            return
        reader = carrier.open("blobs/" + blob.sha256)
        if reader is None:
            text = blob.sha256[:12] + "…: not on the carrier"
            raise RemoteFault("blob.absent", text, "Write the alert's folder to the stick again")
        if not self._blobs.make_room(blob.length, True):
            reader.close()
            raise WorldFault("blob.no_room", "no room for the alert's sound", "see storage")
        writer = self._storage.stage(staging_name(blob.sha256))
        try:
            while writer.position <= blob.length:
                piece = reader.read(_BLOCK_BYTES)
                if not piece:
                    break
                writer.write(piece)
        finally:
            reader.close()
            writer.close()
        await self._blobs.accept(blob.sha256, blob.length)
        await self._blobs.install(blob, True)

    def _registry(self, unit: str) -> "dict[str, object]":
        reader = self._storage.open("metadata/registry-" + group(unit) + ".json")
        if reader is None:
            text = "the registry of " + unit + " was never synced"
            raise RemoteFault("offline_alert.role", text, "sync the node once, then try again")
        try:
            document = canonical.decode_reader(reader.read, METADATA_BYTES_MAX)
        finally:
            reader.close()
        signed = document.get("signed") if isinstance(document, dict) else None
        if not isinstance(signed, dict):
            raise RemoteFault("trust.format", "the stored registry is damaged", "sync the node")
        return signed

    def _load(self, name: str) -> None:
        """Take up what was open before a reboot; it was checked when it was taken."""
        reader = self._storage.open(_FOLDER + "/" + name)
        if reader is None:
            return
        try:
            self._open[name] = offline_alert.read(reader.read(OFFLINE_ALERT_BYTES_MAX + 1)).alerts
        except Fault as fault:
            self._faults.note("store.offline", fault)
        finally:
            reader.close()

    def _read_replays(self) -> Replays:
        reader = self._storage.open(_REPLAYS)
        if reader is None:
            return Replays()
        try:
            return offline_alert.read_replays(reader.read(OFFLINE_REPLAYS_BYTES_MAX + 1))
        except Fault as fault:
            self._faults.note("store.replays", fault)
            return _closed_memory(self._time.latest_s())
        finally:
            reader.close()

    def _write(self, name: str, data: bytes) -> None:
        writer = self._storage.stage("offline")
        writer.write(data)
        writer.commit(name)


def _closed_memory(now_s: int) -> Replays:
    """Return the memory of a node whose file is damaged: nothing signed until now counts."""
    replays = Replays()
    replays.forgotten_s = now_s
    return replays


def needed(manifests: "list[Alerts]", place: Place) -> "list[Blob]":
    """Return the media of open offline alerts; they stay pinned while they are open."""
    found = []
    for one in manifests:
        found.extend(alert.blobs_needed(one, place))
    return media.in_order(found)
