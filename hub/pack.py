"""`GET /v1/units/<unit>/pack?have=<root>.<timestamp>`: all that is new, in one round trip.

204 when nothing is newer: the cheapest answer there is to a node that looks in. What a pack holds
depends on the unit, `have` and the view alone, so equal questions get equal bytes and an ETag; a
cache asks each time, since a node that was just woken must not be told yesterday's news.

Papers alone compress to a fifth: they go out in the coding `deflate` to whoever takes it.

`&days=<n>` asks for the pack of a stick: everything, and the media of so many days. It is long, so
it can be continued (`Range`, `If-Range`); within the hour of the question its bytes stay the same.
"""

import asyncio
import zlib
from collections.abc import Iterator

from aiohttp import web

from hub.answers import not_found
from hub.repository.packing import Pack, Packer, Wish, stick_wish
from hub.services import SERVICES, Services
from hub.static_files import FRESH, UNIT
from protocols.errors import LocalFault, RemoteFault, WorldFault
from protocols.fields import is_id
from protocols.hub_limits import PACK_DAYS_MAX
from protocols.limits import PROFILE_BYTES_MAX
from protocols.pack import BLOBS, read_have

# Choices kept: every node of a unit asks the same, so a few views' worth is all there is.
_KEPT_MAX = 256
_BATCH_BYTES = 64 * 1024
# What is compressed is kept so, once for all nodes; media would not get shorter.
_DEFLATED_BYTES_MAX = 256 * 1024

_Key = tuple[str, int, int, str, int, int, int]
_HOUR_MS = 3_600_000


class Packs:
    """Choose packs, each only once while its view stands."""

    def __init__(self, services: Services):
        self._layout = services.repository.layout
        # A node gets by itself what is not at hand; what goes on a stick must be there.
        self._packer = Packer(self._layout, services.blobs.path)
        self._stick_packer = Packer(self._layout, services.blobs.brought)
        self._config = services.config
        self._kept: dict[_Key, Pack | None] = {}
        self._deflated: dict[Pack, bytes] = {}

    def choose(
        self, unit: str, root: int, timestamp: int, profile: str, days: int = 0
    ) -> Pack | None:
        """Return the pack, or None when nothing is newer; with `days` the one of a stick.

        Raises `LocalFault("repository.unit")` for a unit without a view.
        """
        stamp = self._layout.stamp(unit)
        now_ms = self._config.now_ms()
        hour_ms = now_ms - now_ms % _HOUR_MS if days else 0
        wish = stick_wish(hour_ms, days) if days else Wish(now_ms, profile)
        key = (unit, root, timestamp, profile, stamp, days, hour_ms)
        if key not in self._kept:
            packer = self._stick_packer if days else self._packer
            found = packer.choose(unit, root, timestamp, wish)
            if len(self._kept) >= _KEPT_MAX:
                self._kept.pop(next(iter(self._kept)))
            self._kept[key] = found
        return self._kept[key]

    def deflated(self, found: Pack) -> bytes | None:
        """Return a pack in the coding `deflate`, None where that is not worth while.

        Raises `WorldFault("pack.changed")`.
        """
        if found.length > _DEFLATED_BYTES_MAX or found.members[-1].name.startswith(BLOBS):
            return None
        if found not in self._deflated:
            if len(self._deflated) >= _KEPT_MAX:
                self._deflated.pop(next(iter(self._deflated)))
            self._deflated[found] = zlib.compress(b"".join(found.pieces()), 9)
        return self._deflated[found]


PACKS = web.AppKey("packs", Packs)


async def get(request: web.Request) -> web.StreamResponse:
    """Answer with a pack, or 204, or 304 for a cache that holds this one."""
    root, timestamp = read_have(request.query.get("have", "0.0"))
    profile = request.query.get("media", "")
    if profile and not is_id(profile, PROFILE_BYTES_MAX):
        raise RemoteFault("pack.media", "media is no profile", "Write media=opus.")
    days = _days(request.query.get("days", "0"))
    packs = request.app[PACKS]
    try:
        run = request.app[SERVICES].blobs.apart if days else asyncio.to_thread
        found = await run(packs.choose, request.match_info["unit"], root, timestamp, profile, days)
    except LocalFault:
        raise not_found() from None
    if found is None:
        return web.Response(status=204)
    etag = found.mark() if days else f"{found.root}.{found.timestamp}"
    deflated = None
    if not days and _takes_deflate(request.headers.get("Accept-Encoding", "")):
        deflated = await asyncio.to_thread(packs.deflated, found)
    etag += "" if deflated is None else ".deflate"
    headers = {"ETag": f'"{etag}"', "Cache-Control": FRESH, "Vary": "Accept-Encoding"}
    if any(match.value in (etag, "*") for match in request.if_none_match or ()):
        return web.Response(status=304, headers=headers)
    if deflated is not None:
        headers["Content-Encoding"] = "deflate"
        return web.Response(body=deflated, content_type="application/x-tar", headers=headers)
    return await _send(request, found, headers)


def _takes_deflate(accepted: str) -> bool:
    """Tell whether a field Accept-Encoding (RFC 9110, 12.5.3) names the coding and no weight 0."""
    for one in accepted.lower().split(","):
        name, _, weight = one.partition(";")
        if name.strip() == "deflate":
            return weight.replace(" ", "").rstrip("0.") != "q="
    return False


def _days(text: str) -> int:
    if not 1 <= len(text) <= 2 or not text.isascii() or not text.isdigit():
        raise RemoteFault("pack.days", "days is no number of days", "Write days=14.")
    if int(text) > PACK_DAYS_MAX:
        raise RemoteFault("pack.days", f"{text} days are too many", f"At most {PACK_DAYS_MAX}.")
    return int(text)


def _begin(request: web.Request, length: int, headers: dict[str, str]) -> int:
    """Return where to begin: behind what the other end has of these very bytes."""
    begun = request.headers.get("Range", "")
    digits = begun.removeprefix("bytes=").removesuffix("-")
    if begun != f"bytes={digits}-" or not digits.isascii() or not digits.isdigit():
        return 0
    if request.headers.get("If-Range") != headers["ETag"] or not 0 < int(digits[:16]) < length:
        return 0
    return int(digits)


async def _send(request: web.Request, found: Pack, headers: dict[str, str]) -> web.StreamResponse:
    begin = _begin(request, found.length, headers)
    status = 206 if begin else 200
    if begin:
        headers["Content-Range"] = f"bytes {begin}-{found.length - 1}/{found.length}"
    headers["Content-Type"] = "application/x-tar"
    response = web.StreamResponse(status=status, headers=headers)
    response.content_length = found.length - begin
    await response.prepare(request)
    pieces = found.pieces(begin)
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
