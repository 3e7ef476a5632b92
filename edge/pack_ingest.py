"""Take a pack in from a stick: verified by the ordinary client, put in force as if it were fetched.

How it works. The client asks its questions of the pack alone; manifests and media are judged and
stored by the same code as those from a hub. A cut at any moment costs what was not flushed: the
next look takes the same way again, and copies only what is not here. What a pack has wrong is told
at the end, after everything good in it was taken.
"""

import asyncio
from collections import namedtuple

from edge.blob_store import BlobStore, add_piece, staging_name
from edge.content import Content, Parts
from edge.manifests import Manifests
from edge.metadata_fetch import MetadataFetch
from edge.node_time import NodeTime
from edge.pack import PackLink
from edge.stick_pack import Medium, StickPack, cut
from hw import ports
from protocols.errors import RemoteFault, WorldFault
from protocols.sync_session import Wanted

_METADATA_URL = "pack:metadata/"
_TARGETS_URL = "pack:targets/"
_READ_BYTES = 4096

Ingested = namedtuple("Ingested", ("version", "media", "missing"))
"""What a pack gave: the view's version (0: nothing newer than what is here), how many media were
copied, and how many wanted ones it did not hold."""


class _Tally:
    """Count the bytes of media that are here, and tell of them."""

    def __init__(self, tell: "object", all_bytes: int):
        self._tell = tell
        self._all_bytes = all_bytes
        self._done_bytes = 0

    def at(self, here_bytes: int) -> None:
        """Tell how much of the present medium is here."""
        self._tell(self._done_bytes + here_bytes, self._all_bytes)  # type: ignore[operator]

    def done(self, length: int) -> None:
        """Count a medium as done."""
        self._done_bytes += length
        self.at(0)


class PackIngest:
    """Take packs in for one node; hold `content.turn` while one is taken."""

    def __init__(
        self, parts: Parts, content: Content, storage: ports.Storage, verifier: ports.Verifier
    ):
        self._unit: str = parts.config.place.unit
        self._time: NodeTime = parts.time
        self._manifests: Manifests = parts.manifests
        self._blobs: BlobStore = parts.blobs
        self._content = content
        self._storage = storage
        self._verifier = verifier
        self._fault: RemoteFault | None = None

    async def ingest(self, found: StickPack, progress: "object") -> Ingested:
        """Take what is new and wanted; `progress(done_bytes, all_bytes)` is told of media.

        Raises `RemoteFault` (`pack.*`, `trust.*`, `blob.hash`, those of manifests) when something
        in the pack is wrong, `WorldFault` when stick or disk failed.
        """
        self._fault = None
        version = 0
        try:
            await found.read()
        except RemoteFault as fault:
            if fault.code != "pack.cut":
                raise
            self._note(fault)
        try:
            version = await self._papers(found)
        except RemoteFault as fault:
            # Older than what is here is no fault, and its media may be wanted all the same.
            if fault.code != "trust.rollback":
                self._note(fault)
        self._content.rate_media()
        media = await self._media(found, progress)
        self._content.rate_media()
        self._content.announce_alerts()
        if self._fault is not None:
            raise self._fault
        return Ingested(version, media, len(self._content.missing()))

    def _note(self, fault: RemoteFault) -> None:
        if self._fault is None:
            self._fault = fault

    async def _papers(self, found: StickPack) -> int:
        """Refresh from the pack's papers and take the manifests; return the view's version."""
        link = PackLink(None, self._storage, _METADATA_URL, _TARGETS_URL)
        link.show(found)
        metadata = MetadataFetch(
            link, self._storage, self._verifier, _METADATA_URL, _TARGETS_URL, unit=self._unit
        )
        try:
            refreshed = await metadata.refresh(self._time.latest_s(), self._time.sure_s())
        finally:
            if metadata.take_rotated():
                self._time.void_floor()
        if refreshed.issued_s:
            self._time.raise_floor(refreshed.issued_s)
        done: list[str] = []
        while True:
            # The own programme names the units above: their paths come after it was read.
            left = [path for path in self._manifests.paths() if path not in done]
            if not left:
                return int(refreshed.version)
            done.append(left[0])
            try:
                await self._content.take_manifest(metadata, self._storage, left[0])
            except RemoteFault as fault:
                self._note(fault)

    async def _media(self, found: StickPack, progress: "object") -> int:
        wanted = {one.blob.sha256: one for one in self._content.missing()}
        tally = _Tally(progress, sum([wanted[sha256].blob.length for sha256 in wanted]))
        tally.at(0)
        count = 0
        while wanted:
            try:
                medium = found.next_medium()
            except RemoteFault as fault:
                self._note(fault)
                break
            if medium is None:
                break
            await asyncio.sleep(0)
            one = wanted.get(medium.sha256)
            if one is None or one.blob.length != medium.length:
                continue
            del wanted[medium.sha256]
            try:
                await self._take(found, medium, one, tally)
                count += 1
            except RemoteFault as fault:
                self._note(fault)
            tally.done(medium.length)
        return count

    async def _take(self, found: StickPack, medium: Medium, one: Wanted, tally: _Tally) -> None:
        """Make one medium stand in the store; what an earlier look left half is continued."""
        blobs = self._blobs
        if not blobs.has(medium.sha256):
            begun = blobs.staged_bytes(medium.sha256)
            if begun > medium.length:
                begun = 0
            try:
                await self._copy(found, medium, begun, one.alert, tally)
            except RemoteFault as fault:
                if not begun or fault.code != "blob.hash":
                    raise
                # What a cut left behind was not what had been written: once more from the start.
                await self._copy(found, medium, 0, one.alert, tally)
        await blobs.install(one.blob, one.alert)
        self._content.blob_is_here(one.blob)

    async def _copy(
        self, found: StickPack, medium: Medium, begun: int, alert: bool, tally: _Tally
    ) -> None:
        if not self._blobs.make_room(medium.length - begun, alert):
            text = "no room for the media on the stick"
            raise WorldFault("blob.no_room", text, "see storage")
        reader = found.open()
        try:
            reader.seek(medium.offset + begun)
            writer = self._storage.stage(staging_name(medium.sha256), begun > 0)
            try:
                while writer.position < medium.length:
                    piece = reader.read(min(_READ_BYTES, medium.length - writer.position))
                    if not piece:
                        # What is here stays staged, for the stick that is whole.
                        raise cut()
                    if add_piece(self._storage, writer, piece):
                        tally.at(writer.position)
                        await asyncio.sleep(0)
            finally:
                writer.close()
        finally:
            reader.close()
        await self._blobs.accept(medium.sha256, medium.length)
