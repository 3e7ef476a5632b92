"""The fleet's pages: the list with its filters, what an account keeps of them, and each node."""

from typing import Any
from urllib.parse import parse_qsl, urlencode

from aiohttp import web

from hub import (
    access,
    asking,
    form,
    node_list,
    node_map,
    node_view,
    order_publishing,
    orders,
    roles,
)
from hub.pages import PROGRAMMES, page, part
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
        seen = who.bounds(roles.VIEW, units)
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
    sent = await form.read(request)
    query = dict(parse_qsl(sent.one("query")[:QUERY_MAX]))
    name, now_s = sent.one("name"), services.now_s()
    await services.ledger.write(lambda s: node_list.save(s, who.account, name, query, now_s))
    raise web.HTTPSeeOther("/nodes?" + node_list.read(query).query())


async def forget_filter(request: web.Request) -> web.Response:
    """Remove a kept filter."""
    services, who = request.app[SERVICES], access.reader(request)
    sent = await form.read(request)
    name = sent.one("name")
    await services.ledger.write(lambda s: node_list.forget(s, who.account, name))
    raise web.HTTPSeeOther("/nodes")


async def _node(request: web.Request) -> dict[str, Any]:
    services, who = request.app[SERVICES], access.reader(request)
    programmes, now_ms = request.app[PROGRAMMES], services.config.now_ms()
    name = request.match_info["node"]

    def ask(store: Store) -> dict[str, Any]:
        units = access.units_today(store, services)
        found = node_view.view(store, programmes, units, name, now_ms)
        return {**found, "serves": who.allows(roles.SERVICE, units, found["node"]["unit"])}

    return await services.ledger.read(ask)


async def show_node(request: web.Request) -> web.Response:
    """Show one node."""
    return page(request, "node.html", **await _node(request))


async def show_node_part(request: web.Request) -> web.Response:
    """Show what changes on a node's page."""
    return part(request, "node_part.html", **await _node(request))


async def ask_node(request: web.Request) -> web.Response:
    """Ask a node for a self-test, its log, a restart, less volume or more quiet hours."""
    services, who = request.app[SERVICES], access.reader(request)
    node = request.match_info["node"]
    kind, detail = asking.read(await form.read(request))
    await asking.ask(services, node, kind, detail, who.account)
    raise web.HTTPSeeOther(f"/nodes/{node}#orders")


async def withdraw_order(request: web.Request) -> web.Response:
    """Take back an order that the node has not answered."""
    services, who = request.app[SERVICES], access.reader(request)
    node, name = request.match_info["node"], request.match_info["order"]
    now_s = services.now_s()
    await services.ledger.write(lambda s: orders.withdraw(s, node, name, who.account, now_s))
    await order_publishing.publish_orders(services, node)
    raise web.HTTPSeeOther(f"/nodes/{node}#orders")


async def show_log(request: web.Request) -> web.Response:
    """Show a log that a node sent."""
    services = request.app[SERVICES]
    node, name = request.match_info["node"], request.match_info["order"]
    found = await services.ledger.read(lambda s: node_view.log(s, node, name))
    return page(request, "log.html", node=node, **found)


_NODE = r"/nodes/{node:[a-z0-9][a-z0-9._-]{0,63}}"
_ORDER = _NODE + r"/orders/{order:[a-z0-9][a-z0-9.-]{0,79}}"


async def show_map(request: web.Request) -> web.Response:
    """Show where the nodes stand that the address asks for."""
    services, who = request.app[SERVICES], access.reader(request)
    asked, now_ms = node_list.read(request.query), services.config.now_ms()

    def ask(store: Store) -> dict[str, Any]:
        units = access.units_today(store, services)
        seen = who.bounds(roles.VIEW, units)
        return node_map.points(store, asked, now_ms, units, seen)

    return page(request, "map.html", **await services.ledger.read(ask))


ROUTES = [
    web.get("/map", show_map),
    web.get(_NODE, show_node),
    web.get("/parts" + _NODE, show_node_part),
    web.post(_NODE + "/orders", ask_node),
    web.post(_ORDER + "/withdraw", withdraw_order),
    web.get(_ORDER + "/log", show_log),
    web.get("/nodes", show_nodes),
    web.get("/parts/nodes", show_nodes_part),
    web.post("/nodes/filters", save_filter),
    web.post("/nodes/filters/remove", forget_filter),
]
