"""Read packs: their papers answer the ordinary client's requests, their media go to staging.

How it works. `PackLink` stands between the TUF client and the link. While a pack is open it answers
from the pack's papers; what a pack lacks is asked of the network, or is absent where there is none.
Two answers are the pack's alone, since they are what a check asks: that there is no newer root, and
that the timestamp is still the stored one (a hub says so with 204). Both are verified like any
other answer, expiry too, so a lying pack can at most withhold, as any hub can.

Over HTTP the papers are staged as they came, in one file, up to the first medium; then the client
verifies, and only media that it came to want are taken from the rest of the answer.
"""

from edge.blob_store import BlobStore, add_piece, staging_name
from hw import ports
from protocols import pack, tar
from protocols.errors import RemoteFault, WorldFault
from protocols.limits import PACK_ALERT_BYTES_MAX, TIMESTAMP_BYTES_MAX

_STAGED = "pack"
_READ_BYTES = 4096
_TIMESTAMP = pack.METADATA + "timestamp.json"
# Hubs (and caches before them) that serve no packs; the next check asks again after so many.
_UNSERVED = (400, 403, 404, 405, 410, 501)


class Answer(ports.Response):
    """Answer one request from a stretch of a file, or with a bare status."""

    def __init__(self, status: int, reader: ports.Reader | None, offset: int, length: int):
        self.status = status
        self.headers: dict[str, str] = {}
        self._reader = reader
        self._left = length
        if reader is not None:
            reader.seek(offset)

    async def read(self, count: int) -> bytes:
        """Return up to `count` bytes; empty at the end."""
        if self._reader is None or not self._left:
            return b""
        data = self._reader.read(min(count, self._left))
        if not data:
            raise WorldFault("pack.gone", "the pack ends early", "Plug the stick in again.")
        self._left -= len(data)
        return data

    async def close(self) -> None:
        """Release the file."""
        if self._reader is not None:
            self._reader.close()
            self._reader = None


class Papers:
    """Know where each paper of a pack stands, in a staged file or on a stick."""

    def __init__(self) -> None:
        self._places: dict[str, tuple[int, int]] = {}

    def note(self, name: str, offset: int, length: int) -> None:
        """Take up one paper."""
        self._places[name] = (offset, length)

    def place(self, name: str) -> "tuple[int, int] | None":
        """Return (offset, length), or None."""
        return self._places.get(name)

    def open(self) -> ports.Reader | None:
        """Open the file that holds them; None when it is gone."""
        raise NotImplementedError


class StagedPapers(Papers):
    """Papers that came over a link."""

    def __init__(self, storage: ports.Storage):
        Papers.__init__(self)
        self._storage = storage

    def open(self) -> ports.Reader | None:
        """Open the staged pack."""
        return self._storage.open_staged(_STAGED)


class PackLink(ports.Link):
    """A link that knows packs; `behind` is None where there is no network.

    `metadata_url` and `targets_url` are the addresses that the client asks under, `folder` where
    its stored metadata stand.
    """

    def __init__(
        self,
        behind: ports.Link | None,
        storage: ports.Storage,
        metadata_url: str,
        targets_url: str,
        folder: str = "metadata/",
    ):
        self._behind = behind
        self._storage = storage
        self._metadata_url = metadata_url
        self._targets_url = targets_url
        self._folder = folder
        self._papers: Papers | None = None

    def counters(self) -> tuple[int, int]:
        """Return bytes (received, sent) on the interface since boot."""
        return (0, 0) if self._behind is None else self._behind.counters()

    def show(self, papers: Papers | None) -> None:
        """Answer from these papers from now on; None: from the network alone."""
        self._papers = papers

    async def request(
        self, method: str, url: str, headers: dict[str, str], body: bytes
    ) -> ports.Response:
        """Answer from the pack, or pass the request on."""
        if self._papers is not None and method == "GET":
            answer = self._answer(self._papers, self._member(url))
            if answer is not None:
                return answer
        if self._behind is None:
            return Answer(404, None, 0, 0)
        return await self._behind.request(method, url, headers, body)

    def _member(self, url: str) -> str:
        """Return the name under which a pack holds what stands at an address, or ""."""
        if url.startswith(self._metadata_url):
            return pack.METADATA + url[len(self._metadata_url) :]
        if url.startswith(self._targets_url):
            digest = url[url.rfind("/") + 1 :].partition(".")[0]
            if pack.is_digest(digest):
                return pack.TARGETS + digest
        return ""

    def _answer(self, papers: Papers, name: str) -> Answer | None:
        place = papers.place(name)
        if place is not None:
            reader = papers.open()
            if reader is not None:
                return Answer(200, reader, place[0], place[1])
        if name == _TIMESTAMP:
            stored = self._folder + "timestamp.json"
            reader = self._storage.open(stored)
            length = self._storage.size(stored)
            if reader is not None:
                return Answer(200, reader, 0, min(length or 0, TIMESTAMP_BYTES_MAX + 1))
        if name.endswith(".root.json"):
            return Answer(404, None, 0, 0)
        return None


class PackStream:
    """One pack as it comes over HTTP."""

    def __init__(self, storage: ports.Storage, response: ports.Response):
        self._storage = storage
        self._response = response
        self._intake = pack.Intake()
        self._events: list[tuple[object, ...]] = []
        self.papers = StagedPapers(storage)

    async def read_papers(self) -> None:
        """Stage everything up to the first medium.

        Raises `RemoteFault("pack.*")`, `WorldFault("link.*" | "storage.*")`.
        """
        writer = self._storage.stage(_STAGED)
        try:
            while True:
                event = await self._next()
                if event is None:
                    return
                if event[0] == pack.BLOB:
                    self._events.insert(0, event)
                    return
                if event[0] == pack.PAPER:
                    self.papers.note(str(event[1]), writer.position, int(str(event[2])))
                elif event[0] == tar.DATA:
                    writer.write(event[1])  # type: ignore[arg-type]
        finally:
            writer.close()

    async def take_media(self, store: BlobStore, wants: "object") -> "list[RemoteFault]":
        """Install the media for which `wants(sha256, length)` is true, after `read_papers`.

        A medium that is staged in part is left to the ordinary fetch, which resumes it. Returns
        the faults of media that were not what they are called.
        """
        faults: list[RemoteFault] = []
        unwanted_bytes = 0
        while True:
            event = await self._next()
            if event is None:
                return faults
            sha256 = str(event[1])[len(pack.BLOBS) :]
            length = int(str(event[2]))
            wanted = wants(sha256, length) and not store.staged_bytes(sha256)  # type: ignore
            if not wanted or not store.make_room(length, True):
                unwanted_bytes += length
                if unwanted_bytes > PACK_ALERT_BYTES_MAX:
                    # Nobody pays a SIM for what nobody asked for.
                    return faults
                await self._copy(None)
                continue
            writer = self._storage.stage(staging_name(sha256))
            try:
                await self._copy(writer)
            finally:
                writer.close()
            try:
                await store.accept(sha256, length)
            except RemoteFault as fault:
                faults.append(fault)

    async def close(self) -> None:
        """Stop reading and forget the papers; the connection is kept when nothing is left.

        The pack is whole by then, or given up: what its carrier still gets wrong harms nothing.
        """
        try:
            if self._intake.is_complete:
                await self._response.read(1)
        except (RemoteFault, WorldFault):
            return
        finally:
            await self._response.close()
            self._storage.discard(_STAGED)

    async def _copy(self, writer: ports.Writer | None) -> None:
        """Read one member to its end, into a staged file or nowhere."""
        while True:
            event = await self._next()
            if event is None or event[0] == tar.MEMBER_END:
                return
            if writer is not None:
                add_piece(self._storage, writer, event[1])  # type: ignore[arg-type]

    async def _next(self) -> "tuple[object, ...] | None":
        """Return the next event; None after the last one."""
        while not self._events:
            if self._intake.is_complete:
                return None
            data = await self._response.read(_READ_BYTES)
            if not data:
                raise WorldFault("link.cut", "the pack was cut short", "It is asked for again.")
            self._events = self._intake.receive(data)
        event = self._events.pop(0)
        return None if event[0] == tar.PACK_END else event


class PackFetch:
    """Ask a hub for packs."""

    def __init__(self, link: ports.Link, storage: ports.Storage, unit_url: str, profile: str):
        """`unit_url` is `…/v1/units/<unit>/`, `profile` the rendition this node plays."""
        self._link = link
        self._storage = storage
        self._url = unit_url + "pack?have="
        self._media = "&media=" + profile if profile else ""

    async def fetch(self, root: int, timestamp: int) -> "PackStream | Papers | None":
        """Ask for what is newer; a stream whose papers are read, empty papers when nothing is new,
        None when packs are not served here.

        Raises `RemoteFault("pack.*")` and `WorldFault`; then nothing is left behind.
        """
        url = self._url + pack.have(root, timestamp) + self._media
        headers = {"accept-encoding": "deflate"} if self._link.inflates else {}
        response = await self._link.request("GET", url, headers, b"")
        stream = PackStream(self._storage, response)
        is_open = False
        try:
            if response.status == 204:
                return Papers()
            if response.status in _UNSERVED:
                return None
            if response.status != 200:
                message = "status " + str(response.status)
                raise WorldFault("link.status", message, "Look at the hub's log.")
            await stream.read_papers()
            is_open = True
            return stream
        finally:
            if not is_open:
                await stream.close()
