"""`GET /cap/alerts.xml` and `/cap/alerts/<name>.xml`: our alerts for whoever passes them on."""

import hashlib

from aiohttp import web

from hub.answers import not_found
from hub.cap import export
from hub.services import SERVICES, Services
from hub.store import Store

INDEX = "/cap/alerts.xml"
FILE = r"/cap/alerts/{name:b[0-9a-f]{12}(\.cancel)?}.xml"
# The index is asked for by many at once, on the open network: it is built this often at most.
KEPT_MS = 3000
FRESH, SETTLED = "public, max-age=15", "public, max-age=300"


class Index:
    """Keep the index for a moment."""

    def __init__(self) -> None:
        self._kept: tuple[int, bytes] | None = None

    async def read(self, services: Services) -> bytes:
        """Return the index, a few seconds old at most."""
        now_ms = services.config.now_ms()
        if self._kept is None or not 0 <= now_ms - self._kept[0] < KEPT_MS:
            data = await services.ledger.read(
                lambda s: export.index(s, now_ms // 1000, services.config)
            )
            self._kept = now_ms, data
        return self._kept[1]


KEPT = web.AppKey("cap_index", Index)


async def show_index(request: web.Request) -> web.Response:
    """Serve the index."""
    data = await request.app[KEPT].read(request.app[SERVICES])
    return _answer(request, data, "application/atom+xml", FRESH)


async def show_alert(request: web.Request) -> web.Response:
    """Serve one alert."""
    services, name = request.app[SERVICES], request.match_info["name"]

    def ask(store: Store) -> bytes | None:
        row = export.find(store, name)
        return export.build(store, row, services.config) if row else None

    data = await services.ledger.read(ask)
    if data is None:
        raise not_found()
    return _answer(request, data, "application/cap+xml", SETTLED)


def _answer(request: web.Request, data: bytes, kind: str, fresh: str) -> web.Response:
    etag = hashlib.sha256(data).hexdigest()[:32]
    headers = {"ETag": f'"{etag}"', "Cache-Control": fresh}
    if any(match.value in (etag, "*") for match in request.if_none_match or ()):
        return web.Response(status=304, headers=headers)
    return web.Response(body=data, content_type=kind, charset="utf-8", headers=headers)


def install(app: web.Application) -> None:
    """Add the endpoints."""
    app[KEPT] = Index()
    app.add_routes([web.get(INDEX, show_index), web.get(FILE, show_alert)])
