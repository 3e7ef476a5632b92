"""`GET /v1/units/<unit>/pack?have=<root>.<timestamp>`: all that is new, in one round trip.

204 when nothing is newer: the cheapest answer there is to a node that looks in. What a pack holds
depends on the unit, `have` and the view alone, so equal questions get equal bytes and an ETag; a
cache asks each time, since a node that was just woken must not be told yesterday's news.
"""

import asyncio
from collections.abc import Iterator

from aiohttp import web

from hub.answers import not_found
from hub.repository.packing import Pack, Packer, Wish
from hub.services import Services
from hub.static_files import FRESH, UNIT
from protocols.errors import LocalFault, RemoteFault, WorldFault
from protocols.fields import is_id
from protocols.limits import PROFILE_BYTES_MAX
from protocols.pack import read_have

# Choices kept: every node of a unit asks the same, so a few views' worth is all there is.
_KEPT_MAX = 256
_BATCH_BYTES = 64 * 1024

_Key = tuple[str, int, int, str, int]


class Packs:
    """Choose packs, each only once while its view stands."""

    def __init__(self, services: Services):
        self._layout = services.repository.layout
        self._packer = Packer(self._layout, services.blobs.path)
        self._config = services.config
        self._kept: dict[_Key, Pack | None] = {}

    def choose(self, unit: str, root: int, timestamp: int, profile: str) -> Pack | None:
        """Return the pack, or None when nothing is newer.

        Raises `LocalFault("repository.unit")` for a unit without a view.
        """
        try:
            stamp = self._layout.timestamp_file(unit).stat().st_mtime_ns
        except OSError:
            stamp = 0
        key = (unit, root, timestamp, profile, stamp)
        if key not in self._kept:
            found = self._packer.choose(unit, root, timestamp, Wish(self._config.now_ms(), profile))
            if len(self._kept) >= _KEPT_MAX:
                self._kept.pop(next(iter(self._kept)))
            self._kept[key] = found
        return self._kept[key]


PACKS = web.AppKey("packs", Packs)


async def get(request: web.Request) -> web.StreamResponse:
    """Answer with a pack, or 204, or 304 for a cache that holds this one."""
    root, timestamp = read_have(request.query.get("have", "0.0"))
    profile = request.query.get("media", "")
    if profile and not is_id(profile, PROFILE_BYTES_MAX):
        raise RemoteFault("pack.media", "media is no profile", "Write media=opus.")
    packs = request.app[PACKS]
    try:
        found = await asyncio.to_thread(
            packs.choose, request.match_info["unit"], root, timestamp, profile
        )
    except LocalFault:
        raise not_found() from None
    if found is None:
        return web.Response(status=204)
    etag = f"{found.root}.{found.timestamp}"
    headers = {"ETag": f'"{etag}"', "Cache-Control": FRESH}
    if any(match.value in (etag, "*") for match in request.if_none_match or ()):
        return web.Response(status=304, headers=headers)
    return await _send(request, found, headers)


async def _send(request: web.Request, found: Pack, headers: dict[str, str]) -> web.StreamResponse:
    response = web.StreamResponse(headers={**headers, "Content-Type": "application/x-tar"})
    response.content_length = found.length
    await response.prepare(request)
    pieces = found.pieces()
    while True:
        try:
            batch = await asyncio.to_thread(_batch, pieces)
        except WorldFault:
            # A file was pruned meanwhile; a short answer is a cut one, and is asked again.
            if request.transport is not None:
                request.transport.abort()
            return response
        if not batch:
            await response.write_eof()
            return response
        await response.write(batch)


def _batch(pieces: Iterator[bytes]) -> bytes:
    batch = bytearray()
    for piece in pieces:
        batch += piece
        if len(batch) >= _BATCH_BYTES:
            break
    return bytes(batch)


async def strip(request: web.Request, response: web.StreamResponse) -> None:
    """Leave out what nobody reads from the answer that goes out most often."""
    if response.status == 204 and request.path.endswith("/pack"):
        for name in ("Server", "Date", "Content-Type"):
            response.headers.popall(name, None)


def install(app: web.Application, services: Services) -> None:
    """Add the endpoint."""
    app[PACKS] = Packs(services)
    app.on_response_prepare.append(strip)
    app.add_routes([web.get(f"/v1/units/{UNIT}/pack", get)])
