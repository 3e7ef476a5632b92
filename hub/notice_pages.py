"""What began at nodes, for whoever may see them: a page, and the number that is not read yet."""

from collections.abc import Collection
from typing import Any

from aiohttp import web

from hub import access, form, notices, roles
from hub.pages import page, part
from hub.roles import Reader
from hub.services import SERVICES, Services
from hub.store import Row, Store


def _seen(
    store: Store, services: Services, who: Reader
) -> tuple[dict[str, Row], Collection[str] | None]:
    units = access.units_today(store, services)
    return units, who.bounds(roles.VIEW, units)


async def show_notices(request: web.Request) -> web.Response:
    """Show what began, the unread first of all."""
    services, who = request.app[SERVICES], access.reader(request)

    def ask(store: Store) -> dict[str, Any]:
        units, seen = _seen(store, services, who)
        found = notices.gathered(store, who.account, seen, units)
        return {"notices": found, "newest": notices.newest(store)}

    return page(request, "notices.html", **await services.ledger.read(ask))


async def show_unread(request: web.Request) -> web.Response:
    """Show how many are not read."""
    services, who = request.app[SERVICES], access.reader(request)
    count = await services.ledger.read(
        lambda s: notices.unread(s, who.account, _seen(s, services, who)[1])
    )
    return part(request, "unread_part.html", unread=count)


async def mark_read(request: web.Request) -> web.Response:
    """Note that everything up to what the page showed is read."""
    services, who = request.app[SERVICES], access.reader(request)
    sent = await form.read(request)
    text = sent.one("newest")
    shown = int(text) if text.isascii() and text.isdigit() and len(text) < 16 else 0

    def decide(store: Store) -> None:
        notices.read_all(store, who.account, min(shown, notices.newest(store)))

    await services.ledger.write(decide)
    raise web.HTTPSeeOther("/notices")


ROUTES = [
    web.get("/notices", show_notices),
    web.get("/parts/unread", show_unread),
    web.post("/notices/read", mark_read),
]
