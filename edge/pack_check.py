"""Look in at the hub by asking for a pack; where none is served, leave it to the ordinary walk."""

from edge.blob_store import BlobStore
from edge.pack import PackFetch, PackLink, PackStream
from hw import ports
from protocols.errors import RemoteFault

# A hub without packs is asked for one again after so many checks.
_UNSERVED_CHECKS = 32


class PackCheck:
    """The packs of one hub; `link` is what the TUF client asks through.

    `base` is the hub's address, `profile` the rendition this node plays best.
    """

    def __init__(
        self, behind: ports.Link, storage: ports.Storage, base: str, unit: str, profile: str
    ):
        unit_url = base + "/v1/units/" + unit + "/"
        self.metadata_url = unit_url + "metadata/"
        self.targets_url = base + "/v1/targets/"
        self.link = PackLink(behind, storage, self.metadata_url, self.targets_url)
        self._fetch = PackFetch(behind, storage, unit_url, profile)
        self._stream: PackStream | None = None
        self._unserved = 0

    async def open(self, held: tuple[int, int]) -> bool:
        """Ask for what is newer than (root, timestamp) and let the link answer from it.

        Tells whether the hub said that nothing is.

        Raises `WorldFault("link.*" | "storage.*")`, and `RemoteFault("pack.*")` for a pack that is
        none: the link then asks the network for everything.
        """
        await self.close()
        if not held[0]:
            # Without a root nothing can be believed, as the ordinary walk says at once.
            return False
        if self._unserved:
            self._unserved -= 1
            return False
        try:
            found = await self._fetch.fetch(held[0], held[1])
        except RemoteFault:
            self._unserved = _UNSERVED_CHECKS
            raise
        if found is None:
            self._unserved = _UNSERVED_CHECKS
        elif isinstance(found, PackStream):
            self._stream = found
            self.link.show(found.papers)
        else:
            self.link.show(found)
            return True
        return False

    def is_unserved(self) -> bool:
        """Tell whether this hub serves no packs, as far as is known."""
        return self._unserved > 0

    async def take_media(self, store: BlobStore, wants: "object") -> "list[RemoteFault]":
        """Install wanted media of the open pack; see `PackStream.take_media`."""
        if self._stream is None:
            return []
        return await self._stream.take_media(store, wants)

    async def close(self) -> None:
        """Forget the pack; the network answers again."""
        self.link.show(None)
        stream, self._stream = self._stream, None
        if stream is not None:
            await stream.close()
