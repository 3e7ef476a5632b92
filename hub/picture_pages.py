"""Pictures for boards: an upload is taken in as one, and shown as each board will show it."""

import asyncio
from typing import Any

from aiohttp import web

from hub import access, bulletins, fleet, pictures, roles
from hub.answers import not_found
from hub.bulletin_pages import NAME
from hub.pages import part
from hub.services import SERVICES
from hub.store import Row, Store
from hub.upload_pages import LOOKING, TUS, UPLOAD, told, upload_row

PICTURE = r"{picture:[0-9a-f]{64}}"
_PRIVATE = {"Content-Type": "image/png", "Cache-Control": "private, no-cache"}


@told
async def take(request: web.Request) -> web.Response:
    """Take a whole upload in as a picture; answer its name and size."""
    services, row = request.app[SERVICES], await upload_row(request)
    if row["state"] != "done":
        raise not_found()
    async with request.app[LOOKING]:
        source = await services.blobs.fetched(row["sha256"])
        found = await pictures.take(source, services.blobs, services.config.work)
    await services.ledger.write(lambda s: pictures.keep(s, found, services.now_s()))
    return web.json_response(found, headers=TUS)


async def _known(request: web.Request) -> Row:
    name = request.match_info["picture"]
    row = await request.app[SERVICES].ledger.read(lambda s: s.get("pictures", name))
    if row is None:
        raise not_found()
    return row


async def show(request: web.Request) -> web.StreamResponse:
    """Show a picture whole, to those who write."""
    row = await _known(request)
    path = await request.app[SERVICES].blobs.fetched(row["picture"])
    return web.FileResponse(path, headers=_PRIVATE)


async def show_fitted(request: web.Request) -> web.Response:
    """Show a picture as a board of some size will: the very bytes that would be published."""
    services, row = request.app[SERVICES], await _known(request)
    size = request.match_info["profile"].removeprefix("board-")
    async with request.app[LOOKING]:
        data = (await services.blobs.fetched(row["picture"])).read_bytes()
        fitted = await asyncio.to_thread(pictures.fit_to, data, size)
    return web.Response(body=fitted, headers=_PRIVATE)


async def show_sizes(request: web.Request) -> web.Response:
    """Show a picture on every board that a bulletin's targets have."""
    services, who, row = request.app[SERVICES], access.reader(request), await _known(request)
    unit = request.query.get("unit", "")[:40]
    hamlets = [one.rpartition("/")[2] for one in request.query.getall("hamlet", [])[:100]]

    def ask(store: Store) -> list[str]:
        access.require(store, services, who, roles.SUPPLY, unit)
        below = fleet.subtree(access.units_today(store, services), unit)
        return fleet.board_profiles(store, below, hamlets)

    sizes = [_size(one) for one in await services.ledger.read(ask)]
    return part(request, "picture_part.html", picture=row, sizes=sizes)


def _size(profile: str) -> dict[str, Any]:
    width, height, channels = (int(number) for number in profile.split("x"))
    return {"profile": f"board-{profile}", "width": width, "height": height, "grey": channels == 1}


async def show_of_bulletin(request: web.Request) -> web.StreamResponse:
    """Show a picture of any version of a bulletin, whole, to those who see the bulletin."""
    services, name = request.app[SERVICES], request.match_info["bulletin"]
    rows = await services.ledger.read(lambda s: bulletins.versions(s, name))
    asked = request.match_info["picture"]
    if not any(one["picture"] == asked for row in rows for one in row["pictures"]):
        raise not_found()
    return web.FileResponse(await services.blobs.fetched(asked), headers=_PRIVATE)


ROUTES = [
    web.post(f"/uploads/{UPLOAD}/picture", take),
    web.get(f"/pictures/{PICTURE}", show),
    web.get(f"/pictures/{PICTURE}/{{profile}}", show_fitted),
    web.get(f"/parts/pictures/{PICTURE}", show_sizes),
    web.get(f"/bulletins/{NAME}/pictures/{PICTURE}", show_of_bulletin),
]
