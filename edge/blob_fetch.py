"""Fetch one blob over a link, a slice at a time, continuing where the last cut left off."""

from edge.blob_store import BlobStore, add_piece, no_room, staging_name
from hw import ports
from protocols.errors import RemoteFault, WorldFault
from protocols.media import Blob

_READ_BYTES = 4096


async def fetch_slice(
    link: ports.Link,
    storage: ports.Storage,
    store: BlobStore,
    base_url: str,
    blob: Blob,
    bytes_max: int,
    alert: bool,
) -> bool:
    """Fetch up to `bytes_max` more bytes of a blob; tells whether it now stands whole in the store.

    What was received before a cut stays staged and is asked for no more. Raises
    `WorldFault("blob.no_room")`, `WorldFault("link.*")`, `RemoteFault("blob.absent" |
    "blob.range" | "blob.hash")`.
    """
    if store.has(blob.sha256):
        return True
    name = staging_name(blob.sha256)
    position = store.staged_bytes(blob.sha256)
    if position > blob.length:
        storage.discard(name)
        position = 0
    if position < blob.length:
        if not store.make_room(blob.length - position, alert):
            raise no_room(blob.sha256)
        last = min(blob.length, position + bytes_max) - 1
        headers = {"range": "bytes=" + str(position) + "-" + str(last)}
        response = await link.request("GET", base_url + blob.sha256, headers, b"")
        try:
            position = await _receive(response, storage, name, blob, position, last + 1)
        except WorldFault as fault:
            # The disk is fuller than it said; what was received stays.
            if fault.code != "storage.full":
                raise
            if not store.evict_one(alert):
                raise no_room(blob.sha256)
            return False
        finally:
            await response.close()
    if position < blob.length:
        return False
    await store.accept(blob.sha256, blob.length)
    return True


async def _receive(
    response: ports.Response,
    storage: ports.Storage,
    name: str,
    blob: Blob,
    position: int,
    end: int,
) -> int:
    """Append a response to the staged file and return the new position."""
    if response.status == 200:
        # A cache that ignores ranges sends it all: pass over what is here, and take the rest.
        await _skip(response, position)
        end = blob.length
    elif response.status != 206:
        raise _refused(response.status, blob)
    elif not _continues(response.headers.get("content-range", ""), position, blob.length):
        raise RemoteFault("blob.range", "the answer is another range", "It is tried again")
    writer = storage.stage(name, position > 0)
    try:
        while writer.position < end:
            piece = await response.read(min(_READ_BYTES, end - writer.position))
            if not piece:
                break
            add_piece(storage, writer, piece)
        return writer.position
    finally:
        writer.close()


async def _skip(response: ports.Response, count: int) -> None:
    while count:
        piece = await response.read(min(_READ_BYTES, count))
        if not piece:
            raise RemoteFault("blob.range", "the answer is too short", "It is tried again")
        count -= len(piece)


def _continues(content_range: str, position: int, length: int) -> bool:
    return content_range.startswith("bytes " + str(position) + "-") and content_range.endswith(
        "/" + str(length)
    )


def _refused(status: int, blob: Blob) -> Exception:
    what = blob.sha256[:12] + "…: status " + str(status)
    if status in (404, 410, 416):
        remedy = "The bundle names a file that the hub does not have: publish it again"
        return RemoteFault("blob.absent", what, remedy)
    return WorldFault("link.status", what, "Look at the hub's log; it is tried again")
