"""The fleet's pages: the list with its filters, and what an account keeps of them."""

from typing import Any
from urllib.parse import parse_qsl, urlencode

from aiohttp import web

from hub import access, form, node_list, roles
from hub.pages import page, part
from hub.services import SERVICES
from hub.store import Store
from hub.translations import language_of

# A kept filter's query: every field at its longest.
QUERY_MAX = 2000


async def _list(request: web.Request) -> dict[str, Any]:
    services, who = request.app[SERVICES], access.reader(request)
    asked, now_ms = node_list.read(request.query), services.config.now_ms()

    def ask(store: Store) -> dict[str, Any]:
        units = access.units_today(store, services)
        seen = None if who.everywhere(roles.VIEW) else who.reach(roles.VIEW, units)
        found = node_list.page(store, asked, now_ms, units, seen)
        return {**found, "saved": node_list.saved(store, who.account)}

    return await services.ledger.read(ask)


async def show_nodes(request: web.Request) -> web.Response:
    """Show the nodes that the address asks for."""
    live = urlencode({**request.query, "lang": language_of(request)})
    return page(request, "nodes.html", live=live, **await _list(request))


async def show_nodes_part(request: web.Request) -> web.Response:
    """Show what changes on the fleet page."""
    return part(request, "nodes_part.html", **await _list(request))


async def save_filter(request: web.Request) -> web.Response:
    """Keep the filter under a name for this account."""
    services, who = request.app[SERVICES], access.reader(request)
    sent = await form.read(request, services.blobs)
    query = dict(parse_qsl(sent.one("query")[:QUERY_MAX]))
    name, now_s = sent.one("name"), services.now_s()
    await services.ledger.write(lambda s: node_list.save(s, who.account, name, query, now_s))
    raise web.HTTPSeeOther("/nodes?" + node_list.read(query).query())


async def forget_filter(request: web.Request) -> web.Response:
    """Remove a kept filter."""
    services, who = request.app[SERVICES], access.reader(request)
    sent = await form.read(request, services.blobs)
    name = sent.one("name")
    await services.ledger.write(lambda s: node_list.forget(s, who.account, name))
    raise web.HTTPSeeOther("/nodes")


ROUTES = [
    web.get("/nodes", show_nodes),
    web.get("/parts/nodes", show_nodes_part),
    web.post("/nodes/filters", save_filter),
    web.post("/nodes/filters/remove", forget_filter),
]
