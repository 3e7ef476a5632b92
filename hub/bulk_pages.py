"""Orders for many nodes: chosen by the fleet page's filter, followed on a page of their own."""

from typing import Any
from urllib.parse import parse_qsl

from aiohttp import web

from hub import access, asking, bulk, form, node_list, roles
from hub.answers import not_found
from hub.pages import page, part
from hub.roles import Reader
from hub.services import SERVICES, Services
from hub.store import Row, Store

# Up to so many nodes are listed to be taken out one by one.
CHOICE_MAX = 200
QUERY_MAX = 2000


def _wanted(store: Store, services: Services, who: Reader, asked: node_list.Asked) -> list[Row]:
    """Return the nodes of a question that the reader serves."""
    units = access.units_today(store, services)
    seen = who.bounds(roles.SERVICE, units)
    base, state = node_list.where(asked, services.config.now_ms(), units, seen)
    order = ["unit", "name"]
    return list(store.each("nodes", {**base, **state}, order=order, join="node_status"))


async def show_new(request: web.Request) -> web.Response:
    """Show which nodes would be asked, and for what they can be."""
    services, who = request.app[SERVICES], access.reader(request)
    asked = node_list.read(request.query)
    nodes = await services.ledger.read(lambda s: _wanted(s, services, who, asked))
    shown = nodes if len(nodes) <= CHOICE_MAX else []
    return page(
        request, "bulk_new.html", asked=asked, nodes=shown, total=len(nodes), kinds=asking.ONCE
    )


async def begin(request: web.Request) -> web.Response:
    """Note the order for the nodes of the filter, or those ticked."""
    services, who = request.app[SERVICES], access.reader(request)
    sent = await form.read(request)
    asked = node_list.read(dict(parse_qsl(sent.one("query")[:QUERY_MAX])))
    ticked, is_choice = set(sent.all("node")), bool(sent.one("choice"))
    nodes = await services.ledger.read(lambda s: _wanted(s, services, who, asked))
    pairs = [(row["node"], row["unit"]) for row in nodes if not is_choice or row["node"] in ticked]
    if not pairs:
        raise access.refused()
    kind, detail = asking.read(sent)
    query, now_s = asked.query(), services.now_s()
    name = await services.ledger.write(
        lambda s: bulk.begin(s, pairs, kind, detail, query, who.account, now_s)
    )
    raise web.HTTPSeeOther(f"/bulk/{name}")


def _own(store: Store, name: str, who: Reader) -> Row:
    """Return an order that a person began, or any of the hub to whoever serves all of it."""
    row = bulk.progress(store, name)
    if row is None or not (row["who"] == who.account or who.everywhere(roles.SERVICE)):
        raise not_found()
    return row


async def _progress(request: web.Request) -> dict[str, Any]:
    services, who = request.app[SERVICES], access.reader(request)
    name, after = request.match_info["bulk"], request.query.get("after", "")[:64]

    def ask(store: Store) -> dict[str, Any]:
        row = _own(store, name, who)
        nodes = bulk.nodes_of(store, name, after)
        more = nodes[-1]["node"] if len(nodes) == bulk.SHOWN else ""
        return {"bulk": row, "nodes": nodes, "more": more, "after": after}

    return await services.ledger.read(ask)


async def show(request: web.Request) -> web.Response:
    """Show how far an order for many nodes is, node by node."""
    return page(request, "bulk.html", **await _progress(request))


async def show_part(request: web.Request) -> web.Response:
    """Show what changes of it."""
    return part(request, "bulk_part.html", **await _progress(request))


async def stop(request: web.Request) -> web.Response:
    """Ask no more nodes."""
    services, who = request.app[SERVICES], access.reader(request)
    name, now_s = request.match_info["bulk"], services.now_s()

    def decide(store: Store) -> None:
        _own(store, name, who)
        bulk.stop(store, name, who.account, now_s)

    await services.ledger.write(decide)
    raise web.HTTPSeeOther(f"/bulk/{name}")


async def show_list(request: web.Request) -> web.Response:
    """Show the newest orders for many nodes."""
    services, who = request.app[SERVICES], access.reader(request)
    whose = None if who.everywhere(roles.SERVICE) else who.account
    rows = await services.ledger.read(lambda s: bulk.listed(s, whose))
    return page(request, "bulks.html", bulks=rows)


_BULK = r"/bulk/{bulk:bulk-[0-9a-f]{12}}"
ROUTES = [
    web.get("/bulk", show_list),
    web.get("/bulk/new", show_new),
    web.post("/bulk", begin),
    web.get(_BULK, show),
    web.get("/parts" + _BULK, show_part),
    web.post(_BULK + "/stop", stop),
]
