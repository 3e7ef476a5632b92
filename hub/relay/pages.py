"""The page of relay sources: what is recorded, when something came last, what went wrong."""

from typing import Any

from aiohttp import web

from hub import access, fault_texts, form, roles
from hub.answers import status_of
from hub.pages import page
from hub.relay import automatic, sources
from hub.services import SERVICES
from hub.store import Store
from hub.translations import chosen
from hub.words import WEEKDAYS
from protocols.errors import RemoteFault

SOURCE = r"{source:[a-z0-9][a-z0-9-]*}"
BLANK: dict[str, Any] = {
    "source": "",
    "kind": sources.FEED,
    "name": "",
    "url": "",
    "private_ok": False,
    "minutes": 30,
    "times": "05:30",
    "weekdays": list(range(1, 8)),
}


async def _page(
    request: web.Request,
    values: dict[str, Any] | None = None,
    fault: RemoteFault | None = None,
) -> web.Response:
    services, said = request.app[SERVICES], chosen(request)
    now_s = services.now_s()
    return page(
        request,
        "relays.html",
        status=status_of(fault) if fault else 200,
        fault=fault_texts.explain(fault, said) if fault else None,
        sources=await services.ledger.read(lambda s: sources.listed(s, now_s)),
        unsigned=await services.ledger.read(automatic.faults),
        let_in=await services.ledger.read(lambda s: _let_in(s, request)),
        may_change=access.reader(request).everywhere(roles.ADMINISTER),
        form=values or BLANK,
        weekdays=[said.get(day) for day in WEEKDAYS],
    )


def _let_in(store: Store, request: web.Request) -> dict[str, list[tuple[str, str]]]:
    """Return by source the units (id, name) in which its recordings go on air by themselves."""
    units = access.units_today(store, request.app[SERVICES])
    mine = access.reader(request).reach(roles.VIEW, units)
    found: dict[str, list[tuple[str, str]]] = {}
    for unit, names in sorted(automatic.enabled(store, mine).items()):
        for source in names:
            found.setdefault(source, []).append((unit, units[unit]["name"]))
    return found


async def show(request: web.Request) -> web.Response:
    """Show every source, how it is, and its newest recordings."""
    return await _page(request)


async def add(request: web.Request) -> web.Response:
    """Keep a source, or another description of it."""
    services, who = request.app[SERVICES], access.reader(request).account
    sent = await form.read(request)
    texts = {name: sent.one(name).strip() for name in ("source", "kind", "name", "url")}
    values: dict[str, Any] = {
        **texts,
        "times": sent.one("times"),
        "weekdays": [int(day) for day in sent.all("weekday") if day in set("1234567")],
        "minutes": sent.number("minutes", 0),
        "private_ok": bool(sent.one("private_ok")),
    }
    given = {**values, "times": values["times"].replace(",", " ").split()}
    now_s = services.now_s()
    try:
        await services.ledger.write(lambda s: sources.add(s, given, who, now_s))
    except RemoteFault as fault:
        return await _page(request, values, fault)
    raise web.HTTPSeeOther("/relays")


async def close(request: web.Request) -> web.Response:
    """End a source."""
    services, who = request.app[SERVICES], access.reader(request).account
    name, now_s = request.match_info["source"], services.now_s()

    def end(store: Store) -> None:
        sources.close(store, name, who, now_s)

    try:
        await services.ledger.write(end)
    except RemoteFault as fault:
        return await _page(request, None, fault)
    raise web.HTTPSeeOther("/relays")


ROUTES = [
    web.get("/relays", show),
    web.post("/relays", add),
    web.post(f"/relays/{SOURCE}/close", close),
]
